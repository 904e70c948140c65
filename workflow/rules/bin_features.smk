# Feature moments of every bin, scattered over shards and gathered.
rule bin_features_shard:
    input:
        bins="results/space/bins.csv",
        patches="results/hr/patches.h5",
        extractor="results/extractor/{extractor}.safetensors",
    output:
        part=temp("results/bin_features/{extractor}/parts/{shard}.h5"),
    log:
        "results/logs/bin_features/{extractor}/{shard}.log",
    benchmark:
        "results/benchmarks/bin_features/{extractor}/{shard}.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: CONFIG.bin_features.threads
    resources:
        mem_mb=memory(3000),
        runtime=120,
    params:
        settings=settings("bin_features"),
        samples=CONFIG.refine.rounds > 0,
        shared=shared("scale", "seed"),
        code=code_digest("bin_features", "distribution", "extractor"),
    message:
        "bin_features: describing shard {wildcards.shard} of the bins"
    script:
        "../scripts/bin_features_shard.py"


rule bin_features:
    input:
        parts=expand(
            "results/bin_features/{{extractor}}/parts/{shard}.h5",
            shard=range(CONFIG.bin_features.shards),
        ),
    output:
        moments="results/bin_features/{extractor}/moments.h5",
    log:
        "results/logs/bin_features/{extractor}.log",
    benchmark:
        "results/benchmarks/bin_features/{extractor}.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=10,
    params:
        code=code_digest("bin_features"),
    message:
        "bin_features: gathering the moments"
    script:
        "../scripts/bin_features.py"
