"""Degrade one shard of a distribution's pairs."""

from job import job

from degcraft.distribution import Distribution
from degcraft.pairs import make_pairs
from degcraft.settings import PairSettings

with job(snakemake):
    make_pairs(
        Distribution.read(snakemake.input.distribution),
        snakemake.input.patches,
        snakemake.output.part,
        PairSettings(**snakemake.params.settings),
        int(snakemake.wildcards.shard),
        **snakemake.params.shared,
    )
