"""Craft training degradation distributions for real-world super-resolution.

The library is what the method *is*: degradation spaces, feature moments, the Fréchet distance, the convex solver, and
the stages that turn photos into pairs, models and tables. It knows nothing of Snakemake; the workflow's scripts call
it.

What is listed in ``__all__`` is meant to be used from other programs; ``docs/python.md`` shows how. Each name is
imported from its module when it is first used, so that ``import degcraft`` costs nothing and does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from degcraft.degrade import degrade_drawn, degrade_folder
    from degcraft.degraded_dataset import DegradedDataset
    from degcraft.distribution import Distribution
    from degcraft.errors import UserError
    from degcraft.images import crop_to_multiple, read_image, write_image
    from degcraft.seeds import stream

__all__ = [
    "DegradedDataset",
    "Distribution",
    "UserError",
    "crop_to_multiple",
    "degrade_drawn",
    "degrade_folder",
    "read_image",
    "stream",
    "write_image",
]

_MODULES = {
    "DegradedDataset": "degraded_dataset",
    "Distribution": "distribution",
    "UserError": "errors",
    "crop_to_multiple": "images",
    "degrade_drawn": "degrade",
    "degrade_folder": "degrade",
    "read_image": "images",
    "stream": "seeds",
    "write_image": "images",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'degcraft' has no attribute {name!r}")
    return getattr(import_module(f"degcraft.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
