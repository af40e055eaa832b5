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
        # bwa-mem2 does not say when the disk is full, and cannot write through a pipe. How long the
        # two that it does not look after must be follows from the bases, of which .ann tells.
        read -r bases _ <"$part/genome.ann"
        rows=$((2 * bases + 1))
        short=$(find "$part" -name genome.0123 -size -$((2 * bases))c -o -name genome.bwt.2bit.64 \
            -size -$((56 + 64 * (rows / 64 + 1) + 5 * (rows / 8 + 1)))c)
        if [[ -n $short ]]; then
            echo "cut short: $short. No space left on device?" >&2
            df --output=avail,target "$part" >&2
            exit 1
        fi
        mv "$part"/genome.* {params.folder:q}
        """
