"""Split the bins from which crafting gains most."""

from job import job

from degcraft.distribution import Distribution
from degcraft.moments import Moments
from degcraft.moments_file import read_moments, read_samples
from degcraft.refine import described, round_share, split
from degcraft.settings import RefineSettings

with job(snakemake):
    settings = RefineSettings(**snakemake.params.settings)
    rounds_left = settings.rounds - int(snakemake.wildcards.round) + 1
    refined = split(
        Distribution.read(snakemake.input.weights),
        read_moments(snakemake.input.moments),
        *read_samples(snakemake.input.moments),
        Moments.pooled(read_moments(snakemake.input.reference)),
        snakemake.params.generalization,
        round_share(settings, described(snakemake.input.tables)[-1], rounds_left),
    )
    refined.write(snakemake.output.bins)
