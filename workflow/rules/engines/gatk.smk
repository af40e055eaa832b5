# Reads: alignment/{sample}.cram. Writes: gvcf/{sample}.g.vcf.gz, callset pieces of families.
#
# HaplotypeCaller cuts a stretch into regions of its own and decides each border from the one before,
# so a piece that began within a stretch would not be called as in one go. Here pieces begin and end
# at runs of N only (`at_gaps`), where HaplotypeCaller begins anew and closes its reference blocks:
# pieces put together are the unscattered call, record for record. For the same reason no reads are
# left out at random where many start (--max-reads-per-alignment-start 0).
#
# QualByDepth is left out of callsets: above 35 GATK replaces it by a random number.


rule make_dictionary:
    """List the sequences of the reference as GATK wants them."""
    input:
        fasta="reference/genome.fa",
    output:
        dictionary="reference/genome.dict",
    log:
        "logs/make_dictionary/genome.log",
    conda:
        "../../envs/samtools.yaml"
    resources:
        **needs("make_dictionary"),
    shell:
        """
        exec 2>{log:q}
        part=$(mktemp --directory {output.dictionary:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        # Through cat, which says when the disk is full: samtools dict does not.
        samtools dict {input.fasta:q} | cat >"$part/dict"
        mv "$part/dict" {output.dictionary:q}
        """


rule call_haplotypes_piece:
    """Call one sample over one piece of the genome, keeping reference blocks.

    A run for each number of copies that the sample has in the piece: none for what it lacks.
    """
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        dictionary="reference/genome.dict",
        core="reference/intervals/{piece}.bed",
        ploidy="reference/ploidy/{sample}.bed",
        screening=SCREENING,
    output:
        gvcf=temp("gvcf/pieces/{sample}/{piece}.g.vcf.gz"),
    log:
        "logs/call_haplotypes_piece/{sample}.{piece}.log",
    benchmark:
        "benchmarks/call_haplotypes_piece/{sample}.{piece}.tsv"
    conda:
        "../../envs/gatk.yaml"
    resources:
        **needs("call_haplotypes_piece"),
    params:
        java_options=java_options,
        min_mapping_quality=CALLING.min_mapping_quality,
        min_base_quality=CALLING.min_base_quality,
        failing=failing_calls(CALLING),
        proceeds=PROCEEDS,
    shell:
        """
        exec 2>{log:q}
        if ! {params.proceeds}; then
            touch {output.gvcf:q}
            exit 0
        fi
        part=$(mktemp --directory {output.gvcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        wgs reference split-ploidy {input.core:q} --ploidy {input.ploidy:q} --outdir "$part"
        if [[ -z "$(find "$part" -name '*.bed')" ]]; then
            wgs gvcf empty --fai {input.fai:q} --sample {wildcards.sample} -o {output.gvcf:q}
            exit 0
        fi
        for bed in "$part"/*.bed; do
            gatk --java-options {params.java_options:q} HaplotypeCaller \
                --reference {input.fasta:q} --input {input.cram:q} --intervals "$bed" \
                --interval-merging-rule OVERLAPPING_ONLY \
                --sample-ploidy "$(basename "$bed" .bed)" --emit-ref-confidence GVCF \
                --minimum-mapping-quality {params.min_mapping_quality} \
                --min-base-quality-score {params.min_base_quality} \
                --max-reads-per-alignment-start 0 --native-pair-hmm-threads {threads} \
                --tmp-dir {resources.tmpdir:q} --verbosity WARNING --QUIET \
                --output "${{bed%.bed}}.g.vcf.gz" >&2
        done
        bcftools concat --allow-overlaps --regions-file {input.core:q} --output-type u \
            "$part"/*.g.vcf.gz \
            | bcftools filter --soft-filter LowQual --output-type z --output "$part/gvcf" \
                --exclude {params.failing:q}
        mv "$part/gvcf" {output.gvcf:q}
        """


rule gather_gvcf:
    """Join the pieces of a sample's gVCF as if it had been called in one go."""
    input:
        pieces=expand("gvcf/pieces/{{sample}}/{piece}.g.vcf.gz", piece=PIECES),
        screening=SCREENING,
        header="reference/ploidy/{sample}.hdr",
        ploidy="reference/ploidy/{sample}.bed",
        depth="qc/{sample}/mosdepth.quantized.bed.gz",
        last_bases="qc/{sample}/mosdepth.regions.bed.gz",
        regions="reference/regions.bed",
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
        part=$(mktemp --directory {output.gvcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        wgs gvcf gather {input.pieces:q} --header {input.header:q} --threads {threads} \
            -o "$part/gvcf.gz"
        tabix --preset vcf "$part/gvcf.gz"
        mv "$part/gvcf.gz" {output.gvcf:q}
        mv "$part/gvcf.gz.tbi" {output.tbi:q}
        wgs gvcf verify {output.gvcf:q} --intervals {input.regions:q} \
            --depth {input.depth:q} --last-bases {input.last_bases:q} \
            --pieces gvcf/pieces/{wildcards.sample} --ploidy {input.ploidy:q} -o {output.json:q}
        """


rule genotype_family_piece:
    """Genotype a family, or a single sample, from its gVCFs over one piece of the genome."""
    input:
        gvcfs=lambda wildcards: expand(
            "gvcf/{sample}.g.vcf.gz", sample=project.families[wildcards.family]
        ),
        tbis=lambda wildcards: expand(
            "gvcf/{sample}.g.vcf.gz.tbi", sample=project.families[wildcards.family]
        ),
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        dictionary="reference/genome.dict",
        core="reference/intervals/{piece}.bed",
        screening=lambda wildcards: screening_of(project.families[wildcards.family]),
    output:
        vcf=temp("callset/pieces/{family}/{piece}.vcf.gz"),
    log:
        "logs/genotype_family_piece/{family}.{piece}.log",
    benchmark:
        "benchmarks/genotype_family_piece/{family}.{piece}.tsv"
    conda:
        "../../envs/gatk.yaml"
    resources:
        **needs("genotype_family_piece"),
    params:
        java_options=java_options,
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
        {params.proceeding} | sed 's|.*|--variant gvcf/&.g.vcf.gz|' >"$part/arguments"
        gatk --java-options {params.java_options:q} CombineGVCFs \
            --reference {input.fasta:q} --arguments_file "$part/arguments" \
            --intervals {input.core:q} --interval-merging-rule OVERLAPPING_ONLY \
            --tmp-dir {resources.tmpdir:q} --verbosity WARNING --QUIET \
            --output "$part/combined.g.vcf.gz" >&2
        gatk --java-options {params.java_options:q} GenotypeGVCFs \
            --reference {input.fasta:q} --variant "$part/combined.g.vcf.gz" \
            --intervals {input.core:q} --interval-merging-rule OVERLAPPING_ONLY \
            --annotations-to-exclude QualByDepth \
            --tmp-dir {resources.tmpdir:q} --verbosity WARNING --QUIET \
            --output "$part/genotyped.vcf.gz" >&2
        bcftools filter --soft-filter LowQual --output-type z --output "$part/vcf" \
            --exclude {params.failing:q} "$part/genotyped.vcf.gz"
        mv "$part/vcf" {output.vcf:q}
        """
