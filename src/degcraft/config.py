"""The configuration: checked against the schema, then parsed once into typed objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from degcraft import onnx_model, paired, settings
from degcraft.axes import Step, choices_of, step_names, useless
from degcraft.config_files import file_problems, folder_problems
from degcraft.config_values import plain
from degcraft.config_words import schema_problems
from degcraft.errors import UserError
from degcraft.names import Name, asked_for
from degcraft.operators import OPERATORS
from degcraft.reference_sizes import size_problems
from degcraft.space import Space, build
from degcraft.steps import parse_steps, parse_truth
from degcraft.target import Truth, true_distribution

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")


@dataclass(frozen=True)
class Target:
    """A named source.

    Attributes:
        name: as in the configuration.
        reference: folder of LR reference photos; None for a made target.
        test: folders of LR and HR test photos of the same stems; None if there are none, or for a made target.
        truth: what a made target was degraded with; None for a real one.
        photos: HR photos from which a made target's references and test pairs are made.
        upscale: folder of photos to super-resolve; the reference photos if None.
    """

    name: str
    reference: Path | None
    test: tuple[Path, Path] | None
    truth: Truth | None
    photos: Path | None
    upscale: Path | None

    @property
    def tested(self) -> bool:
        """Whether there are test pairs."""
        return self.test is not None or self.truth is not None


@dataclass(frozen=True)
class Config:
    """The whole configuration; the keys are explained in the schema."""

    hr: Path
    scale: int
    seed: int
    photos: settings.PhotoSettings
    degradation: tuple[Step, ...]
    targets: Mapping[str, Target]
    extractor: str
    checkpoint: Path | None
    encoder: settings.EncoderSettings
    srgan: settings.SrganSettings
    bin_features: settings.BinFeatureSettings
    refine: settings.RefineSettings
    reference: settings.ReferenceSettings
    craft: settings.CraftSettings
    certify: settings.CertifySettings
    pairs: settings.PairSettings
    train: settings.TrainSettings
    distributions: tuple[str, ...]
    seeds: tuple[int, ...]
    evaluate: settings.EvaluateSettings
    upscale: settings.UpscaleSettings
    lpips: tuple[Path, Path] | None
    onnx: bool
    degrade_photos: Path | None
    degrade_distributions: tuple[str, ...]
    degrade_pairs: bool
    degrade_lmdb: bool

    def expand(self, kinds: Iterable[str]) -> list[str]:
        """Names of distributions: ``crafted`` and ``oracle`` stand for one of each target (that has a truth)."""
        known = [name for name, target in self.targets.items() if target.truth is not None]
        targets = {"crafted": list(self.targets), "oracle": known}
        asked = [asked_for(kind) for kind in kinds]
        return [str(replace(name, target=target)) for name in asked for target in targets.get(name.kind, [""])]


def parse_config(raw: Mapping[str, Any], schema: Mapping[str, Any]) -> Config:
    """Check a configuration and parse it.

    Args:
        raw: as loaded from YAML (see `degcraft.config_values.plain`); paths are relative to the working directory, and
            may begin with ``~``.
        schema: the JSON schema.

    Raises:
        UserError: what is wrong, a line each.
    """
    raw = plain(raw)
    if problems := schema_problems(raw, schema):
        raise UserError("\n".join(problems))
    config = _parse(raw)
    problems = list(_semantic_problems(config))
    if problems:
        raise UserError("\n".join(problems))
    return config


def _parse(raw: Mapping[str, Any]) -> Config:
    train = dict(raw["train"])
    train |= {key: _expanded(train[key]) for key in ("start", "perceptual") if train.get(key) is not None}
    craft = {key: None if value == "auto" else value for key, value in raw.get("craft", {}).items()}
    distributions, seeds = train.pop("distributions"), train.pop("seeds", [0])
    extractor = raw.get("extractor", "encoder")
    checkpoint = None if extractor in ("encoder", "srgan") else _path(extractor)
    degrade = raw.get("degrade", {})
    return Config(
        hr=_path(raw["hr"]),
        scale=int(raw["scale"]),
        seed=int(raw.get("seed", 0)),
        photos=_section(settings.PhotoSettings, raw.get("photos", {})),
        degradation=parse_steps(raw["degradation"]),
        targets={name: _target(name, target) for name, target in raw["targets"].items()},
        extractor=extractor if checkpoint is None else f"checkpoint-{checkpoint.stem}",
        checkpoint=checkpoint,
        encoder=_section(settings.EncoderSettings, raw.get("encoder", {})),
        srgan=_section(settings.SrganSettings, raw.get("srgan", {})),
        bin_features=_section(settings.BinFeatureSettings, raw.get("bin_features", {})),
        refine=_section(settings.RefineSettings, raw.get("refine", {})),
        reference=_section(settings.ReferenceSettings, raw.get("reference", {})),
        craft=_section(settings.CraftSettings, craft),
        certify=_section(settings.CertifySettings, raw.get("certify", {})),
        pairs=_section(settings.PairSettings, raw.get("pairs", {})),
        train=_section(settings.TrainSettings, train),
        distributions=tuple(distributions),
        seeds=tuple(map(int, seeds)),
        evaluate=_section(settings.EvaluateSettings, raw.get("evaluate", {})),
        upscale=_section(settings.UpscaleSettings, raw.get("upscale", {})),
        lpips=(_path(raw["lpips"]["backbone"]), _path(raw["lpips"]["linear"])) if "lpips" in raw else None,
        onnx=bool(raw.get("onnx", False)),
        degrade_photos=_path(degrade["photos"]) if "photos" in degrade else None,
        degrade_distributions=tuple(degrade.get("distributions", ["crafted"])),
        degrade_pairs=bool(degrade.get("pairs", False)),
        degrade_lmdb=bool(degrade.get("lmdb", False)),
    )


def _path(text: str) -> Path:
    return Path(_expanded(text))


def _expanded(path: str) -> str:
    """A path in which ``~`` at the beginning is the home folder, as in a shell."""
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except (RuntimeError, ValueError):  # nobody has such a name
        return path


def _section(kind: type[S], values: Mapping[str, Any]) -> S:
    """Settings from a section; ``4.0`` is a whole number to YAML and the schema, but no integer to Python."""
    numbers: dict[str, Callable[[Any], Any]] = {
        "int": int,
        "float": float,
        "float | None": lambda value: None if value is None else float(value),
        "tuple[float, ...]": lambda value: tuple(map(float, value)),
    }
    types = {field.name: numbers.get(str(field.type)) for field in fields(kind)}
    return kind(**{key: to(value) if (to := types[key]) else value for key, value in values.items()})


def _target(name: str, raw: Mapping[str, Any]) -> Target:
    test = raw.get("test")
    return Target(
        name=name,
        reference=_path(raw["reference"]) if "reference" in raw else None,
        test=(_path(test["lr"]), _path(test["hr"])) if test else None,
        truth=parse_truth(raw["truth"]) if "truth" in raw else None,
        photos=_path(raw["photos"]) if "photos" in raw else None,
        upscale=_path(raw["upscale"]) if "upscale" in raw else None,
    )


def _semantic_problems(config: Config) -> Iterator[str]:
    """What no schema can say: folders, spaces, and keys that must agree."""
    yield from folder_problems(config)
    yield from file_problems(config)
    yield from size_problems(config)
    if config.onnx and (problem := onnx_model.ONNX.problem()):
        yield problem
    if config.degrade_lmdb and not config.degrade_pairs:
        yield "degrade.lmdb: belongs to the pairs, of which there are none; set degrade.pairs: true"
    if config.degrade_lmdb and (problem := paired.LMDB.problem()):
        yield problem
    try:
        space = build(config.degradation)
    except UserError as error:
        yield str(error)
        return
    for name, step in zip(step_names(space.operators), config.degradation, strict=True):
        given = {key: choices_of(setting) for key, setting in step.parameters}
        yield from (f"degradation: {problem}" for problem in useless(name, OPERATORS[step.operator], given))
    yield from _order_problems(space)
    if not space.binned.any():
        yield (
            "degradation: no axis has more than one bin, so there is nothing to craft; give an axis "
            "'{range: [lower, upper], bins: n}' or a list of choices"
        )
    for name, target in config.targets.items():
        if target.truth is not None:
            try:
                true_distribution(config.degradation, target.truth)
            except UserError as error:
                yield f"targets.{name}.truth: {str(error).partition(': ')[2]}"
    size = config.photos.size
    if size % config.scale:
        yield f"photos.size: {size} is no multiple of the scale {config.scale}"
    if config.train.crop > size // config.scale:
        yield f"train.crop: {config.train.crop} is more than photos.size / scale = {size // config.scale}"
    for key, shards, count in (
        ("bin_features", config.bin_features.shards, config.refine.bins if config.refine.rounds else len(space)),
        ("pairs", config.pairs.shards, config.pairs.count),
    ):
        if shards > count:
            yield f"{key}.shards: {shards} are more than the {count} to be shared out; lower it"
    least = len(space) + 2 * config.refine.rounds
    if config.refine.rounds and config.refine.bins < least:
        yield (
            f"refine.bins: {config.refine.bins} are too few for a space of {len(space)} bins and a split a round; "
            f"give at least {least}, or fewer 'bins' to the axes"
        )
    for less, more in (("samples", "buffer"), ("buffer", "batch")):
        low, high = (getattr(config.encoder, key) for key in (less, more))
        if low < high:
            yield f"encoder.{less}: {low} is less than encoder.{more}, {high}; raise it, or lower {more}"
    yield from _training_problems(config.train)
    for key, distributions in (
        ("train", config.distributions),
        ("degrade", config.degrade_distributions if config.degrade_photos else ()),
    ):
        dials = {*config.craft.trade_off, config.craft.generalization}
        words: dict[Name, str] = {}
        for name in distributions:
            if (first := words.setdefault(asked_for(name), name)) != name:
                yield f"{key}.distributions: {first!r} and {name!r} are the same; remove one"
            if (dial := asked_for(name).dial) and float(dial) not in dials:
                yield f"{key}.distributions: {name!r} needs the value {dial} in craft.trade_off; add it there"
        if "oracle" in distributions and not any(t.truth is not None for t in config.targets.values()):
            yield f"{key}.distributions: 'oracle' needs a target with a 'truth'"


def _training_problems(train: settings.TrainSettings) -> Iterator[str]:
    """Keys of ``train`` that must agree with each other."""
    if train.perceptual is not None and not train.adversarial_steps:
        yield "train.perceptual: belongs to the adversarial steps, of which there are none; set train.adversarial_steps"
    if train.network == "spandrel" and train.start is None:
        yield "train.network: 'spandrel' takes the network from its weights; name them in train.start"
    if train.batch % (train.processes * train.nodes):
        yield f"train.batch: {train.batch} cannot be shared equally by {train.processes * train.nodes} processes"


def _order_problems(space: Space) -> Iterator[str]:
    """What would leave the LR image with a wrong size."""
    operators = space.operators
    if operators.count("resize") != 1:
        yield "degradation: needs the operator 'resize' exactly once"
        return
    last = operators.index("resize")
    together = next((end for step, end in space.shuffled.items() if step < last < end), last)
    for step, name in enumerate(step_names(operators)):
        if operators[step] == "rescale" and step >= together:
            yield f"degradation: {name} comes after 'resize', which has the last word on the size; move it before"
