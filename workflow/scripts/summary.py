"""Gather the evaluations and compare the models."""

from pathlib import Path

import pandas as pd
from job import job

from degcraft.metrics import METRICS
from degcraft.storage import replacing
from degcraft.summary import differences, summarise

with job(snakemake):
    params = snakemake.params
    tables = {}
    for distribution, seed, targets in params.models:
        folder = Path("results/evaluation") / distribution / f"seed{seed}"
        files = [folder / "parts" / f"{target}.csv" for target in targets]
        if not files:
            continue
        parts = [pd.read_csv(file, keep_default_na=False) for file in files]  # a target may be called NA
        table = tables[distribution, seed] = pd.concat(parts, ignore_index=True)
        for name, rows in table.groupby("testset", sort=False):
            with replacing(folder / f"{name}.csv") as partial:
                rows.drop(columns="testset").to_csv(partial, index=False)
    compared = {
        snakemake.output.summary: summarise(tables, **params.drawn),
        snakemake.output.differences: differences(tables, **params.drawn, metrics=[*METRICS, *params.metrics]),
        **{file: summarise(tables, **params.drawn, metrics=params.metrics) for file in snakemake.output.perceptual},
    }
    for file, table in compared.items():
        with replacing(file) as partial:
            table.to_csv(partial, index=False)
