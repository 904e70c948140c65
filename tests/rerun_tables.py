"""What runs again after which change: tables of every key of the configuration and every module of the library."""

from __future__ import annotations

import copy

from workflow_runs import TINY

# a target of real files; seed and scale differ from all counts, so that no value hides another
CONFIG = {
    **TINY,
    "hr": "photos/hr",
    "seed": 2,
    "targets": {
        "album": {
            "reference": "photos/reference",
            "test": {"lr": "photos/lr", "hr": "photos/test"},
            "upscale": "photos/upscale",
        }
    },
    "srgan": {"channels": 4, "blocks": 1, "steps": 1, "adversarial_steps": 1, "batch": 2},
    "bin_features": {"patches": 8, "shards": 1},
    "craft": {"bootstrap": 2, "trade_off": [0.1]},
    "certify": {"photos": 4, "simulations": 0},
    "pairs": {"count": 8, "shards": 1},
    "train": {**TINY["train"], "distributions": ["full", "crafted"], "steps": 4, "checkpoint_every": 2},
    "degrade": {"photos": "photos/test", "pairs": True},
}
# beside it, a target with a truth and the other extractor, of which these files are asked for by their names
MADE = {"truth": {"noise_sigma": [2, 8]}, "photos": "photos/made"}
WITH_MADE = {**CONFIG, "targets": {**CONFIG["targets"], "made": MADE}}
MADE_FILES = [f"results/testsets/made/{kind}" for kind in ("full", "clean")] + ["results/targets/made/reference.h5"]
SRGAN_FILES = ["results/extractor/srgan.safetensors"]

# Which jobs follow from a change; where a rule has several and not all of them run, a number says how many.
EVALUATION = "evaluate evaluate_bicubic summary report"
UPSCALING = "upscale evaluate summary report"
MODELS = "train onnx_model evaluate upscale summary report"
PAIRS = f"pairs_shard pairs {MODELS}"
SURE = "bootstrap plots certify report"
CRAFTING = f"craft export pairs_shard:1 pairs:1 train:1 evaluate:1 upscale degrade paired summary {SURE}"
FEATURES = f"bin_features_shard bin_features reference {CRAFTING}"
EXTRACTOR = f"extractor_encoder {FEATURES}"
PATCHES = f"photos extractor_encoder extractor_srgan bin_features_shard bin_features reference {CRAFTING} {PAIRS}"
BINS = f"extractor_encoder bin_features_shard bin_features reference evaluate_bicubic {CRAFTING} {PAIRS}"
SPACE = f"space testset:1 {BINS}"  # clean photos are those of any space
BOTH_SPACES = f"space space_clean testset {BINS}"
ALL_BUT_SPACE = f"testset evaluate_bicubic {PATCHES}"
JOBS = {"pairs_shard": 2, "pairs": 2, "train": 2, "evaluate": 2, "testset": 2}  # of a whole run; one of the others


def steps(**changed):
    """``degradation`` with other operators, or operators that have other parameters; new ones come first."""
    operators = {name: parameters for step in CONFIG["degradation"] for name, parameters in step.items()}
    merged = {name: {**parameters, **changed.pop(name, {})} for name, parameters in operators.items()}
    return {"degradation": [{name: parameters} for name, parameters in {**changed, **merged}.items()]}


def rescale(**parameters):
    kinds = {"direction": ["up", "down", "divide", "shifted"], "up": 1.5, "down": 0.7, "divisor": 1.5, "sigma": 2}
    return steps(rescale={**kinds, **parameters})


def target(**keys):
    return {"targets": {"album": {**CONFIG["targets"]["album"], **keys}}}


def made(**keys):
    return {"targets": {**CONFIG["targets"], "made": {**MADE, **keys}}}


LPIPS = {"lpips": {"backbone": "photos/weights.safetensors", "linear": "photos/weights.safetensors"}}
PERCEPTUAL = {"adversarial_steps": 1, "perceptual": "photos/weights.safetensors"}

