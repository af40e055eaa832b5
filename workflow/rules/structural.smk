# Reads: alignment/{sample}.cram. Writes: structural/{sample}.vcf.gz(.tbi),
# copy_number/{sample}.{tsv,vcf.gz,bedgraph.gz}. docs/structural.md says what is found and missed.


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


rule call_copy_number:
    """Tell copy number from the depth in bins, corrected for GC."""
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        excluded="reference/structural.exclude.bed",
        ploidy="reference/ploidy/{sample}.bed",
        screening=SCREENING,
    output:
        tsv="copy_number/{sample}.tsv",
        vcf="copy_number/{sample}.vcf.gz",
        tbi="copy_number/{sample}.vcf.gz.tbi",
        track="copy_number/{sample}.bedgraph.gz",
    log:
        "logs/call_copy_number/{sample}.log",
    benchmark:
        "benchmarks/call_copy_number/{sample}.tsv"
    conda:
        "../envs/structural.yaml"
    threads: 2
    resources:
        **needs("call_copy_number"),
    params:
        contigs=contig_arguments(),
        bin_size=STRUCTURAL.copy_number.bin_size,
        min_mapping_quality=STRUCTURAL.copy_number.min_mapping_quality,
        penalty=STRUCTURAL.copy_number.penalty,
        min_bins=STRUCTURAL.copy_number.min_bins,
        max_gap=STRUCTURAL.copy_number.max_gap,
        min_known=STRUCTURAL.copy_number.min_known,
        min_quality=STRUCTURAL.copy_number.min_quality,
        proceeds=PROCEEDS,
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.tsv:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        if {params.proceeds}; then
            mosdepth --fast-mode --no-per-base --threads {threads} --fasta {input.fasta:q} \
                --mapq {params.min_mapping_quality} --by {params.bin_size} "$part/depth" \
                {input.cram:q}
            wgs copy-number call "$part/depth.regions.bed.gz" --sample {wildcards.sample} \
                --reference {input.fasta:q} --ploidy {input.ploidy:q} \
                --exclude {input.excluded:q} {params.contigs} --penalty {params.penalty} \
                --min-bins {params.min_bins} --max-gap {params.max_gap} \
                --min-known {params.min_known} --min-quality {params.min_quality} \
                --vcf "$part/vcf.gz" --track "$part/bedgraph.gz" -o "$part/tsv"
        else
            wgs gvcf empty --fai {input.fai:q} --sample {wildcards.sample} -o "$part/vcf.gz"
            bgzip </dev/null >"$part/bedgraph.gz"
            touch "$part/tsv"
        fi
        tabix --preset vcf "$part/vcf.gz"
        mv "$part/tsv" {output.tsv:q}
        mv "$part/vcf.gz" {output.vcf:q}
        mv "$part/bedgraph.gz" {output.track:q}
        mv "$part/vcf.gz.tbi" {output.tbi:q}
        """
