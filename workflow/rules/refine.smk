# Rounds that split the bins from which crafting a target gains most; the last round's bins are those of `craft`.
rule refine_weights:
    input:
        bins=lambda w: round_file(w.target, w.round, "bins.csv"),
        moments=lambda w: round_file(w.target, w.round, "moments.h5"),
        reference="results/targets/{target}/reference.h5",
    output:
        weights="results/targets/{target}/rounds/{round}/weights.csv",
        trace="results/targets/{target}/rounds/{round}/trace.csv",
    log:
        "results/logs/refine_weights/{target}-{round}.log",
    benchmark:
        "results/benchmarks/refine_weights/{target}-{round}.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=30,
    params:
        settings={"generalization": refine_dial(), "tolerance": CONFIG.craft.tolerance},
        code=code_digest("refine", "moments_file"),
    message:
        "refine: crafting {wildcards.target} with the bins of round {wildcards.round}"
    script:
        "../scripts/refine_weights.py"


rule refine:
    input:
        tables=lambda w: tables_before(w.target, w.round),
        weights=lambda w: f"results/targets/{w.target}/rounds/{int(w.round) - 1}/weights.csv",
        moments=lambda w: round_file(w.target, int(w.round) - 1, "moments.h5"),
        reference="results/targets/{target}/reference.h5",
    output:
        bins="results/targets/{target}/rounds/{round}/bins.csv",
    log:
        "results/logs/refine/{target}-{round}.log",
    benchmark:
        "results/benchmarks/refine/{target}-{round}.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=30,
    params:
        settings=settings("refine"),
        generalization=refine_dial(),
        code=code_digest("refine", "moments_file"),
    message:
        "refine: splitting bins for {wildcards.target}, round {wildcards.round}"
    script:
        "../scripts/refine.py"


rule refine_shard:
    input:
        bins="results/targets/{target}/rounds/{round}/bins.csv",
        patches="results/hr/patches.h5",
        extractor=f"results/extractor/{CONFIG.extractor}.safetensors",
    output:
        part=temp("results/targets/{target}/rounds/{round}/parts/{shard}.h5"),
    log:
        "results/logs/refine_shard/{target}-{round}-{shard}.log",
    benchmark:
        "results/benchmarks/refine_shard/{target}-{round}-{shard}.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: CONFIG.bin_features.threads
    resources:
        mem_mb=memory(3000),
        runtime=120,
    params:
        settings=settings("bin_features"),
        shared=shared("scale", "seed"),
        code=code_digest("refine", "bin_features", "extractor"),
    message:
        "refine: describing shard {wildcards.shard} of the new bins of {wildcards.target}, round {wildcards.round}"
    script:
        "../scripts/refine_shard.py"


rule refine_moments:
    input:
        bins="results/targets/{target}/rounds/{round}/bins.csv",
        before=lambda w: round_file(w.target, int(w.round) - 1, "moments.h5"),
        parts=expand(
            "results/targets/{{target}}/rounds/{{round}}/parts/{shard}.h5",
            shard=range(CONFIG.bin_features.shards),
        ),
    output:
        moments="results/targets/{target}/rounds/{round}/moments.h5",
    log:
        "results/logs/refine_moments/{target}-{round}.log",
    benchmark:
        "results/benchmarks/refine_moments/{target}-{round}.tsv"
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=30,
    params:
        code=code_digest("refine"),
    message:
        "refine: gathering the moments of {wildcards.target}, round {wildcards.round}"
    script:
        "../scripts/refine_moments.py"


rule refine_rounds:
    input:
        tables=lambda w: tables_before(w.target, CONFIG.refine.rounds + 1),
        weights=lambda w: crafted_in_rounds(w.target, "weights.csv"),
        traces=lambda w: crafted_in_rounds(w.target, "trace.csv"),
    output:
        rounds="results/targets/{target}/rounds.csv",
    log:
        "results/logs/refine_rounds/{target}.log",
    benchmark:
        "results/benchmarks/refine_rounds/{target}.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        code=code_digest("refine"),
    message:
        "refine: what the rounds of {wildcards.target} came to"
    script:
        "../scripts/refine_rounds.py"
