# How sure the weights are: crafting for reference photos that are drawn anew. No model depends on it.
rule bootstrap:
    input:
        weights="results/targets/{target}/weights.csv",
        crafted="results/targets/{target}/craft.json",
        moments=lambda w: round_file(w.target, CONFIG.refine.rounds, "moments.h5"),
        reference="results/targets/{target}/reference.h5",
    output:
        marginals="results/targets/{target}/marginals.csv",
        distances="results/targets/{target}/bootstrap.csv",
    log:
        "results/logs/bootstrap/{target}.log",
    benchmark:
        "results/benchmarks/bootstrap/{target}.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=60,
    params:
        settings={"tolerance": CONFIG.craft.tolerance, "draws": CONFIG.craft.bootstrap},
        seed=CONFIG.seed,
        code=code_digest("bootstrap", "certificate", "moments_file"),
    message:
        "bootstrap: how sure the weights for {wildcards.target} are"
    script:
        "../scripts/bootstrap.py"
