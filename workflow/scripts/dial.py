"""Take the weights of one value of the dial."""

from job import job

from degcraft.distribution import Distribution
from degcraft.trade_off import at_dial

with job(snakemake):
    crafted = Distribution.read(snakemake.input.weights)
    chosen = at_dial(crafted, snakemake.input.trade_off_weights, float(snakemake.wildcards.dial))
    chosen.write(snakemake.output.weights)
