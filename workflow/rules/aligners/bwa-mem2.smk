# Reads: reference/genome.fa. Writes: reference/{bwa-mem2,bwa-mem3,bwa-mem4}/, the index of one
# of them. They are used where they are installed; no environment of theirs is pinned here.


rule index_bwa_mem2:
    """Index the reference for bwa-mem2, bwa-mem3 or bwa-mem4."""
    input:
        fasta="reference/genome.fa",
    output:
        ALIGNER.index_files,
    log:
        "logs/index_bwa_mem2/genome.log",
    benchmark:
        "benchmarks/index_bwa_mem2/genome.tsv"
    conda:
        "../../envs/bwa.yaml"
    resources:
        **needs("index_bwa_mem2"),
    params:
        program=ALIGNER.name,
        prefix=lambda wildcards, output: Path(output[0]).with_suffix(""),
        folder=lambda wildcards, output: Path(output[0]).parent,
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {params.prefix:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        {params.program} index -p "$part/genome" {input.fasta:q}
        mv "$part"/genome.* {params.folder:q}
        """
