"""Packages that may not be there."""

from __future__ import annotations

import sys

import pytest

from degcraft.errors import UserError
from degcraft.extras import Extra

SENTENCE = "{file}: needs {packages} ({error})"


def test_what_is_installed_is_no_problem():
    Extra(("json", "numpy"), SENTENCE).require(file="a")
    assert Extra(("json", "numpy"), "").problem() is None


def test_what_is_not_installed_is_named_alone():
    extra = Extra(("json", "no_such_package", "nor_this"), "needs {packages}")
    assert extra.problem() == "needs no_such_package, nor_this"
    with pytest.raises(UserError, match=r"^needs no_such_package, nor_this$"):
        extra.require()


def test_what_is_installed_and_cannot_be_imported_is_named_with_the_reason(tmp_path, monkeypatch):
    (tmp_path / "unfit_package.py").write_text("raise ImportError('does not fit')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match=r"^a\.pth: needs unfit_package \(does not fit\)$"):
        Extra(("unfit_package",), SENTENCE).require(file="a.pth")
    assert "unfit_package" not in sys.modules
