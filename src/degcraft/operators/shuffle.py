"""Random order of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import factorial

import numpy as np

from degcraft.images import FloatImage
from degcraft.operators.registry import Parameter, Size, Value, operator

MOST = 8  # steps that one shuffle can hold: a float32 tells their permutations apart with room to spare


@operator(
    Parameter("kind", choices=("any", "last-first", "as-is"), default="any"),
    Parameter("steps", unit="steps", lower=2, upper=MOST, whole=True),
    Parameter("order", lower=0.0, upper=1.0, default=0.0, only=("kind", ("any",))),
)
def shuffle(image: FloatImage, values: Mapping[str, Value], lr: Size, generator: np.random.Generator) -> FloatImage:
    """Change the order of the next ``steps`` steps; the image itself stays as it is.

    ``any`` is the permutation that ``order`` means, ``last-first`` moves the last of the steps to the front, and
    ``as-is`` leaves them alone. See `arrange`.
    """
    return image


def arrange(operators: Sequence[str], values: Mapping[str, Value]) -> list[int]:
    """The order in which a shuffle applies the steps after it, as indices.

    All permutations, in the order of the dictionary, share the interval [0, 1] of ``order`` equally. A rescale that
    would come after the resize changes places with it, as in BSRGAN, so that the resize has the last word on the size.

    Args:
        operators: names of the steps shuffled.
        values: of the shuffle.
    """
    count = len(operators)
    order = list(range(count))
    if values["kind"] == "last-first":
        order = [count - 1, *order[:-1]]
    elif values["kind"] == "any":
        code = min(int(float(values["order"]) * factorial(count)), factorial(count) - 1)
        left, order = order, []
        for remaining in range(count, 0, -1):
            index, code = divmod(code, factorial(remaining - 1))
            order.append(left.pop(index))
    sizing = [place for place, step in enumerate(order) if operators[step] in ("rescale", "resize")]
    by_rank = sorted((order[place] for place in sizing), key=lambda step: operators[step] == "resize")
    for place, step in zip(sizing, by_rank, strict=True):
        order[place] = step
    return order
