"""Cut the degradation space into bins."""

from job import job

from degcraft.progress import announce
from degcraft.space import build
from degcraft.steps import parse_steps
from degcraft.storage import write_table

with job(snakemake):
    bins = build(parse_steps(snakemake.params.degradation))
    write_table(bins.table(), snakemake.output.bins)
    axes = [name for name, binned in zip(bins.names, bins.binned, strict=True) if binned]
    announce(f"{len(bins)} bins of {', '.join(axes)}")
