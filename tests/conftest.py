"""Small real inputs that the test modules share: photos, patches, a space of eight bins, a trained encoder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, settings
from PIL import Image
from workflow_runs import ROOT

from degcraft.axes import Choices, Range, Step
from degcraft.distribution import Distribution
from degcraft.encoder import train_encoder
from degcraft.images import Uint8Image
from degcraft.pairs import gather_pairs, make_pairs
from degcraft.photos import cut_hr_patches
from degcraft.settings import EncoderSettings, PairSettings, PhotoSettings
from degcraft.space import Space, build

settings.register_profile(
    "degcraft",
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("degcraft")


def pytest_configure(config: pytest.Config) -> None:
    """Hide GPUs but from tests/gpu: what the others expect to the byte or in number of processes holds on CPUs."""
    if not any("gpu" in Path(argument).parts for argument in config.args):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


LONGEST = ("test_faults.py", "test_workflow.py", "test_reruns.py", "test_refusals.py", "test_config_fuzz.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: of two processes, none is left alone with one at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


SCALE = 2
STEPS = (
    Step("blur", (("sigma", Range(0.2, 2.0, 2)),)),
    Step("resize", (("kind", Choices(("bicubic",))),)),
    Step("noise", (("sigma", Range(0.0, 20.0, 2)),)),
    Step("jpeg", (("quality", Range(30, 90, 2)),)),
)


def photo(height: int, width: int, seed: int = 0) -> Uint8Image:
    """Gradients, stripes and grain in colour: something for a resampler, a codec and a texture measure to work on."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    stripes = 40 * np.sin((x + 2 * y) / (2.0 + seed % 3))
    colours = [90 + 80 * x / width, 140 - 60 * y / height, 110 + 30 * np.sin((x - y) / 9.0)]
    grain = generator.normal(0, 12, (height, width, 3))
    return np.clip(np.stack(colours, axis=-1) + stripes[..., None] + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def scale() -> int:
    """SR scale of the shared inputs."""
    return SCALE


@pytest.fixture(scope="session")
def make_photo() -> Callable[..., Uint8Image]:
    """See `photo`."""
    return photo


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[..., Path]:
    """``folder_of("name", a=image, ...)`` writes a.png, ... into a folder and returns it."""

    def write(name: str, **images: Uint8Image) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        for stem, image in images.items():
            Image.fromarray(image).save(folder / f"{stem}.png")
        return folder

    return write


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, str], None]]:
    """``small_disk(folder, "size=200k")``: the folder is a disk of its own with these options, now or from now on.

    It takes root; without, the test is skipped.
    """
    folders: list[Path] = []

    def mounted(folder: Path, options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        options += ",remount" if folder in folders else ""
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("mounting a small disk takes root")
        folders.append(folder)

    yield mounted
    for folder in set(folders):
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def hr_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sharp photos of different sizes."""
    folder = tmp_path_factory.mktemp("hr")
    for index, (height, width) in enumerate([(80, 96), (96, 72), (64, 64), (71, 101)]):
        Image.fromarray(photo(height, width, index)).save(folder / f"photo{index}.png")
    return folder


@pytest.fixture(scope="session")
def patches(hr_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen HR patches of 32 pixels."""
    folder = tmp_path_factory.mktemp("patches")
    cut_hr_patches(
        hr_folder, folder / "patches.h5", folder / "photos.csv", PhotoSettings(size=32, per_photo=4), SCALE, seed=0
    )
    return folder / "patches.h5"


@pytest.fixture(scope="session")
def steps() -> tuple[Step, ...]:
    """Blur, bicubic resize, noise, JPEG; two bins on each continuous axis."""
    return STEPS


@pytest.fixture(scope="session")
def space() -> Space:
    """The eight bins of `steps`."""
    return build(STEPS)


@pytest.fixture(scope="session")
def uniform(space: Space) -> Distribution:
    """The whole range."""
    return Distribution.uniform(space)


@pytest.fixture(scope="session")
def pairs(patches: Path, uniform: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pairs of these patches, over the whole range."""
    folder = tmp_path_factory.mktemp("pairs")
    make_pairs(uniform, patches, folder / "part.h5", PairSettings(40), 0, SCALE, 0)
    gather_pairs([folder / "part.h5"], uniform, patches, folder / "pairs.h5", SCALE, 0)
    return folder / "pairs.h5"


@pytest.fixture(scope="session")
def encoder_settings() -> EncoderSettings:
    """Seconds instead of minutes."""
    return EncoderSettings(channels=6, features=8, samples=384, buffer=384, passes=8, batch=24)


@pytest.fixture(scope="session")
def encoder(
    patches: Path, space: Space, encoder_settings: EncoderSettings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A small trained encoder; its curve lies beside it as encoder.csv."""
    folder = tmp_path_factory.mktemp("encoder")
    files = [folder / name for name in ("encoder.safetensors", "encoder.csv", "encoder_axes.csv")]
    train_encoder(patches, space, *files, encoder_settings, SCALE, 0)
    return folder / "encoder.safetensors"


@pytest.fixture(scope="session")
def schema(root: Path) -> dict[str, Any]:
    """The schema of the configuration."""
    return yaml.safe_load((root / "workflow" / "schemas" / "config.schema.yaml").read_text())


@pytest.fixture
def raw(
    folder_of: Callable[..., Path],
    make_photo: Callable[..., Uint8Image],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """The smallest configuration, in a working directory with its folders."""
    monkeypatch.chdir(tmp_path)
    for name, side in {"hr": 8, "reference": 48, "lr": 48, "truth": 192}.items():
        folder_of(name, a=make_photo(side, side))
    folder_of("truth", b=make_photo(192, 192))
    folder_of("empty")
    folder_of("other", b=make_photo(8, 8))
    twins = folder_of("twins", a=make_photo(8, 8))
    shutil.copy(twins / "a.png", twins / "a.jpg")
    return {
        "hr": "hr",
        "scale": 4,
        "degradation": [
            {"blur": {"sigma": {"range": [0.2, 3.0], "bins": 2}}},
            {"resize": {"kind": ["bicubic"]}},
            {"jpeg": {"quality": {"range": [30, 95], "bins": 2}}},
        ],
        "targets": {"demo": {"reference": "reference"}},
        "train": {"distributions": ["full", "crafted"]},
    }
