# The degradation space, cut into bins; and the distribution of clean pairs.
rule space:
    output:
        bins="results/space/bins.csv",
        clean="results/space/clean.csv",
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
        code=code_digest("distribution", "steps", "storage"),
    message:
        "space: cutting the degradation space into bins"
    script:
        "../scripts/space.py"
