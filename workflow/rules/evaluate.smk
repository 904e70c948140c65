# Every model on its test sets, target by target, then gathered.
MEASURING = {"scale": CONFIG.scale, "examples": CONFIG.evaluate.examples}


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
        folders=lr_and_hr,
        settings=MEASURING,
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
    priority: FIRST
    params:
        folders=lr_and_hr,
        settings=MEASURING,
        upscale={"threads": CONFIG.upscale.threads},  # for LPIPS
        code=code_digest("evaluate", "lpips"),
    message:
        "evaluate: bicubic interpolation on the photos of {wildcards.target}"
