"""Reference photos that are too few or too small, found before anything runs."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image
from test_config import problems

from degcraft.config import parse_config


def test_reference_photos_of_which_none_holds_a_patch(raw, schema, make_photo):
    """Found by their heads, as far as the first that holds one."""
    Path("reference/a.png").unlink()
    for name, shape in {"a": (48, 47), "c": (47, 60)}.items():
        Image.fromarray(make_photo(*shape)).save(f"reference/{name}.png")
    Path("reference/b.png").write_bytes(b"no photo")
    assert problems(raw, schema) == (
        "targets.demo.reference: none of the 3 reference photos can be used (a.png, c.png: smaller than a patch of "
        "48 pixels; b.png: cannot be read); "
        "add larger or readable ones, or lower photos.size"
    )
    parse_config({**raw, "photos": {"size": 188}}, schema)
    Image.fromarray(make_photo(48, 48)).save("reference/d.png")
    parse_config(raw, schema)


def test_reference_photos_that_are_made_count_by_the_photos_they_are_made_from(raw, schema, make_photo):
    """Every second one; 192 pixels hold a patch."""
    Path("photos").mkdir()
    for index in range(6):
        Image.fromarray(make_photo(192, 200)).save(f"photos/{index}.png")
    raw["targets"] = {"made": {"truth": {"blur_sigma": 1}, "photos": "photos"}}
    raw["craft"] = {"generalization": "auto"}
    assert problems(raw, schema) == (
        "craft.generalization: 'auto' holds out reference photos and needs at least 4, targets.made.photos has 3 that "
        "can be used; give a number (0.003 is a good start) or more photos"
    )
    Image.fromarray(make_photo(192, 200)).save("photos/6.png")
    parse_config(raw, schema)
    for index in range(0, 7, 2):
        Image.fromarray(make_photo(191, 200)).save(f"photos/{index}.png")
    assert problems({**raw, "craft": {}}, schema) == (
        "targets.made.photos: none of the 4 photos that reference photos are made from can be used (0.png, 2.png, "
        "4.png, 6.png: smaller than a patch of 192 pixels); add larger or readable ones, or lower photos.size"
    )


def test_auto_asks_for_reference_photos_to_hold_out(raw, schema):
    """As many as can be used, by their heads."""
    raw["craft"] = {"generalization": "auto"}
    for name in "bc":
        shutil.copy("reference/a.png", f"reference/{name}.png")
    Path("reference/d.png").write_bytes(b"no photo")
    assert problems(raw, schema) == (
        "craft.generalization: 'auto' holds out reference photos and needs at least 4, targets.demo.reference has 3 "
        "that can be used; give a number (0.003 is a good start) or more photos"
    )
    shutil.copy("reference/a.png", "reference/e.png")
    parse_config(raw, schema)
