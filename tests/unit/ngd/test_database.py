"""Answers: consent at every read, purposes, projects, small numbers, the access log."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from ngd_builders import Consents, make_database, publish_release, write_gvcf

from wgs_pipeline import audit, ngd
from wgs_pipeline.errors import ConfigError, ConsentError, NgdError, PurposeError
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.projects import read_project
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault

SITE = "chr1-10-A-G"


def _lines(genotype: str = "0/1") -> list[str]:
    return [
        "chr1 1 A <*> . END=9 GT:GQ:MIN_DP 0/0:50:30",
        f"chr1 10 A G,<*> . . GT:DP:GQ {genotype}:30:50",
        "chr1 11 A <*> . END=50 GT:GQ:MIN_DP 0/0:50:30",
    ]


class Cohort:
    """Persons person-0 … with samples S0 …, each with its own genotype at the site."""

    def __init__(self, folder: Path, genotypes: list[str], refusing: tuple[int, ...] = ()) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.consents = Consents(folder / "consents.tsv")
        self.path = make_database(folder)
        for number, genotype in enumerate(genotypes):
            self.consents.add(f"person-{number}", "analysis", "given")
            if number in refusing:
                self.consents.add(f"person-{number}", "research", "refused")
            self.load(number, _lines(genotype))

    def load(self, number: int, lines: list[str], **options: object):
        gvcf = write_gvcf(self.folder / f"S{number}.g.vcf", f"S{number}", lines)
        request = Request(f"S{number}", gvcf, f"person-{number}", "female", **options)  # type: ignore[arg-type]
        return load(self.path, request)

    def compact(self):
        root = Root.open(self.path)
        with Vault(root.vault) as vault:
            return compact(root, vault)

    def problems(self) -> tuple[str, ...]:
        root = Root.open(self.path)
        with Vault(root.vault) as vault:
            return verify(root, vault).problems

    def row(self, purpose: str = "care", **options: object) -> dict:
        with ngd.open(self.path, purpose, **options) as database:  # type: ignore[arg-type]
            return database.variant(SITE).to_pylist()[0]

    def log(self) -> list[dict]:
        return list(audit.entries(self.path / "audit"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return _project(tmp_path / "project.yaml")


def _project(path: Path, **changes: object) -> Path:
    value = {
        "id": "p1", "title": "t", "approval": {"number": "1", "committee": "c"}, "purpose": "x",
        "duo": ["DUO:0000006"], "valid_from": "2024-01-01", "valid_to": "2099-12-31",
        "users": [audit.system_user()], "data": ["frequencies"],
    } | changes  # fmt: skip
    path.write_text(yaml.safe_dump(value))
    return path


@pytest.mark.parametrize("compacted", [False, True])
def test_withdrawn_consent_counts_at_once(tmp_path: Path, compacted: bool):
    cohort = Cohort(tmp_path, ["0/1", "1/1", "0/0"])
    if compacted:
        cohort.compact()
    row = cohort.row()
    assert (row["AC"], row["AN"], row["AF"]) == (3, 6, 0.5)
    assert (row["n_het"], row["n_hom"], row["n_hemi"]) == (1, 1, 0)
    cohort.consents.add("person-1", "analysis", "withdrawn")
    row = cohort.row()
    assert (row["AC"], row["AN"], row["n_hom"]) == (1, 4, 0)
    with ngd.open(cohort.path, "care") as database:
        assert database.carriers(SITE)["sample_id"].to_pylist() == ["S0"]
        with pytest.raises(ConsentError, match="does not allow care"):
            database.genome("person-1")
    cohort.consents.add("person-0", "analysis", "withdrawn")
    with ngd.open(cohort.path, "care") as database:
        assert database.region("chr1:1-50").num_rows == 0
        row = database.variant(SITE).to_pylist()[0]
    assert (row["AC"], row["AN"], row["AF"]) == (0, 2, 0.0)


def test_research_never_opens_the_other_plane(tmp_path: Path, project: Path):
    cohort = Cohort(tmp_path, ["0/1"] * 7, refusing=(0,))
    for compacted in (False, True):
        if compacted:
            cohort.compact()
        else:
            publish_release(cohort.path)
        hidden = cohort.path / "index" / "care_only"
        hidden.rename(tmp_path / "away")
        row = cohort.row("research", project=project)
        assert (row["AC"], row["AN"], row["AF"]) == ("6", "12", 0.5)
        (tmp_path / "away").rename(hidden)
    assert cohort.row()["AN"] == 14


def test_a_refusal_moves_the_bits_at_the_next_load(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1"] * 7)
    cohort.compact()
    cohort.consents.add("person-3", "research", "refused")
    assert not (cohort.path / "index" / "care_only").exists()
    cohort.consents.add("person-7", "analysis", "given")
    cohort.load(7, _lines())
    assert (cohort.path / "index" / "care_only").exists()
    moved = [line for line in cohort.log() if line["action"] == "compact"]
    assert [(line["slots"], line["persons"]) for line in moved] == [([3], 1)]
    assert cohort.problems() == ()


def test_small_numbers_are_not_shown(tmp_path: Path, project: Path):
    cohort = Cohort(tmp_path, ["0/1"] * 6 + ["1/1"] * 2 + ["0/0"] * 12)
    publish_release(cohort.path)
    row = cohort.row("statistics", project=project)
    # n_hom 2 must not follow from AC 10 and n_het 6.
    assert (row["AC"], row["AN"], row["AF"]) == ("10", "40", 0.25)
    assert [row[name] for name in ("n_het", "n_hom", "n_hemi")] == ["withheld"] * 3
    few = Cohort(tmp_path / "few", ["0/1", "0/1", "1/1"] + ["0/0"] * 12)
    publish_release(few.path)
    row = few.row("statistics", project=project)
    assert [row[name] for name in ("AC", "AN", "AF", "n_het", "n_hom", "n_hemi")] == [
        "<5", "30", None, "<5", "<5", "0"
    ]  # fmt: skip


@pytest.mark.parametrize("purpose", ["insurance", "police", "marketing", "ancestry", "0101011234"])
def test_other_purposes_are_refused_and_logged(tmp_path: Path, purpose: str):
    cohort = Cohort(tmp_path, ["0/1"])
    with pytest.raises(PurposeError):
        ngd.open(cohort.path, purpose)
    last = cohort.log()[-1]
    assert last["decision"] == "refused"
    assert "0101011234" not in json.dumps(cohort.log())


@pytest.mark.parametrize("purpose", ["quality", "statistics", "research"])
def test_people_are_shown_to_care_only(tmp_path: Path, project: Path, purpose: str):
    cohort = Cohort(tmp_path, ["0/1"])
    with ngd.open(cohort.path, purpose, project) as database:
        with pytest.raises(PurposeError, match="care only"):
            database.carriers(SITE)
        with pytest.raises(PurposeError, match="care only"):
            database.genome("person-0")
    assert [each["decision"] for each in cohort.log()[-2:]] == ["refused", "refused"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valid_to": "2025-01-01"}, "is valid from"),
        ({"valid_from": "2099-01-01"}, "is valid from"),
        ({"users": ["someone-else"]}, "not among the users"),
        ({"data": ["genotypes"]}, "does not cover frequencies"),
    ],
)
def test_a_project_is_held_to_its_approval(tmp_path: Path, changes: dict, message: str):
    cohort = Cohort(tmp_path, ["0/1"])
    with (
        ngd.open(cohort.path, "research", _project(tmp_path / "p.yaml", **changes)) as database,
        pytest.raises(ConsentError, match=message),
    ):
        database.variant(SITE)
    assert cohort.log()[-1]["decision"] == "refused"


@pytest.mark.parametrize(
    "changes",
    [{"minimum_count": 4}, {"extra": 1}, {"duo": []}, {"valid_to": "soon"}, {"data": ["all"]},
     {"valid_to": "2023-01-01"}],
)  # fmt: skip
def test_a_project_file_is_closed(tmp_path: Path, changes: dict):
    with pytest.raises(ConfigError):
        read_project(_project(tmp_path / "p.yaml", **changes))


def test_the_example_project_is_valid():
    example = Path(__file__).parents[3] / "config/projects/example.yaml"
    assert read_project(example).minimum_count == 5


def test_research_needs_a_project_and_the_actor_must_be_permitted(tmp_path: Path, project: Path):
    cohort = Cohort(tmp_path, ["0/1"])
    with pytest.raises(ConsentError, match="needs an approved project"):
        ngd.open(cohort.path, "research")
    with (
        ngd.open(cohort.path, "research", project, actor="stranger") as database,
        pytest.raises(ConsentError, match="stranger"),
    ):
        database.variant(SITE)


def test_an_answer_without_a_log_line_is_not_given(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1"])
    (log,) = (cohort.path / "audit").iterdir()
    log.write_text("changed\n")
    with pytest.raises(NgdError, match="nothing is answered"):
        cohort.row()


def test_no_identifier_is_in_clear_below_root(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1", "1/1"])
    cohort.compact()
    with ngd.open(cohort.path, "care") as database:
        database.carriers(SITE)
        database.genome("person-0")
    for path in cohort.path.rglob("*"):
        text = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        for identifier in (b"person-", b"S0", b"S1"):
            assert identifier not in text or path.suffix == ".parquet"
    for path in cohort.path.rglob("*.parquet"):
        assert b"person-" not in path.read_bytes()
        if path.parts[-4] != "shards":  # encrypted
            assert "sample_id" not in pq.read_schema(path).names


def test_loading_again_changes_nothing_and_a_changed_one_needs_replace(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1"])
    shards = sorted((cohort.path / "shards").glob("*/*"))
    again = cohort.load(0, _lines("0/1"))
    assert (again.already_loaded, again.slot) == (True, 0)
    with pytest.raises(NgdError, match="--replace"):
        cohort.load(0, _lines("1/1"))
    assert sorted((cohort.path / "shards").glob("*/*")) == shards
    done = cohort.load(0, _lines("1/1"), replace=True)
    assert (done.already_loaded, done.slot) == (False, 1)
    assert (cohort.row()["AC"], cohort.row()["AN"]) == (2, 2)
    cohort.compact()
    assert (cohort.row()["AC"], cohort.row()["AN"]) == (2, 2)
    assert len(list((cohort.path / "shards").glob("*/*"))) == 1
    assert cohort.problems() == ()


def test_a_sample_belongs_to_one_person(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1"])
    cohort.consents.add("person-9", "analysis", "given")
    with pytest.raises(NgdError, match="another person"):
        load(cohort.path, Request("S0", tmp_path / "S0.g.vcf", "person-9", "female"))


def test_without_analysis_consent_nothing_is_read(tmp_path: Path):
    cohort = Cohort(tmp_path, [])
    with pytest.raises(ConsentError, match="no consent to analysis"):
        load(cohort.path, Request("S5", tmp_path / "missing.vcf", "person-5", "female"))
    assert cohort.log()[-1]["decision"] == "refused"


def test_two_people_may_have_equal_genomes(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1", "0/1"])
    assert len(list((cohort.path / "shards").glob("*/*"))) == 1
    assert (cohort.row()["AC"], cohort.row()["AN"]) == (2, 4)
    cohort.load(1, _lines("0/0"), replace=True)
    cohort.compact()
    assert (cohort.row()["AC"], cohort.row()["AN"]) == (1, 4)


def test_an_assay_without_a_target_carries_but_does_not_count(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1"])
    cohort.consents.add("person-1", "analysis", "given")
    cohort.load(1, _lines("1/1"), assay="exome")
    for compacted in (False, True):
        if compacted:
            cohort.compact()
        assert (cohort.row()["AC"], cohort.row()["AN"]) == (1, 2)
        with ngd.open(cohort.path, "care") as database:
            assert database.carriers(SITE)["sample_id"].to_pylist() == ["S0", "S1"]
    assert cohort.problems() == ()


def test_a_reader_keeps_its_generation(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1", "0/1"])
    with ngd.open(cohort.path, "care") as database, database._snapshot() as (snapshot, _):
        done = cohort.compact()
        assert done.kept == (2,)
        assert snapshot.variants("chr1", 0, 50)["AC"].to_pylist() == [2]
    assert cohort.compact().kept == ()
    assert cohort.problems() == ()


def test_bins_meet_without_a_gap(tmp_path: Path):
    contigs = {"chr1": 2_500_000}
    Consents(tmp_path / "consents.tsv").add("p", "analysis", "given")
    path = make_database(tmp_path, contigs)
    lines = [
        "chr1 999990 A <*> . END=999999 GT:GQ:MIN_DP 0/0:50:30",
        "chr1 1000000 A G . . GT:DP:GQ 0/1:30:50",
        "chr1 1000001 A G . . GT:DP:GQ 1/1:30:50",
        "chr1 1000002 A <*> . END=2100000 GT:GQ:MIN_DP 0/0:50:30",
        "chr1 2500000 A C . . GT:DP:GQ 0/1:30:50",
    ]
    gvcf = write_gvcf(tmp_path / "s.g.vcf", "S", lines, contigs)
    load(path, Request("S", gvcf, "p", "male"))
    root = Root.open(path)
    for _ in range(2):
        with ngd.open(path, "care") as database:
            rows = database.region("chr1").to_pylist()
            assert [(row["pos"], row["AC"], row["AN"]) for row in rows] == [
                (1_000_000, 1, 2), (1_000_001, 2, 2), (2_500_000, 1, 2)
            ]  # fmt: skip
            for position, number in {
                999_989: 0, 999_990: 2, 1_500_000: 2, 2_000_000: 2, 2_100_000: 2, 2_100_001: 0
            }.items():  # fmt: skip
                assert database.variant(f"chr1-{position}-A-T")["AN"].to_pylist() == [number]
        with Vault(root.vault) as vault:
            compact(root, vault)


def test_a_flipped_byte_anywhere_is_found(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1", "1/1", "0/1"], refusing=(1,))
    cohort.compact()
    cohort.consents.add("person-3", "analysis", "given")
    cohort.load(3, _lines("0/1"))
    cohort.row()
    assert cohort.problems() == ()
    files = [each for each in cohort.path.rglob("*") if each.is_file() and each.stat().st_size]
    assert len(files) > 15
    for path in files:
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert _is_found(cohort), f"{path.relative_to(cohort.path)} at {place}"
        path.write_bytes(whole)
    assert cohort.problems() == ()


def _is_found(cohort: Cohort) -> bool:
    try:
        return bool(cohort.problems())
    except NgdError:
        return True


def test_a_missing_file_is_found_and_a_stray_one_is_swept(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1"])
    cohort.compact()
    stray = cohort.path / "index" / "research" / "stray.parquet"
    stray.write_text("x")
    root = Root.open(cohort.path)
    with Vault(root.vault) as vault:
        assert verify(root, vault).orphans == (stray,)
    assert cohort.compact().swept == 1
    next((cohort.path / "counts").rglob("*.parquet")).unlink()
    assert "missing" in cohort.problems()[0]


def test_a_genome_comes_back_as_it_was(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1"])
    with ngd.open(cohort.path, "care") as database:
        table = database.genome("person-0")
        assert table.schema.metadata[b"sample_id"] == b"S0"
        with pytest.raises(NgdError, match="no genome of this person"):
            database.genome("person-8")
    (row,) = table.to_pylist()
    assert (row["pos"], row["gt"], row["dp"], row["gq"], row["passed"]) == (10, "0/1", 30, 50, True)


@pytest.mark.parametrize(
    "question", ["chr1:0-5", "chr1:5-4", "chr1:1-99", "chr7:1-2", "chr1:x", "nonsense"]
)
def test_a_wrong_region_is_refused(tmp_path: Path, question: str):
    cohort = Cohort(tmp_path, ["0/1"])
    with ngd.open(cohort.path, "care") as database, pytest.raises(NgdError):
        database.region(question)


@pytest.mark.parametrize(
    "question",
    [
        "chr1-0-A-G",
        "chr1-61-A-G",
        "chr1-5-A-A",
        "chr7-1-A-G",
        "chr1:5:A:A",
        "chr1-5-A-*",
        "chr1:x:A:G",
    ],
)
def test_a_wrong_variant_is_refused(tmp_path: Path, question: str):
    cohort = Cohort(tmp_path, ["0/1"])
    with ngd.open(cohort.path, "care") as database, pytest.raises(NgdError):
        database.variant(question)


def test_a_variant_is_trimmed_before_it_is_looked_up(tmp_path: Path):
    cohort = Cohort(tmp_path, ["0/1"])
    with ngd.open(cohort.path, "care") as database:
        assert database.variant("chr1-9-CAT-CGT").to_pylist() == database.variant(SITE).to_pylist()
