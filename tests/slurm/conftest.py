"""What both test modules here need: a Slurm without accounting, and runs that have begun on it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from slurm_runs import TOO_LITTLE, large_photo, put_in_force, running, submit, tiny_config
from workflow_runs import snakemake

GPU_RULES = ["train", "extractor_encoder", "extractor_srgan", "bin_features_shard", "refine_shard", "upscale"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A Slurm without accounting; see `running`."""
    with running(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


@pytest.fixture(scope="session")
def begun(cluster, tmp_path_factory):
    """The folder of these runs, and their futures: the whole workflow on Slurm and without it, and a large photo.

    Slurm mostly waits: these go side by side, and those with accounting begin before they have ended.
    """
    root = tmp_path_factory.mktemp("runs")
    # for a site with these two partitions and GPUs
    settings = ["set-resources", "slurm_partition", "mem_mb", "gpu", *GPU_RULES]
    site_profile = put_in_force(root / "profile", settings)
    config = tiny_config(root)
    large = {**config, "hr": str(large_photo(root / "large-hr"))}
    with ThreadPoolExecutor() as pool:
        yield (
            root,
            {
                "slurm": pool.submit(submit, cluster, site_profile, root / "slurm", config),
                "large": pool.submit(submit, cluster, "slurm", root / "large", large, *TOO_LITTLE),
                "local": pool.submit(snakemake, root / "local", config),
            },
        )
