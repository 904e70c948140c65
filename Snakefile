# Front door: `snakemake` works from the root.
include: "workflow/Snakefile"


rule default:
    default_target: True
    input:
        rules.all.input,
    message:
        "all: every result is there"
