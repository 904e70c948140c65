"""Degrade a folder of photos with a distribution."""

from job import job

from degcraft.degrade import degrade_folder
from degcraft.distribution import Distribution

with job(snakemake):
    degrade_folder(
        snakemake.params.folder,
        Distribution.read(snakemake.input.distribution),
        snakemake.output.folder,
        **snakemake.params.shared,
        **snakemake.params.drawn,
    )
