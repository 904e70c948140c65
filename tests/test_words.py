"""Words that messages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from degcraft.words import counted, quoted, some, two_digits


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (r"C:\photos\köln", r"'C:\photos\köln'"),
        ("it's", "'it's'"),
        ("a\nb", r"'a\nb'"),
        (os.fsdecode(b"\xff"), r"'\udcff'"),
        (Path("a b"), "'a b'"),
    ],
)
def test_a_path_is_quoted_as_it_was_written_if_a_line_can_hold_it(path, shown):
    assert quoted(path) == shown


def test_a_few_of_many():
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcdefg")) == "a, b, c, d, e, and 2 more"


def test_one_is_not_plural():
    assert [counted(n, "photo") for n in range(3)] == ["0 photos", "1 photo", "2 photos"]
    assert [counted(n, "patch", "patches") for n in (1, 2)] == ["1 patch", "2 patches"]


def test_two_digits_have_no_power_of_ten():
    assert [two_digits(value) for value in (0.0312, 2.06, 47.9, 1460.0)] == ["0.031", "2.1", "48", "1500"]
