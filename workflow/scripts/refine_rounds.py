"""Say what each round of refinement came to."""

from job import job

from degcraft.progress import announce
from degcraft.refine import rounds_table
from degcraft.storage import write_table

with job(snakemake):
    table = rounds_table(snakemake.input.tables, snakemake.input.weights, snakemake.input.traces)
    write_table(table, snakemake.output.rounds)
    for line in table.to_string(index=False, float_format="%.5g").splitlines():
        announce(line)
