# The weights of the bins for one target.
rule craft:
    input:
        bins=lambda w: round_file(w.target, CONFIG.refine.rounds, "bins.csv"),
        moments=lambda w: round_file(w.target, CONFIG.refine.rounds, "moments.h5"),
        reference="results/targets/{target}/reference.h5",
    output:
        weights="results/targets/{target}/weights.csv",
        trace="results/targets/{target}/trace.csv",
        trade_off="results/targets/{target}/trade_off.csv",
        trade_off_weights="results/targets/{target}/trade_off_weights.csv",
        facts="results/targets/{target}/craft.json",
    log:
        "results/logs/craft/{target}.log",
    benchmark:
        "results/benchmarks/craft/{target}.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings=settings("craft", but=["bootstrap"]),
        seed=CONFIG.seed,
        code=code_digest("craft", "moments_file"),
    message:
        "craft: choosing the weights for {wildcards.target}"
    script:
        "../scripts/craft.py"


# The weights of another value of the dial, for distributions such as crafted-<target>-0.1.
rule dial:
    input:
        weights="results/targets/{target}/weights.csv",
        trade_off_weights="results/targets/{target}/trade_off_weights.csv",
    output:
        weights="results/targets/{target}/dial/{dial}.csv",
    log:
        "results/logs/dial/{target}-{dial}.log",
    benchmark:
        "results/benchmarks/dial/{target}-{dial}.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        code=code_digest("trade_off"),
    message:
        "dial: the weights for {wildcards.target} with the dial at {wildcards.dial}"
    script:
        "../scripts/dial.py"
