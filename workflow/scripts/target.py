"""Make a target from its truth."""

from pathlib import Path

from job import job

from degcraft.steps import parse_steps, parse_truth
from degcraft.target import make_target, true_distribution

with job(snakemake):
    distribution = true_distribution(parse_steps(snakemake.params.degradation), parse_truth(snakemake.params.truth))
    make_target(
        snakemake.params.folder,
        distribution,
        Path(snakemake.output.made),
        **snakemake.params.shared,
    )
    distribution.write(snakemake.output.oracle)
