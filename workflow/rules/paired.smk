# Degraded photos beside their HR photos, for training programs that read paired folders.
if CONFIG.degrade_pairs:

    rule paired:
        input:
            photos=photos_in(CONFIG.degrade_photos),
            degraded="results/degraded/{distribution}",
        output:
            folder=directory("results/paired/{distribution}"),
        log:
            "results/logs/paired/{distribution}.log",
        benchmark:
            "results/benchmarks/paired/{distribution}.tsv"
        conda:
            "../envs/degcraft.yaml"
        threads: 1
        resources:
            mem_mb=memory(3000),
            runtime=240,
        params:
            folder=lambda w: str(CONFIG.degrade_photos),
            lmdb=CONFIG.degrade_lmdb,
            scale=CONFIG.scale,
            code=code_digest("paired"),
        message:
            "paired: {wildcards.distribution} beside {params.folder}"
        script:
            "../scripts/paired.py"
