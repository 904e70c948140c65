"""Files of weights."""

from __future__ import annotations

import pytest
import torch

from degcraft.errors import UserError
from degcraft.networks.sr import Compact
from degcraft.networks.weights import read_weights


def test_files_without_weights_are_named(tmp_path):
    network = Compact(channels=5, blocks=2, scale=2)
    path = tmp_path / "a.pth"
    with pytest.raises(UserError, match=r"a\.pth: no such file"):
        read_weights(path)
    torch.save(network, path)  # a pickled module, which could hold any code
    with pytest.raises(UserError, match=r"a\.pth: not a file of weights alone \(UnpicklingError\)"):
        read_weights(path)
    torch.save({"epoch": 3, "weights": network.state_dict()}, path)
    with pytest.raises(UserError, match=r"holds no table of weights; params_ema, params, state_dict were looked for"):
        read_weights(path)
    (tmp_path / "a.safetensors").write_bytes(b"abc")
    with pytest.raises(UserError, match=r"a\.safetensors: not a whole safetensors file"):
        read_weights(tmp_path / "a.safetensors")
