"""Describe one shard of a round's new bins."""

import numpy as np
from job import job

from degcraft.bin_features import describe_bins
from degcraft.extractor import Extractor
from degcraft.refine import Refined
from degcraft.settings import BinFeatureSettings
from degcraft.sharing import shard_of

with job(snakemake):
    refined = Refined.read(snakemake.input.bins)
    settings = BinFeatureSettings(**snakemake.params.settings)
    new = np.flatnonzero(refined.new)
    describe_bins(
        Extractor(snakemake.input.extractor, settings.threads),
        refined.space,
        new[shard_of(len(new), int(snakemake.wildcards.shard), settings.shards)].tolist(),
        snakemake.input.patches,
        snakemake.output.part,
        settings,
        **snakemake.params.shared,
        samples=True,
        by_cell=True,
    )
