"""Choose the weights of the bins for one target."""

from pathlib import Path

from job import job

from degcraft.craft import craft, write_crafted
from degcraft.distribution import Distribution
from degcraft.moments_file import read_moments
from degcraft.settings import CraftSettings

with job(snakemake):
    bins = Distribution.read(snakemake.input.bins)
    files = snakemake.input.moments, snakemake.input.reference
    settings = CraftSettings(**snakemake.params.settings)
    moments, references = map(read_moments, files)
    crafted = craft(bins.space, moments, references, settings, snakemake.params.seed, bins.prior, files)
    write_crafted(crafted, references, settings, Path(snakemake.output.weights).parent)
