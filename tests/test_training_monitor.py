"""The picture, and TensorBoard where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from degcraft.images import read_image
from degcraft.training.monitor import BAND, PREVIEW, Monitor


@pytest.mark.parametrize("width", [60, 1152])
def test_every_row_of_the_picture_has_its_name_above_it(width, tmp_path):
    rows = {"HR": np.full((40, width, 3), 90, np.uint8), "a longer name": np.full((40, width, 3), 160, np.uint8)}
    Monitor(tmp_path, 0, 4).validated(50, 20.0, rows)
    picture = read_image(tmp_path / PREVIEW)
    assert picture.shape == (2 * (BAND + 40), width, 3)
    for part, row in zip(np.split(picture, 2), rows.values(), strict=True):
        band, below = np.split(part, [BAND])
        np.testing.assert_array_equal(below, row)
        ink = (band < 128).any(axis=(0, 2))
        assert ink.any() and not ink[[0, 1, -2, -1]].any()  # all of the name is on the picture


def test_curves_go_to_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for start, losses in ((0, {50: 0.5, 100: 0.4, 150: 0.3}), (100, {150: 0.35, 200: 0.2})):  # killed after step 150
        monitor = Monitor(tmp_path, start, 4)
        for step, loss in losses.items():
            monitor.row({"step": step, "loss": loss, "psnr_y": float("nan") if step % 100 else 20.0})
        monitor.close()
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert set(read.Tags()["scalars"]) == {"loss", "psnr_y", "pairs_per_second"}
    losses = [(event.step, round(event.value, 3)) for event in read.Scalars("loss")]
    assert losses == [(50, 0.5), (100, 0.4), (150, 0.35), (200, 0.2)]
    assert [event.step for event in read.Scalars("psnr_y")] == [100, 200]
