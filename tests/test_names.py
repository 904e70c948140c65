"""Names of distributions."""

import pytest

from degcraft.names import Name, asked_for


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
    [("clean", Name("clean")), ("crafted", Name("crafted")), ("crafted-0.10", Name("crafted", dial="0.1"))],
)
def test_words_of_the_configuration(word, name):
    assert asked_for(word) == name
