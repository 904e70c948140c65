"""The documentation beside what it describes: the schema, the package, and the files of finished runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
import torch
from workflow_runs import ROOT, modules

from degcraft.axes import Choices, Range, Step
from degcraft.names import DIAL
from degcraft.networks import NETWORKS, NetworkSpec, load_network, save_network
from degcraft.operators import OPERATORS
from degcraft.space import build

DOCS = ROOT / "docs"
# what stands between < and > on the page of artifacts; anything else is a part of one file name
WILDCARDS = {
    "file": ".+",
    "figure": "marginals|joint|trace|trade_off|fit",
    "axis": "[a-z0-9]+_[a-z_]+",
    "dial": DIAL,
    "k": "[0-9]+",
    "seed": "[0-9]+",
}


class Field(NamedTuple):
    """A column, dataset, attribute or key as the page of artifacts describes it."""

    name: str
    kind: str
    sometimes: bool
    shape: str


def artifacts() -> dict[str, list[Field]]:
    """The artifacts on the page and their fields."""
    found: dict[str, list[Field]] = {}
    for section in re.split(r"^### `", (DOCS / "artifacts.md").read_text(), flags=re.M)[1:]:
        path, text = section.split("`", 1)
        found[path] = []
        for kind, rows in re.findall(r"^\| (column|dataset|attribute|key) \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.M):
            for row in rows.splitlines():
                _, names, shape, *rest = row.split("|")
                for name in re.findall(r"`([^`]+)`", names):
                    found[path].append(Field(name, kind, "*sometimes*" in rest[0] + rest[1], shape.strip()))
    return found


def pattern(name: str) -> re.Pattern[str]:
    """What a name with wildcards stands for."""
    parts = re.split(r"<(\w+)>", name)
    parts[::2] = map(re.escape, parts[::2])
    parts[1::2] = [f"(?:{WILDCARDS.get(wildcard, '[^/]+')})" for wildcard in parts[1::2]]
    return re.compile("".join(parts))


def compare_artifacts(results: Path) -> tuple[list[str], set[str]]:
    """Where a run's files and the page of artifacts differ, and the artifacts on the page that the run has."""
    page, seen, problems = artifacts(), set(), []
    for path in sorted(results.rglob("*")):
        name = path.relative_to(results).as_posix()
        if path.is_dir() or path.name.startswith("."):
            continue
        artifact = next((one for one in page if pattern(one).fullmatch(name)), None)
        if artifact is None:
            problems.append(f"{name} is not on the page")
            continue
        seen.add(artifact)
        problems += [f"{name}: {problem}" for problem in compare_file(path, page[artifact])]
    return problems, seen


def compare_file(path: Path, fields: Sequence[Field]) -> Iterator[str]:
    """Where a file differs from its description."""
    if path.suffix == ".csv":
        yield from compare_names(path.read_text().splitlines()[0].split(","), fields, "column")
    elif path.suffix == ".json":
        yield from compare_names(list(json.loads(path.read_text())), fields, "key")
    elif path.suffix == ".h5":
        with h5py.File(path) as file:
            yield from compare_names(list(file), fields, "dataset", ordered=False)
            yield from compare_names(list(file.attrs), fields, "attribute", ordered=False)
            for field in fields:
                if field.kind == "dataset" and field.name in file:
                    dtype, shape = field.shape.split(" ", 1)
                    found = file[field.name]
                    if (found.dtype, found.ndim) != (np.dtype(dtype), len(shape.strip("(),").split(","))):
                        yield f"{field.name} is {found.dtype} {found.shape}, the page says {field.shape}"


def compare_names(names: list[str], fields: Sequence[Field], kind: str, ordered: bool = True) -> Iterator[str]:
    """Names that the page lacks, names that the file lacks, and another order of those without a wildcard."""
    described = [field for field in fields if field.kind == kind]
    matches = [next((field for field in described if pattern(field.name).fullmatch(name)), None) for name in names]
    yield from (f"{kind} {name} is not on the page" for name, match in zip(names, matches, strict=True) if not match)
    yield from (f"no {kind} {field.name}" for field in described if not field.sometimes and field not in matches)
    plain = [field.name for field in described if "<" not in field.name and field in matches]
    if ordered and plain != [match.name for match in matches if match and "<" not in match.name]:
        yield f"another order of {kind}s than on the page"


def blocks(page: str) -> list[str]:
    """The Python code on a page, block by block."""
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.M | re.S)


