"""Train the default extractor."""

from job import job

from degcraft.distribution import Distribution
from degcraft.encoder import train_encoder
from degcraft.settings import EncoderSettings

with job(snakemake):
    train_encoder(
        snakemake.input.patches,
        Distribution.read(snakemake.input.bins).space,
        snakemake.output.extractor,
        snakemake.output.curve,
        snakemake.output.axes,
        EncoderSettings(**snakemake.params.settings),
        **snakemake.params.shared,
    )
