# Reads: alignment/{sample}.cram. Writes: gvcf/{sample}.g.vcf.gz, callset pieces of families.
#
# freebayes' own gVCF blocks have a genotype quality that is summed over the block and a depth
# whose resolution depends on where a region starts. The reference blocks here come from the depth
# bands of mosdepth instead: the same at any scatter, with a depth that is a lower bound.
#
# freebayes reports haplotypes; they are split into alleles and then into SNVs and indels, in two
# passes, because bcftools 1.16 loses 1/2 insertions when it does both at once.


rule call_variants_piece:
    """Call the variants of one sample over one piece of the genome."""
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        core="reference/intervals/{piece}.bed",
        padded="reference/intervals/{piece}.padded.bed",
        ploidy="reference/ploidy/{sample}.bed",
        screening=SCREENING,
    output:
        vcf=temp("gvcf/pieces/{sample}/{piece}.vcf.gz"),
    log:
        "logs/call_variants_piece/{sample}.{piece}.log",
    benchmark:
        "benchmarks/call_variants_piece/{sample}.{piece}.tsv"
    conda:
        "../../envs/freebayes.yaml"
    resources:
        **needs("call_variants_piece"),
    params:
        min_mapping_quality=CALLING.min_mapping_quality,
        min_base_quality=CALLING.min_base_quality,
        failing=failing_calls(CALLING),
        proceeds=PROCEEDS,
    shell:
        """
        exec 2>{log:q}
        if ! {params.proceeds}; then
            touch {output.vcf:q}
            exit 0
        fi
        part=$(mktemp --directory {output.vcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        freebayes --fasta-reference {input.fasta:q} --targets {input.padded:q} \
            --min-mapping-quality {params.min_mapping_quality} \
            --min-base-quality {params.min_base_quality} --genotype-qualities \
            --cnv-map {input.ploidy:q} \
            {input.cram:q} \
            | bcftools norm --multiallelics -any --fasta-ref {input.fasta:q} --output-type u \
            | bcftools norm --atomize --fasta-ref {input.fasta:q} --output-type u \
            | bcftools view --targets-file {input.core:q} --output-type u \
            | bcftools filter --soft-filter LowQual --output-type z --output "$part/vcf" \
                --exclude {params.failing:q}
        mv "$part/vcf" {output.vcf:q}
        """


rule gather_gvcf:
    """Join the pieces of a sample and fill the bases between its variants with blocks."""
    input:
        pieces=expand("gvcf/pieces/{{sample}}/{piece}.vcf.gz", piece=PIECES),
        screening=SCREENING,
        ploidy="reference/ploidy/{sample}.bed",
        header="reference/ploidy/{sample}.hdr",
        depth="qc/{sample}/mosdepth.quantized.bed.gz",
        last_bases="qc/{sample}/mosdepth.regions.bed.gz",
        regions="reference/regions.bed",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
    output:
        gvcf="gvcf/{sample}.g.vcf.gz",
        tbi="gvcf/{sample}.g.vcf.gz.tbi",
        json="gvcf/{sample}.json",
    log:
        "logs/gather_gvcf/{sample}.log",
    benchmark:
        "benchmarks/gather_gvcf/{sample}.tsv"
    wildcard_constraints:
        sample=any_of(aligned_samples()),
    conda:
        "../../envs/bcftools.yaml"
    threads: 2
    resources:
        **needs("gather_gvcf"),
    params:
        proceeds=PROCEEDS,
    shell:
        """
        exec 2>{log:q}
        if ! {params.proceeds}; then
            wgs gvcf empty --fai {input.fai:q} --sample {wildcards.sample} -o {output.gvcf:q}
            tabix --preset vcf --force {output.gvcf:q}
            wgs gvcf verify {output.gvcf:q} -o {output.json:q}
            exit 0
        fi
        spill=$(mktemp --directory --tmpdir={resources.tmpdir:q} gather.XXXXXX)
        part=$(mktemp --directory {output.gvcf:q}.XXXXXX.part)
        trap 'rm -rf "$spill" "$part"' EXIT
        wgs gvcf gather {input.pieces:q} --header {input.header:q} -o "$spill/calls.vcf.gz"
        wgs gvcf blocks --depth {input.depth:q} --last-bases {input.last_bases:q} \
            --calls "$spill/calls.vcf.gz" --ploidy {input.ploidy:q} --fasta {input.fasta:q} \
            -o "$spill/blocks.vcf.gz"
        tabix --preset vcf "$spill/calls.vcf.gz"
        tabix --preset vcf "$spill/blocks.vcf.gz"
        bcftools concat --allow-overlaps --threads {threads} --output-type z \
            --output "$part/gvcf.gz" "$spill/blocks.vcf.gz" "$spill/calls.vcf.gz"
        tabix --preset vcf "$part/gvcf.gz"
        mv "$part/gvcf.gz" {output.gvcf:q}
        mv "$part/gvcf.gz.tbi" {output.tbi:q}
        wgs gvcf verify {output.gvcf:q} --intervals {input.regions:q} \
            --depth {input.depth:q} --last-bases {input.last_bases:q} \
            --pieces gvcf/pieces/{wildcards.sample} -o {output.json:q}
        """


rule call_family_piece:
    """Call all members of a family together over one piece of the genome."""
    input:
        crams=lambda wildcards: expand(
            "alignment/{sample}.cram", sample=project.families[wildcards.family]
        ),
        crais=lambda wildcards: expand(
            "alignment/{sample}.cram.crai", sample=project.families[wildcards.family]
        ),
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        core="reference/intervals/{piece}.bed",
        padded="reference/intervals/{piece}.padded.bed",
        ploidy=ploidies_of,
        screening=lambda wildcards: screening_of(project.families[wildcards.family]),
    output:
        vcf=temp("callset/pieces/{family}/{piece}.vcf.gz"),
    log:
        "logs/call_family_piece/{family}.{piece}.log",
    benchmark:
        "benchmarks/call_family_piece/{family}.{piece}.tsv"
    conda:
        "../../envs/freebayes.yaml"
    resources:
        **needs("call_family_piece"),
    params:
        min_mapping_quality=CALLING.min_mapping_quality,
        min_base_quality=CALLING.min_base_quality,
        failing=failing_sites(CALLING),
        proceeds=lambda wildcards: proceeds(project.families[wildcards.family]),
        proceeding=lambda wildcards: proceeding(project.families[wildcards.family]),
    shell:
        """
        exec 2>{log:q}
        if ! {params.proceeds}; then
            touch {output.vcf:q}
            exit 0
        fi
        part=$(mktemp --directory {output.vcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        freebayes --fasta-reference {input.fasta:q} --targets {input.padded:q} \
            --min-mapping-quality {params.min_mapping_quality} \
            --min-base-quality {params.min_base_quality} --genotype-qualities \
            --cnv-map <(cat {input.ploidy:q}) \
            --bam-list <({params.proceeding} | sed "s|.*|alignment/&.cram|") \
            | bcftools norm --multiallelics -any --fasta-ref {input.fasta:q} --output-type u \
            | bcftools norm --atomize --fasta-ref {input.fasta:q} --output-type u \
            | bcftools view --targets-file {input.core:q} --output-type u \
            | bcftools filter --soft-filter LowQual --output-type z --output "$part/vcf" \
                --exclude {params.failing:q}
        mv "$part/vcf" {output.vcf:q}
        """
