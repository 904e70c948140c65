"""Choose the weights of one round's bins."""

from dataclasses import replace

import pandas as pd
from job import job

from degcraft.bin_features import read_moments
from degcraft.craft import craft
from degcraft.settings import CraftSettings
from degcraft.space import Distribution
from degcraft.storage import replacing

with job(snakemake):
    bins = Distribution.read(snakemake.input.bins)
    moments, references = read_moments(snakemake.input.moments), read_moments(snakemake.input.reference)
    settings = replace(CraftSettings(**snakemake.params.settings), bootstrap=0)
    crafted = craft(bins.space, moments, references, settings, snakemake.params.seed, bins.prior)
    with replacing(snakemake.output.weights) as partial:
        crafted.distribution.write(partial)
    with replacing(snakemake.output.trace) as partial:
        pd.DataFrame([vars(row) for row in crafted.solution.trace]).to_csv(partial, index=False)
