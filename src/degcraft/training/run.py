"""One training: its network, its optimiser, the averaged weights, and the curve so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from degcraft.device import autocast, on_device
from degcraft.errors import UserError
from degcraft.networks.recognised import SPANDREL
from degcraft.networks.sr import to_tensor
from degcraft.seeds import integer
from degcraft.settings import TrainSettings
from degcraft.training.adversarial import Adversary
from degcraft.training.group import ALONE, Group
from degcraft.training.losses import PIXEL_LOSSES
from degcraft.training.recorded import Recorded
from degcraft.training.schedule import learning_rate


class Run:
    """Everything that changes from step to step, that is, all that a checkpoint holds.

    Attributes:
        step: how many steps are done.
        network: the network that is trained.
        average: the averaged weights, which are what is saved in the end.
        rows: rows of the curve so far.
        device: on which it computes.
    """

    def __init__(
        self, network: nn.Module, settings: TrainSettings, seed: int, device: torch.device, group: Group = ALONE
    ) -> None:
        self.step = 0
        self.network = on_device(network, device)
        self._group = group
        forward: Callable[[torch.Tensor], torch.Tensor] = group.wrap(network, unused=settings.network == SPANDREL)
        self._forward = torch.compile(forward) if settings.compile else forward
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self._pair_up()
        self.rows: list[dict[str, float]] = []
        self._losses: list[torch.Tensor] = []  # since the last row: the loss and, with an adversary, its terms
        self.device, self._settings, self._seed = device, settings, seed
        on_gpu = device.type == "cuda"
        # where a step is recorded, the learning rate has to be read from a tensor
        rate = torch.tensor(settings.learning_rate, device=device) if on_gpu else settings.learning_rate
        self._optimizer = torch.optim.Adam(network.parameters(), lr=rate, fused=True, capturable=on_gpu)
        self._adversary = Adversary(settings, device, group) if settings.adversarial_steps else None
        # DistributedDataParallel and networks that we do not know may do what cannot be recorded
        recordable = on_gpu and group.size == 1 and settings.network != SPANDREL
        self._pixel_step: Callable[..., torch.Tensor] = Recorded(self._optimise) if recordable else self._optimise

    def advance(self, lr: torch.Tensor, hr: torch.Tensor) -> None:
        """One optimiser step and the averaging.

        Args:
            lr: (N, h, w, 3) uint8, this process's part of the batch.
            hr: (N, scale*h, scale*w, 3) uint8.
        """
        # what a network draws (dropout) follows from the step, so that no state of a generator has to be kept
        seed_step(integer(self._seed, "train-step", self.step, self._group.rank), self.device)
        self._set_learning_rate(learning_rate(self._settings, self.step))
        lr, hr = (images.to(self.device, non_blocking=True) for images in (lr, hr))
        adversary = self._adversary_now()
        if adversary is None:
            losses = self._pixel_step(lr, hr)
        else:
            self._pixel_step = self._optimise  # a recorded step keeps the memory of all that it computes
            losses = self._optimise(lr, hr, adversary)
        self.step += 1
        self._losses.append(losses)
        self._follow()

    def _set_learning_rate(self, rate: float) -> None:
        for group in self._optimizer.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def _optimise(self, lr: torch.Tensor, hr: torch.Tensor, adversary: Adversary | None = None) -> torch.Tensor:
        """One step of the optimisers on images that are on the device; the loss and, with an adversary, its terms."""
        x, y = to_tensor(lr), to_tensor(hr)
        with autocast(self.device, self._settings.amp_on(self.device.type)):
            output = self._forward(x)
        output = output.float()
        loss, terms = PIXEL_LOSSES[self._settings.loss](output, y), []
        if adversary is not None:
            added, judged = adversary.judge(output, y)
            loss = loss + added
            terms = [judged]
        self.network.zero_grad(set_to_none=True)  # as the optimiser's own, which costs a small network 0.5% of a step
        loss.backward()
        if self._settings.gradient_clip:
            clip_grad_norm_(self.network.parameters(), self._settings.gradient_clip)
        self._optimizer.step()
        if adversary is not None:
            terms.append(adversary.advance(output.detach(), y))
        return torch.stack([loss.detach(), *terms])

    def _adversary_now(self) -> Adversary | None:
        """Whoever takes part in the next step."""
        return self._adversary if self.step >= self._settings.steps else None

    def _follow(self) -> None:
        """Move the averaged weights towards the current ones."""
        # early on the average follows closely, so that it does not remember the random start
        decay = min(self._settings.ema, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self._averages, self._followed, 1.0 - decay)
            for average, value in self._counters:
                average.copy_(value)

    def _pair_up(self) -> None:
        """Note which tensors follow which; they stay in place, and collecting them takes longer than averaging."""
        pairs = [(self.average[name], value) for name, value in self.network.state_dict().items()]
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averages, self._followed = [average for average, _ in floats], [value for _, value in floats]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]  # and tables of indices

    @contextmanager
    def averaged(self) -> Iterator[nn.Module]:
        """The network with the averaged weights, in evaluation mode; afterwards it is as it was."""
        current = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        try:
            yield self.network.eval()
        finally:
            self.network.load_state_dict(current)
            self.network.train()

    def check(self, again: str = "run again") -> None:
        """Stop where the loss is no number any more, before anything made of it is kept.

        From here on, losses so far are means over the processes. All of them have to call it.

        Args:
            again: how to start again with other settings, for the error.

        Raises:
            UserError: so it is.
        """
        if not self._losses:
            return
        losses = self._group.mean(torch.stack(self._losses))
        self._losses = list(losses)
        wrong = torch.nonzero(~torch.isfinite(losses))
        if len(wrong):
            row, column = wrong[0].tolist()
            step = self.step - len(losses) + row
            key = "adversarial_learning_rate" if step >= self._settings.steps else "learning_rate"
            raise UserError(
                f"train: the loss is {float(losses[row, column])} at step {step + 1}; lower train.{key}, or set "
                f"train.gradient_clip, and {again}"
            )

    def add_row(self, psnr: float) -> dict[str, float]:
        """A row of the curve, after `check`: mean losses since the row before, and the validation's PSNR-Y (or NaN).

        The two stages must not share a row.
        """
        loss, *terms = torch.stack(self._losses).mean(dim=0).tolist()
        rate = learning_rate(self._settings, self.step - 1)
        row = {"step": self.step, "loss": loss, "learning_rate": rate, "psnr_y": psnr}
        self.rows.append(row | dict(zip(("adversarial", "discriminator"), terms, strict=False)))
        self._losses.clear()
        return self.rows[-1]

    def state(self) -> dict[str, Any]:
        """What `load` takes, after `check`: tensors, and plain values in lists and dictionaries."""
        return {
            "step": self.step,
            "rows": self.rows,
            "losses": self._losses,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self._optimizer.state_dict(),
            "adversary": self._adversary.state() if self._adversary is not None else None,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.step, self.rows, self._losses = state["step"], state["rows"], state["losses"]
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self._pair_up()
        # the groups' settings are this run's: on a GPU, the learning rate is in a tensor
        self._optimizer.load_state_dict(self._optimizer.state_dict() | {"state": state["optimizer"]["state"]})
        if self._adversary is not None:
            self._adversary.load(state["adversary"])


def seed_step(seed: int, device: torch.device) -> None:
    """As `torch.manual_seed`, which on a machine without CUDA keeps a record of every call for later."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
