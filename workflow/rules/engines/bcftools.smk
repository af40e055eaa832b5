# Reads: alignment/{sample}.cram. Writes: gvcf/{sample}.g.vcf.gz, callset pieces of families.
#
# Reads are piled up over a piece and its padding; the padding is cut off before genotypes are
# called, so that a record belongs to the piece that it starts in and sees what an unscattered
# call would see. Orphans count (--count-orphans): on HG002 of GIAB they cost no SNV and remove
# two of six false indels.
#
# All reads of a pile are taken (--max-depth): of those that begin at one base mpileup takes the
# first alone once 250 are there, and bases that only the others reach would lie in no record.


rule call_piece:
    """Call one sample over one piece of the genome, keeping reference blocks."""
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
        gvcf=temp("gvcf/pieces/{sample}/{piece}.g.vcf.gz"),
    log:
        "logs/call_piece/{sample}.{piece}.log",
    benchmark:
        "benchmarks/call_piece/{sample}.{piece}.tsv"
    conda:
        "../../envs/bcftools.yaml"
    resources:
        **needs("call_piece"),
    params:
        min_mapping_quality=CALLING.min_mapping_quality,
        min_base_quality=CALLING.min_base_quality,
        failing=failing_calls(CALLING),
        bands=",".join(map(str, CALLING.depth_bands)),
        sexes="{sample} {sample}",
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
        # Before the pipe, not within it: its failure would go unseen, and its CPU uncounted.
        wgs reference ploidy-file {input.ploidy:q} {wildcards.sample} >"$part/ploidy"
        bcftools mpileup --fasta-ref {input.fasta:q} --regions-file {input.padded:q} \
            --min-MQ {params.min_mapping_quality} --min-BQ {params.min_base_quality} \
            --max-depth 1000000 --count-orphans --annotate FORMAT/AD,FORMAT/DP --output-type u {input.cram:q} \
            | bcftools view --targets-file {input.core:q} --output-type u \
            | bcftools call --multiallelic-caller --gvcf {params.bands} \
                --ploidy-file "$part/ploidy" \
                --samples-file <(echo {params.sexes:q}) --output-type u \
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
        bands=",".join(map(str, CALLING.depth_bands)),
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
        wgs gvcf gather {input.pieces:q} --header {input.header:q} \
            --depth-bands {params.bands} --threads {threads} -o "$part/gvcf.gz"
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
        "../../envs/bcftools.yaml"
    resources:
        **needs("call_family_piece"),
    params:
        min_mapping_quality=CALLING.min_mapping_quality,
        min_base_quality=CALLING.min_base_quality,
        failing=failing_sites(CALLING),
        members=lambda wildcards: project.families[wildcards.family],
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
        wgs reference ploidy-file <(cat {input.ploidy:q}) {params.members} >"$part/ploidy"
        bcftools mpileup --fasta-ref {input.fasta:q} --regions-file {input.padded:q} \
            --min-MQ {params.min_mapping_quality} --min-BQ {params.min_base_quality} \
            --max-depth 1000000 --count-orphans --annotate FORMAT/AD,FORMAT/DP --output-type u \
            --bam-list <({params.proceeding} | sed "s|.*|alignment/&.cram|") \
            | bcftools view --targets-file {input.core:q} --output-type u \
            | bcftools call --multiallelic-caller --variants-only \
                --ploidy-file "$part/ploidy" \
                --samples-file <({params.proceeding} | sed "s/.*/& &/") --output-type u \
            | bcftools filter --soft-filter LowQual --output-type z --output "$part/vcf" \
                --exclude {params.failing:q}
        mv "$part/vcf" {output.vcf:q}
        """
