# Targets that are made from a known truth, and the sets that every target's models are tested on.
rule target:
    input:
        photos=lambda w: photos_in(CONFIG.targets[w.target].photos),
    output:
        made=directory("results/targets/{target}/made"),
        oracle="results/targets/{target}/oracle.csv",
    log:
        "results/logs/target/{target}.log",
    benchmark:
        "results/benchmarks/target/{target}.tsv"
    wildcard_constraints:
        target=among(name for name, target in CONFIG.targets.items() if target.truth is not None),
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * degrade_mb(CONFIG.targets[w.target].photos),
        runtime=30,
    params:
        folder=lambda w: str(CONFIG.targets[w.target].photos),
        truth=lambda w: truth(w.target),
        degradation=plain_steps(CONFIG.degradation),
        shared=shared("scale", "seed"),
        code=code_digest("steps", "target"),
    message:
        "target: making {wildcards.target} with its hidden truth"
    script:
        "../scripts/target.py"


rule testset:
    input:
        photos=lambda w: target_photos(w.target, "hr"),
        distribution=lambda w: distribution_file(w.kind),
    output:
        folder=directory("results/testsets/{target}/{kind}"),
    log:
        "results/logs/testset/{target}-{kind}.log",
    benchmark:
        "results/benchmarks/testset/{target}-{kind}.tsv"
    wildcard_constraints:
        target=among(tested_targets()),
        kind="full|clean",
    priority: FIRST
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * degrade_mb(test_photos(w.target)),
        runtime=30,
    params:
        folder=lambda w: target_folder(w.target, "hr"),
        drawn=lambda w: {"stage": "testset", "draws": CONFIG.evaluate.draws if w.kind == "full" else 1},
        shared=shared("scale", "seed"),
        code=code_digest("degrade"),
    message:
        "testset: degrading the HR test photos of {wildcards.target} ({wildcards.kind})"
    script:
        "../scripts/degrade.py"
