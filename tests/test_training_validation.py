"""PSNR on held-back patches, and their pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from degcraft.metrics import measure
from degcraft.settings import TrainSettings
from degcraft.training.run import Run
from degcraft.training.validation import Validation


class Doubling(nn.Module):
    """Repeats pixels, and adds a little."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(4 / 255))

    def forward(self, x):
        return nn.functional.interpolate(x, scale_factor=2) + self.shift


def test_psnr_is_that_of_the_evaluation():
    generator = np.random.default_rng(0)
    lr = generator.integers(40, 200, (9, 8, 8, 3)).astype(np.uint8)
    large = lr.repeat(2, axis=1).repeat(2, axis=2)
    hr = np.clip(large + generator.normal(0, 9, large.shape), 0, 255).astype(np.uint8)
    run = Run(Doubling(), TrainSettings(), 0, torch.device("cpu"))
    psnr, rows = Validation(torch.from_numpy(lr), torch.from_numpy(hr), run.device).measure(run)
    expected = [measure(restored, truth, 2)["psnr_y"] for restored, truth in zip(large + 4, hr, strict=True)]
    assert psnr == pytest.approx(np.mean(expected))
    assert list(rows) == ["input (LR, enlarged)", "output", "HR"]
    for row, images in zip(rows.values(), (large, large + 4, hr), strict=True):
        np.testing.assert_array_equal(row, np.concatenate(images[[0, 1, 3, 4, 6, 8]], axis=1))
