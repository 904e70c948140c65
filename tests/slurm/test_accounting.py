"""The workflow on a Slurm with accounting that refuses jobs without an account: `make test-slurm`, skipped where no
slurmdbd and MariaDB can be had."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from slurm_runs import TOO_LITTLE, finished, large_photo, put_in_force, run_id, running, submit, tiny_config

# one model and no parts: what is tried here is one job after another, not all of them
SMALL = {
    "bin_features": {"patches": 8},
    "pairs": {"count": 40},
    "evaluate": {"draws": 1, "bootstrap": 50, "examples": 1},
}
SMALL_TRAINING = {"distributions": ["crafted"], "channels": 4, "blocks": 1, "steps": 20, "batch": 2, "crop": 12}
REFUSED = "Invalid account or account/partition combination specified"


@pytest.fixture(scope="module")
def accounting(tmp_path_factory):
    """A Slurm with accounting; see `running`."""
    with running(tmp_path_factory.mktemp("accounting"), "--accounting") as environment:
        yield environment


@pytest.fixture(scope="module")
def runs(accounting, begun, tmp_path_factory):
    """Side by side: the whole workflow as the profile is shipped, and cutting a large photo where sacct is asked."""
    root = tmp_path_factory.mktemp("accounted")
    config = {**tiny_config(root), **SMALL, "train": SMALL_TRAINING}
    shipped = put_in_force(root / "shipped", [], slurm_account="lab")
    sacct = put_in_force(root / "sacct", [], **{"slurm_account": "lab", "slurm-status-command": "sacct"})
    large = {**config, "hr": str(large_photo(root / "large-hr"))}
    with ThreadPoolExecutor() as pool:
        return finished(
            {
                "squeue": pool.submit(submit, accounting, shipped, root / "run", config),
                "sacct": pool.submit(submit, accounting, sacct, root / "large", large, *TOO_LITTLE, "--verbose"),
            }
        )


def jobs_accounted(accounting, process):
    """(account, memory asked for, state, rules) of the jobs of a run, in the order of submission, by sacct."""
    command = ["sacct", "--allocations", "--noheader", "--parsable2", "--name", run_id(process)]
    shown = subprocess.check_output([*command, "--format", "account,reqmem,state,comment"], env=accounting, text=True)
    return [tuple(line.split("|")) for line in shown.splitlines()]


def test_the_accounting_knows_what_the_jobs_of_a_whole_run_asked_for(accounting, runs):
    jobs = jobs_accounted(accounting, runs["squeue"])
    submitted = re.findall(r"has been submitted with SLURM jobid", runs["squeue"].stderr)
    assert len(jobs) == len(submitted) > 10
    assert {(account, state) for account, _, state, _ in jobs} == {("lab", "COMPLETED")}
    memory = {rules: asked for _, asked, _, rules in jobs}
    assert memory["rule_prepare_photos_space_space_clean"] == "5000M"  # 3000 and twice 1000, side by side
    assert memory["rule_craft_bootstrap_certify_craft_plots"] == "4000M"  # mostly after each other
    assert memory["rule_train_wildcards_crafted-made_0"] == "6000M"
    assert "Falling back to 'sacct'" not in runs["squeue"].stderr


def test_sacct_tells_how_jobs_end(accounting, runs):
    assert "command=sacct" in runs["sacct"].stderr and "command=squeue" not in runs["sacct"].stderr
    states = [job[:3] for job in jobs_accounted(accounting, runs["sacct"])]
    assert states == [("lab", "400M", "FAILED"), ("lab", "1600M", "COMPLETED")]


@pytest.mark.parametrize(
    ("account", "partition", "refused"),
    [
        (None, "standard", REFUSED),  # the default account, `visitors`
        ("nobody", "standard", REFUSED),
        ("lab", "elsewhere", "invalid partition specified: elsewhere"),
    ],
)
def test_a_refused_account_or_partition_ends_the_run_before_its_first_job(
    accounting, tmp_path, account, partition, refused
):
    values = {"slurm_account": account} if account else {}
    profile = put_in_force(tmp_path / "profile", [], **values)
    resources = ["results/hr/patches.h5", "--set-resources", f"photos:slurm_partition={partition}"]
    process = submit(accounting, profile, tmp_path / "run", tiny_config(tmp_path), *resources)
    assert process.returncode == 1
    assert f"slurm_account {account or 'not set'} and slurm_partition {partition}:" in process.stderr
    assert refused in process.stderr and "submitted" not in process.stderr
