"""Describe one shard of the bins."""

from job import job

from degcraft.bin_features import describe_bins
from degcraft.distribution import Distribution
from degcraft.extractor import Extractor
from degcraft.settings import BinFeatureSettings
from degcraft.sharing import shard_of

with job(snakemake):
    space = Distribution.read(snakemake.input.bins).space
    settings = BinFeatureSettings(**snakemake.params.settings)
    describe_bins(
        Extractor(snakemake.input.extractor, settings.threads),
        space,
        shard_of(len(space), int(snakemake.wildcards.shard), settings.shards),
        snakemake.input.patches,
        snakemake.output.part,
        settings,
        **snakemake.params.shared,
        samples=snakemake.params.samples,
    )