# key: what is changed, and the jobs that run; a plain value is that of the key itself
KEYS = {
    "hr": ("photos/made", PATCHES),
    "scale": (2, ALL_BUT_SPACE),
    "seed": (5, ALL_BUT_SPACE),
    "photos.size": (48, PATCHES),
    "photos.per_photo": (5, PATCHES),
    "photos.textured": (0.4, PATCHES),
    "degradation.blur.kind": (steps(blur={"kind": ["isotropic", "sinc"], "cutoff": 1}), SPACE),
    "degradation.blur.sigma": (steps(blur={"sigma": {"range": [0.2, 2.0], "bins": 2}}), SPACE),
    "degradation.blur.across": (steps(blur={"kind": "anisotropic", "across": 1.0}), SPACE),
    "degradation.blur.variance": (
        steps(blur={"kind": ["isotropic", "anisotropic-variance"], "variance": 3, "variance_across": 2}),
        SPACE,
    ),
    "degradation.blur.variance_across": (
        steps(blur={"kind": ["isotropic", "anisotropic-variance"], "variance": 2, "variance_across": 1}),
        SPACE,
    ),
    "degradation.blur.angle": (steps(blur={"kind": "anisotropic", "across": 1.0, "angle": [0, 90]}), SPACE),
    "degradation.blur.beta": (steps(blur={"kind": "generalized-isotropic", "beta": 2}), SPACE),
    "degradation.blur.plateau": (steps(blur={"kind": "plateau-isotropic", "plateau": 2}), SPACE),
    "degradation.blur.cutoff": (steps(blur={"kind": ["isotropic", "sinc"], "cutoff": 2}), SPACE),
    "degradation.blur.size": (steps(blur={"size": 21}), SPACE),
    "degradation.rescale.direction": (rescale(direction=["shifted", "divide", "down", "up"]), SPACE),
    "degradation.rescale.of": (rescale(of="lr"), SPACE),
    "degradation.rescale.up": (rescale(up=2), SPACE),
    "degradation.rescale.down": (rescale(down=0.5), SPACE),
    "degradation.rescale.divisor": (rescale(divisor=2), SPACE),
    "degradation.rescale.sigma": (rescale(sigma=1), SPACE),
    "degradation.rescale.kind": (rescale(kind="area"), SPACE),
    "degradation.resize.kind": (steps(resize={"kind": "area"}), SPACE),
    "degradation.noise.kind": (steps(noise={"kind": "gaussian-grey"}), SPACE),
    "degradation.noise.sigma": (steps(noise={"sigma": {"range": [0, 20], "bins": 3}}), SPACE),
    "degradation.noise.scale": (steps(noise={"kind": ["gaussian", "poisson"], "scale": 1}), SPACE),
    "degradation.jpeg.kind": (steps(jpeg={"kind": ["jpeg", "none"]}), SPACE),
    "degradation.jpeg.quality": (steps(jpeg={"quality": 80}), SPACE),
    "degradation.shuffle.kind": (steps(shuffle={"steps": 2, "kind": "last-first"}), SPACE),
    "degradation.shuffle.steps": (steps(shuffle={"steps": 3}), SPACE),
    "degradation.shuffle.order": (steps(shuffle={"steps": 2, "order": 1}), SPACE),
    "$numbers.range": (steps(blur={"sigma": {"range": [0.3, 3.0], "bins": 2}}), SPACE),
    "$numbers.bins": (steps(blur={"sigma": {"range": [0.2, 3.0], "bins": 3}}), SPACE),
    "targets.*.reference": (target(reference="photos/upscale"), f"reference {CRAFTING}"),
    "targets.*.test.lr": (target(test={"lr": "photos/upscale", "hr": "photos/test"}), EVALUATION),
    "targets.*.test.hr": (target(test={"lr": "photos/lr", "hr": "photos/upscale"}), f"testset {EVALUATION}"),
    "targets.*.truth": (made(truth={"noise_sigma": [2, 9]}), "target testset reference"),
    "targets.*.photos": (made(photos="photos/test"), "target testset reference"),
    "targets.*.upscale": (target(upscale="photos/reference"), "upscale report"),
    # its extractor is there already; what was made from the whole space stays
    "extractor": ("srgan", FEATURES),
    **{
        f"encoder.{key}": (value, EXTRACTOR)
        for key, value in [
            ("channels", 5), ("features", 7), ("samples", 129), ("buffer", 65), ("passes", 2), ("batch", 15),
            ("learning_rate", 0.1), ("threads", 2),
        ]
    },
    **{
        f"srgan.{key}": (value, "extractor_srgan report")
        for key, value in [
            ("channels", 5), ("blocks", 2), ("steps", 2), ("adversarial_steps", 2), ("adversarial_weight", 0.1),
            ("batch", 3), ("learning_rate", 0.1), ("threads", 2),
        ]
    },
    "bin_features.patches": (9, f"bin_features_shard bin_features {CRAFTING}"),
    "bin_features.shards": (2, f"bin_features_shard:2 bin_features {CRAFTING}"),
    "bin_features.threads": (2, f"bin_features_shard bin_features {CRAFTING}"),
    "refine.rounds": (
        1,
        "bin_features_shard bin_features refine_weights refine refine_shard refine_moments refine_rounds " + CRAFTING,
    ),
    "refine.bins": (99, "report"),  # nothing is refined; with rounds, see test_refine_workflow
    "reference.per_photo": (5, f"reference {CRAFTING}"),
    "reference.align": (4, f"reference {CRAFTING}"),
    "reference.threads": (2, f"reference {CRAFTING}"),
    "craft.generalization": (0.1, CRAFTING),
    "craft.trade_off": ([0.2], CRAFTING),
    "craft.tolerance": (0.01, CRAFTING),
    "craft.bootstrap": (3, SURE),
    "certify.photos": (5, "certify report"),
    "certify.simulations": (1, "certify report"),
    "certify.threads": (2, "certify report"),
    "pairs.count": (9, PAIRS),
    "pairs.shards": (2, PAIRS.replace("pairs_shard", "pairs_shard:4")),
    # one more model, and nothing of those that are there
    "train.distributions": (["full", "crafted", "clean"], "pairs_shard:1 pairs:1 train:1 evaluate:1 summary report"),
    "train.seeds": ([0, 1], "train:2 evaluate:2 summary report"),
    **{
        f"train.{key}": (value, MODELS)
        for key, value in [
            ("network", "srresnet"), ("channels", 5), ("blocks", 2), ("start", "photos/weights.safetensors"),
            ("steps", 5), ("batch", 3), ("crop", 8), ("loss", "charbonnier"), ("learning_rate", 0.1),
            ("schedule", "multistep"), ("milestones", [0.5]), ("decay", 0.1), ("warmup", 1), ("gradient_clip", 1),
            ("adversarial_steps", 1), ("adversarial_weight", 0.2), ("adversarial_learning_rate", 0.1),
            ("discriminator_channels", 8), ("perceptual", {"train": {**CONFIG["train"], **PERCEPTUAL}}),
            ("perceptual_weight", 2), ("ema", 0.9), ("amp", False), ("amp_on_cpu", True), ("compile", True),
            ("validation", 2), ("validate_every", 2), ("processes", 2), ("nodes", 2), ("threads", 2),
        ]
    },
    "train.checkpoint_every": (3, "report"),
    "train.workers": (1, "report"),
    "evaluate.draws": (3, f"testset:1 {EVALUATION}"),
    "evaluate.bootstrap": (51, "summary report"),
    "evaluate.examples": (2, EVALUATION),
    "upscale.tile": (128, UPSCALING),
    "upscale.overlap": (16, UPSCALING),
    "upscale.ensemble": (True, UPSCALING),
    "upscale.threads": (2, f"upscale {EVALUATION}"),
    "lpips.backbone": (LPIPS, EVALUATION),
    "lpips.linear": (LPIPS, EVALUATION),
    "onnx": (True, "onnx_model report"),
    "degrade.photos": ({"degrade": {"photos": "photos/hr", "pairs": True}}, "degrade paired report"),
    "degrade.distributions": (["full"], "degrade paired report"),
    "degrade.pairs": (False, "report"),  # what was made stays
    "degrade.lmdb": (True, "paired report"),
}  # fmt: skip
SAMPLE = ["seed", "degradation.noise.sigma", "targets.*.reference", "craft.tolerance", "train.steps", "upscale.tile"]

