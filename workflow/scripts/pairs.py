"""Gather the shards of a distribution's pairs."""

from job import job

from degcraft.pairs import gather_pairs
from degcraft.space import Distribution

with job(snakemake):
    gather_pairs(
        list(snakemake.input.parts),
        Distribution.read(snakemake.input.distribution),
        snakemake.input.patches,
        snakemake.output.pairs,
        **snakemake.params.shared,
    )
