# Paths and settings that follow from the configuration, and the memory of jobs.


# What crafted models wait for goes first, and what may refuse photos of the user's; then pairs and trainings, which take
# longest; the rest finds its gaps.
FIRST, SECOND = 2, 1


def settings(section, but=()):
    """A section of the configuration, but for some keys, as the plain values that Snakemake compares between runs."""
    return {key: value for key, value in asdict(getattr(CONFIG, section)).items() if key not in but}


def memory(megabytes):
    """What a job may take, on a cluster: so much at first, and as much again each time that it is sent once more."""
    return lambda wildcards, attempt: megabytes * attempt


def shared(*keys):
    """Keys that stages share. By name: Snakemake compares the values of a rule's params, but not which is which."""
    return {key: getattr(CONFIG, key) for key in keys}


def shown(folder):
    """A folder of results as the user would write it, who may have said --directory."""
    return Path(workflow.overwrite_workdir or "", folder)


@cache  # asked for by every evaluation of every model
def photos_in(folder):
    """The photos of a folder, so that adding, changing or removing one is noticed; none that cannot even be opened."""
    return [str(path) for path in list_images(folder) if is_file(path) and os.access(path, os.R_OK)]


def distribution_file(name):
    """The CSV that holds a distribution."""
    known = Name.parse(name)
    folder = f"results/targets/{known.target}"
    return {
        "full": "results/space/bins.csv",
        "clean": "results/space/clean.csv",
        "crafted": f"{folder}/dial/{known.dial}.csv" if known.dial else f"{folder}/weights.csv",
        "oracle": f"{folder}/oracle.csv",
    }[known.kind]


def round_file(name, number, file):
    """A file of a round of refinement, bins.csv or moments.h5; every target's round 0 is the space."""
    if int(number) == 0:
        folders = {"bins.csv": "results/space", "moments.h5": f"results/bin_features/{CONFIG.extractor}"}
        return f"{folders[file]}/{file}"
    return f"results/targets/{name}/rounds/{number}/{file}"


def tables_before(name, number):
    """The tables of bins from the space to the round before one."""
    return [round_file(name, earlier, "bins.csv") for earlier in range(int(number))]


def crafted_in_rounds(name, file):
    """A file of crafting for every round; with the last round's bins it is the target's own."""
    earlier = [f"results/targets/{name}/rounds/{number}/{file}" for number in range(CONFIG.refine.rounds)]
    return [*earlier, f"results/targets/{name}/{file}"]


def rounds_tables():
    """Tables of what the rounds came to, where there are rounds."""
    return [f"results/targets/{name}/rounds.csv" for name in CONFIG.targets if CONFIG.refine.rounds]


def target_folder(name, what):
    """Folder of a target's reference photos, LR tests or HR tests (reference, lr, hr)."""
    target = CONFIG.targets[name]
    if target.truth is not None:
        made = {"reference": "reference", "lr": "test/lr", "hr": "test/hr"}
        return f"results/targets/{name}/made/{made[what]}"
    return str(target.reference if what == "reference" else target.test[what == "hr"])


def lr_and_hr(wildcards):
    """Folders of the test pairs of a target."""
    return {what: target_folder(wildcards.target, what) for what in ("lr", "hr")}


def target_photos(name, *folders):
    """Inputs that stand for a target's photos: the files, or the folder in which they will be made."""
    if CONFIG.targets[name].truth is not None:
        return [f"results/targets/{name}/made"]
    return [photo for what in folders for photo in photos_in(target_folder(name, what))]


def test_photos(name):
    """Folder of a target's HR test photos, or of those that all of its photos will be made from."""
    target = CONFIG.targets[name]
    return target.photos if target.truth is not None else target.test[1]


def truth(name):
    """What a made target was degraded with, in plain values; empty for a real one."""
    return plain_truth(CONFIG.targets[name].truth or ())


def refine_dial():
    """The dial while bins are refined; where the last crafting chooses its own ('auto'), the default."""
    chosen = CONFIG.craft.generalization
    return type(CONFIG.craft)().generalization if chosen is None else chosen


def encoder_tables():
    """How the encoder learned, and what it tells; none where another network describes patches."""
    tables = ["results/extractor/encoder.csv", "results/extractor/encoder_axes.csv"]
    return tables if CONFIG.extractor == "encoder" else []


