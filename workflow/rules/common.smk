# Loads and validates the configuration. The library sees it as typed objects, never as the raw dictionary.
import os
import re
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

import yaml

from degcraft.config import parse_config
from degcraft.config_values import LOADER, plain, repeated_keys
from degcraft.errors import UserError
from degcraft.images import count_pixels, list_images, passed_over
from degcraft.names import DIAL, DISTRIBUTION, Name
from degcraft.provenance import code_digest, same_configuration
from degcraft.records import forget
from degcraft.settings import WITHOUT_EFFECT
from degcraft.steps import plain_steps, plain_truth
from degcraft.storage import is_file

DEFAULT = "config/config.yaml"
NAMED = bool(workflow.configfiles)  # a file given on the command line stands alone, it is not merged into the demo's
if not NAMED:
    if not Path(DEFAULT).is_file():
        sys.exit(f"Name a configuration, as in --configfile my.yaml: there is no {DEFAULT} here.")

    configfile: DEFAULT


try:
    if repeated := [line for file in workflow.configfiles for line in repeated_keys(file)]:
        raise UserError("\n".join(repeated))
    RAW = plain(config)
    with Path(workflow.source_path("../schemas/config.schema.yaml")).open(encoding="utf-8") as schema:
        CONFIG = parse_config(RAW, yaml.load(schema, Loader=LOADER))
except UserError as error:
    sys.exit(f"The configuration needs a correction:\n{error}")

if not same_configuration(RAW, begins=workflow.is_main_process):
    sys.exit(
        f"{', '.join(map(str, workflow.configfiles))}: changed since the run began. Put it back and run again; for another "
        "run, edit a copy."
    )


def among(targets):
    """A wildcard's pattern for some of the targets, perhaps none."""
    return "|".join(map(re.escape, targets)) or "(?!)"


wildcard_constraints:
    target=among(CONFIG.targets),
    distribution=DISTRIBUTION,
    dial=DIAL,
    seed=r"\d+",
    shard=r"\d+",
    round=r"\d+",
    extractor=r"[^/]+",
