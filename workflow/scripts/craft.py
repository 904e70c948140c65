"""Choose the weights of the bins for one target."""

from pathlib import Path

from job import job

from degcraft.craft import craft, write_crafted
from degcraft.distribution import Distribution
from degcraft.moments_file import read_moments
from degcraft.plots import plot_joint, plot_marginals, plot_trace, plot_trade_off
from degcraft.settings import CraftSettings
from degcraft.steps import parse_truth

with job(snakemake):
    bins = Distribution.read(snakemake.input.bins)
    files = snakemake.input.moments, snakemake.input.reference
    settings = CraftSettings(**snakemake.params.settings)
    moments, references = map(read_moments, files)
    crafted = craft(bins.space, moments, references, settings, snakemake.params.seed, bins.prior, files)
    write_crafted(crafted, references, settings, Path(snakemake.output.weights).parent)
    truth = parse_truth(snakemake.params.truth)
    plot_marginals(crafted.marginals, truth, snakemake.output.marginals_plot)
    plot_joint(crafted.distribution, snakemake.output.joint_plot)
    plot_trace(crafted.solution, snakemake.output.trace_plot)
    plot_trade_off(crafted.trade_off.table(), snakemake.output.trade_off_plot)
