"""A distribution in the terms of Real-ESRGAN's degradation, which several programs draw while they train.

It has two passes: blur, rescale, noise, JPEG; then blur, rescale to about the LR image's size, noise, and at the end,
in either order, JPEG and the resize to the LR image with a sinc filter. Each of a space's steps takes one of these
places, in their order, and each axis becomes a range or a probability.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import pi

from degcraft.axes import Axis, step_names
from degcraft.distribution import Distribution
from degcraft.operators import OPERATORS
from degcraft.operators.noise import GAUSSIAN, POISSON
from degcraft.ranges import Spread, axis_spread, dependences, shares

PLACES = ("blur", "rescale", "noise", "jpeg", "blur2", "rescale2", "noise2", "resize", "sinc", "jpeg2")
KERNELS = {  # as these programs call them
    "isotropic": "iso",
    "anisotropic": "aniso",
    "generalized-isotropic": "generalized_iso",
    "generalized-anisotropic": "generalized_aniso",
    "plateau-isotropic": "plateau_iso",
    "plateau-anisotropic": "plateau_aniso",
}
NOTICEABLE = 0.1  # correlations below it are not worth a line
HARDLY_EVER = 0.005  # share of a choice below which it is left out


class UnsayableError(Exception):
    """Why a distribution cannot be said in such terms."""


@dataclass(frozen=True)
class Part:
    """What fills a place.

    Attributes:
        kinds: how often each is drawn, summing to 1; empty if nothing fills the place.
        spreads: of the numeric parameters that have an effect.
    """

    kinds: dict[str, float] = field(default_factory=dict)
    spreads: dict[str, Spread] = field(default_factory=dict)

    def share(self, *kinds: str) -> float:
        """How often one of these kinds is drawn."""
        return sum(self.kinds.get(kind, 0.0) for kind in kinds)

    @property
    def left_out(self) -> float:
        """How often the step does nothing."""
        return self.share("none") if self.kinds else 1.0


@dataclass(frozen=True)
class TwoPasses:
    """What fills each of `PLACES`.

    Attributes:
        parts: by place.
        resizes: how often each kind of interpolation is used, at the places that resize.
        crafted: the ranges of the axes that have several bins, by name.
        notes: what is lost.
    """

    parts: dict[str, Part]
    resizes: dict[str, dict[str, float]]
    crafted: dict[str, Spread]
    notes: tuple[str, ...]


def two_passes(distribution: Distribution) -> TwoPasses:
    """Say a distribution in these terms.

    Raises:
        UnsayableError: its steps or kinds have no place in them.
    """
    space, places = distribution.space, _places(distribution)
    parts = {}
    for place in PLACES:
        if place not in places or place == "resize":
            parts[place] = Part()
            continue
        selector = "direction" if place.startswith("rescale") else "kind"
        if space.operators[places[place]] == "resize":
            parts[place] = Part({"keep": 1.0})  # to the LR image's size
            continue
        parts[place] = Part(
            _drawn(distribution, places[place], selector),
            {
                axis.parameter.name: found
                for axis in space.axes
                if axis.step == places[place] and axis.choices is None and _used(distribution, axis)
                if (found := axis_spread(distribution, axis.step, axis.parameter.name)) is not None
            },
        )
    resizes: dict[str, dict[str, float]] = {
        place: _drawn(distribution, places[place], "kind")
        for place in ("rescale", "rescale2", "resize")
        if place in places
    }
    binned = {axis.name for axis, several in zip(space.axes, space.binned, strict=True) if several}
    names = step_names(space.operators)
    spreads = {
        f"{names[places[place]]}_{parameter}": found
        for place, part in parts.items()
        for parameter, found in part.spreads.items()
    }
    crafted = {name: found for name, found in spreads.items() if name in binned}
    return TwoPasses(parts, resizes, crafted, tuple(_notes(distribution, places, parts)))


def _drawn(distribution: Distribution, step: int, parameter: str) -> dict[str, float]:
    """Shares of the choices, where no axis sets them those of the default; without those that are hardly ever drawn.

    Crafting leaves some weight in every bin, which must not make a distribution one that cannot be said.
    """
    default = OPERATORS[distribution.space.operators[step]].parameter(parameter).default
    drawn = shares(distribution, step, parameter) or {str(default): 1.0}
    said = {choice: share for choice, share in drawn.items() if share >= HARDLY_EVER}
    return {choice: share / sum(said.values()) for choice, share in said.items()}


def _used(distribution: Distribution, axis: Axis) -> bool:
    """Whether a parameter matters to a choice that is said."""
    only = axis.parameter.only
    return only is None or not _drawn(distribution, axis.step, only[0]).keys().isdisjoint(only[1])


def _places(distribution: Distribution) -> dict[str, int]:
    """Which step takes which place; the LR image's size is reached at ``rescale2`` unless a rescale is there."""
    space = distribution.space
    steps = [(i, name) for i, name in enumerate(space.operators) if name != "shuffle"]
    found = _fill(distribution, steps, {})
    if found is None:
        names = [name for name in step_names(space.operators) if not name.startswith("shuffle")]
        raise UnsayableError(
            f"its steps ({', '.join(names)}) or their kinds have no place in two passes of blur, resize, noise and JPEG"
        )
    for shuffle, end in space.shuffled.items():
        kinds = set(_drawn(distribution, shuffle, "kind"))
        tail = (found.get("resize"), found.get("jpeg2")) == (shuffle + 1, end - 1)
        if not (tail and kinds <= {"as-is", "last-first"}):
            raise UnsayableError("its steps come in random order, other than the last resize and JPEG")
    return found


