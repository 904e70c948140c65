"""Cut the degradation space into bins."""

from job import job

from degcraft.progress import announce
from degcraft.space import Choices, Distribution, Step, build
from degcraft.steps import parse_steps
from degcraft.storage import replacing

with job(snakemake):
    bins = build(parse_steps(snakemake.params.degradation))
    with replacing(snakemake.output.bins) as partial:
        bins.table().to_csv(partial, index=False)
    axes = [name for name, binned in zip(bins.names, bins.binned, strict=True) if binned]
    announce(f"{len(bins)} bins of {', '.join(axes)}")
    clean = build([Step("resize", (("kind", Choices(("bicubic",))),))])
    with replacing(snakemake.output.clean) as partial:
        Distribution.uniform(clean).write(partial)
