# Reads: alignments, gVCFs, callsets. Writes: qc/.


rule measure_depth:
    """Measure depth: bands for the gVCF, coverage over the autosomes without N."""
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        verified="alignment/{sample}.json",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        autosomes="reference/autosomes.bed",
    output:
        bands="qc/{sample}/mosdepth.quantized.bed.gz",
        summary="qc/{sample}/mosdepth.mosdepth.summary.txt",
        distribution="qc/{sample}/mosdepth.mosdepth.region.dist.txt",
        thresholds="qc/{sample}/mosdepth.thresholds.bed.gz",
    log:
        "logs/measure_depth/{sample}.log",
    benchmark:
        "benchmarks/measure_depth/{sample}.tsv"
    conda:
        "../envs/mosdepth.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=240,
    params:
        prefix="qc/{sample}/mosdepth",
        bands=":".join(map(str, sorted({0, 1, *CALLING.depth_bands}))),
    shell:
        """
        mosdepth --no-per-base --threads {threads} --fasta {input.fasta:q} \
            --mapq {CALLING.min_mapping_quality} --by {input.autosomes:q} \
            --thresholds 1,10,15,20,30 --quantize {params.bands}: \
            {params.prefix:q} {input.cram:q} 2> {log:q}
        """