def _fill(distribution: Distribution, steps: Sequence[tuple[int, str]], taken: dict[str, int]) -> dict[str, int] | None:
    """The earliest places that the steps can take after those that are taken; None if there are none."""
    if not steps:
        return taken
    index, operator = steps[0]
    first = max((PLACES.index(place) for place in taken), default=-1) + 1
    for place in PLACES[first:]:
        if _suits(distribution, index, operator, place) and (place != "resize" or "rescale2" in taken):
            found = _fill(distribution, steps[1:], {**taken, place: index})
            if found is not None:
                return found
    return None


def _suits(distribution: Distribution, step: int, operator: str, place: str) -> bool:
    """Whether a step can be said at a place."""
    if operator == "resize":
        return place in ("rescale2", "resize")
    if operator == "blur":
        kinds = set(_drawn(distribution, step, "kind"))
        return (
            kinds <= {"sinc", "none"}
            if place == "sinc"
            else place in ("blur", "blur2") and kinds <= {*KERNELS, "sinc", "none"}
        )
    if operator == "rescale":
        if not set(_drawn(distribution, step, "direction")) <= {"up", "down", "keep"}:
            return False
        of = set(_drawn(distribution, step, "of"))
        return of == {"image"} if place == "rescale" else place == "rescale2" and of == {"lr"}
    if operator == "noise":
        return place in ("noise", "noise2") and "gaussian-correlated" not in _drawn(distribution, step, "kind")
    return operator == "jpeg" and place in ("jpeg", "jpeg2")


def _notes(distribution: Distribution, places: dict[str, int], parts: dict[str, Part]) -> list[str]:
    """What these terms lose of this distribution."""
    names = step_names(distribution.space.operators)
    correlations = ", ".join(
        f"{value:+.2f} of {one.name} and {other.name}"
        for one, other, value in dependences(distribution)
        if abs(value) >= NOTICEABLE
    )
    lost = f"; what cannot be said: correlation {correlations}" if correlations else ""
    notes = [
        f"joint weights: every range is drawn by itself, whatever the others are{lost}",
        "weights inside a range: every value of it is as likely as any other",
    ]
    for place, step in places.items():
        notes += _part_notes(names[step], place, parts[place])
    shuffled = [_drawn(distribution, shuffle, "kind") for shuffle in distribution.space.shuffled]
    either = places.get("resize") is not None or "sinc" in places
    half = bool(shuffled) and abs(shuffled[0].get("as-is", 0.0) - 0.5) < 0.01
    if either and "jpeg2" in places and not half:
        notes.append("order: the last JPEG comes before the last resize and sinc filter half of the time")
    return notes


def _part_notes(name: str, place: str, part: Part) -> Iterator[str]:
    """What is lost of one step."""
    spreads = part.spreads
    if part.share(*(kind for kind in KERNELS if "anisotropic" in kind)):
        yield f"{name}_across: is drawn from the range of {name}_sigma, and {name}_angle from all angles"
    if {"beta", "plateau"} & set(spreads):
        yield f"{name}: half of the exponents lie between the lower end and 1, the others above"
    if part.share("sinc"):
        cutoff = spreads["cutoff"]
        if place != "sinc":
            yield f"{name}_cutoff: is drawn from pi/3, or pi/5 for large kernels, to pi"
        elif max(abs(cutoff.lower - pi / 3), abs(cutoff.upper - pi)) > 0.01:
            yield f"{name}_cutoff: is drawn from pi/3 to pi"
    for parameter, end in (("up", "lower"), ("down", "upper")):
        if parameter in spreads and abs(getattr(spreads[parameter], end) - 1) > 0.01:
            yield f"{name}_{parameter}: its range reaches to 1"
    noise = [part.share(*kinds) for kinds in (GAUSSIAN, POISSON)]
    grey = [part.share("gaussian-grey"), part.share("poisson-grey")]
    if all(noise) and abs(grey[0] / noise[0] - grey[1] / noise[1]) > 0.01:
        yield f"{name}: Gaussian and Poisson noise are grey equally often"
