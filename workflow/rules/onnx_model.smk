# Trained networks as ONNX files for other programs, where the configuration says 'onnx: true'.
rule onnx_model:
    input:
        model="results/models/{distribution}/seed{seed}/model.safetensors",
    output:
        onnx="results/models/{distribution}/seed{seed}/model.onnx",
    log:
        "results/logs/onnx_model/{distribution}-seed{seed}.log",
    benchmark:
        "results/benchmarks/onnx_model/{distribution}-seed{seed}.tsv"
    conda:
        "../envs/degcraft.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=30,
    params:
        code=code_digest("onnx_model"),
    message:
        "onnx_model: {wildcards.distribution}, seed {wildcards.seed}"
    script:
        "../scripts/onnx_model.py"
