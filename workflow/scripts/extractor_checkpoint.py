"""Take the user's extractor."""

import shutil

from job import job

from degcraft.extractor import Extractor
from degcraft.storage import replacing

with job(snakemake):
    Extractor(snakemake.input.checkpoint)  # refuses what is no extractor
    with replacing(snakemake.output.extractor) as partial:
        shutil.copyfile(snakemake.input.checkpoint, partial)
