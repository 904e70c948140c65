# What is said and asked before the first job.
import atexit
import shlex
import shutil
import subprocess

from degcraft.folder_lock import lock_folder

RECORD = Path(".snakemake/degcraft.configfile")  # the configuration of the last run, if it was named
MADE_WITH = ""
if not NAMED and RECORD.is_file() and any(Path("results").glob("[!.]*")):
    MADE_WITH = " ".join(str(shown(line)) for line in RECORD.read_text(encoding="utf-8").splitlines())


def say_what_was_forgotten():
    """Below what a run says that makes nothing, such as a dry run."""
    print(
        f"degcraft: this is {shown(DEFAULT)}, but {shown('results')}/ was made with --configfile {MADE_WITH}",
        file=sys.stderr,
    )


if MADE_WITH and workflow.is_main_process:
    atexit.register(say_what_was_forgotten)


def print_beginning():
    """Say which configuration is run: the demo's, where none was named."""
    print(f"degcraft: {', '.join(map(str, workflow.configfiles))} -> {shown('results')}", file=sys.stderr)


def look_when_jobs_end():
    """Look for jobs to start at the beginning and when one ends, and not in between.

    Snakemake's limit of 100 jobs a second, which there is by default, has it look again a second after every look, so
    once more every second for every job that has ended. In a run of hundreds that takes much of a core.
    """
    limiter = workflow.scheduler.job_rate_limiter
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def keep_others_results(jobs):
    """Refuse to run the default configuration over results of one that was named: --configfile was forgotten."""
    if not any(job.output for job in jobs):
        return
    if MADE_WITH:
        atexit.unregister(say_what_was_forgotten)
        typed = shlex.join(["snakemake" if shutil.which("snakemake") else sys.argv[0], *sys.argv[1:]])
        sys.exit(
            f"{shown(DEFAULT)} would replace what was made with --configfile {MADE_WITH}.\n"
            f"To go on with that:\n    {typed} --configfile {MADE_WITH}\n"
            f"To replace it all the same:\n    {typed} --configfile {shown(DEFAULT)}\n"
            "To keep both, add --directory with another folder."
        )
    here = Path.cwd()
    files = [Path(file).resolve() for file in workflow.configfiles]
    names = [str(file.relative_to(here) if file.is_relative_to(here) else file) for file in files]
    RECORD.write_text("" if names == [DEFAULT] else "\n".join(names), encoding="utf-8")


def check_start(jobs):
    """Refuse weights that no training can use, before it comes to that and the models it would replace are deleted."""
    if (CONFIG.train.start or CONFIG.train.perceptual) and any(job.rule.name == "train" for job in jobs):
        from degcraft.training.start import check_weights  # torch

        try:
            check_weights(CONFIG.train, CONFIG.scale)
        except UserError as error:
            sys.exit(f"The configuration needs a correction:\n{error}")


def mark_stale(jobs):
    """Mark what this run is to make from what it makes anew, so that the next one makes it if this one breaks off before.

    A job that fails leaves no output. Where what follows from it is still there, of an earlier run, Snakemake would pass
    over the missing file, and take old results for those of a changed configuration. What has nothing to wait for is
    marked when it begins: if it does not come to that, and the change is undone, it is as good as before.
    """
    if not workflow.touch:
        for job in jobs:
            if not workflow.dag.dependencies[job].keys().isdisjoint(jobs):
                workflow.persistence.started(job)  # the mark that Snakemake itself sets when a job begins


def lock(jobs):
    """Refuse to make anything while another run does.

    Snakemake's own lock is not enough: any run that may go beside another, `check` for one, deletes both locks as it ends.
    """
    if any(job.output for job in jobs):
        try:
            lock_folder(".snakemake/degcraft.lock")
        except UserError as error:
            sys.exit(str(error))


def jobs_in_the_queue():
    """Numbers of the jobs that Slurm still has of this folder; `lock` has seen that no other run goes on."""
    logs = f"{Path('.snakemake/slurm_logs').resolve()}/"
    # a path fills whatever room it gets, and the number before it is short
    command = ["squeue", "--me", "--noheader", "--states=PENDING,RUNNING,SUSPENDED", "--Format=JobID:20,STDOUT:4096"]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return sorted({line[:20].strip() for line in lines if line[20:].startswith(logs)})


def ask_slurm(jobs):
    """Stop a run on Slurm where none answers, or that has jobs with an account or a partition from which it takes none.

    The executor would say nothing of it where rules go as a group: it loses sbatch's answer, and waits for ever where
    Slurm does not answer or an account is not among the user's.
    """
    if workflow.executor_plugin.name != "slurm":
        return
    wanted = {tuple(job.resources.get(f"slurm_{name}") for name in ("account", "partition")) for job in jobs}
    for account, partition in sorted(wanted, key=str):
        options = [f"--account={account}"] * bool(account) + [f"--partition={partition}"] * bool(partition)
        command = ["sbatch", "--test-only", *options, "--wrap=true"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True).stderr.strip()
        except FileNotFoundError:
            sys.exit("sbatch is not installed here: start the run on a login node of the cluster.")
        if "fatal:" in answer or "nable to contact slurm controller" in answer:
            sys.exit(
                f"Slurm does not answer here:\n{answer}\nStart the run on a login node of the cluster; `sinfo` has to work."
            )
        if "nvalid account" in answer or "nvalid partition" in answer:
            sys.exit(
                f"Slurm refuses jobs with slurm_account {account or 'not set'} and slurm_partition "
                f"{partition or 'not set'}:\n{answer}\nCorrect the profile: `sacctmgr show associations user=$USER` "
                "lists your accounts, `sinfo` the partitions."
            )
    if wanted and (left := jobs_in_the_queue()):
        sys.exit(
            f"Jobs of an earlier run in this folder, whose Snakemake was killed, are still with Slurm. They would work on "
            f"the same files; end them, and run again:\n    scancel {' '.join(left)}"
        )
