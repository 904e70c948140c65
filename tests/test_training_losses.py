"""Losses, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from degcraft.training.losses import PIXEL_LOSSES

OUTPUT, TARGET = torch.tensor([0.5, 0.25, 0.0, 1.0]), torch.tensor([0.5, 0.5, 0.0, 0.0])


def test_l1():
    assert float(PIXEL_LOSSES["l1"](OUTPUT, TARGET)) == pytest.approx((0.25 + 1.0) / 4)


def test_charbonnier():
    expected = (2 * 1e-3 + math.sqrt(0.0625 + 1e-6) + math.sqrt(1 + 1e-6)) / 4
    assert float(PIXEL_LOSSES["charbonnier"](OUTPUT, TARGET)) == pytest.approx(expected)


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_gradients_are_finite_where_nothing_differs(name):
    output = OUTPUT.clone().requires_grad_()
    PIXEL_LOSSES[name](output, OUTPUT).backward()
    torch.testing.assert_close(output.grad, torch.zeros(4))