@cache
def tested_targets():
    """Targets on whose photos models are compared: all that have test pairs."""
    return [name for name, target in CONFIG.targets.items() if target.tested]


def trained():
    """(distribution, seed) of every model that is trained."""
    return [(d, s) for d in CONFIG.expand(CONFIG.distributions) for s in CONFIG.seeds]


def models():
    """(distribution, seed) of everything that is compared; interpolation counts as seed 0."""
    return [("bicubic", 0), *trained()]


def targets_for(distribution):
    """Targets on whose photos a model is measured: all that have test pairs, or the one that it was made for."""
    own = Name.parse(distribution).target
    return [name for name in tested_targets() if own in ("", name)]


def testset_tables():
    """Every model's measurements by test set; none of a model for a target that has no test pairs."""
    sets = {d: targets_for(d) and [*targets_for(d), "full", "clean"] for d, _ in models()}
    return [f"results/evaluation/{d}/seed{s}/{name}.csv" for d, s in models() for name in sets[d]]


def tests(w):
    """The photos and folders that an evaluation on one target reads."""
    return {
        "tests": target_photos(w.target, "lr", "hr"),
        "full": f"results/testsets/{w.target}/full",
        "clean": f"results/testsets/{w.target}/clean",
        "lpips": lpips_files(),
    }


def lpips_files():
    """Weights of LPIPS, where it is wanted."""
    return [str(path) for path in CONFIG.lpips or ()]


def upscale_folder(name):
    """The folder of the photos to super-resolve."""
    return str(CONFIG.targets[name].upscale or target_folder(name, "reference"))


def folders_to_upscale():
    """The same, of every target for which a crafted model is trained."""
    return {name: upscale_folder(name) for name in CONFIG.targets if "crafted" in CONFIG.distributions}


def reported_folders():
    """Folders of the user's photos of which the report says what else is in them."""
    folders = [CONFIG.hr] + [target.reference for target in CONFIG.targets.values() if target.truth is None]
    return folders + [CONFIG.targets[name].upscale for name in folders_to_upscale() if CONFIG.targets[name].upscale]


def upscaled_folders():
    """What becomes of them."""
    return [f"results/upscaled/{name}" for name in folders_to_upscale()]


def upscale_photos(name):
    """Inputs that stand for the photos to super-resolve."""
    folder = CONFIG.targets[name].upscale
    return photos_in(folder) if folder else target_photos(name, "reference")


def upscale_mb(photos):
    """Memory for super-resolving: the network with its tiles, and what the largest photo takes with its result."""
    return 3000 + 36 * CONFIG.scale**2 * max(map(count_pixels, photos), default=0) // 1_000_000


@cache
def degrade_mb(folder):
    """Memory for degrading: what the largest photo takes where it is enlarged by half first, as Real-ESRGAN does."""
    return 1000 + 160 * max(map(count_pixels, photos_in(folder)), default=0) // 1_000_000


def shown_pairs():
    """Distributions of which the report shows patches beside the reference photos, where they are trained on."""
    return ["full", *(f"crafted-{name}" for name in CONFIG.targets)]


def onnx_models():
    """ONNX files of all models, where the configuration wants them."""
    return [f"results/models/{d}/seed{s}/model.onnx" for d, s in trained() if CONFIG.onnx]


def degraded_folders():
    """Folders that are made where the configuration has a section 'degrade'."""
    if CONFIG.degrade_photos is None:
        return []
    return [f"results/degraded/{name}" for name in CONFIG.expand(CONFIG.degrade_distributions)]


def paired_folders():
    """Folders of pairs, where the configuration wants them."""
    return [folder.replace("degraded", "paired", 1) for folder in degraded_folders() if CONFIG.degrade_pairs]


def exported_files():
    """Options for other training programs, of every crafted distribution; a rule writes all that belong together."""
    return [f"results/exported/crafted-{name}/real-esrgan.yaml" for name in CONFIG.targets]


def other_results():
    """What is made for other programs, by what it is, relative to results/; folders end in a slash."""
    made = {
        "onnx": onnx_models(),
        "degraded": [f"{folder}/" for folder in degraded_folders()],
        "paired": [f"{folder}/" for folder in paired_folders()],
        "exported": [f"{Path(file).parent}/" for file in exported_files()],
    }
    return {kind: [path.removeprefix("results/") for path in paths] for kind, paths in made.items()}
