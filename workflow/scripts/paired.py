"""Put degraded photos beside their HR photos."""

from job import job

from degcraft.paired import pair_folders

with job(snakemake):
    pair_folders(
        snakemake.params.folder,
        snakemake.input.degraded,
        snakemake.output.folder,
        snakemake.params.scale,
        snakemake.params.lmdb,
    )
