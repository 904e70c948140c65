"""Train one model."""

from pathlib import Path

from job import job

from degcraft.settings import WITHOUT_EFFECT, TrainSettings
from degcraft.train import TrainFiles, train

with job(snakemake):
    train(
        TrainFiles(
            snakemake.input.pairs,
            snakemake.output.model,
            snakemake.output.curve,
            snakemake.params.checkpoint,
            snakemake.params.monitor,
        ),
        TrainSettings(**snakemake.params.settings, **{key: snakemake.resources[key] for key in WITHOUT_EFFECT}),
        snakemake.params.scale,
        int(snakemake.wildcards.seed),
    )
Path(snakemake.params.checkpoint).unlink(missing_ok=True)  # only now can nothing fail any more
