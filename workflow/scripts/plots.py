"""Draw what was crafted for one target."""

import pandas as pd
from job import job

from degcraft.distribution import Distribution
from degcraft.marginals import read_marginals
from degcraft.plots import plot_joint, plot_marginals, plot_trace, plot_trade_off
from degcraft.steps import parse_truth

with job(snakemake):
    files, figures = snakemake.input, snakemake.output
    plot_marginals(read_marginals(files.marginals), parse_truth(snakemake.params.truth), figures.marginals)
    plot_joint(Distribution.read(files.weights), figures.joint)
    plot_trace(pd.read_csv(files.trace), figures.trace)
    plot_trade_off(pd.read_csv(files.trade_off), figures.trade_off)
