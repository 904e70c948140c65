"""Write a trained network as ONNX."""

from job import job

from degcraft.onnx_model import export_onnx

with job(snakemake):
    export_onnx(snakemake.input.model, snakemake.output.onnx)
