"""Gather the shards of the bins."""

from job import job

from degcraft.bin_features import gather_bins

with job(snakemake):
    gather_bins(list(snakemake.input.parts), snakemake.output.moments)
