# One self-contained page about all of it.
rule report:
    input:
        summary="results/summary.csv",
        differences="results/differences.csv",
        perceptual=rules.summary.output.perceptual,
        tables=rules.summary.output.tables,
        photos="results/hr/photos.csv",
        extractor=f"results/extractor/{CONFIG.extractor}.safetensors",
        learned=encoder_tables(),
        crafted=expand(
            "results/targets/{target}/{file}",
            target=CONFIG.targets,
            file=[
                "weights.csv",
                "marginals.csv",
                "certificate.json",
                "reference.csv",
                "marginals.svg",
                "joint.svg",
                "trace.svg",
                "trade_off.svg",
                "fit.svg",
            ],
        ),
        examples=[
            f"results/evaluation/{d}/seed{CONFIG.seeds[0] if d != 'bicubic' else 0}/examples/{target}"
            for d in dict(models())
            for target in targets_for(d)
        ],
        upscaled=upscaled_folders(),
        pairs=[f"results/pairs/{d}.h5" for d in dict(models()) if d in shown_pairs()],
        references=[photo for target in CONFIG.targets for photo in target_photos(target, "reference")],
    output:
        page="results/report.html",
        pictures=[f"results/evaluation/examples/{target}.png" for target in tested_targets()],
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=10,
    params:
        config=RAW,
        seed=CONFIG.seeds[0],
        hr=str(CONFIG.hr),
        references={name: target_folder(name, "reference") for name in CONFIG.targets},
        upscaled=folders_to_upscale(),
        tests={name: [target_folder(name, "lr"), target_folder(name, "hr")] for name in tested_targets()},
        distributions=list(dict(models())),
        extractor=CONFIG.extractor,
        others=other_results(),
        beside_photos=lambda w: [passed_over(folder) for folder in reported_folders()],
        scale=CONFIG.scale,
        patch=CONFIG.photos.size // CONFIG.scale,
        textured=CONFIG.photos.textured,
        code=code_digest("report"),
    message:
        "report: writing {output.page}"
    script:
        "../scripts/report.py"
