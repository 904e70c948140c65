# One model for each distribution and seed.
rule train:
    input:
        pairs="results/pairs/{distribution}.h5",
        patches="results/hr/patches.h5",
        weights=[path for path in (CONFIG.train.start, CONFIG.train.perceptual) if path],
    output:
        model="results/models/{distribution}/seed{seed}/model.safetensors",
        curve="results/models/{distribution}/seed{seed}/training.csv",
    log:
        "results/logs/train/{distribution}-seed{seed}.log",
    benchmark:
        "results/benchmarks/train/{distribution}-seed{seed}.tsv"
    priority: SECOND
    conda:
        "../envs/degcraft.yaml"
    threads: CONFIG.train.processes * (CONFIG.train.threads + CONFIG.train.workers)
    resources:
        mem_mb=memory(6000),
        runtime=1440,
        # not among the params, which train anew when they change
        workers=CONFIG.train.workers,
        checkpoint_every=CONFIG.train.checkpoint_every,
    params:
        # outside the declared outputs, so that it outlives a killed job, and can be looked at while the job runs
        checkpoint="results/checkpoints/{distribution}-seed{seed}.pt",
        monitor="results/monitor/{distribution}-seed{seed}",
        settings=settings("train", but=WITHOUT_EFFECT),
        scale=CONFIG.scale,
        code=code_digest("train"),
    message:
        "train: {wildcards.distribution}, seed {wildcards.seed}"
    script:
        "../scripts/train.py"
