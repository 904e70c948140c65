"""Launching a whole step at once: a GPU is done with a small network sooner than the CPU has launched its kernels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

CALLS_BEFORE = 3  # in which cuDNN chooses its algorithms and an optimiser makes its state


class Recorded:
    """A function that is recorded after a few calls, and from then on launched as one CUDA graph.

    Every call has to do the same work on tensors of the same shapes, wait for nothing, and read what changes between
    calls, beside its arguments, from tensors that stay in their place. Where that fails, calls go on as they were.

    Args:
        function: tensors on a GPU in, a tensor out.

    Attributes:
        launches_at_once: whether it has been recorded.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function, self._calls = function, 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Sequence[Tensor] = ()
        self._result = torch.empty(0)

    @property
    def launches_at_once(self) -> bool:
        return self._graph is not None

    def __call__(self, *inputs: Tensor) -> Tensor:
        self._calls += 1
        if self._calls <= CALLS_BEFORE:
            return self._aside(inputs)
        if self._calls == CALLS_BEFORE + 1:
            self._record(inputs)
        if self._graph is None:
            return self._function(*inputs)
        for kept, given in zip(self._inputs, inputs, strict=True):
            kept.copy_(given, non_blocking=True)
        self._graph.replay()
        return self._result.clone()

    def _aside(self, inputs: Sequence[Tensor]) -> Tensor:
        """A call on a stream of its own, as calls before a recording have to be."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            result = self._function(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return result

    def _record(self, inputs: Sequence[Tensor]) -> None:
        """Note what a call launches, without launching it."""
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        kept = [given.clone() for given in inputs]
        try:
            # thread_local: another thread may pin memory meanwhile
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                result = self._function(*kept)
        except RuntimeError as error:
            torch.cuda.set_stream(stream)  # a recording that CUDA gave up leaves its own
            log = logging.getLogger("degcraft")
            log.warning("a step could not be recorded as a CUDA graph and is launched in pieces, slower: %s", error)
            return
        self._graph, self._inputs, self._result = graph, kept, result
