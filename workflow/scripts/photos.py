"""Cut HR patches from a folder of photos."""

from job import job

from degcraft.photos import extract
from degcraft.settings import PhotoSettings

with job(snakemake):
    extract(
        snakemake.params.folder,
        snakemake.output.patches,
        snakemake.output.table,
        PhotoSettings(**snakemake.params.settings),
        **snakemake.params.shared,
    )
