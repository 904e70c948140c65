# All measurements in one table, with intervals, and the models compared photo by photo.
rule summary:
    input:
        parts=[f"results/evaluation/{d}/seed{s}/parts/{target}.csv" for d, s in models() for target in targets_for(d)],
    output:
        summary=report("results/summary.csv", caption="../report/summary.rst", category="results"),
        differences=report("results/differences.csv", caption="../report/differences.rst", category="results"),
        # a table of its own, since others rely on the rows of summary.csv
        perceptual=["results/perceptual.csv"] if CONFIG.lpips else [],
        tables=testset_tables(),
    log:
        "results/logs/summary.log",
    benchmark:
        "results/benchmarks/summary.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=10,
    params:
        models=[(d, s, targets_for(d)) for d, s in models()],
        folders={target: str(test_photos(target)) for target in tested_targets()},
        metrics=["lpips"] if CONFIG.lpips else [],
        drawn={"resamplings": CONFIG.evaluate.bootstrap, "seed": CONFIG.seed},
        code=code_digest("summary", "storage"),
    message:
        "summary: comparing the models"
    script:
        "../scripts/summary.py"
