"""What runs on a GPU: ``make test-gpu``."""

import pytest
import torch


@pytest.fixture
def gpu():
    """The device; without one, the test is skipped."""
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    return torch.device("cuda")


@pytest.fixture
def on_the_cpu(monkeypatch):
    """``on_the_cpu(f, ...)`` calls f as on a machine without a GPU."""

    def call(function, *arguments):
        with monkeypatch.context() as patch:
            patch.setattr(torch.cuda, "is_available", lambda: False)
            return function(*arguments)

    return call
