"""Judge how well the degradation space explains one target's reference photos."""

from pathlib import Path

import pandas as pd
from job import job

from degcraft.certificate import CraftFacts
from degcraft.certify import MeasuredPhotos, judge, simulate_photos, typical_counts, write_fit
from degcraft.distribution import Distribution
from degcraft.learned import Learned
from degcraft.moments_file import read_folds, read_moments
from degcraft.plots import plot_fit
from degcraft.reference import read_directions
from degcraft.settings import CertifySettings

with job(snakemake):
    params, files = snakemake.params, snakemake.input
    blind = Learned.of(files.learned).blind
    settings = CertifySettings(**params.settings)
    crafted = Distribution.read(files.weights)
    facts = CraftFacts.read(files.crafted)
    direction, disjoint = read_directions(files.reference)
    references = MeasuredPhotos(read_moments(files.reference), direction)
    simulated = None
    if settings.simulations and not blind:
        typical = typical_counts(references, disjoint)
        simulated = simulate_photos(crafted, files.patches, files.extractor, *typical, settings, **params.shared)
    fit = judge(references, crafted, facts, read_folds(files.moments), simulated, settings, params.shared["seed"])
    drawn = pd.read_csv(files.bootstrap)["distance"].to_numpy()
    write_fit(fit, facts, drawn, Path(snakemake.output.certificate).parent, blind)
    plot_fit(fit.table, snakemake.output.plot)
