"""Operators and truths between the configuration's plain values and typed steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from degcraft.axes import Choices, Mixture, Range, Setting, Step

if TYPE_CHECKING:
    from degcraft.target import Truth


def parse_steps(raw: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The operators of ``degradation``, as typed steps; ``raw`` has passed the schema."""
    return tuple(
        Step(name, tuple((key, _setting(value)) for key, value in (values or {}).items()))
        for entry in raw
        for name, values in entry.items()
    )


def _setting(value: Any) -> Setting:
    """``a``, ``[a, b]``, ``{range: [a, b], bins: n}``, ``x``, ``[x, y]`` or ``{x: p, y: q}``.

    With numbers a and b, words x and y, and probabilities p and q.
    """
    if isinstance(value, Mapping) and "range" not in value:
        return Mixture(tuple((str(choice), float(share)) for choice, share in value.items()))
    if isinstance(value, Mapping):
        return Range(float(value["range"][0]), float(value["range"][1]), int(value.get("bins", 1)))
    if isinstance(value, str):
        return Choices((value,))
    if isinstance(value, int | float):
        return Range(float(value), float(value))
    if all(isinstance(item, str) for item in value):
        return Choices(tuple(value))
    return Range(float(value[0]), float(value[1]))


def parse_truth(raw: Mapping[str, Any]) -> Truth:
    """The ``truth`` of a made target; ``raw`` has passed the schema."""
    return tuple((axis, _setting(value)) for axis, value in raw.items())


def plain_steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """What `parse_steps` reads, always in the same words for the same steps: a workflow compares it between runs."""
    return [{step.operator: {key: _plain(value) for key, value in sorted(step.parameters)}} for step in steps]


def plain_truth(truth: Truth) -> dict[str, Any]:
    """What `parse_truth` reads, always in the same words for the same truth."""
    return {axis: _plain(value) for axis, value in sorted(truth)}


def _plain(setting: Setting) -> Any:
    if isinstance(setting, Range):
        return {"range": [setting.lower, setting.upper], "bins": setting.bins}
    return list(setting.values) if isinstance(setting, Choices) else dict(setting.shares)
