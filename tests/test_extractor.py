"""Training the encoder and applying extractors."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from degcraft.axes import Choices, Range, Step
from degcraft.degrade import degrade
from degcraft.encoder import augment, embeddings, mixed, standardise, train_encoder
from degcraft.errors import UserError
from degcraft.extractor import Extractor
from degcraft.networks import NetworkSpec, load_network, save_network
from degcraft.networks.encoder import Encoder
from degcraft.networks.sr import to_tensor
from degcraft.seeds import stream
from degcraft.settings import EncoderSettings
from degcraft.space import build

QUICK = EncoderSettings(channels=2, features=4, samples=32, buffer=16, passes=1, batch=8)


@pytest.fixture(scope="module")
def degraded(patches, space, scale):
    """256 patches that the encoder has not seen, and their parameters."""
    with h5py.File(patches) as file:
        hr = file["patches"][:]
    images, parameters = [], []
    for i in range(256):
        generator = stream(1, "test", i)
        parameters.append(space.draw(i % len(space), generator))
        images.append(degrade(augment(hr[i % len(hr)], generator), space, parameters[-1], scale, generator))
    return np.stack(images), np.stack(parameters)


def test_features_have_mean_zero_and_deviation_one(encoder, degraded):
    network, _ = load_network(encoder)
    standardise(network, embeddings(network, degraded[0], torch.device("cpu")))
    with torch.no_grad():
        tensor = to_tensor(torch.from_numpy(degraded[0]))
        features, raw = network.features(tensor).numpy(), network.embedding(tensor).std(dim=0).numpy()
    np.testing.assert_allclose(features.mean(axis=0), 0.0, atol=1e-3)
    deviation, lively = features.std(axis=0, ddof=1), raw > 0.2 * raw.max()
    assert lively.sum() >= 2
    np.testing.assert_allclose(deviation[lively], 1.0, atol=1e-3)
    assert deviation.max() < 1.001  # the others are not blown up


def test_features_that_are_all_alike_are_refused(degraded):
    network = NetworkSpec.of("encoder", channels=2, features=3, outputs=1).build()
    for value in network.parameters():
        value.data.zero_()
    with pytest.raises(UserError, match=r"^extractor: the encoder's features are the same for every patch.*lower enc"):
        standardise(network, embeddings(network, degraded[0], torch.device("cpu")))


def test_a_training_that_gets_lost_is_stopped(patches, space, tmp_path, scale):
    lost = replace(QUICK, learning_rate=1e30)
    with pytest.raises(UserError, match=r"^extractor: the loss is no number any more at step \d; lower encoder\.learn"):
        train_encoder(patches, space, *(tmp_path / name for name in "abc"), lost, scale, 0)
    assert not list(tmp_path.iterdir())


def test_ten_steps_are_a_training_too(patches, space, tmp_path, scale):
    ten = replace(QUICK, samples=40, buffer=40, batch=4)
    assert ten.steps == 10
    train_encoder(patches, space, *(tmp_path / name for name in "abc"), ten, scale, 0)
    assert pd.read_csv(tmp_path / "b")["step"].tolist() == list(range(1, 11))


def test_features_tell_degradations_apart(encoder, encoder_settings, degraded, space):
    features = Extractor(encoder)(degraded[0])
    assert features.shape == (256, encoder_settings.features)
    assert features.dtype == np.float32
    sigma = degraded[1][:, space.names.index("blur_sigma")]
    design = np.column_stack([features, np.ones(len(features))])
    explained = design @ np.linalg.lstsq(design, sigma, rcond=None)[0]
    assert np.corrcoef(explained, sigma)[0, 1] > 0.6


def test_what_is_told_of_an_axis_is_measured_on_other_samples(encoder, space):
    """The axes with bins in their order; the share that the degraded patches of this file would show, roughly."""
    table = pd.read_csv(encoder.with_name("encoder_axes.csv"))
    assert list(table.columns) == ["axis", "explained"]
    assert list(table["axis"]) == [name for name, binned in zip(space.names, space.binned, strict=True) if binned]
    assert 0.3 < table.set_index("axis")["explained"]["blur_sigma"] < 1


def test_loss_falls(encoder, encoder_settings):
    curve = pd.read_csv(encoder.with_suffix(".csv"))
    steps = encoder_settings.samples * encoder_settings.passes // encoder_settings.batch
    assert list(curve.columns) == ["step", "loss", "guess"]
    assert steps == 128 and curve["step"].tolist() == [*range(12, 128, 12), 128]
    assert curve["loss"].iloc[-1] < 0.7 * curve["loss"].iloc[0]


def test_patches_do_not_depend_on_their_batch(encoder, degraded):
    extractor = Extractor(encoder)
    np.testing.assert_allclose(extractor(degraded[0][:20], batch=3), extractor(degraded[0][:20]), atol=1e-4)
    order = np.random.default_rng(0).permutation(20)
    np.testing.assert_allclose(extractor(degraded[0][:20][order]), extractor(degraded[0][:20])[order], atol=1e-4)


def test_features_that_hardly_varied_do_not_drown_the_others():
    torch.manual_seed(0)
    network = Encoder(channels=4, features=32, outputs=1).eval()
    calm, wild = (
        to_tensor(torch.from_numpy(np.random.default_rng(0).integers(*values, (64, 16, 16, 3), dtype=np.uint8)))
        for values in ((120, 130), (0, 256))
    )
    with torch.no_grad():  # make the first feature one that calm patches leave at 0 and wild ones at about 1
        network.embed.weight.copy_(torch.eye(32))
        network.embed.bias.zero_()
        before, after = network.embedding(calm).mean(dim=0), network.embedding(wild).mean(dim=0)
        direction = (after - before) / (after - before).square().sum()
        network.embed.weight[0], network.embed.bias[0] = direction, -direction @ before - 0.3
        network.embed.weight[1:] /= network.embedding(calm)[:, 1:].std(dim=0).max()  # the others do vary
        assert network.embedding(calm)[:, 0].max() == 0
        assert 0.1 < network.embedding(wild)[:, 0].mean() < 1
        images = (calm * 255).round().byte().permute(0, 2, 3, 1).numpy()
        standardise(network, embeddings(network, images, torch.device("cpu")))
        assert network.features(wild)[:, 0].abs().max() < 100


def test_same_seed_same_bytes(patches, space, tmp_path, scale):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        files = (tmp_path / f"{name}{end}" for end in ("", ".csv", "_axes.csv"))
        train_encoder(patches, space, *files, QUICK, scale, seed)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()
    for end in (".csv", "_axes.csv"):
        assert (tmp_path / f"a{end}").read_bytes() == (tmp_path / f"b{end}").read_bytes()


@pytest.mark.parametrize("side", [16, 15])
def test_contents_are_mixed(side):
    contents = np.full((3, side, side, 3), 255, np.uint8)  # white, so that what is mixed in shows
    contents[0, side // 3] = 0  # a black line
    contents[1, :, : side // 2] = 0  # an edge
    found = [mixed(contents, stream(0, "test", index)) for index in range(60)]
    assert {(image.shape, image.dtype) for image in found} == {((side, side, 3), np.dtype(np.uint8))}
    assert len({image.tobytes() for image in found}) > 50
    white = contents[2:]
    flat = [mixed(white, stream(0, "test", index)) for index in range(60)]
    quarters = [len(np.unique(image.reshape(-1, 3), axis=0)) for image in flat]
    assert set(quarters) == {1, 4}  # one colour a patch: alone, in a double exposure, and four side by side
    assert 10 <= quarters.count(4) <= 30
    again = mixed(contents, stream(0, "test", 7))
    np.testing.assert_array_equal(again, found[7])


def test_an_output_for_every_axis_with_bins(patches, tmp_path, scale):
    steps = [
        Step("blur", (("sigma", Range(0.2, 2.0, 2)),)),  # a number
        Step("resize", (("kind", Choices(("area", "bicubic"))),)),  # one of five kinds
        Step("noise", (("sigma", Range(0.0, 25.0)),)),  # nuisance
    ]
    files = (tmp_path / name for name in ("a.safetensors", "a.csv", "b.csv"))
    train_encoder(patches, build(steps), *files, QUICK, scale, 0)
    _, spec = load_network(tmp_path / "a.safetensors")
    assert dict(spec.arguments) == {"channels": 2, "features": 4, "outputs": 1 + 5}
    assert np.isfinite(pd.read_csv(tmp_path / "a.csv")["loss"]).all()


def test_a_space_in_which_nothing_varies_is_refused(patches, tmp_path, scale):
    with pytest.raises(UserError, match="no axis has more than one bin"):
        train_encoder(patches, build([Step("resize", ())]), *(tmp_path / name for name in "abc"), QUICK, scale, 0)
    assert list(tmp_path.iterdir()) == []


@given(seed=st.integers(0, 1000))
def test_augmentation_keeps_shape_and_sharpness(seed, make_photo):
    patch = make_photo(24, 24, seed % 5)
    result = augment(patch, np.random.default_rng(seed))
    assert result.shape == patch.shape
    assert result.dtype == np.uint8
    # flips, turns, channel order and inversion leave a channel's deviation; the gain takes 0.6 to 1 of it
    before, after = patch.std(axis=(0, 1)), result.std(axis=(0, 1))
    assert after.max() <= before.max() + 0.5
    assert after.min() >= 0.6 * before.min() - 0.5
    np.testing.assert_array_equal(result, augment(patch, np.random.default_rng(seed)))


def test_augmentation_varies(make_photo):
    patch = make_photo(24, 24)
    assert len({augment(patch, stream(0, "x", i)).tobytes() for i in range(20)}) == 20


def test_what_is_no_extractor_is_refused(tmp_path):
    spec = NetworkSpec.of("compact", channels=2, blocks=0, scale=2)
    save_network(tmp_path / "model.safetensors", spec.build(), spec)
    with pytest.raises(UserError, match="holds the network 'compact', which is no feature extractor"):
        Extractor(tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="no such file"):
        Extractor(tmp_path / "nothing.safetensors")
