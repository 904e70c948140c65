"""The goodness of fit in words."""

from __future__ import annotations

from collections.abc import Iterator

from degcraft.certificate import Certificate
from degcraft.settings import CertifySettings
from degcraft.sharing import LEAST_TO_JUDGE

CLOSE = 0.2  # p up to which photos that chance explains are said to be near its end
MUCH = 1 / 3  # of the distance
SIMULATIONS = 39  # with fewer, p cannot fall to 0.05
SMALL_DIAL = 0.01  # larger ones leave distance on purpose


def fit_sentence(certificate: Certificate, report: str = "the report") -> str:
    """What ``certificate.json`` says of how well the degradation space explains the reference photos.

    Args:
        certificate: of a target.
        report: the words for the report that shows patches of these weights.
    """
    if certificate.fit is None:
        few = certificate.fit_simulations
        why = (
            f"certify.simulations is {few}, and it takes {SIMULATIONS} or more"
            if few
            else f"that takes at least {LEAST_TO_JUDGE} HR photos, certify.photos of {LEAST_TO_JUDGE} or more, an "
            f"encoder that learned, certify.simulations of {SIMULATIONS} or more, and bin_features.patches in each of "
            "the four folds of the HR photos"
        )
        return f"Whether the space explains the reference photos was not judged: {why}."
    assert certificate.fit_p is not None
    chance = f"p = {certificate.fit_p:.2g}"
    if certificate.fit == "misfit":
        return (
            "The reference photos hold a degradation that this space does not contain, or contents unlike any HR "
            f"photo: {_signs(certificate)} ({chance}). Add the missing operator to 'degradation' or widen its ranges; "
            "docs/fit.md names what is often missing."
        )
    if certificate.fit_p <= CLOSE:
        text = f"Chance explains the reference photos, but only just ({chance}): {_signs(certificate)}."
    else:
        text = f"Nothing was noticed in the reference photos that the space does not contain ({chance})."
    return text + _left(certificate, report)


def fit_remarks(settings: CertifySettings) -> Iterator[str]:
    """Which settings leave the fit without a judgement, though sets are simulated for one."""
    if not settings.simulations:
        return
    least_of = {"simulations": SIMULATIONS, "photos": LEAST_TO_JUDGE}
    for key, least in least_of.items():
        value = getattr(settings, key)
        if value < least:
            yield (
                f"certify.{key} is {value}: with fewer than {least} the fit is not judged. Give {least} or more; or "
                "certify.simulations of 0, which saves the time."
            )


def doubtful(certificate: Certificate) -> bool:
    """Whether the photos are a misfit, or would nearly be one."""
    return certificate.fit is not None and certificate.fit_p is not None and certificate.fit_p <= CLOSE


def _left(certificate: Certificate, report: str) -> str:
    """That much of the distance is left, if it is and the dial is not why."""
    if certificate.generalization > SMALL_DIAL or certificate.distance <= MUCH * certificate.distance_prior:
        return ""
    left = f"{certificate.distance / certificate.distance_prior:.0%}"
    return f" But {left} of the distance is left: compare the patches 'For the eye' in {report}."


def _signs(certificate: Certificate) -> str:
    """What speaks against the space: the less likely of the two measures, or both."""
    parts = []
    distance, direction = certificate.fit_p_distance, certificate.fit_p_direction
    assert distance is not None and direction is not None
    if distance <= direction:
        above, all_ = certificate.fit_above, certificate.fit_simulations
        parts.append(
            f"their distance {certificate.distance:.3g} is above {'all' if above == all_ else above} of {all_} "
            f"simulated ones, of which 95% lie in {certificate.fit_low:.2g} to {certificate.fit_high:.2g}"
        )
    if direction <= distance:
        parts.append("their detail fades along one direction more than that of simulated ones, as motion blur makes it")
    return ", and ".join(parts)
