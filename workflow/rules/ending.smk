# What a run prints when it ends.
import signal
import threading

INTERRUPTS = []


def note_interrupts():
    """Remember Ctrl-C until the end of the run; Snakemake goes on to do with it what it does."""
    before = signal.getsignal(signal.SIGINT)

    def note(number, frame):
        INTERRUPTS.append(number)
        return before(number, frame)

    if callable(before):  # it may be ignored, in the background
        signal.signal(signal.SIGINT, note)


if workflow.is_main_process and threading.current_thread() is threading.main_thread():
    note_interrupts()


def own_jobs():
    """The jobs of this run, done or not; what another run writes while a check goes on beside it is not the check's."""
    return workflow.dag.needrun_jobs(exclude_finished=False)


def print_failures():
    """Say at the end of a run that failed why it did, below all that Snakemake says of it."""
    from degcraft.failures import failures

    own = [log for job in own_jobs() for log in job.log]
    print(failures("results/logs", own, BEGUN, shown("results/logs"), bool(INTERRUPTS)), file=sys.stderr)


def print_outcome():
    """Say at the end of a run what was found and where to look: all if it wrote the report, or what was crafted."""
    from degcraft.learned import Learned
    from degcraft.leftovers import leftovers
    from degcraft.outcome import outcome, what_was_crafted

    page, where, targets = Path("results/report.html"), shown("results"), list(CONFIG.targets)
    learned = Learned.read("results", CONFIG.extractor)
    if page.is_file() and page.stat().st_mtime >= BEGUN:
        print(outcome("results", targets, BEGUN, where, other_results(), photo_counts(), learned), file=sys.stderr)
        if left := leftovers("results", made_results(), where):
            print(left, file=sys.stderr)
    elif any(job.rule.name == "crafting" for job in own_jobs()):
        if crafted := what_was_crafted("results", targets, BEGUN, where, learned):
            print(crafted, file=sys.stderr)


def photo_counts():
    """How many photos there are in each folder of super-resolved or degraded ones."""
    from degcraft.photo_counts import PhotoCounts

    made = {f"upscaled/{name}": (folder, f"logs/upscale/{name}.log") for name, folder in folders_to_upscale().items()}
    for folder in degraded_folders():
        name = Path(folder).name
        made[f"degraded/{name}"] = CONFIG.degrade_photos, f"logs/degrade/{name}.log"
    there = [path for path in made if Path("results", path).is_dir()]
    return {path: PhotoCounts.of(f"results/{path}", *made[path]) for path in there}


def made_results():
    """What the configuration makes of each target, distribution and seed, relative to results/."""
    made = [f"targets/{name}" for name in CONFIG.targets]
    made += [table.removeprefix("results/") for table in rounds_tables()]
    rounds = range(CONFIG.refine.rounds + 1) if CONFIG.refine.rounds else ()  # 0 has what is crafted before the first
    made += [f"targets/{name}/rounds/{k}" for name in CONFIG.targets for k in rounds]
    made += ["perceptual.csv"] if CONFIG.lpips else []
    made += [f"{kind}/{name}" for kind in ("upscaled", "checkpoints/upscale") for name in folders_to_upscale()]
    for name in tested_targets():
        made += [f"testsets/{name}", f"evaluation/examples/{name}.png"]
    if tested_targets():
        made += [f"evaluation/{name}/seed{seed}" for name, seed in models()]
    for name, seed in trained():
        made += [f"pairs/{name}.h5", f"models/{name}/seed{seed}", f"monitor/{name}-seed{seed}"]
    drawn = {*CONFIG.expand(CONFIG.distributions), *(Path(folder).name for folder in degraded_folders())}
    made += [distribution_file(name).removeprefix("results/") for name in drawn]
    made += [f"exported/{name}" for name in drawn]  # those that are written where they are asked for by name, too
    return made + [path for paths in other_results().values() for path in paths]
