"""The size of a run, before it is run."""

from __future__ import annotations

import pytest

from degcraft.config import parse_config
from degcraft.networks import NetworkSpec, save_network
from degcraft.run_size import counts


def test_refined_bins_count_for_every_target(raw, schema):
    raw["refine"] = {"rounds": 2, "bins": 20}
    raw["targets"]["other"] = {"reference": "reference"}
    assert counts(parse_config(raw, schema), []).bins == 4 + 2 * 16


def test_files_of_moments_add_up_over_the_rounds_by_hand(raw, schema):
    raw["encoder"] = {"features": 6}
    once = counts(parse_config(raw, schema), []).bytes["moments of the bins"]
    assert once == 4 * 5 * (6 + 6**2) * 8  # four bins; all patches and four folds of the photos
    raw |= {"refine": {"rounds": 2, "bins": 20}, "bin_features": {"patches": 16}, "photos": {"per_photo": 16}}
    config = parse_config(raw, schema)
    refined = counts(config, [(1024, 1024)]).bytes["moments of the bins"]
    # 4, then 12 and 20 bins; and of each the samples: six features and three axes
    assert refined == (4 + 12 + 20) * (once // 4 + 16 * (6 + 3) * 4)


def test_photos_to_restore_count_by_hand(raw, schema):
    raw["train"] |= {"distributions": ["full", "crafted"]}
    raw["evaluate"] = {"draws": 3}
    (own,) = raw["targets"]
    raw["targets"]["other"] = {"reference": "reference"}
    made = counts(parse_config(raw, schema), [], upscaled=70, tested={own: 1000, "other": 200})
    # full on both, each crafted model on its own; its test pairs, three draws over the full range, and clean
    assert (made.upscaled, made.tests, made.tested) == (70, 4, 2 * 1200 * (1 + 3 + 1))
    raw["train"]["distributions"] = ["full"]
    assert counts(parse_config(raw, schema), [], upscaled=70).upscaled == 0


@pytest.mark.parametrize(
    ("more", "each"),
    [({}, 3), ({"pairs": True}, 3 + 48), ({"pairs": True, "lmdb": True}, 3 + 48 + 51)],
)
def test_degraded_folders_count_by_hand(raw, schema, more, each):
    if "lmdb" in more:
        pytest.importorskip("lmdb")
    raw["degrade"] = {"photos": "hr", "distributions": ["crafted", "full"], **more}
    made = counts(parse_config(raw, schema), [], degraded=16 * 100)  # LR photos have a pixel for sixteen
    assert made.bytes["degraded photos, at most"] == 2 * 100 * each


def test_the_users_own_extractor_counts_with_its_own_features(raw, schema, tmp_path):
    spec = NetworkSpec.of("srresnet", channels=5, blocks=1, scale=2)
    save_network(tmp_path / "own.safetensors", spec.build(), spec)
    for extractor, features in (("srgan", 7), (str(tmp_path / "own.safetensors"), 5)):
        config = parse_config(raw | {"extractor": extractor, "srgan": {"channels": 7}}, schema)
        assert counts(config, []).bytes["moments of the bins"] == 4 * 5 * (features + features**2) * 8
