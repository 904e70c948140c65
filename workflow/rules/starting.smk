# What is said and asked before the first job.
import subprocess

from snakemake.exceptions import WorkflowError

from degcraft.folder_lock import lock_folder


def print_beginning():
    """Say which configuration is run: the demo's, where none was named."""
    print(f"degcraft: {', '.join(map(str, workflow.configfiles))} -> {shown('results')}", file=sys.stderr)


def lock(jobs):
    """Refuse to make anything while another run does.

    Snakemake's own lock is not enough: any run that may go beside another, `check` for one, deletes both locks as it ends.
    """
    if any(job.output for job in jobs):
        try:
            lock_folder(".snakemake/degcraft.lock")
        except UserError as error:
            raise WorkflowError(str(error)) from None


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
            raise WorkflowError("sbatch is not installed here: start the run on a login node of the cluster.") from None
        if "fatal:" in answer or "nable to contact slurm controller" in answer:
            raise WorkflowError(
                f"Slurm does not answer here:\n{answer}\nStart the run on a login node of the cluster; `sinfo` has to work."
            )
        if "nvalid account" in answer or "nvalid partition" in answer:
            raise WorkflowError(
                f"Slurm refuses jobs with slurm_account {account or 'not set'} and slurm_partition "
                f"{partition or 'not set'}:\n{answer}\nCorrect the profile: `sacctmgr show associations user=$USER` "
                "lists your accounts, `sinfo` the partitions."
            )
