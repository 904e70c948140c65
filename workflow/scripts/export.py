"""Write a distribution as options of training programs."""

from pathlib import Path

from job import job

from degcraft.distribution import Distribution
from degcraft.export import export
from degcraft.learned import TRUSTED, Learned

with job(snakemake):
    learned = Learned.read("results", "encoder") if snakemake.input.learned else TRUSTED
    export(
        Distribution.read(snakemake.input.distribution),
        Path(snakemake.output[0]).parent,
        snakemake.wildcards.distribution,
        snakemake.params.scale,
        learned.doubt,
    )
