# Reads: the FASTQ files of a lane. Writes: qc/{sample}/{lane}.fastp.json.


rule screen_lane:
    """Measure the raw reads of one lane: qualities and adapters.

    Duplicates are counted where they are marked; fastp's estimate of them takes 1 GB a lane.
    """
    input:
        fastq_1=lambda wildcards: lane_of(wildcards).fastq_1,
        fastq_2=lambda wildcards: lane_of(wildcards).fastq_2,
    output:
        json="qc/{sample}/{lane}.fastp.json",
    log:
        "logs/screen_lane/{sample}.{lane}.log",
    benchmark:
        "benchmarks/screen_lane/{sample}.{lane}.tsv"
    conda:
        "../envs/fastp.yaml"
    threads: 1
    resources:
        **needs("screen_lane"),
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.json:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        # Through cat, which says when the disk is full: fastp does not.
        fastp --in1 {input.fastq_1:q} --in2 {input.fastq_2:q} --thread {threads} \
            --disable_adapter_trimming --disable_quality_filtering --disable_length_filtering \
            --disable_trim_poly_g --dont_eval_duplication --json /dev/stdout --html /dev/null \
            | cat >"$part/json"
        mv "$part/json" {output.json:q}
        """
