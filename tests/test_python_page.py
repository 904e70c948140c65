"""The examples of docs/python.md run, one after the other, beside a small finished run."""

from __future__ import annotations

import shutil

import numpy as np
from PIL import Image
from test_docs import blocks


def test_the_examples_run(patches, uniform, hr_folder, make_photo, tmp_path, monkeypatch, capsys):
    (tmp_path / "results/targets/album").mkdir(parents=True)
    (tmp_path / "results/hr").mkdir()
    uniform.write(tmp_path / "results/targets/album/weights.csv")
    shutil.copy(patches, tmp_path / "results/hr/patches.h5")
    shutil.copytree(hr_folder, tmp_path / "photos")
    Image.fromarray(make_photo(70, 90)).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)

    examples = blocks("python.md")
    assert len(examples) >= 4
    names: dict[str, object] = {}
    for block in examples:
        exec(compile(block.replace("num_workers=4", "num_workers=1"), "docs/python.md", "exec"), names)

    assert np.asarray(Image.open("photo-degraded.png")).shape == (17, 22, 3)
    assert sorted(path.name for path in (tmp_path / "degraded").iterdir())[0] == "parameters.csv"
    assert "noise_sigma" in capsys.readouterr().out
