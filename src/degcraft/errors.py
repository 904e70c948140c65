"""The one exception that speaks to the user, and a check that several stages raise it by."""

from __future__ import annotations

import math
from collections.abc import Iterable


class UserError(Exception):
    """Something in the user's files or configuration is wrong.

    The message names the file or the key, says what is wrong with it and what to do. It is shown alone, without a
    traceback.
    """


def check_finite(losses: Iterable[float], step: int, key: str) -> None:
    """Stop a training whose losses are no numbers any more, before anything made of them is kept.

    Args:
        losses: of the last steps.
        step: the last of them.
        key: of the learning rate.

    Raises:
        UserError: so it is.
    """
    if not all(map(math.isfinite, losses)):
        raise UserError(f"extractor: the loss is no number any more at step {step}; lower {key} and run again")
