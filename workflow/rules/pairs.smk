# LR/HR pairs drawn from one distribution.
rule pairs_shard:
    input:
        distribution=lambda w: distribution_file(w.distribution),
        patches="results/hr/patches.h5",
    output:
        part=temp("results/pairs/parts/{distribution}-{shard}.h5"),
    log:
        "results/logs/pairs/{distribution}/{shard}.log",
    benchmark:
        "results/benchmarks/pairs/{distribution}/{shard}.tsv"
    priority: SECOND
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=120,
    params:
        settings=settings("pairs"),
        shared=shared("scale", "seed"),
        code=code_digest("pairs"),
    message:
        "pairs: degrading shard {wildcards.shard} of {wildcards.distribution}"
    script:
        "../scripts/pairs_shard.py"


rule pairs:
    input:
        parts=expand("results/pairs/parts/{{distribution}}-{shard}.h5", shard=range(CONFIG.pairs.shards)),
        distribution=lambda w: distribution_file(w.distribution),
        patches="results/hr/patches.h5",
    output:
        pairs="results/pairs/{distribution}.h5",
    log:
        "results/logs/pairs/{distribution}.log",
    benchmark:
        "results/benchmarks/pairs/{distribution}.tsv"
    priority: SECOND
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=60,
    params:
        shared=shared("scale", "seed"),
        code=code_digest("pairs"),
    message:
        "pairs: gathering {wildcards.distribution}"
    script:
        "../scripts/pairs.py"
