"""Steps and truths, read and written as plain values."""

from __future__ import annotations

from degcraft.axes import Choices, Mixture, Range, Step
from degcraft.steps import parse_steps, parse_truth, plain_steps, plain_truth


def test_settings_in_every_notation():
    steps = parse_steps(
        [{"blur": {"sigma": 1.5, "kind": "anisotropic", "across": {"range": [0.2, 1]}}}, {"resize": {"kind": ["area"]}}]
    )
    sigma, kind, across = Range(1.5, 1.5), Choices(("anisotropic",)), Range(0.2, 1.0)
    assert steps[0] == Step("blur", (("sigma", sigma), ("kind", kind), ("across", across)))
    assert steps[1] == Step("resize", (("kind", Choices(("area",))),))
    nuisance = parse_steps([{"blur": {"kind": {"isotropic": 0.3, "none": 0.7}, "sigma": [0.2, 3]}}])
    mixture = Mixture((("isotropic", 0.3), ("none", 0.7)))
    assert nuisance == (Step("blur", (("kind", mixture), ("sigma", Range(0.2, 3.0)))),)
    assert parse_truth({"blur_kind": {"isotropic": 0.3, "none": 0.7}}) == (("blur_kind", mixture),)
    truth = parse_truth({"blur_sigma": [1, 2], "noise_sigma": 4, "resize_kind": "area", "blur_kind": ["isotropic"]})
    assert truth == (
        ("blur_sigma", Range(1.0, 2.0)),
        ("noise_sigma", Range(4.0, 4.0)),
        ("resize_kind", Choices(("area",))),
        ("blur_kind", Choices(("isotropic",))),
    )


def test_plain_steps_and_truths_are_read_back_and_do_not_depend_on_how_they_were_written():
    kinds = {"isotropic": 0.3, "none": 0.7}
    one = parse_steps([{"blur": {"kind": kinds, "sigma": [0.2, 3]}}, {"resize": {"kind": "area"}}, {"jpeg": None}])
    other = parse_steps(
        [{"blur": {"sigma": {"bins": 1, "range": [0.2, 3.0]}, "kind": kinds}}, {"resize": {"kind": ["area"]}}]
    )
    plain = plain_steps(one)
    assert plain[0] == {"blur": {"kind": kinds, "sigma": {"range": [0.2, 3.0], "bins": 1}}}
    assert repr(plain[:2]) == repr(plain_steps(other))
    assert plain_steps(parse_steps(plain)) == plain
    truth = parse_truth({"noise_sigma": 3, "blur_kind": "none"})
    assert repr(plain_truth(truth)) == repr(plain_truth(tuple(reversed(truth))))
    assert parse_truth(plain_truth(truth)) == tuple(sorted(truth))
