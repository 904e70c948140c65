"""Write a distribution as options of training programs."""

from pathlib import Path

import pandas as pd
from job import job

from degcraft.distribution import Distribution
from degcraft.export import export
from degcraft.learned import unlearned

with job(snakemake):
    curve = snakemake.input.curve
    export(
        Distribution.read(snakemake.input.distribution),
        Path(snakemake.output[0]).parent,
        snakemake.wildcards.distribution,
        snakemake.params.scale,
        unlearned(pd.read_csv(curve)) if curve else None,
    )
