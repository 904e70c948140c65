# The network whose features photos and bins are compared in.
if CONFIG.checkpoint is not None:

    rule extractor_checkpoint:
        input:
            checkpoint=str(CONFIG.checkpoint),
        output:
            extractor=f"results/extractor/{CONFIG.extractor}.safetensors",
        log:
            "results/logs/extractor/checkpoint.log",
        benchmark:
            "results/benchmarks/extractor/checkpoint.tsv"
        priority: FIRST
        conda:
            "../envs/degcraft.yaml"
        threads: 1
        resources:
            mem_mb=memory(2000),
            runtime=10,
        params:
            code=code_digest("extractor"),
        message:
            "extractor: taking {input.checkpoint}"
        script:
            "../scripts/extractor_checkpoint.py"


rule extractor_encoder:
    input:
        patches="results/hr/patches.h5",
        bins="results/space/bins.csv",
    output:
        extractor="results/extractor/encoder.safetensors",
        curve="results/extractor/encoder.csv",
        axes="results/extractor/encoder_axes.csv",
    log:
        "results/logs/extractor/encoder.log",
    benchmark:
        "results/benchmarks/extractor/encoder.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: CONFIG.encoder.threads
    resources:
        mem_mb=memory(4000),
        runtime=240,
    params:
        settings=settings("encoder"),
        shared=shared("scale", "seed"),
        code=code_digest("distribution", "encoder"),
    message:
        "extractor: training an encoder to tell degradations apart"
    script:
        "../scripts/extractor_encoder.py"


rule extractor_srgan:
    input:
        patches="results/hr/patches.h5",
    output:
        extractor="results/extractor/srgan.safetensors",
        curve="results/extractor/srgan.csv",
    log:
        "results/logs/extractor/srgan.log",
    benchmark:
        "results/benchmarks/extractor/srgan.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: CONFIG.srgan.threads
    resources:
        mem_mb=memory(8000),
        runtime=1440,
    params:
        settings=settings("srgan"),
        shared=shared("scale", "seed"),
        code=code_digest("srgan"),
    message:
        "extractor: training a generator on clean pairs with an adversarial loss"
    script:
        "../scripts/extractor_srgan.py"
