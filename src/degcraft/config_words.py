"""What the schema finds wrong with a configuration, in plain words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from degcraft.config_values import in_words

Schema = Mapping[str, Any]

LIKE = 0.7  # likeness of keys that are taken for each other: 'fotos' and 'photos' have 0.73, 'steps' and 'threads' 0.5
LIKE_ELSEWHERE = 0.85  # of a key that is valid elsewhere: 'seed' and 'seeds' have 0.89, 'range' and 'angle' 0.8
# what other training programs call a key, mostly of 'train'
OTHER_NAMES = {
    "lr": "learning_rate",
    "batch_size": "batch",
    **dict.fromkeys(["iters", "iterations", "total_iter", "total_iters", "max_steps", "epochs"], "steps"),
    **dict.fromkeys(["arch", "architecture", "model", "network_g"], "network"),
    **dict.fromkeys(["patch_size", "crop_size", "gt_size", "lq_size"], "crop"),
    **dict.fromkeys(["pretrain", "pretrained", "pretrain_network_g"], "start"),
    **dict.fromkeys(["num_feat", "nf"], "channels"),
    **dict.fromkeys(["num_conv", "num_block"], "blocks"),
}
OTHER_WORDS = {  # and what they call a network
    **dict.fromkeys(["esrgan", "real-esrgan", "realesrgan", "rrdb"], "rrdbnet"),
    **dict.fromkeys(["srvgg", "srvggnet", "srvggnetcompact"], "compact"),
}
LONGEST = 60  # characters of a value that are shown
KINDS = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "true or false"}
KINDS |= {"array": "a list", "object": "a table"}
FOLDERS = {key: f"targets.<name>.{key}" for key in ("reference", "upscale")} | {"photos": "hr"}
"""Where a folder belongs that stands behind a section of settings."""
TARGET = "either 'reference' (and 'test', if there is any), or 'truth' and 'photos'"


def schema_problems(raw: Mapping[str, Any], schema: Schema) -> list[str]:
    """What the schema finds wrong, in words, with the key before them.

    A misspelt key comes with the nearest valid one, and one that is valid elsewhere with its sections.
    """
    errors = sorted(Draft202012Validator(schema).iter_errors(raw), key=lambda e: [str(p) for p in e.absolute_path])
    lines = [f"{in_words(tuple(e.absolute_path))}: {text}" for error in errors for e, text in _said(error, schema)]
    return list(dict.fromkeys(lines))  # every missing key names all of them


def _said(error: ValidationError, schema: Schema) -> Iterator[tuple[ValidationError, str]]:
    """An error, or the one that it comes down to, and the words for it."""
    value: Any = error.instance
    rules = _rules(error)
    if error.validator == "oneOf" and not isinstance(value, Mapping):
        return  # its type is an error of its own
    if value is None or (value == {} and error.validator == "minProperties"):
        yield error, _empty(error, schema)
    elif error.validator == "additionalProperties":
        yield from ((error, text) for text in _unknown_keys(value, rules.get("properties", {}), schema))
    elif error.validator == "anyOf" and (meant := _meant(error)):
        yield from _said(meant, schema)
    elif error.validator == "type":
        kind = "neither true nor false" if rules.get("type") == "boolean" else f"not {_kind(rules)}"
        yield error, f"{_shown(value)} is {kind}{_remedy(value, rules)}{_folder(error)}"
    elif error.validator in ("anyOf", "enum"):
        yield error, f"{_shown(value)} is none of: {_wanted(rules)}{_as_number(value, rules)}{_near(value, rules)}"
    elif "propertyNames" in error.absolute_schema_path:
        yield error, f"{_shown(value)} cannot be a name; use {rules['description']}"
    else:
        yield error, _rule_words(str(error.validator), value, error.validator_value, rules)


def _rules(error: ValidationError) -> Schema:
    """The part of the schema that a value does not meet."""
    return error.schema if isinstance(error.schema, Mapping) else {}


def _meant(error: ValidationError) -> ValidationError | None:
    """What is wrong with a value as the one of several forms that it resembles most; None if it resembles none."""
    found = error.context or []
    nearest = max(found, key=lambda e: (len(e.path), e.validator != "type"))
    unlike = nearest.validator in ("type", "enum") or any(e.validator == "pattern" for e in found)
    return None if unlike and not nearest.path else nearest


def _empty(error: ValidationError, schema: Schema) -> str:
    """Words for a key with nothing behind it."""
    rules = _rules(error)
    without = ""
    if _optional(error, schema):
        default = rules.get("default")
        without = ", or leave it out" + (f", which means {_shown(default)}" if default is not None else "")
    return f"is empty; {_give(rules)}{without}"


def _optional(error: ValidationError, schema: Schema) -> bool:
    """Whether a key that is there could be left out."""
    path = list(error.absolute_schema_path)  # ends with 'properties', the key and the rule
    if path[-3:-2] != ["properties"]:
        return False
    table: Any = schema
    for part in path[:-3]:
        if part not in table:  # what is behind a reference: range and bins
            return "default" in _rules(error)
        table = table[part]
    return path[-2] not in table.get("required", ()) and "minProperties" not in table


def _give(rules: Schema) -> str:
    return f"give it {_wanted(rules)}" if _kind(rules) == KINDS["object"] else f"give {_wanted(rules)}"


def _wanted(rules: Schema) -> str:
    """What belongs where something else is, or nothing."""
    described = str(rules.get("description", "")).removesuffix(".")
    described = described[:1].lower() + described[1:]
    kind = _kind(rules)
    if "enum" in rules:
        return _listed(map(_shown, rules["enum"]), "or")
    if any("const" in form for form in rules.get("anyOf", ())):
        return _listed((_shown(form["const"]) if "const" in form else _kind(form) for form in rules["anyOf"]), "or")
    if kind == KINDS["object"]:
        return f"{_keys(rules) or described.partition(';')[0]}, indented below it"
    if kind == KINDS["string"] and described:
        return f"a {described.partition(';')[0]}" if described[0].isalpha() else described
    if kind == KINDS["array"] and "properties" in rules["items"]:
        return f"{kind}, each entry {_keys(rules['items'])}"
    return described if "anyOf" in rules or rules.get("minItems", 0) > 1 else kind


def _kind(rules: Schema) -> str:
    kinds = rules.get("type", "")
    return KINDS.get(kinds if isinstance(kinds, str) else kinds[0], "")


def _keys(rules: Schema) -> str:
    """Keys that a table wants; empty if they are the user's own."""
    if "oneOf" in rules:
        return TARGET
    if rules.get("required"):
        return _listed(map(repr, rules["required"]), "and")
    keys = ", ".join(rules.get("properties", ()))
    return keys and f"{'one' if rules.get('maxProperties') == 1 else 'some'} of {keys}"


