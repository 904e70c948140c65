"""What YAML can write and a configuration cannot hold, before the schema looks at it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from degcraft.errors import UserError
from degcraft.storage import is_file

MOST_VALUES, DEEPEST = 10_000, 20  # an anchor that holds itself, or anchors of anchors, would never end
_MOST_BITS = 64
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where there is one, is ten times faster


def in_words(path: tuple[object, ...]) -> str:
    """Where something is: ``targets.demo.test``; parts that cannot be shown as they are, quoted."""
    parts = (part if isinstance(part, str) and part.isprintable() else ascii(part) for part in path)
    return ".".join(parts) or "configuration"


def plain(raw: Mapping[Any, Any]) -> dict[str, Any]:
    """A configuration in which every key is text: ``2020:`` is a whole number to YAML, and a fine name for a target.

    Raises:
        UserError: everything that is neither text nor a number, a list, a table, true, false or null; a key that is
            neither text nor a whole number; numbers that nothing can compute with; more values than a configuration
            can have. A line each.
    """
    problems = list(_problems(raw))
    if problems:
        raise UserError("\n".join(problems))
    copy: dict[str, Any] = _copy(raw)
    return copy


def _problems(raw: Mapping[Any, Any]) -> Iterator[str]:
    waiting: list[tuple[tuple[object, ...], Any]] = [((), raw)]
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        path, value = waiting.pop()
        if len(path) > DEEPEST:
            yield f"{in_words(path[:1])}: more than {DEEPEST} levels of tables and lists; does an anchor hold itself?"
            return
        if isinstance(value, Mapping):
            yield from _keys(path, value)
            waiting += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), item) for index, item in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            yield f"{in_words(path)}: {value} is no number to compute with"
        elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
            yield f"{in_words(path)}: a whole number too large to compute with"
        elif value is not None and not isinstance(value, str | int | float):
            yield (
                f"{in_words(path)}: YAML reads a {type(value).__name__}, but a setting is text, a number, a list or a "
                "table; put text in quotes"
            )
    if waiting:
        path, _ = waiting.pop()
        yield f"{in_words(path[:1])}: more than {MOST_VALUES} values; do anchors hold anchors?"


def _keys(path: tuple[object, ...], table: Mapping[Any, Any]) -> Iterator[str]:
    seen: set[str] = set()
    for key in table:
        if isinstance(key, bool) or not isinstance(key, str | int):
            yield f"{in_words(path)}: the key {key!r} is no text to YAML; put it in quotes"
        elif isinstance(key, int) and key.bit_length() > _MOST_BITS:
            yield f"{in_words(path)}: a key is a very long number; use a word"
        elif str(key) in seen:
            yield f"{in_words(path)}: the key {str(key)!r} is there twice, as text and as a number"
        else:
            seen.add(str(key))


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def repeated_keys(path: str | os.PathLike[str]) -> Iterator[str]:
    """Keys that are twice in one table of a YAML file, in words: YAML takes the last one and says nothing.

    Nothing is found in what is no regular file (it can be read but once), or is a template of Snakemake's.
    """
    if not is_file(path):
        return
    try:
        root = yaml.compose(Path(path).read_text(encoding="utf-8"), LOADER)
    except (yaml.YAMLError, ValueError):  # it is JSON with tabs, perhaps; Snakemake has read it
        return
    if isinstance(root, yaml.MappingNode) and any(key.value == "__use_yte__" for key, _ in root.value):
        return
    waiting, met = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in met or not isinstance(node, yaml.CollectionNode):
            continue
        met.add(id(node))  # an anchor is met again, and perhaps inside itself
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        first: dict[tuple[str, str], yaml.ScalarNode] = {}
        for key, value in node.value:
            waiting.append(value)
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                other = first.setdefault((key.tag, key.value), key)
                if other is not key:
                    lines = " and ".join(str(one.start_mark.line + 1) for one in (other, key))
                    yield f"{path}: the key {key.value!r} is there twice (lines {lines}); remove one"
