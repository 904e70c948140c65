# The degradation space, cut into bins; and the distribution of clean pairs, which no setting changes.
rule space:
    output:
        bins="results/space/bins.csv",
    log:
        "results/logs/space.log",
    benchmark:
        "results/benchmarks/space.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        degradation=plain_steps(CONFIG.degradation),
        code=code_digest("space", "steps", "storage"),
    message:
        "space: cutting the degradation space into bins"
    script:
        "../scripts/space.py"


rule space_clean:
    output:
        distribution="results/space/clean.csv",
    log:
        "results/logs/space/clean.log",
    benchmark:
        "results/benchmarks/space/clean.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        code=code_digest("distribution", "storage"),
    message:
        "space: writing the distribution of clean pairs"
    script:
        "../scripts/space_clean.py"
