"""Cut HR patches from a folder of photos."""

from job import job

from degcraft.photos import cut_hr_patches
from degcraft.settings import PhotoSettings

with job(snakemake):
    cut_hr_patches(
        snakemake.params.folder,
        snakemake.output.patches,
        snakemake.output.table,
        PhotoSettings(**snakemake.params.settings),
        **snakemake.params.shared,
    )
