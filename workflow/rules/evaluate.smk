# Every model on its test sets, target by target, then gathered.
rule evaluate:
    input:
        unpack(tests),
        model="results/models/{distribution}/seed{seed}/model.safetensors",
    output:
        table="results/evaluation/{distribution}/seed{seed}/parts/{target}.csv",
        examples=directory("results/evaluation/{distribution}/seed{seed}/examples/{target}"),
    log:
        "results/logs/evaluate/{distribution}-seed{seed}-{target}.log",
    benchmark:
        "results/benchmarks/evaluate/{distribution}-seed{seed}-{target}.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: CONFIG.upscale.threads
    resources:
        mem_mb=memory(6000),
        runtime=120,
    params:
        folders=lambda w: {what: target_folder(w.target, what) for what in ("lr", "hr")},
        settings={"scale": CONFIG.scale, "examples": CONFIG.evaluate.examples},
        upscale=settings("upscale"),
        code=code_digest("evaluate", "lpips", "upscale"),
    message:
        "evaluate: {wildcards.distribution}, seed {wildcards.seed}, on the photos of {wildcards.target}"
    script:
        "../scripts/evaluate.py"


use rule evaluate as evaluate_bicubic with:
    input:
        unpack(tests),
    output:
        table="results/evaluation/bicubic/seed0/parts/{target}.csv",
        examples=directory("results/evaluation/bicubic/seed0/examples/{target}"),
    log:
        "results/logs/evaluate/bicubic-{target}.log",
    benchmark:
        "results/benchmarks/evaluate/bicubic-{target}.tsv"
    message:
        "evaluate: bicubic interpolation on the photos of {wildcards.target}"


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
        metrics=["lpips"] if CONFIG.lpips else [],
        drawn={"resamplings": CONFIG.evaluate.bootstrap, "seed": CONFIG.seed},
        code=code_digest("summary", "storage"),
    message:
        "summary: comparing the models"
    script:
        "../scripts/summary.py"
