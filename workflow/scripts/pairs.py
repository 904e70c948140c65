"""Gather the shards of a distribution's pairs."""

from job import job

from degcraft.distribution import Distribution
from degcraft.pairs import gather_pairs

with job(snakemake):
    gather_pairs(
        list(snakemake.input.parts),
        Distribution.read(snakemake.input.distribution),
        snakemake.input.patches,
        snakemake.output.pairs,
        **snakemake.params.shared,
    )
