"""Write a distribution as options of training programs."""

from pathlib import Path

from job import job

from degcraft.distribution import Distribution
from degcraft.export import export
from degcraft.learned import Learned

with job(snakemake):
    export(
        Distribution.read(snakemake.input.distribution),
        Path(snakemake.output[0]).parent,
        snakemake.wildcards.distribution,
        snakemake.params.scale,
        Learned.of(snakemake.input.learned).doubt,
    )
