"""Take the weights of one value of the dial."""

from job import job

from degcraft.distribution import Distribution
from degcraft.trade_off import at_dial

with job(snakemake):
    bins = Distribution.read(snakemake.input.bins)
    chosen = at_dial(bins, snakemake.input.weights, float(snakemake.wildcards.dial))
    chosen.write(snakemake.output.weights)
