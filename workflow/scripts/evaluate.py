"""Measure a model, or interpolation, on the photos of one target."""

from pathlib import Path

from job import job

from degcraft.evaluate import bicubic, evaluate
from degcraft.evaluation_pairs import made_pairs, own_pairs
from degcraft.settings import UpscaleSettings
from degcraft.storage import write_table

with job(snakemake):
    params = snakemake.params
    if hasattr(snakemake.input, "model"):
        from degcraft.upscale import Upscaler  # torch, which interpolation does not need

        restore = Upscaler(snakemake.input.model, UpscaleSettings(**params.upscale))
    else:
        restore = bicubic(params.settings["scale"])
    perceptual = None
    if snakemake.input.lpips:
        from degcraft.lpips import Lpips  # torch

        perceptual = Lpips(*snakemake.input.lpips, params.upscale["threads"])
    pairs = own_pairs(snakemake.wildcards.target, **params.folders)
    hr = params.folders["hr"]
    pairs += made_pairs("full", snakemake.input.full, hr) + made_pairs("clean", snakemake.input.clean, hr)
    scale, examples = params.settings["scale"], params.settings["examples"]
    table = evaluate(restore, pairs, scale, Path(snakemake.output.examples), examples, perceptual)
    table.insert(1, "target", snakemake.wildcards.target)
    write_table(table, snakemake.output.table)
