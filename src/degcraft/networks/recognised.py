"""Networks of other projects, recognised by their weights through the optional package spandrel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from degcraft.errors import UserError
from degcraft.extras import Extra

SPANDREL = "spandrel"  # what a configuration and a model's file call them
_NEEDED = Extra(
    ("spandrel",),
    "{source}: networks of other projects need the package {packages}, which cannot be imported ({error}); run "
    ".venv/bin/pip install -e '.[spandrel]' (docs/training.md says what to do about torchvision)",
)


class Recognised(nn.Module):
    """Any SR architecture that spandrel knows; its sizes are read off the weights.

    Args:
        tensors: its weights, which are loaded.
        source: where they are from, for messages.

    Raises:
        UserError: spandrel cannot be imported, or does not know these weights as an SR network from RGB to RGB.
    """

    def __init__(self, tensors: Mapping[str, Tensor], source: object) -> None:
        super().__init__()
        _NEEDED.require(source=source)
        import spandrel

        try:
            found = spandrel.ModelLoader().load_from_state_dict(dict(tensors))
        except Exception as error:  # whatever an architecture says of weights that only look like its own
            raise UserError(f"{source}: spandrel does not recognise a network in it ({type(error).__name__})") from None
        channels = getattr(found, "input_channels", None), getattr(found, "output_channels", None)
        if not isinstance(found, spandrel.ImageModelDescriptor) or channels != (3, 3):
            raise UserError(f"{source}: holds a {found.architecture.name}, which is no SR network from RGB to RGB")
        self.architecture: str = found.architecture.name
        self.scale: int = found.scale
        self.model: nn.Module = found.model.requires_grad_(True)
        self._sizes = found.size_requirements

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, h, w) in 0..1 to (N, 3, scale*h, scale*w); sides that the network cannot take are padded for it."""
        height, width = x.shape[-2:]
        rows, columns = (self._allowed(side) for side in (height, width))
        if self._sizes.square:
            rows = columns = max(rows, columns)
        padded = functional.pad(x, (0, columns - width, 0, rows - height), mode="replicate")
        out: Tensor = self.model(padded)[..., : height * self.scale, : width * self.scale]
        return out

    def state_dict(self, *args: Any, **options: Any) -> dict[str, Any]:  # type: ignore[override]
        """Under the names by which other programs know the network, without a prefix."""
        return self.model.state_dict(*args, **options)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """See `state_dict`."""
        return self.model.load_state_dict(state_dict, *args, **options)

    def _allowed(self, side: int) -> int:
        """The smallest side from this one on that the network can take."""
        multiple: int = self._sizes.multiple_of
        least: int = max(side, self._sizes.minimum)
        return -(-least // multiple) * multiple