ONNX_FILE = "results/models/full/seed0/model.onnx"
WANTED = ["default", *SRGAN_FILES, ONNX_FILE]

DEGRADING = f"testset evaluate_bicubic {EXTRACTOR} {PAIRS}"  # training the extractor, pairs, and tests
NETWORKS = f"extractor_srgan evaluate_bicubic {EXTRACTOR} {MODELS}"
TRAINING = ["train", "pairs_dataset"] + [
    f"training.{name}"
    for name in ("adversarial", "checkpoints", "group", "launch", "losses", "perceptual", "recorded", "run",
                 "schedule", "start", "validation")
]  # fmt: skip
OPERATORS = ["operators", "convolution", "resampling"] + [
    f"operators.{name}" for name in ("blur", "jpeg", "kernels", "noise", "pixels", "registry", "resize", "shuffle")
]

# module: the jobs that run when it is edited
MODULES = {
    **dict.fromkeys(["config", "config_files", "config_values", "config_words", "settings"], ""),  # change no result
    **dict.fromkeys(["errors", "extras", "progress", "provenance", "records", "training", "training.monitor"], ""),
    "degraded_dataset": "",  # for others
    "reference_sizes": "",  # what is wrong with a configuration
    **dict.fromkeys(["failures", "leftovers"], ""),  # what a run prints when it ends
    **dict.fromkeys(["check", "enlarging", "photo_quality", "run_size", "run_time"], ""),  # what is said before a run
    **dict.fromkeys(["remarks", "training_remarks", "folder_lock"], ""),
    "refine": "",  # nothing is refined here; see test_refine_workflow
    **dict.fromkeys(["images", "storage", "words"], f"space space_clean {ALL_BUT_SPACE}"),
    "seeds": ALL_BUT_SPACE,
    **dict.fromkeys(["photos", "patches"], PATCHES),
    **dict.fromkeys(["axes", "space"], BOTH_SPACES),
    "distribution": f"space_clean testset {BINS}",
    "steps": SPACE,
    **dict.fromkeys(OPERATORS, f"extractor_srgan {BOTH_SPACES}"),
    **dict.fromkeys(["degrade", "operators.chain"], DEGRADING),
    "device": NETWORKS,
    **dict.fromkeys(
        ["networks", *(f"networks.{name}" for name in ("encoder", "recognised", "rrdbnet", "sr"))], NETWORKS
    ),
    "srgan": "extractor_srgan",
    **dict.fromkeys(["encoder", "learned", "parameter_loss"], f"report {EXTRACTOR}"),
    "extractor": FEATURES,
    "bin_features": f"bin_features_shard bin_features {CRAFTING}",
    **dict.fromkeys(["moments", "moments_file"], FEATURES),
    "sharing": f"{FEATURES} {PAIRS}",
    **dict.fromkeys(["reference", "directions"], f"reference {CRAFTING}"),
    **dict.fromkeys(["certificate", "craft", "solver", "trade_off"], CRAFTING),
    **dict.fromkeys(["bootstrap", "marginals"], SURE),
    "plots": "plots certify report",
    **dict.fromkeys(["certify", "fit_words"], "certify report"),
    "pairs": PAIRS,
    **dict.fromkeys(TRAINING, MODELS),
    **dict.fromkeys(["evaluate", "evaluation_pairs", "metrics", "lpips"], EVALUATION),
    "networks.discriminator": f"extractor_srgan {MODELS}",
    "networks.weights": f"evaluate_bicubic {MODELS}",
    **dict.fromkeys(["upscale", "tiles"], UPSCALING),
    "summary": "summary report",
    **dict.fromkeys(["report", "report_pictures", "outcome", "scores", "names", "times"], "report"),
    **dict.fromkeys(["photo_counts", "short_ranges", "weight_words"], "report"),
    "onnx_model": "onnx_model",
    **dict.fromkeys(["export", "ranges", "two_passes"], "export"),
    "paired": "paired",
    "target": "",  # no target here has a truth; test_reruns has one
}


def expected(text):
    """``"a b:2"`` as numbers of jobs; the larger one counts."""
    jobs: dict[str, int] = {}
    for rule, _, count in (word.partition(":") for word in text.split()):
        jobs[rule] = max(jobs.get(rule, 0), int(count or JOBS.get(rule, 1)))
    return jobs


def changed(key, value):
    """The configuration with another value of a key; a mapping is what the change amounts to."""
    if isinstance(value, dict):
        return {**CONFIG, **value}
    config = copy.deepcopy(CONFIG)
    section, _, name = key.rpartition(".")
    (config.setdefault(section, {}) if section else config)[name] = value
    return config


def wanted(key):
    return MADE_FILES if key in ("targets.*.truth", "targets.*.photos") else WANTED
