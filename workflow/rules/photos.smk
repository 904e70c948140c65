# HR photos in, HR patches out.
rule photos:
    input:
        photos=photos_in(CONFIG.hr),
    output:
        patches="results/hr/patches.h5",
        table="results/hr/photos.csv",
    log:
        "results/logs/photos.log",
    benchmark:
        "results/benchmarks/photos.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=60,
    params:
        folder=lambda w: str(CONFIG.hr),
        settings=settings("photos"),
        shared=shared("scale", "seed"),
        code=code_digest("photos"),
    message:
        "photos: cutting patches from {params.folder}"
    script:
        "../scripts/photos.py"
