"""A call scattered over pieces of the genome equals an unscattered one, with the real callers."""

import pysam
import pytest

from rules import need, run_rule
from wgs_pipeline import readgroups, reference
from wgs_pipeline.aligners import ALIGNERS
from wgs_pipeline.engines import ENGINES
from wgs_pipeline.gvcf import verify_coverage
from wgs_pipeline.sheets import read_units
from wgs_pipeline.toy import make_project

SAMPLE = "toy_proband"
PADDING = 1000
BANDS = "0,5,10,15,20,30"
CALLING = {
    "min_mapping_quality": 20, "min_base_quality": 20, "java_options": "-Xmx2000m -XX:+UseSerialGC",
    "failing": 'N_PASS(GT="alt") > 0 && (QUAL < 20 || FORMAT/DP < 5)',
}  # fmt: skip
RULES = {
    "bcftools": ("call_piece", "gvcf"),
    "freebayes": ("call_variants_piece", "vcf"),
    "gatk": ("call_haplotypes_piece", "gvcf"),
}
#: bcftools 1.16 gives an indel the BQBZ of an earlier record of the region, whatever that was.
STALE = "BQBZ"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with the reads of a toy genome aligned, as the workflow lays it out."""
    need("bwa", "samtools", "bcftools", "mosdepth", "tabix", "freebayes")
    folder = tmp_path_factory.mktemp("scatter")
    toy = make_project(folder / "toy", seed=3, coverage=20, scale=0.1).folder
    genome = {"fasta": "reference/genome.fa"}
    (folder / "reference").mkdir()
    (folder / genome["fasta"]).symlink_to(toy / "reference" / "toy.fa")
    pysam.faidx(str(folder / genome["fasta"]))
    genome["fai"] = "reference/genome.fa.fai"
    bwa = ALIGNERS["bwa"]
    run_rule(
        folder, "aligners/bwa.smk", "index_bwa",
        input=genome, output={"index": bwa.index_files[0]},
        params={"prefix": bwa.prefix, "folder": "reference/bwa"},
    )  # fmt: skip
    units = [unit for unit in read_units(toy / "units.tsv") if unit.sample_id == SAMPLE]
    alignment = {"cram": f"alignment/{SAMPLE}.cram", "crai": f"alignment/{SAMPLE}.cram.crai"}
    run_rule(
        folder, "align.smk", "align", threads=2, input={**genome, "index": bwa.index_files},
        output={**alignment, "tally": "qc/reads.json", "duplicates": "qc/markdup.txt"},
        params={
            "lanes": readgroups.stream_arguments(units),
            "read_groups": readgroups.header_arguments(units, "ILLUMINA"),
            "aligner": bwa.command, "prefix": bwa.prefix,
            "optical_distance": 100, "batch": 100_000_000,
        },
    )  # fmt: skip
    run_rule(
        folder, "reference.smk", "list_ploidy", input=genome,
        output={
            "ploidy": "reference/ploidy.bed",
            "header": "reference/ploidy.hdr",
            "json": "reference/ploidy.json",
        },
        wildcards={"sample": SAMPLE},
        params={
            "contigs": "",
            "par": f"--par-bed {toy / 'reference' / 'par.bed'}",
            "sex": "male",
            "evidence": "",
            "most_copies": "",
        },
    )  # fmt: skip
    genome["dictionary"] = "reference/genome.dict"
    run_rule(
        folder, "engines/gatk.smk", "make_dictionary", input=genome,
        output={"dictionary": genome["dictionary"]},
    )  # fmt: skip
    regions = reference.known_intervals(folder / genome["fasta"])
    (folder / "reference/regions.bed").write_text(reference.format_bed(regions))
    run_rule(
        folder, "qc.smk", "measure_depth",
        input={**genome, **alignment, "regions": "reference/regions.bed"},
        output={"bands": "qc/mosdepth.quantized.bed.gz"},
        params={
            "min_mapping_quality": 20, "prefix": "qc/mosdepth", "folder": "qc",
            "bands": "0:1:5:10:15:20:30",
        },
    )  # fmt: skip
    return folder, genome, alignment


def scatter(run, pieces, engine):
    """Call every piece; the paths of what was called."""
    rule, output = RULES[engine]
    rule_file = f"engines/{engine}.smk"
    at_gaps = "--at-gaps" if ENGINES[engine].at_gaps else ""
    folder, genome, alignment = run
    where = f"{engine}{pieces}"
    run_rule(
        folder, "reference.smk", "scatter_intervals", input=genome,
        output={"core": f"{where}/0000.bed"},
        params={"pieces": pieces, "padding": PADDING, "outdir": where, "at_gaps": at_gaps},
    )  # fmt: skip
    called = []
    for number in range(pieces):
        called.append(f"{where}/{number:04d}.vcf.gz")
        intervals = {
            "core": f"{where}/{number:04d}.bed",
            "padded": f"{where}/{number:04d}.padded.bed",
        }
        run_rule(
            folder, rule_file, rule,
            input={**genome, **alignment, **intervals, "ploidy": "reference/ploidy.bed"},
            output={output: called[-1]}, wildcards={"sample": SAMPLE},
            params={
                **CALLING, "bands": BANDS, "sexes": f"{SAMPLE} {SAMPLE}", "proceeds": "true",
            },
        )  # fmt: skip
    return called


def call(run, pieces, engine):
    """The gVCF of a call over ``pieces``; it is complete."""
    folder, genome, _ = run
    output = f"{engine}.{pieces}.g.vcf.gz"
    called = scatter(run, pieces, engine)
    run_rule(
        folder, f"engines/{engine}.smk", "gather_gvcf", params={"bands": BANDS, "proceeds": "true"},
        output={"gvcf": output, "tbi": f"{output}.tbi", "json": f"{output}.json"},
        wildcards={"sample": SAMPLE},
        input={
            **genome, "pieces": called, "depth": "qc/mosdepth.quantized.bed.gz",
            "ploidy": "reference/ploidy.bed", "header": "reference/ploidy.hdr",
            "regions": "reference/regions.bed",
        },
    )  # fmt: skip
    depth, regions = folder / "qc/mosdepth.quantized.bed.gz", folder / "reference/regions.bed"
    ploidy = folder / "reference/ploidy.bed" if ENGINES[engine].at_gaps else None
    assert verify_coverage(folder / output, depth, regions, ploidy) > 30_000
    return folder / output


def fields(gvcf):
    """Every field of every record; of an indel without what bcftools leaves stale."""
    with pysam.VariantFile(str(gvcf)) as file:
        for record in file:
            *columns, info, keys, values = str(record).rstrip("\n").split("\t")
            pairs = dict(item.partition("=")[::2] for item in info.split(";"))
            if "INDEL" in pairs:
                pairs.pop(STALE, None)
            # Of what is surely no variant, freebayes' QUAL is a rounding error such as 6.7e-14.
            if columns[5] != "." and float(columns[5]) < 1e-9:
                columns[5] = "0"
            named = dict(zip(keys.split(":"), values.split(":"), strict=True))
            # freebayes adds up floats in an order that depends on where a region begins.
            quality = pytest.approx(float(named.pop("GQ", "nan")), abs=0.05, nan_ok=True)
            yield [*columns, pairs, named, quality]


@pytest.mark.parametrize("engine", RULES)
def test_scattered_call_equals_unscattered(run, engine):
    need(*ENGINES[engine].tools)
    whole = list(fields(call(run, 1, engine)))
    variants = [record for record in whole if record[4] not in (".", "<*>", "<NON_REF>")]
    assert len(variants) > 30
    assert len(whole) > 300
    for pieces in (3,) if ENGINES[engine].at_gaps else (3, 17):
        scattered = list(fields(call(run, pieces, engine)))
        assert len(scattered) == len(whole)
        for record, expected in zip(scattered, whole, strict=True):
            assert record == expected
