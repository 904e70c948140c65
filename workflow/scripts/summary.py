"""Gather the evaluations and compare the models."""

from job import job

from degcraft.metrics import METRICS
from degcraft.storage import write_table
from degcraft.summary import differences, gather, summarise

with job(snakemake):
    params, output = snakemake.params, snakemake.output
    tables = gather("results/evaluation", params.models, params.folders)
    compared = {
        output.summary: summarise(tables, **params.drawn),
        output.differences: differences(tables, **params.drawn, metrics=[*METRICS, *params.metrics]),
        **{file: summarise(tables, **params.drawn, metrics=params.metrics) for file in output.perceptual},
    }
    for file, table in compared.items():
        write_table(table, file)
