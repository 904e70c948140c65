"""One training, step by step."""

from __future__ import annotations

import dataclasses
import re
import shutil
from contextlib import nullcontext

import pytest
import torch

from degcraft.errors import UserError
from degcraft.networks.sr import Compact
from degcraft.settings import TrainSettings
from degcraft.training.checkpoints import Checkpoint
from degcraft.training.losses import PIXEL_LOSSES
from degcraft.training.run import Run

SETTINGS = TrainSettings(steps=20, learning_rate=3e-3, warmup=2)


def some_run(**changes):
    torch.manual_seed(0)
    network = Compact(channels=3, blocks=0, scale=2)
    return Run(network, dataclasses.replace(SETTINGS, **changes), 0, torch.device("cpu"))


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randint(256, (2, side, side, 3), dtype=torch.uint8, generator=generator) for side in (4, 8))


def test_averaged_weights_by_hand():
    run = some_run(ema=0.3)
    expected = {name: value.clone() for name, value in run.network.state_dict().items()}
    for step in range(1, 8):
        run.advance(*batch(step))
        decay = min(0.3, step / (step + 10))  # 1/11, 2/12, ... and from step 5 on 0.3
        for name, value in run.network.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value
    for name, value in run.average.items():
        torch.testing.assert_close(value, expected[name])
        assert not torch.equal(value, run.network.state_dict()[name])


def test_without_averaging_the_last_weights_are_saved():
    run = some_run(ema=0.0)
    run.advance(*batch())
    for name, value in run.network.state_dict().items():
        torch.testing.assert_close(run.average[name], value)


def test_what_a_network_draws_follows_from_the_step():
    def drawn(start):
        run, seen = some_run(), []
        run.step = start
        run.network.register_forward_hook(lambda *_: seen.append(float(torch.rand(()))))
        while run.step < 5:
            run.advance(*batch())
        return seen

    assert drawn(0)[3:] == drawn(3)
    assert len(set(drawn(0))) == 5


def test_half_precision_is_for_the_forward_pass_alone(monkeypatch):
    seen = []

    def steps(autocast):
        for module in ("run", "adversarial"):
            monkeypatch.setattr(f"degcraft.training.{module}.autocast", autocast)
        run = some_run(steps=2, adversarial_steps=2, discriminator_channels=2)
        run.network.body[0].register_forward_hook(lambda *call: seen.append(call[2].dtype))
        for step in range(4):
            run.advance(*batch(step))
            if step % 2:
                run.check()
                run.add_row(0.0)
        return run, [value for row in run.rows for value in row.values()]

    whole, expected = steps(lambda *_: nullcontext())
    half, found = steps(lambda *_: torch.autocast("cpu", dtype=torch.bfloat16))  # as CUDA's, on what is here
    assert seen == [torch.float32] * 4 + [torch.bfloat16] * 4
    assert {value.dtype for value in [*half.network.state_dict().values(), *half.average.values()]} == {torch.float32}
    assert found != expected and found == pytest.approx(expected, rel=0.02)
    for name, value in half.average.items():
        torch.testing.assert_close(value, whole.average[name], rtol=0.05, atol=0.01)


def test_the_first_loss_that_is_no_number_is_named():
    run = some_run()
    run.check()
    for step in range(6):
        if step == 4:
            torch.nn.init.constant_(run.network.body[0].bias, torch.nan)
        run.advance(*batch(step))
    with pytest.raises(UserError, match=r"the loss is nan at step 5; lower train\.learning_rate, or set"):
        run.check()


def test_a_loss_that_diverges_with_the_adversary_names_its_learning_rate():
    run = some_run(steps=1, adversarial_steps=2, discriminator_channels=2)
    run.advance(*batch())
    run.check()
    run.add_row(float("nan"))
    torch.nn.init.constant_(run.network.body[0].bias, torch.nan)
    run.advance(*batch())
    with pytest.raises(UserError, match=r"at step 2; lower train\.adversarial_learning_rate, or set"):
        run.check()


def test_gradients_are_shortened_to_the_norm(monkeypatch):
    run, norms = some_run(gradient_clip=1e-3), []
    step = run._optimizer.step
    monkeypatch.setattr(run._optimizer, "step", lambda: norms.append(gradient_norm(run.network)) or step())
    run.advance(*batch())
    assert norms == [pytest.approx(1e-3, rel=1e-3)]
    assert gradient_norm(stepped(some_run()).network) > 1e-2


def test_gradients_of_the_discriminator_are_shortened_too():
    for clip, shortened in ((1e-3, True), (0.0, False)):
        run = some_run(steps=1, adversarial_steps=1, discriminator_channels=2, gradient_clip=clip)
        run.advance(*batch())
        run.check()
        run.add_row(0.0)
        run.advance(*batch(1))
        norm = gradient_norm(run._adversary._network)
        assert norm == pytest.approx(1e-3, rel=1e-3) if shortened else norm > 1e-2


def test_the_error_says_how_to_start_again(tmp_path):
    saved = Checkpoint(tmp_path / "a.pt", TrainSettings(), {}, "code")
    run = stepped(some_run())
    torch.nn.init.constant_(run.network.body[0].bias, torch.nan)
    run.advance(*batch())
    for sentence in ("and run again", f"and delete {tmp_path}/a.pt and run again"):
        with pytest.raises(UserError, match=rf"or set train\.gradient_clip, {re.escape(sentence)}$"):
            run.check(saved.again)
        saved.save({})


def gradient_norm(network):
    return float(torch.cat([parameter.grad.ravel() for parameter in network.parameters()]).norm())


def stepped(run):
    run.advance(*batch())
    return run


def test_the_loss_is_the_one_that_is_named():
    x, y = (images.permute(0, 3, 1, 2) / 255 for images in batch())
    for loss in ("l1", "charbonnier"):
        run = some_run(loss=loss)
        expected = PIXEL_LOSSES[loss](run.network(x), y)
        run.advance(*batch())
        run.add_row(float("nan"))
        assert run.rows[0]["loss"] == pytest.approx(expected.item())


def test_the_averaged_network_is_lent():
    run = some_run()
    for step in range(3):
        run.advance(*batch(step))
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    with run.averaged() as network:
        assert not network.training
        assert all(torch.equal(value, run.average[name]) for name, value in network.state_dict().items())
    assert run.network.training
    assert all(torch.equal(value, before[name]) for name, value in run.network.state_dict().items())


@pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++"))), reason="no C++ compiler")
def test_a_compiled_network_trains_alike():
    plain, compiled = some_run(), some_run(compile=True)
    for step in range(3):
        for run in (plain, compiled):
            run.advance(*batch(step))
    for name, value in plain.network.state_dict().items():
        torch.testing.assert_close(compiled.network.state_dict()[name], value, rtol=1e-3, atol=1e-5)
