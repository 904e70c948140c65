"""Gather the shards of a round's new bins, and the bins that were kept."""

from job import job

from degcraft.refine import Refined, gather_round

with job(snakemake):
    gather_round(
        Refined.read(snakemake.input.bins),
        snakemake.input.before,
        list(snakemake.input.parts),
        snakemake.output.moments,
    )
