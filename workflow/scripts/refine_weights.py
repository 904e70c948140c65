"""Choose the weights of one round's bins."""

from dataclasses import replace

import pandas as pd
from job import job

from degcraft.moments import Moments
from degcraft.moments_file import read_moments
from degcraft.refine import craft_round
from degcraft.space import Distribution
from degcraft.storage import replacing

with job(snakemake):
    bins = Distribution.read(snakemake.input.bins)
    solution = craft_round(
        bins,
        read_moments(snakemake.input.moments),
        Moments.pooled(read_moments(snakemake.input.reference)),
        **snakemake.params.settings,
    )
    with replacing(snakemake.output.weights) as partial:
        replace(bins, weight=solution.weights).write(partial)
    with replacing(snakemake.output.trace) as partial:
        pd.DataFrame([vars(row) for row in solution.trace]).to_csv(partial, index=False)
