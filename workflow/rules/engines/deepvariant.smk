# Reads: alignment/{sample}.cram. Writes: gvcf/{sample}.g.vcf.gz, callset pieces of families.
#
# Runs in containers (--sdm apptainer) and is not run by the project's tests, which dry-run it:
# docs/calling.md. The rules with a container hold nothing but what the container has.
#
# make_examples cuts a stretch into partitions from its first base on: pieces begin and end at runs
# of N only, so that pieces put together are the unscattered call.


rule call_deepvariant_piece:
    """Call one sample over one piece of the genome, keeping reference blocks.

    X and Y of a male are haploid outside the pseudoautosomal regions, which are the gaps between the
    haploid runs of a contig. Other numbers of copies are not known to DeepVariant.
    """
    input:
        cram="alignment/{sample}.cram",
        crai="alignment/{sample}.cram.crai",
        fasta="reference/genome.fa",
        fai="reference/genome.fa.fai",
        core="reference/intervals/{piece}.bed",
        ploidy="reference/ploidy/{sample}.bed",
        screening=SCREENING,
    output:
        gvcf=temp("gvcf/pieces/{sample}/{piece}.g.vcf.gz"),
    log:
        "logs/call_deepvariant_piece/{sample}.{piece}.log",
    benchmark:
        "benchmarks/call_deepvariant_piece/{sample}.{piece}.tsv"
    container:
        "docker://google/deepvariant:1.8.0"
    resources:
        **needs("call_deepvariant_piece"),
    params:
        min_mapping_quality=CALLING.min_mapping_quality,
        proceeds=PROCEEDS,
    shell:
        """
        exec 2>{log:q}
        if ! {params.proceeds}; then
            touch {output.gvcf:q}
            exit 0
        fi
        if ! command -v run_deepvariant >/dev/null; then
            echo "run_deepvariant: not found; run with --sdm apptainer (docs/calling.md)" >&2
            exit 1
        fi
        part=$(mktemp --directory {output.gvcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        awk '$5 == 1' {input.ploidy:q} | sort -k1,1 -k2,2n >"$part/haploid.bed"
        awk '$1 == contig && $2 > end {{print contig "\\t" end "\\t" $2}} {{contig = $1; end = $3}}' \
            "$part/haploid.bed" >"$part/par.bed"
        haploid=()
        if [[ -s "$part/haploid.bed" ]]; then
            contigs=$(cut -f 1 "$part/haploid.bed" | sort -u | paste -s -d ,)
            haploid=(--haploid_contigs="$contigs")
            [[ ! -s "$part/par.bed" ]] || haploid+=(--par_regions_bed="$part/par.bed")
        fi
        run_deepvariant --model_type=WGS --ref={input.fasta:q} --reads={input.cram:q} \
            --sample_name={wildcards.sample} --regions={input.core:q} "${{haploid[@]}}" \
            --make_examples_extra_args=min_mapping_quality={params.min_mapping_quality} \
            --num_shards={threads} --intermediate_results_dir="$part/work" \
            --output_vcf="$part/vcf.gz" --output_gvcf="$part/g.vcf.gz" >&2
        mv "$part/g.vcf.gz" {output.gvcf:q}
        """


rule gather_gvcf:
    """Join the pieces of a sample's gVCF, without what the sample has no copy of."""
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
        failing=failing_calls(CALLING),
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
        awk '$5 == 0' {input.ploidy:q} >"$part/lacking.bed"
        wgs gvcf gather {input.pieces:q} --header {input.header:q} -o "$part/whole.vcf.gz"
        bcftools view --targets-file "^$part/lacking.bed" --output-type u "$part/whole.vcf.gz" \
            | bcftools filter --soft-filter LowQual --mode + --exclude {params.failing:q} \
                --threads {threads} --output-type z --output "$part/gvcf.gz"
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
        core="reference/intervals/{piece}.bed",
        screening=lambda wildcards: screening_of(project.families[wildcards.family]),
    output:
        bcf=temp("callset/pieces/{family}/{piece}.bcf"),
    log:
        "logs/genotype_family_piece/{family}.{piece}.log",
    benchmark:
        "benchmarks/genotype_family_piece/{family}.{piece}.tsv"
    container:
        "docker://ghcr.io/dnanexus-rnd/glnexus:v1.4.1"
    resources:
        **needs("genotype_family_piece"),
    params:
        proceeds=lambda wildcards: proceeds(project.families[wildcards.family]),
        proceeding=lambda wildcards: proceeding(project.families[wildcards.family]),
    shell:
        """
        exec 2>{log:q}
        if ! {params.proceeds}; then
            touch {output.bcf:q}
            exit 0
        fi
        if ! command -v glnexus_cli >/dev/null; then
            echo "glnexus_cli: not found; run with --sdm apptainer (docs/calling.md)" >&2
            exit 1
        fi
        part=$(mktemp --directory {output.bcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        {params.proceeding} | sed 's|.*|gvcf/&.g.vcf.gz|' >"$part/gvcfs"
        glnexus_cli --config DeepVariantWGS --bed {input.core:q} --threads {threads} \
            --dir "$part/database" --list "$part/gvcfs" >"$part/bcf"
        mv "$part/bcf" {output.bcf:q}
        """


rule filter_family_piece:
    """Mark the calls of a piece that do not pass."""
    input:
        bcf="callset/pieces/{family}/{piece}.bcf",
        screening=lambda wildcards: screening_of(project.families[wildcards.family]),
    output:
        vcf=temp("callset/pieces/{family}/{piece}.vcf.gz"),
    log:
        "logs/filter_family_piece/{family}.{piece}.log",
    conda:
        "../../envs/bcftools.yaml"
    resources:
        **needs("filter_family_piece"),
    params:
        failing=failing_sites(CALLING),
        proceeds=lambda wildcards: proceeds(project.families[wildcards.family]),
    shell:
        """
        exec 2>{log:q}
        if ! {params.proceeds}; then
            touch {output.vcf:q}
            exit 0
        fi
        part=$(mktemp --directory {output.vcf:q}.XXXXXX.part)
        trap 'rm -rf "$part"' EXIT
        bcftools filter --soft-filter LowQual --mode + --exclude {params.failing:q} \
            --output-type z --output "$part/vcf" {input.bcf:q}
        mv "$part/vcf" {output.vcf:q}
        """