def _remedy(value: object, rules: Schema) -> str:
    """What to write instead of a value of another type, where it can be guessed."""
    kind, items = _kind(rules), rules.get("items", {})
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == KINDS["object"] or rules.get("minItems", 0) > 1:
        return f"; {_give(rules)}" + (", without '-'" if isinstance(value, list) else "")
    if kind == KINDS["array"] and isinstance(value, Mapping):
        return "; begin each of its entries with '-'"
    if kind == KINDS["string"] and isinstance(value, int | float):
        return "; put it in quotes"
    if kind == KINDS["string"] and isinstance(value, list):
        return "; give one"
    if kind == KINDS["array"] and (number if "type" in items else isinstance(value, str)) and "properties" not in items:
        return f"; write [{value if str(value).isidentifier() else _shown(value)}]"
    return _as_number(value, rules)


def _folder(error: ValidationError) -> str:
    """Where a folder belongs that stands at the top level, where its key means a table of settings."""
    path = list(error.absolute_path)
    at_top = isinstance(error.instance, str) and len(path) == 1 and str(path[0]) in FOLDERS
    return f"; a folder belongs to {FOLDERS[str(path[0])]}" if at_top else ""


def _as_number(value: object, rules: Schema) -> str:
    """What to write instead of a number that YAML takes for text, such as ``1e-4``, where a number is wanted."""
    wanted = any(_kind(form).endswith("number") for form in (rules, *rules.get("anyOf", ())))
    wanted = wanted or any(isinstance(choice, int) for choice in rules.get("enum", ()))
    try:
        readable = wanted and isinstance(value, str) and 1e-12 < abs(float(value)) < 1e12
    except ValueError:
        readable = False
    if not readable:
        return ""
    number = f"{Decimal(str(value).strip()):f}"
    same = " without quotes (in a file, as --config makes text of what is in braces)" if number == value else ""
    return f"; YAML reads it as text, write {number}{same}"


