"""The one exception that speaks to the user."""

from __future__ import annotations


class UserError(Exception):
    """Something in the user's files or configuration is wrong.

    The message names the file or the key, says what is wrong with it and what to do. It is shown alone, without a
    traceback.
    """
