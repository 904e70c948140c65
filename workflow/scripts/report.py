"""Write the report."""

from pathlib import Path

from job import job

from degcraft.report import ReportInputs, write_report

with job(snakemake):
    params = snakemake.params
    write_report(
        ReportInputs(
            results=Path(snakemake.output.page).parent,
            perceptual=bool(snakemake.input.perceptual),
            config=params.config,
            scale=params.scale,
            patch=params.patch,
            textured=params.textured,
            seed=params.seed,
            distributions=params.distributions,
            hr=Path(params.hr),
            references={target: Path(folder) for target, folder in params.references.items()},
            tests={target: (Path(lr), Path(hr)) for target, (lr, hr) in params.tests.items()},
            upscaled={target: Path(folder) for target, folder in params.upscaled.items()},
            extractor=params.extractor,
            others=params.others,
        )
    )