def _near(value: object, rules: Schema) -> str:
    """The word that a misspelt one resembles."""
    words = [
        word for form in (rules, *rules.get("anyOf", ())) for word in form.get("enum", ()) if isinstance(word, str)
    ]
    of_one = [word for word in ("crafted", "oracle") if word in words and str(value).startswith(f"{word}-")]
    if of_one:
        return f"; write {of_one[0]!r}, which is for every target: one alone cannot be chosen"
    other = OTHER_WORDS.get(str(value).lower())
    if other in words:
        return f"; did you mean {other!r}?"
    near = difflib.get_close_matches(value.lower(), words, n=1, cutoff=LIKE) if isinstance(value, str) else []
    return f"; did you mean {near[0]!r}?" if near else ""


def _rule_words(rule: str, value: Any, limit: Any, rules: Schema) -> str:
    """Words for what is of the right type."""
    shown = _shown(value)
    match rule:
        case "oneOf":
            given = [key for key in ("truth", "photos") if key in value]
            if "reference" in value or not given or "test" in value:
                return f"give {TARGET}"
            return f"needs the key {'photos' if given == ['truth'] else 'truth'!r}"
        case "required":
            return f"needs the key {', '.join(repr(key) for key in limit if key not in value)}"
        case "const":
            hint = _as_number(value, {"type": "number"}) or _near(value, {"enum": [limit]})
            return f"{shown} is neither a number nor {limit!r}{hint}"
        case "maxProperties":
            keys = _listed(map(_shown, value), "and")
            return f"has the keys {keys}; a step is one operator, with its parameters indented below it"
        case "minItems":
            return f"{shown} is too short; give {_wanted(rules) if limit > 1 else 'one entry or more'}"
        case "maxItems":
            return f"{shown} is too long; give {_wanted(rules) if limit == 2 else f'{limit} entries at most'}"
        case "uniqueItems":
            return f"{shown} has an entry twice; remove one"
        case "minimum":
            return f"{shown} is less than the minimum of {limit}"
        case "maximum":
            return f"{shown} is greater than the maximum of {limit}"
        case "exclusiveMinimum":
            return f"{shown} is too small; give more than {limit}"
        case "exclusiveMaximum":
            return f"{shown} is too large; give less than {limit}"
    raise ValueError(f"no words for {rule}")


def _unknown_keys(table: Mapping[str, Any], known: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    """Words for each key that a table may not have."""
    for key in (key for key in table if key not in known):
        homes = list(dict.fromkeys(home for name, home in _homes(schema) if name == key))
        elsewhere = f", which belongs to {_listed(homes, 'and')}" if homes else ""
        if OTHER_NAMES.get(key.lower()) in known:
            yield f"unknown key {_shown(key)}; did you mean {OTHER_NAMES[key.lower()]!r}?"
            continue
        near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=LIKE_ELSEWHERE if homes else LIKE)
        hint = f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(known)}"
        yield f"unknown key {_shown(key)}{elsewhere}; {hint}"


def _homes(rules: Schema, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Every key of the schema, and the table that it belongs to."""
    for key, value in rules.get("properties", {}).items():
        yield key, ".".join(path) or "the top level"
        yield from _homes(value, (*path, key))
    for inner, name in (("items", ()), ("additionalProperties", ("<name>",))):
        if isinstance(rules.get(inner), Mapping):
            yield from _homes(rules[inner], (*path, *name))
    for definition in rules.get("$defs", {}).values():
        for form in definition.get("anyOf", ()):
            yield from ((key, "a parameter of an operator") for key in form.get("properties", ()))


def _listed(words: Iterable[str], last: str) -> str:
    """``a, b and c``."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def _shown(value: object) -> str:
    """A value as YAML has it, not longer than can be read."""
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
