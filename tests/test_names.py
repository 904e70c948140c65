"""Names of distributions."""

import re

import pytest

from degcraft.names import DIAL, DISTRIBUTION, TARGET, Name, asked_for


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("full", Name("full")),
        ("bicubic", Name("bicubic")),
        ("crafted-album", Name("crafted", "album")),
        ("oracle-a_b.c", Name("oracle", "a_b.c")),
        ("crafted-album-0.1", Name("crafted", "album", "0.1")),
        ("crafted-0.1-3e-05", Name("crafted", "0.1", "3e-05")),
    ],
)
def test_a_name_is_taken_apart_and_put_together(text, name):
    assert Name.parse(text) == name
    assert str(name) == text


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("clean", Name("clean")),
        ("crafted", Name("crafted")),
        ("crafted-0.10", Name("crafted", dial="0.1")),
        ("crafted-3", Name("crafted", dial="3")),
        ("crafted-0", Name("crafted", dial="0")),
        ("crafted-0.00003", Name("crafted", dial="3e-05")),
        ("crafted-1e6", Name("crafted", dial="1000000")),
        ("crafted-0.12345678", Name("crafted", dial="0.12345678")),
    ],
)
def test_words_of_the_configuration(word, name):
    found = asked_for(word)
    assert found == name
    assert not found.dial or re.fullmatch(DIAL, found.dial)


def test_the_schema_holds_the_same_expressions(schema):
    assert schema["$defs"]["distribution"]["anyOf"][1]["pattern"] == f"^crafted-{DIAL}$"
    assert f"){TARGET}$" in schema["properties"]["targets"]["propertyNames"]["pattern"]


@pytest.mark.parametrize("name", ["clean", "oracle-album", "crafted-a_b.c", "crafted-a-1000000", "crafted-0.1-3e-05"])
def test_names_that_paths_can_hold(name):
    assert re.fullmatch(DISTRIBUTION, name)
