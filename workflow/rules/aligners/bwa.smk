# Reads: reference/genome.fa. Writes: reference/bwa/, the index of bwa.


rule index_bwa:
    """Index the reference for bwa."""
    input:
        fasta="reference/genome.fa",
    output:
        ALIGNER.index_files,
    log:
        "logs/index_bwa/genome.log",
    benchmark:
        "benchmarks/index_bwa/genome.tsv"
    conda:
        "../../envs/bwa.yaml"
    resources:
        **needs("index_bwa"),
    params:
        prefix=lambda wildcards, output: Path(output[0]).with_suffix(""),
        folder=lambda wildcards, output: Path(output[0]).parent,
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {params.prefix:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        bwa index -p "$part/genome" {input.fasta:q}
        mv "$part"/genome.* {params.folder:q}
        """
