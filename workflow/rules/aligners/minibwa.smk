# Reads: reference/genome.fa. Writes: reference/minibwa/, the index of minibwa.


rule index_minibwa:
    """Index the reference for minibwa."""
    input:
        fasta="reference/genome.fa",
    output:
        l2b=ALIGNER.index_files[0],
        mbw=ALIGNER.index_files[1],
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
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {params.prefix:q}.XXXXXX.part)
        # The log, which may lie on the same disk, ends with the space that was left.
        trap 'left=$(df --output=avail,target "$part" || true)
            rm -rf "$part"
            echo "$left" >&2' EXIT
        # Through cat, which says when the disk is full: minibwa does not, and with an index that was
        # cut short it aligns reads elsewhere.
        exec 5> >(exec cat >"$part/l2b")
        l2b=$!
        exec 6> >(exec cat >"$part/mbw")
        mbw=$!
        ln -s /dev/fd/5 "$part/genome.l2b"
        ln -s /dev/fd/6 "$part/genome.mbw"
        minibwa index -t {threads} {input.fasta:q} "$part/genome"
        exec 5>&- 6>&-
        wait "$l2b"
        wait "$mbw"
        mv "$part/l2b" {output.l2b:q}
        mv "$part/mbw" {output.mbw:q}
        """
