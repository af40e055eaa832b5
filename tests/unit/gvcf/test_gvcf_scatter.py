"""A call scattered over pieces of the genome equals an unscattered one, with the real callers."""

import json
from pathlib import Path

import pysam
import pytest

from calls import RULES, Aligned
from rules import need, run_rule
from wgs_pipeline import readgroups
from wgs_pipeline.aligners import ALIGNERS
from wgs_pipeline.engines import ENGINES
from wgs_pipeline.sheets import read_units
from wgs_pipeline.toy import make_project

SAMPLE = "toy_proband"
#: bcftools 1.16 gives an indel the BQBZ of an earlier record of the region, whatever that was.
STALE = "BQBZ"


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    """The reads of a toy genome, aligned."""
    need("bwa", "samtools", "bcftools", "mosdepth", "tabix", "freebayes")
    folder = tmp_path_factory.mktemp("scatter")
    toy = make_project(folder / "toy", seed=3, coverage=20, scale=0.1).folder
    aligned = Aligned.prepare(folder, SAMPLE, toy / "reference" / "toy.fa")
    bwa = ALIGNERS["bwa"]
    run_rule(
        folder, "aligners/bwa.smk", "index_bwa",
        input=aligned.genome, output={"index": bwa.index_files[0]},
        params={"prefix": bwa.prefix, "folder": "reference/bwa"},
    )  # fmt: skip
    units = [unit for unit in read_units(toy / "units.tsv") if unit.sample_id == SAMPLE]
    run_rule(
        folder, "align.smk", "align", threads=2,
        input={**aligned.genome, "index": bwa.index_files},
        output={
            **aligned.alignment, "tally": "qc/reads.json", "duplicates": "qc/markdup.txt",
        },
        params={
            "lanes": readgroups.stream_arguments(units),
            "read_groups": readgroups.header_arguments(units, "ILLUMINA"),
            "aligner": bwa.command, "prefix": bwa.prefix,
            "optical_distance": 100, "batch": 100_000_000,
        },
    )  # fmt: skip
    aligned.list_ploidy("male", f"--par-bed {toy / 'reference' / 'par.bed'}")
    aligned.measure_depth()
    return aligned


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
def test_scattered_call_equals_unscattered(aligned, engine):
    need(*ENGINES[engine].tools)
    gvcf = aligned.call(1, engine)
    assert json.loads(Path(f"{gvcf}.json").read_text())["bases_in_records"] > 30_000
    whole = list(fields(gvcf))
    variants = [record for record in whole if record[4] not in (".", "<*>", "<NON_REF>")]
    assert len(variants) > 30
    assert len(whole) > 300
    for pieces in (3,) if ENGINES[engine].at_gaps else (3, 17):
        scattered = list(fields(aligned.call(pieces, engine)))
        assert len(scattered) == len(whole)
        for record, expected in zip(scattered, whole, strict=True):
            assert record == expected
