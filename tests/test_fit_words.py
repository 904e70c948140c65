"""How well the space explains photos, in words."""

from __future__ import annotations

from dataclasses import replace

from certificates import CERTIFICATE, FAR, JUDGED

from degcraft.certify import ALERT
from degcraft.fit_words import SIMULATIONS, fit_remarks, fit_sentence
from degcraft.settings import CertifySettings


def test_a_fit_in_words():
    assert fit_sentence(replace(JUDGED, fit="ok", fit_p=0.43, fit_p_distance=0.215, fit_p_direction=0.6)) == (
        "Nothing was noticed in the reference photos that the space does not contain (p = 0.43)."
    )
    near = replace(JUDGED, fit="ok", fit_p=0.099, fit_p_distance=0.0495, fit_p_direction=0.6, fit_above=96)
    assert fit_sentence(near) == (
        "Chance explains the reference photos, but only just (p = 0.099): their distance 1.19 is above 96 of 100 "
        "simulated ones, of which 95% lie in 0.31 to 1."
    )
    unjudged = fit_sentence(CERTIFICATE)
    assert "not judged: that takes at least 8 HR photos" in unjudged
    for cause in ("certify.photos of 8", "bin_features.patches", "certify.simulations of 39"):
        assert cause in unjudged


def test_too_few_simulations_are_the_reason():
    assert fit_sentence(replace(CERTIFICATE, fit_simulations=20)) == (
        "Whether the space explains the reference photos was not judged: certify.simulations is 20, and it takes 39 or "
        "more."
    )
    assert 2 / (1 + SIMULATIONS) <= ALERT < 2 / SIMULATIONS


def test_settings_that_leave_the_fit_unjudged():
    assert not list(fit_remarks(CertifySettings(photos=8, simulations=39)))
    assert not list(fit_remarks(CertifySettings(photos=1, simulations=0)))
    simulations, photos = fit_remarks(CertifySettings(photos=7, simulations=38))
    assert simulations.startswith("certify.simulations is 38: with fewer than 39 the fit is not judged.")
    assert photos.startswith("certify.photos is 7: with fewer than 8 the fit is not judged.")


def test_much_of_the_distance_that_is_left_is_said():
    much = replace(JUDGED, fit="ok", fit_p=0.43, distance_prior=10.0, distance=4.3, generalization=0.003)
    said = " But 43% of the distance is left: compare the patches 'For the eye' in the report."
    assert fit_sentence(much) == (
        f"Nothing was noticed in the reference photos that the space does not contain (p = 0.43).{said}"
    )
    near = replace(much, fit_p=0.099, fit_p_distance=0.0495, fit_p_direction=0.6, fit_above=96)
    assert fit_sentence(near).endswith(f"simulated ones, of which 95% lie in 0.31 to 1.{said}")
    assert "is left" not in fit_sentence(replace(much, distance=3.3))
    assert "is left" not in fit_sentence(replace(much, generalization=0.1))  # on purpose
    assert "is left" not in fit_sentence(replace(much, fit="misfit", fit_p_distance=0.01, fit_p_direction=0.5))


def test_a_misfit_in_words():
    assert fit_sentence(FAR) == (
        "The reference photos hold a degradation that this space does not contain, or contents unlike any HR photo: "
        "their distance 1.19 is above all of 100 simulated ones, of which 95% lie in 0.31 to 1 (p = 0.02). "
        "Add the missing operator to 'degradation' or widen its ranges; docs/fit.md names what is often missing."
    )
    assert "above 99 of 100 simulated ones" in fit_sentence(replace(FAR, fit_above=99))
    directed = fit_sentence(replace(FAR, fit_p_distance=0.5, fit_p_direction=0.0099))
    assert "fades along one direction" in directed and "their distance" not in directed
    both = fit_sentence(replace(FAR, fit_p_direction=0.0099))
    assert "their distance 1.19" in both and ", and their detail fades" in both
