"""Degrade one shard of a distribution's pairs."""

from job import job

from degcraft.pairs import make_pairs
from degcraft.settings import PairSettings
from degcraft.space import Distribution

with job(snakemake):
    make_pairs(
        Distribution.read(snakemake.input.distribution),
        snakemake.input.patches,
        snakemake.output.part,
        PairSettings(**snakemake.params.settings),
        int(snakemake.wildcards.shard),
        **snakemake.params.shared,
    )
