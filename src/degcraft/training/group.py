"""Several processes that train one network: what each computes of a step, and how they agree.

Every process takes its part of each batch, and `DistributedDataParallel` averages the gradients, so that all hold the
same weights. Plain `torch.distributed` does it: on one machine, or on the nodes of a Slurm job.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from degcraft.errors import UserError

_TO_MEET = timedelta(minutes=30)
# while one of them validates, which takes minutes; of one that dies, the process that started them learns
_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Group:
    """One process and the others; a training in one process is a group of one.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and the log."""
        return self.rank == 0

    def wrap(self, network: nn.Module, unused: bool = False) -> nn.Module:
        """The network as the training calls it, so that gradients are averaged over the processes.

        Args:
            network: on its device.
            unused: whether some weights may take no part in a step.
        """
        if self.size == 1:
            return network
        return DistributedDataParallel(network, find_unused_parameters=unused)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over the processes; all of them have to call it."""
        if self.size > 1:
            distributed.all_reduce(values)
            values /= self.size
        return values

    def same(self, number: int, device: torch.device) -> bool:
        """Whether all processes have the same number; all of them have to call it."""
        ends = torch.tensor([number, -number], device=device)
        if self.size > 1:
            distributed.all_reduce(ends, distributed.ReduceOp.MAX)
        return int(ends[0]) == -int(ends[1])


ALONE = Group()


@contextmanager
def joined() -> Iterator[Group]:
    """Meet the other processes, in a process that `degcraft.training.launch` started.

    Its number comes from the variables RANK, WORLD_SIZE and LOCAL_RANK or, started by srun, from Slurm's; where to
    meet, from MASTER_ADDR and MASTER_PORT.

    Raises:
        UserError: there are fewer GPUs than processes.
    """
    rank, size, local = (
        int(os.environ.get(name) or os.environ[slurm])
        for name, slurm in (("RANK", "SLURM_PROCID"), ("WORLD_SIZE", "SLURM_NTASKS"), ("LOCAL_RANK", "SLURM_LOCALID"))
    )
    if torch.cuda.is_available():
        torch.cuda.set_device(gpu_of(local, torch.cuda.device_count(), by_srun="LOCAL_RANK" not in os.environ))
    address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = distributed.TCPStore(*address, size, rank == 0, _TO_MEET)  # type: ignore[attr-defined]  # documented
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_PATIENCE)
    yield Group(rank, size)
    # not after an error: with NCCL it waits for the others, which may be waiting for this one
    distributed.destroy_process_group()


def gpu_of(local: int, seen: int, by_srun: bool) -> int:
    """Which GPU a process takes.

    Args:
        local: its number on its machine, from 0.
        seen: how many GPUs it sees.
        by_srun: whether srun started it, which may show every process its own GPU alone.

    Raises:
        UserError: there are fewer GPUs than processes.
    """
    if by_srun and seen == 1:
        return 0
    if local >= seen:
        raise UserError(f"train.processes: more than the GPUs of this machine, {seen}; lower it")
    return local
