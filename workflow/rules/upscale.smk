# The photos of each source, super-resolved by the model made for it.
rule upscale:
    input:
        photos=lambda w: upscale_photos(w.target),
        model=f"results/models/crafted-{{target}}/seed{CONFIG.seeds[0]}/model.safetensors",
    output:
        folder=directory("results/upscaled/{target}"),
    log:
        "results/logs/upscale/{target}.log",
    benchmark:
        "results/benchmarks/upscale/{target}.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: CONFIG.upscale.threads
    resources:
        mem_mb=lambda w, input, attempt: attempt * upscale_mb(input.photos),
        runtime=240,
    params:
        folder=lambda w: upscale_folder(w.target),
        # outside the declared outputs, so that what is done outlives a killed job
        kept="results/checkpoints/upscale/{target}",
        settings=settings("upscale"),
        code=code_digest("upscale"),
    message:
        "upscale: super-resolving {params.folder}"
    script:
        "../scripts/upscale.py"
