# Whether the degradation space explains a target's reference photos.
rule certify:
    input:
        weights="results/targets/{target}/weights.csv",
        crafted="results/targets/{target}/craft.json",
        bootstrap="results/targets/{target}/bootstrap.csv",
        moments=lambda w: round_file(w.target, CONFIG.refine.rounds, "moments.h5"),
        reference="results/targets/{target}/reference.h5",
        patches="results/hr/patches.h5",
        extractor=f"results/extractor/{CONFIG.extractor}.safetensors",
        learned=encoder_tables(),
    output:
        certificate="results/targets/{target}/certificate.json",
        table="results/targets/{target}/fit.csv",
        plot=report(
            "results/targets/{target}/fit.png",
            caption="../report/fit.rst",
            category="crafting",
            labels={"target": "{target}", "figure": "fit"},
        ),
        vectors="results/targets/{target}/fit.svg",
    log:
        "results/logs/certify/{target}.log",
    benchmark:
        "results/benchmarks/certify/{target}.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: CONFIG.certify.threads
    resources:
        mem_mb=memory(3000),
        runtime=60,
    params:
        settings=settings("certify"),
        shared=shared("scale", "seed"),
        code=code_digest("bootstrap", "certify", "learned", "moments_file", "plots", "reference"),
    message:
        "certify: judging how well the space explains the photos of {wildcards.target}"
    script:
        "../scripts/certify.py"
