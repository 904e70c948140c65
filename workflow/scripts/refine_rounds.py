"""Say what each round of refinement came to."""

from job import job

from degcraft.progress import announce
from degcraft.refine import rounds_table
from degcraft.storage import replacing

with job(snakemake):
    table = rounds_table(snakemake.input.tables, snakemake.input.weights, snakemake.input.traces)
    with replacing(snakemake.output.rounds) as partial:
        table.to_csv(partial, index=False)
    for line in table.to_string(index=False, float_format="%.5g").splitlines():
        announce(line)
