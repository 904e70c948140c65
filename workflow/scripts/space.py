"""Cut the degradation space into bins."""

from job import job

from degcraft.config import parse_steps
from degcraft.space import Choices, Distribution, Step, build
from degcraft.storage import replacing

with job(snakemake):
    bins = build(parse_steps(snakemake.params.degradation))
    with replacing(snakemake.output.bins) as partial:
        bins.table().to_csv(partial, index=False)
    clean = build([Step("resize", (("kind", Choices(("bicubic",))),))])
    with replacing(snakemake.output.clean) as partial:
        Distribution.uniform(clean).write(partial)
