# Reads: reference/genome.fa. Writes: reference/minibwa/, the index of minibwa.


rule index_minibwa:
    """Index the reference for minibwa."""
    input:
        fasta="reference/genome.fa",
    output:
        ALIGNER.index_files,
    log:
        "logs/index_minibwa/genome.log",
    benchmark:
        "benchmarks/index_minibwa/genome.tsv"
    conda:
        "../../envs/minibwa.yaml"
    threads: 8
    resources:
        **needs("index_minibwa"),
    params:
        prefix=lambda wildcards, output: Path(output[0]).with_suffix(""),
        folder=lambda wildcards, output: Path(output[0]).parent,
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {params.prefix:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        minibwa index -t {threads} {input.fasta:q} "$part/genome"
        mv "$part"/genome.* {params.folder:q}
        """
