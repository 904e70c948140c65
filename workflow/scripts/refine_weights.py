"""Choose the weights of one round's bins."""

from dataclasses import replace

import pandas as pd
from job import job

from degcraft.distribution import Distribution
from degcraft.moments import Moments
from degcraft.moments_file import read_moments
from degcraft.refine import craft_round
from degcraft.storage import write_table

with job(snakemake):
    bins = Distribution.read(snakemake.input.bins)
    files = snakemake.input.moments, snakemake.input.reference
    moments, references = map(read_moments, files)
    solution = craft_round(bins, moments, Moments.pooled(references), **snakemake.params.settings, files=files)
    replace(bins, weight=solution.weights).write(snakemake.output.weights)
    write_table(pd.DataFrame([vars(row) for row in solution.trace]), snakemake.output.trace)
