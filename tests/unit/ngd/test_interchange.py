"""Frequencies for other programs: against the answers of the database, and what is not shown."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from export_builders import Study, lines_of, write_project
from ngd_builders import write_gvcf
from ngd_random import CONTIGS

from wgs_pipeline import ngd
from wgs_pipeline.errors import ConsentError, NoReleaseError, PurposeError

_COUNTS = ("AC", "AN", "AF", "n_het", "n_hom", "n_hemi")
_INFO = ("AC", "AN", "AF", "nhet", "nhomalt", "nhemi")
#: Genotypes of twelve persons at chr1:10, 20 and 30: common, het in two, het in one and hom in six.
_GENOTYPES = [
    ["0/1"] * 7 + ["0/0"] * 5,
    ["0/1"] * 2 + ["0/0"] * 10,
    ["1/1"] * 6 + ["0/1"] + ["0/0"] * 5,
]


def _lines(number: int) -> list[str]:
    calls = {10: "AG", 20: "CT", 30: "GA"}
    lines = ["chr1 1 A <*> . END=9 GT:GQ:MIN_DP 0/0:50:30"]
    for (pos, (ref, alt)), genotypes in zip(calls.items(), _GENOTYPES, strict=True):
        lines.append(f"chr1 {pos} {ref} {alt},<*> . . GT:DP:GQ {genotypes[number]}:30:50")
        lines.append(f"chr1 {pos + 1} A <*> . END={pos + 9} GT:GQ:MIN_DP 0/0:50:30")
    return lines


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Twelve persons with known genotypes; not to be changed."""
    study = Study(tmp_path_factory.mktemp("twelve"))
    for number in range(12):
        study.add(number, _lines(number))
    study.compact()
    study.publish()
    return study


def _answers(study: Study, purpose: str) -> list[dict]:
    project = study.project if purpose == "research" else None
    with ngd.open(study.path, purpose, project) as database:
        return [
            row
            for contig, length in CONTIGS.items()
            for row in database.region(f"{contig}:1-{length}").to_pylist()
        ]


def _vcf_rows(out: Path) -> list[dict]:
    fields = "".join(rf"\t%INFO/{name}" for name in (*_INFO, "SUPPRESSED"))
    form = rf"%CHROM\t%POS\t%REF\t%ALT{fields}\n"
    names = ["contig", "pos", "ref", "alt", *_INFO, "SUPPRESSED"]
    lines = lines_of("bcftools", "query", "-f", form, out / "frequencies.vcf.gz")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


def test_care_gets_every_count_without_a_project_and_no_genotypes(twelve: Study):
    out, done = twelve.export("care", "care", frequencies_only=True)
    table = pq.read_table(out / "frequencies.parquet").to_pylist()
    answers = _answers(twelve, "care")
    assert len(answers) == done.variants == 3
    assert [{k: v for k, v in row.items() if k != "suppressed"} for row in table] == answers
    assert not any(row["suppressed"] for row in table)
    for row, answer in zip(_vcf_rows(out), answers, strict=True):
        assert [float(row[name]) for name in _INFO] == pytest.approx(
            [answer[name] for name in _COUNTS], rel=1e-5
        )
        assert row["SUPPRESSED"] == "."
    assert {each.name for each in out.iterdir()} == {
        "manifest.json", "data_dictionary.tsv", "frequencies.parquet", "frequencies.vcf.gz",
        "frequencies.vcf.gz.tbi",
    }  # fmt: skip
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["project"], manifest["persons"]) == (None, 12)
    with pytest.raises(PurposeError, match="for research only"):
        twelve.export("care2", "care")


def test_small_numbers_are_in_none_of_the_files(twelve: Study):
    out, _ = twelve.export("research")
    rows = {row["pos"]: row for row in pq.read_table(out / "frequencies.parquet").to_pylist()}
    assert rows[10] == {
        "contig": "chr1", "pos": 10, "ref": "A", "alt": "G", "AC": 7, "AN": 24, "AF": 7 / 24,
        "n_het": 7, "n_hom": 0, "n_hemi": 0, "suppressed": False,
    }  # fmt: skip
    hidden = {name: None for name in _COUNTS}
    assert {k: rows[20][k] for k in hidden} == hidden | {"AN": 24, "n_hom": 0, "n_hemi": 0}
    # Six homozygous and one heterozygous: the one would follow from AC and the six.
    assert {k: rows[30][k] for k in hidden} == hidden | {"AC": 13, "AN": 24, "AF": 13 / 24}
    assert rows[20]["suppressed"]
    assert rows[30]["suppressed"]
    for row, answer in zip(rows.values(), _answers(twelve, "research"), strict=True):
        shown = {name: str(row[name]) for name in ("AC", "AN", *_COUNTS[3:])}
        for name, text in shown.items():
            assert text == (answer[name] if answer[name].isdigit() else "None")
    for row in _vcf_rows(out):
        table = rows[int(row["pos"])]
        assert row["SUPPRESSED"] == ("1" if table["suppressed"] else ".")
        for info, name in zip(_INFO, _COUNTS, strict=True):
            assert (row[info] == ".") == (table[name] is None)


