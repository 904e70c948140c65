"""The files of what crafting came to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from certificates import CRAFT_FACTS, UNJUDGED

from degcraft.certificate import Certificate, CraftFacts
from degcraft.errors import UserError


@pytest.mark.parametrize("facts", [CRAFT_FACTS, UNJUDGED, replace(UNJUDGED, fit="ok", fit_p=0.1)])
def test_what_is_written_is_read(facts, tmp_path):
    facts.write(tmp_path / "facts.json")
    assert type(facts).read(tmp_path / "facts.json") == facts
    text = (tmp_path / "facts.json").read_text()
    assert text.startswith('{\n  "bins": 3,\n  "features": 5,\n') and text.endswith("\n}\n")


@pytest.mark.parametrize("text", ["", "[]", '{"bins": 3}'])
def test_another_file_is_refused_by_its_name(text, tmp_path):
    (tmp_path / "craft.json").write_text(text)
    with pytest.raises(UserError, match=r"craft\.json: does not hold what it should"):
        CraftFacts.read(tmp_path / "craft.json")


def test_a_certificate_says_more_than_crafting(tmp_path):
    CRAFT_FACTS.write(tmp_path / "craft.json")
    with pytest.raises(UserError, match="fit_simulations"):
        Certificate.read(tmp_path / "craft.json")
