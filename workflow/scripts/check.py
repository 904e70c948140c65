"""Say what a run would be, before anything long starts."""

from pathlib import Path

import yaml
from job import job

from degcraft.check import check
from degcraft.config import parse_config

with job(snakemake):
    schema = yaml.safe_load(Path(snakemake.params.schema).read_text(encoding="utf-8"))
    print(check(parse_config(snakemake.config, schema), snakemake.params.text), flush=True)
