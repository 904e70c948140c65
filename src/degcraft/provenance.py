"""Digests of the code that a stage runs and of the configuration, so that a workflow can tell when they changed."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
# what they hold reaches a stage as parameters, as text, as a picture to watch or as an error, never as another result
_IGNORED = frozenset({"config", "errors", "extras", "progress", "provenance", "training.monitor"})
_BEGUN = "DEGCRAFT_CONFIGURATION"  # environment variable; jobs on a cluster inherit it
_DECLARATIONS = "settings"  # reach a stage as parameters as well, but not what its functions compute of them


@cache
def code_digest(*modules: str) -> str:
    """Digest of modules' sources and of every module of this package that they import, directly or not.

    Args:
        modules: names inside the package, such as ``photos`` or ``networks.sr``.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(set().union(*map(modules_used, modules)) - _IGNORED):
        digest.update(name.encode())
        if name == _DECLARATIONS:
            digest.update(_functions(_file(name)))
            continue
        for path in sorted(_file(name).parent.glob(f"{_file(name).stem}.*")):  # a template belongs to its module
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _functions(path: Path) -> bytes:
    """Sources of a module's functions, one after the other."""
    source = path.read_text(encoding="utf-8")
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    return "".join(ast.get_source_segment(source, node) or "" for node in nodes).encode()


def modules_used(module: str) -> set[str]:
    """The module itself and all modules of this package that it imports, directly or not."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_imports(name))
    return found


@cache  # the sources do not change while a workflow is being planned
def _imports(module: str) -> frozenset[str]:
    """Modules of this package that a module's import statements name, but for those that are there for types alone."""
    found: set[str] = set()
    for node in _import_statements(ast.parse(_file(module).read_text(encoding="utf-8")).body):
        if (node.module or "").split(".")[0] == "degcraft":
            base = (node.module or "").removeprefix("degcraft").lstrip(".")
            submodules = [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
            found.update(name for name in submodules if _exists(name))
            if base:
                found.add(base)
    return frozenset(found)


def _import_statements(block: Sequence[ast.AST]) -> Iterator[ast.ImportFrom]:
    """Those of a block and of the blocks in it; expressions, the greater part of a source, hold none."""
    for node in block:
        if isinstance(node, ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"):
            for part in ("body", "orelse", "handlers", "finalbody", "cases"):
                yield from _import_statements(getattr(node, part, []))


def _exists(module: str) -> bool:
    return _file(module).is_file()


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def same_configuration(raw: Mapping[str, object], begins: bool) -> bool:
    """Whether a configuration is the one with which the run began; jobs on a cluster read it anew.

    What they made of another would be recorded as made with the one that the run began with.

    Args:
        raw: plain values.
        begins: this is the process with which the run begins, and not a job.
    """
    digest = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
    if begins:
        os.environ[_BEGUN] = digest
    return os.environ.get(_BEGUN, digest) == digest
