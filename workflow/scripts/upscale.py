"""Super-resolve a folder of photos."""

from job import job

from degcraft.settings import UpscaleSettings
from degcraft.upscale import upscale_folder

with job(snakemake):
    upscale_folder(
        snakemake.params.folder,
        snakemake.input.model,
        snakemake.output.folder,
        snakemake.params.kept,
        UpscaleSettings(**snakemake.params.settings),
    )
