"""Write the distribution of clean pairs: one bin, which only resizes."""

from job import job

from degcraft.axes import Choices, Step
from degcraft.distribution import Distribution
from degcraft.space import build

with job(snakemake):
    clean = build([Step("resize", (("kind", Choices(("bicubic",))),))])
    Distribution.uniform(clean).write(snakemake.output.distribution)
