"""TensorBoard, where it is installed."""

from __future__ import annotations

import pytest

from degcraft.training.monitor import Monitor

pytest.importorskip("tensorboard")


def test_curves_go_to_tensorboard(tmp_path):
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
