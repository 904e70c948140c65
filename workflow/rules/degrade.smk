# Any folder of HR photos, degraded with a distribution: data for somebody else's training.
if CONFIG.degrade_photos is not None:

    rule degrade:
        input:
            photos=photos_in(CONFIG.degrade_photos),
            distribution=lambda w: distribution_file(w.distribution),
        output:
            folder=directory("results/degraded/{distribution}"),
        log:
            "results/logs/degrade/{distribution}.log",
        benchmark:
            "results/benchmarks/degrade/{distribution}.tsv"
        conda:
            "../envs/degcraft.yaml"
        threads: 1
        resources:
            mem_mb=lambda w, attempt: attempt * degrade_mb(CONFIG.degrade_photos),
            runtime=240,
        params:
            folder=lambda w: str(CONFIG.degrade_photos),
            drawn={"stage": "degrade", "draws": 1},
            shared=shared("scale", "seed"),
            code=code_digest("degrade"),
        message:
            "degrade: {params.folder} with {wildcards.distribution}"
        script:
            "../scripts/degrade.py"
