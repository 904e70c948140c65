"""Take the weights of one value of the dial."""

from job import job

from degcraft.space import Distribution
from degcraft.storage import replacing
from degcraft.trade_off import at_dial

with job(snakemake):
    bins = Distribution.read(snakemake.input.bins)
    chosen = at_dial(bins, snakemake.input.weights, float(snakemake.wildcards.dial))
    with replacing(snakemake.output.weights) as partial:
        chosen.write(partial)
