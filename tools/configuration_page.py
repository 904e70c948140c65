"""Print docs/configuration.md, made from the schema of the configuration: python tools/configuration_page.py"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
HEAD = """\
<!-- Made by tools/configuration_page.py from workflow/schemas/config.schema.yaml. Change the schema, then run
     .venv/bin/python tools/configuration_page.py > docs/configuration.md -->

# Configuration

Every key, made from the schema that each configuration is checked against. A misspelt key is an error that names its
nearest neighbour. Paths are relative to the folder in which `snakemake` runs; `~` at their beginning is your home
folder. A key without a default may be left out, unless it says *required*. Each `threads` is part of the configuration,
and not taken from the machine, because sums in another order give other last digits. What to set first is in the
[tutorial](tutorial.md); pages that explain more: [degradations](degradations.md), [crafting](crafting.md),
[large spaces](adaptive.md), [goodness of fit](fit.md), [training](training.md), [metrics](evaluation.md),
[super-resolving](upscaling.md).
"""
COLUMNS = "| key | meaning | values | default |\n|---|---|---|---|\n"
LIMITS = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
KINDS = {"string": "text", "null": "nothing", "boolean": "true, false", "number": "number", "integer": "integer"}
# Where a schema refers to one of its definitions, the table names it and the last section explains it.
NAMES = {
    "numbers": "numbers",
    "words": "choices",
    "setting": "setting",
    "distribution": "distribution",
}

Schema = Mapping[str, Any]


def page(schema: Schema) -> str:
    """The whole page."""
    keys, required = schema["properties"], schema["required"]
    plain = {key: value for key, value in keys.items() if not nested(value)}
    parts = [HEAD, "## Keys without a section\n", table(plain, required), ""]
    for key, value in keys.items():
        if not nested(value):
            continue
        parts += [f"## {key}\n", f"{text(value)}{' *Required.*' if key in required else ''}\n"]
        if key == "degradation":
            parts += operators(value["items"]["properties"])
        elif key == "targets":
            names, target = value["propertyNames"]["description"], value["additionalProperties"]
            parts += [f"Names are {names}. Of each:\n", table(*inside(target)), ""]
        else:
            parts += [table(*inside(value)), ""]
    parts += ["## Kinds of values\n", "| values | meaning |\n|---|---|"]
    parts += [f"| {NAMES[name]} | {cell(text(value))} |" for name, value in schema["$defs"].items() if name in NAMES]
    return "\n".join(parts) + "\n"


def nested(value: Schema) -> bool:
    """Whether a key has keys of its own, and so a section."""
    return value.get("type") == "object" or value.get("items", {}).get("type") == "object"


def inside(value: Schema) -> tuple[dict[str, Schema], list[str]]:
    """The keys of an object, those of objects in it after a dot, and which of them are required."""
    keys: dict[str, Schema] = {}
    required = list(value.get("required", ()))
    for key, inner in value["properties"].items():
        keys[key] = inner
        if "properties" in inner:
            keys |= {f"{key}.{name}": deeper for name, deeper in inner["properties"].items()}
            required += [f"{key}.{name}" for name in inner.get("required", ())]
    return keys, required


def operators(properties: Schema) -> Iterator[str]:
    """A section for each operator."""
    for name, value in properties.items():
        yield f"### {name}\n"
        yield text(value) + "\n"
        yield "| key | meaning | values |\n|---|---|---|"
        for key, parameter in value["properties"].items():
            yield f"| `{key}` | {cell(parameter['description'])} | {cell(values(parameter))} |"
        yield ""


def table(keys: Mapping[str, Schema], required: Sequence[str]) -> str:
    """A row for each key."""
    rows = []
    for key, value in keys.items():
        default = f"`{json.dumps(value['default'])}`" if "default" in value else "*required*" if key in required else ""
        rows.append(f"| `{key}` | {cell(text(value))} | {cell(values(value))} | {default} |")
    return COLUMNS + "\n".join(rows)


def values(value: Schema) -> str:
    """What a key may be set to, in words."""
    if "$ref" in value:
        return NAMES[value["$ref"].rsplit("/", 1)[1]]
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if "anyOf" in value:
        return " or ".join(values(choice) for choice in value["anyOf"])
    kind = value["type"]
    if isinstance(kind, list):
        return " or ".join(KINDS[name] for name in kind)
    if kind == "array":
        return f"list: {values(value['items'])}"
    if kind == "object":
        return "axes: setting" if "additionalProperties" in value and "properties" not in value else "keys"
    limits = [f"{sign}\N{NO-BREAK SPACE}{value[key]}" for key, sign in LIMITS if key in value]
    return ", ".join([KINDS[kind], *limits])


def text(value: Schema) -> str:
    """A description on one line, ending with a full stop."""
    words = " ".join(value["description"].split())
    return words if words.endswith(".") else f"{words}."


def cell(words: str) -> str:
    """Text that a table can hold."""
    return words.replace("|", "\\|")


if __name__ == "__main__":
    print(page(yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))), end="")
