"""What crafting could have come to, for tests that set what they are about with `dataclasses.replace`."""

from __future__ import annotations

from dataclasses import replace

from degcraft.certificate import Certificate, CraftFacts

CRAFT_FACTS = CraftFacts(
    bins=3, features=5, reference_photos=8, reference_patches=256, generalization=0.1, auto=False,
    distance_prior=3.0, distance=1.0, objective=1.0, gap=1e-5,
    relative_gap=1e-6, tolerance=1e-4, iterations=9, kl=0.4, effective_bins=2.0,
)  # fmt: skip
UNJUDGED = Certificate(
    **vars(CRAFT_FACTS), distance_low=0.5, distance_high=1.5,
    fit=None, fit_p=None, fit_p_distance=None, fit_p_direction=None,
    fit_simulations=0, fit_above=0, fit_low=None, fit_median=None, fit_high=None,
)  # fmt: skip
CERTIFICATE = replace(UNJUDGED, distance_prior=20.78, distance=1.19)
JUDGED = replace(CERTIFICATE, fit_simulations=100, fit_above=100, fit_low=0.31, fit_median=0.6, fit_high=1.02)
FAR = replace(JUDGED, fit="misfit", fit_p=0.0198, fit_p_distance=0.0099, fit_p_direction=0.5)
