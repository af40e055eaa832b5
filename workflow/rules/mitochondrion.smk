# Reads: alignment/{sample}.cram. Writes: mitochondrion/{sample}.vcf.gz(.tbi).
#
# The mitochondrion is a circle with hundreds of copies in a cell, which may differ. The gVCF has
# it too, haploid: what all copies have.

MITOCHONDRION = project.config.mitochondrion


rule call_mitochondrion:
    """Call heteroplasmies of a sample, those where the reference cuts the circle open too."""
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        tally="qc/{sample}/alignment_tally.json",
        screening=SCREENING,
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        vcf="mitochondrion/{sample}.vcf.gz",
        tbi="mitochondrion/{sample}.vcf.gz.tbi",
    log:
        "logs/call_mitochondrion/{sample}.log",
    benchmark:
        "benchmarks/call_mitochondrion/{sample}.tsv"
    conda:
        "../envs/mitochondrion.yaml"
    threads: 2
    resources:
        **needs("call_mitochondrion"),
    params:
        contig=project.config.reference.mitochondrion,
        min_heteroplasmy=MITOCHONDRION.min_heteroplasmy,
        min_depth=MITOCHONDRION.min_depth,
        min_qual=MITOCHONDRION.min_qual,
        homoplasmy=MITOCHONDRION.homoplasmy,
        min_mapping_quality=CALLING.min_mapping_quality,
        min_base_quality=CALLING.min_base_quality,
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
        TMPDIR={resources.tmpdir:q} wgs mitochondrion call {input.cram:q} \
            --sample {wildcards.sample} --fasta {input.fasta:q} --contig {params.contig} \
            --alignment-tally {input.tally:q} --min-heteroplasmy {params.min_heteroplasmy} \
            --min-depth {params.min_depth} --min-qual {params.min_qual} \
            --homoplasmy {params.homoplasmy} \
            --min-mapping-quality {params.min_mapping_quality} \
            --min-base-quality {params.min_base_quality} --threads {threads} -o "$part/vcf.gz"
        tabix --preset vcf "$part/vcf.gz"
        mv "$part/vcf.gz" {output.vcf:q}
        mv "$part/vcf.gz.tbi" {output.tbi:q}
        """
