"""Say what a run would be, before anything long starts."""

from pathlib import Path

import yaml
from job import job

from degcraft.check import check
from degcraft.config import parse_config
from degcraft.config_values import LOADER

with job(snakemake):
    schema = yaml.load(Path(snakemake.params.schema).read_text(encoding="utf-8"), LOADER)
    print(check(parse_config(snakemake.config, schema), snakemake.params.text), flush=True)
