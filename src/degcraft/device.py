"""One path for CPU and CUDA: which device, how many threads, which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import nn

from degcraft.seeds import integer

N = TypeVar("N", bound=nn.Module)
# what torch's allocator for CPUs, the CUDA driver, cuBLAS and cuDNN say of it, in errors of no class of their own
_NO_MEMORY = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def prepare(threads: int, seed: int, stage: str) -> torch.device:
    """Choose CUDA where there is one, fix the threads, and seed torch for one job of one stage.

    The number of threads changes the order of sums, so it is a setting and not what the machine happens to have.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(integer(seed, stage))
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = stage != "features"  # whose distances three digits would not do for
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(device: torch.device, enabled: bool) -> AbstractContextManager[object]:
    """Mixed precision in bfloat16 where asked for, on devices that compute in it; nothing elsewhere."""
    if not enabled or not computes_in_bfloat16(device.type):
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def computes_in_bfloat16(kind: str) -> bool:
    """Whether this machine's GPU (Ampere and later), or its CPU (those with AMX), computes in bfloat16."""
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not hasattr(torch.cpu, "get_capabilities"):  # in PyTorch's earlier versions
        return False
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that there was not enough memory, on CUDA or on the CPU, for torch or for NumPy."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(said in str(error) for said in _NO_MEMORY)


def on_device(network: N, device: torch.device) -> N:
    """Move a network to a device, with channels last in memory, which convolutions prefer on CPU and CUDA alike."""
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
