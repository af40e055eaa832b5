# Reads: alignment/{sample}.cram. Writes: structural/{sample}.vcf.gz(.tbi). docs/structural.md says
# what the callers find and what they miss.

STRUCTURAL = project.config.structural


def structural_results():
    """Structural variants and copy number of every alignment, where they are asked for."""
    if not STRUCTURAL.enabled:
        return []
    return expand("structural/{sample}.vcf.gz.tbi", sample=aligned_samples())


rule exclude_regions:
    """List where structural variants are not looked for: runs of N, and what the config names."""
    input:
        fai="reference/genome.fa.fai",
        regions="reference/regions.bed",
        named=STRUCTURAL.exclude_bed or [],
    output:
        bed="reference/structural.exclude.bed",
    log:
        "logs/exclude_regions/genome.log",
    conda:
        "../envs/samtools.yaml"
    resources:
        **needs("exclude_regions"),
    params:
        named=file_argument("--exclude-bed", STRUCTURAL.exclude_bed),
    shell:
        """
        wgs structural exclude --fai {input.fai:q} --regions {input.regions:q} {params.named} \
            -o {output.bed:q} 2>{log:q}
        """


rule call_structural:
    """Call structural variants of a sample with every caller, and merge them."""
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        verified="alignment/{sample}.json",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        excluded="reference/structural.exclude.bed",
        ploidy="reference/ploidy/{sample}.bed",
        screening=SCREENING,
    output:
        vcf="structural/{sample}.vcf.gz",
        tbi="structural/{sample}.vcf.gz.tbi",
    log:
        "logs/call_structural/{sample}.log",
    benchmark:
        "benchmarks/call_structural/{sample}.tsv"
    conda:
        "../envs/structural.yaml"
    threads: 2
    resources:
        **needs("call_structural"),
    params:
        callers=" ".join(f"--caller {caller}" for caller in STRUCTURAL.callers),
        min_size=STRUCTURAL.min_size,
        min_support=STRUCTURAL.min_support,
        min_mapping_quality=STRUCTURAL.min_mapping_quality,
        min_probability=STRUCTURAL.min_probability,
        max_distance=STRUCTURAL.merge_distance,
        min_overlap=STRUCTURAL.merge_overlap,
        proceeds=PROCEEDS,
    shell:
        """
        exec 2>{log:q}
        if ! {params.proceeds}; then
            wgs gvcf empty --fai {input.fai:q} --sample {wildcards.sample} -o {output.vcf:q}
            tabix --preset vcf --force {output.vcf:q}
            exit 0
        fi
        part=$(mktemp --directory {output.vcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        wgs --verbose structural call {input.cram:q} {params.callers} \
            --sample {wildcards.sample} --reference {input.fasta:q} --exclude {input.excluded:q} \
            --ploidy {input.ploidy:q} --min-size {params.min_size} \
            --min-support {params.min_support} \
            --min-mapping-quality {params.min_mapping_quality} \
            --min-probability {params.min_probability} --max-distance {params.max_distance} \
            --min-overlap {params.min_overlap} --threads {threads} -o "$part/vcf.gz"
        tabix --preset vcf "$part/vcf.gz"
        mv "$part/vcf.gz" {output.vcf:q}
        mv "$part/vcf.gz.tbi" {output.tbi:q}
        """
