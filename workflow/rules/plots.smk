# Figures of what was crafted for one target.
rule plots:
    input:
        weights="results/targets/{target}/weights.csv",
        marginals="results/targets/{target}/marginals.csv",
        trace="results/targets/{target}/trace.csv",
        trade_off="results/targets/{target}/trade_off.csv",
    output:
        marginals=report(
            "results/targets/{target}/marginals.png",
            caption="../report/marginals.rst",
            category="crafting",
            labels={"target": "{target}", "figure": "marginals"},
        ),
        joint=report(
            "results/targets/{target}/joint.png",
            caption="../report/joint.rst",
            category="crafting",
            labels={"target": "{target}", "figure": "joint weights"},
        ),
        trace=report(
            "results/targets/{target}/trace.png",
            caption="../report/trace.rst",
            category="crafting",
            labels={"target": "{target}", "figure": "trace"},
        ),
        trade_off=report(
            "results/targets/{target}/trade_off.png",
            caption="../report/trade_off.rst",
            category="crafting",
            labels={"target": "{target}", "figure": "trade-off"},
        ),
        vectors=multiext("results/targets/{target}/", "marginals.svg", "joint.svg", "trace.svg", "trade_off.svg"),
    log:
        "results/logs/plots/{target}.log",
    benchmark:
        "results/benchmarks/plots/{target}.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        truth=lambda w: truth(w.target),
        code=code_digest("plots", "steps"),
    message:
        "plots: drawing what was crafted for {wildcards.target}"
    script:
        "../scripts/plots.py"
