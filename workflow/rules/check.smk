# What can be said in seconds: usable photos, how large the run is, what looks wrong. It has no outputs, so it always runs,
# and where the command was typed, also with a cluster: it measures this machine.
rule check:
    log:
        "results/logs/check.log",
    localrule: True
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=10,
    params:
        schema=workflow.source_path("../schemas/config.schema.yaml"),
        text="results/check.txt",
        code=code_digest("check"),
    message:
        "check: looking at the photos, and measuring for a few seconds"
    script:
        "../scripts/check.py"