def test_bcftools_annotates_with_it(twelve: Study, tmp_path: Path):
    out, _ = twelve.export("research")
    mine = write_gvcf(
        tmp_path / "mine.vcf", "mine", [f"chr1 {pos} {ref} {alt} . . GT:DP:GQ 0/1:9:9"
        for pos, ref, alt in ((10, "A", "G"), (20, "C", "T"), (40, "A", "G"))], CONTIGS,
    )  # fmt: skip
    lines_of("bgzip", mine)
    mine = mine.with_name("mine.vcf.gz")
    lines_of("bcftools", "index", mine)
    columns = "INFO/NGC_AC:=INFO/AC,INFO/NGC_AF:=INFO/AF,INFO/NGC_SUPPRESSED:=INFO/SUPPRESSED"
    lines_of("bcftools", "annotate", "-a", out / "frequencies.vcf.gz", "-c", columns,
             "-o", tmp_path / "annotated.vcf", mine)  # fmt: skip
    told = lines_of(
        "bcftools", "query", "-f", r"%POS %NGC_AC %NGC_AF %NGC_SUPPRESSED\n",
        tmp_path / "annotated.vcf",
    )  # fmt: skip
    assert told == ["10 7 0.291667 .", "20 . . 1", "40 . . ."]


def test_frequencies_are_of_the_release_whatever_has_happened_since(tmp_path: Path):
    study = Study(tmp_path)
    for number in range(12):
        study.add(number, _lines(number))
    study.compact()
    with pytest.raises(NoReleaseError, match="no release has been published"):
        study.export("none", frequencies_only=True)
    study.publish()
    first = _written(study)
    assert (first["release"], first["persons"], first["eligible"]) == (1, 12, 12)
    before = pq.read_table(tmp_path / "f-project" / "frequencies.parquet")
    for number in range(12, 16):
        study.add(number, _lines(number - 12))
    assert (_written(study)["persons"], _written(study)["release"]) == (12, 1)
    assert pq.read_table(tmp_path / "f-project" / "frequencies.parquet").equals(before)
    other = write_project(tmp_path / "other.yaml", id="p2")
    assert _written(study, other)["persons"] == 12
    study.refuse(0)
    with pytest.raises(NoReleaseError, match="someone of release 1"):
        study.export("none", frequencies_only=True)
    study.add(16, _lines(4))
    second = _written(study)
    assert second["release"] == 2
    assert second["persons"] <= 12
    assert second["persons_removed_since_last_export"] == "5 or more"


def _written(study: Study, project: Path | None = None) -> dict:
    out, _ = study.export(f"f-{(project or study.project).stem}", project=project,
                          frequencies_only=True)  # fmt: skip
    return json.loads((out / "manifest.json").read_text())


def test_genotypes_without_a_release_come_without_frequencies(tmp_path: Path):
    study = Study(tmp_path)
    for number in range(3):
        study.add(number, _lines(number))
    out, done = study.export("g")
    assert (done.release, done.persons) == (None, 3)
    assert not (out / "frequencies.parquet").exists()


def test_statistics_get_frequencies_and_a_project_without_them_gets_none(tmp_path: Path):
    study = Study(tmp_path)
    for number in range(6):
        study.add(number, _lines(number))
    study.publish()
    out, _ = study.export("s", "statistics", frequencies_only=True)
    assert pq.read_table(out / "frequencies.parquet").num_rows == 3
    narrow = write_project(tmp_path / "narrow.yaml", data=["genotypes"])
    out, _ = study.export("g", project=narrow)
    assert not (out / "frequencies.parquet").exists()
    assert (out / "genotypes.vcf.gz").exists()
    with pytest.raises(ConsentError, match="does not cover frequencies"):
        study.export("f", project=narrow, frequencies_only=True)
