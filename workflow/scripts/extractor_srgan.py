"""Train the extractor of the literature."""

from job import job

from degcraft.settings import SrganSettings
from degcraft.srgan import train_srgan

with job(snakemake):
    train_srgan(
        snakemake.input.patches,
        snakemake.output.extractor,
        snakemake.output.curve,
        SrganSettings(**snakemake.params.settings),
        **snakemake.params.shared,
    )