def run_blocks(page: str, **replaced: str) -> dict[str, object]:
    """Run the code on a page, with some words replaced; returns what it defined."""
    code = "\n".join(blocks(page))
    for old, new in replaced.items():
        code = code.replace(old, new)
    names: dict[str, object] = {"__name__": "documented"}
    exec(compile(code, str(DOCS / page), "exec", dont_inherit=True), names)
    return names


def test_the_page_of_keys_is_made_from_the_schema(schema, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from configuration_page import page

    made = ".venv/bin/python tools/configuration_page.py > docs/configuration.md"
    assert (DOCS / "configuration.md").read_text() == page(schema), f"run {made}"


def test_the_page_of_keys_has_every_key(schema):
    def keys(node):
        for key, value in node.get("properties", {}).items():
            yield key
            yield from keys(value)
        for inner in ("items", "additionalProperties"):
            if isinstance(node.get(inner), dict):
                yield from keys(node[inner])

    text = (DOCS / "configuration.md").read_text()
    sections, rows = (set(re.findall(mark, text, re.M)) for mark in (r"^##+ (\w+)$", r"^\| `(?:\w+\.)?(\w+)` \|"))
    assert set(keys(schema)) == (sections | rows)


def test_every_module_is_on_one_page_of_the_library():
    shown = [name for page in sorted((DOCS / "library").glob("*.md")) for name in modules_on(page)]
    assert sorted(shown) == sorted(modules())


def modules_on(page: Path) -> list[str]:
    """Modules whose docstrings are on a page."""
    return re.findall(r"^::: degcraft\.(\S+)$", page.read_text(), re.M)


def test_the_operator_on_the_page_works():
    try:
        run_blocks("new-operator.md")
        steps = (
            Step("fade", (("amount", Range(0.0, 50.0, 2)),)),
            Step("resize", (("kind", Choices(("bicubic",))),)),
        )
        space = build(steps)
        assert space.names == ["fade_amount", "resize_kind"] and len(space) == 2
        black = np.zeros((4, 4, 3), np.float32)
        faded = OPERATORS["fade"].apply(black, {"amount": 50.0}, (1, 1), np.random.default_rng(0))
        assert (faded == 50).all() and not black.any()
    finally:
        OPERATORS.pop("fade", None)


def test_the_network_on_the_page_works(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "shallow", run_blocks("new-network.md")["Shallow"])
    spec = NetworkSpec.of("shallow", channels=4, blocks=1, scale=2)
    save_network(tmp_path / "model.safetensors", spec.build(), spec)
    network, read = load_network(tmp_path / "model.safetensors")
    assert read == spec and network(torch.zeros(1, 3, 5, 7)).shape == (1, 3, 10, 14)


def test_the_extractor_on_the_page_works(tmp_path, monkeypatch):
    module = run_blocks("new-extractor.md")
    monkeypatch.setitem(NETWORKS, "detail", module["Detail"])
    spec = NetworkSpec.of("detail", features=9)
    save_network(tmp_path / "detail.safetensors", spec.build(), spec)
    network, _ = load_network(tmp_path / "detail.safetensors")
    noisy, flat = torch.rand(2, 3, 48, 48), torch.full((2, 3, 48, 48), 0.5)
    assert network.features(noisy).shape == (2, 9)
    assert (network.features(noisy) > network.features(flat)).all()


def test_every_page_is_in_the_navigation_once():
    listed = re.findall(r"^ +- (?:[^:\n]+: )?([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def test_links_of_pages_outside_the_site_lead_somewhere():
    for page in ("README.md", "CONTRIBUTING.md", "config/README.md"):
        for link in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text()):
            assert link.startswith("http") or (ROOT / page).parent.joinpath(link).exists(), f"{page}: {link}"


@pytest.mark.parametrize(("anchor", "built"), [("there", True), ("nowhere", False)])
def test_a_dead_link_fails_the_build_as_make_does_it(anchor, built, tmp_path):
    (options,) = re.findall(r"^MKDOCS = .*/mkdocs build (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(f"# There\n\n[a link](#{anchor})\n")
    (tmp_path / "mkdocs.yml").write_text("site_name: a page\nvalidation: {links: {anchors: warn}}\n")
    command = [sys.executable, "-m", "mkdocs", "build", *options.split()]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True)
    assert (done.returncode == 0) == built, done.stderr.decode()
