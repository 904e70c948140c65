"""The examples of docs/python.md run, one after the other, on the demo's photos."""

from __future__ import annotations

from PIL import Image
from test_docs import blocks

from degcraft.images import image_size
from degcraft.photos import cut_hr_patches
from degcraft.settings import PhotoSettings


def test_the_examples_run(root, uniform, tmp_path, monkeypatch, capsys):
    for folder in ("results/targets/demo", "results/hr"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "resources").symlink_to(root / "resources")
    monkeypatch.chdir(tmp_path)
    uniform.write("results/targets/demo/weights.csv")
    few = PhotoSettings(size=192, per_photo=2)
    cut_hr_patches("resources/demo/hr", "results/hr/patches.h5", "results/hr/photos.csv", few, 4, seed=0)

    examples = blocks("python.md")
    assert len(examples) >= 4
    names: dict[str, object] = {}
    for block in examples:
        exec(compile(block.replace("num_workers=2", "num_workers=1"), "docs/python.md", "exec"), names)

    width, height = image_size("resources/demo/hr/chelsea.png")
    assert Image.open("chelsea-degraded.png").size == (width // 4, height // 4)
    degraded = sorted(path.name for path in (tmp_path / "degraded").iterdir())
    assert "parameters.csv" in degraded and len(degraded) == 12
    assert "noise_sigma" in capsys.readouterr().out
