# Feature moments of a target's reference photos.
rule reference:
    input:
        photos=lambda w: target_photos(w.target, "reference"),
        extractor=f"results/extractor/{CONFIG.extractor}.safetensors",
    output:
        moments="results/targets/{target}/reference.h5",
        table="results/targets/{target}/reference.csv",
    log:
        "results/logs/reference/{target}.log",
    benchmark:
        "results/benchmarks/reference/{target}.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: CONFIG.reference.threads
    resources:
        mem_mb=memory(3000),
        runtime=30,
    params:
        folder=lambda w: target_folder(w.target, "reference"),
        settings=settings("reference"),
        patches={"size": CONFIG.photos.size // CONFIG.scale, "textured": CONFIG.photos.textured},
        seed=CONFIG.seed,
        code=code_digest("reference"),
    message:
        "reference: describing the reference photos of {wildcards.target}"
    script:
        "../scripts/reference.py"
