# A distribution as options of training programs that degrade while they train.
rule export:
    input:
        distribution=lambda w: distribution_file(w.distribution),
        learned=lambda w: encoder_tables() if Name.parse(w.distribution).kind == "crafted" else [],
    output:
        multiext("results/exported/{distribution}/", "real-esrgan.yaml", "trainner-redux.yaml", "neosr.toml"),
    log:
        "results/logs/export/{distribution}.log",
    benchmark:
        "results/benchmarks/export/{distribution}.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=10,
    params:
        scale=CONFIG.scale,
        code=code_digest("export", "learned"),
    message:
        "export: {wildcards.distribution} for other programs"
    script:
        "../scripts/export.py"
