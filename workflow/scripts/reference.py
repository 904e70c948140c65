"""Describe a target's reference photos."""

from job import job

from degcraft.reference import describe_reference
from degcraft.settings import ReferenceSettings

with job(snakemake):
    describe_reference(
        snakemake.params.folder,
        snakemake.input.extractor,
        snakemake.output.moments,
        snakemake.output.table,
        ReferenceSettings(**snakemake.params.settings),
        **snakemake.params.patches,
        seed=snakemake.params.seed,
    )
