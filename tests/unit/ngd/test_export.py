"""Research exports against the register, the gVCFs and bcftools."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import ngd_oracle as oracle
import pyarrow.parquet as pq
import pytest
from export_builders import SEXES, Study, lines_of, write_project
from ngd_builders import unlocked
from ngd_random import CONTIGS, PAR

from wgs_pipeline import ngd
from wgs_pipeline.errors import ConsentError, NgdError, OutputError, PurposeError, WgsError
from wgs_pipeline.identifiers import has_cpr_shape
from wgs_pipeline.ngd import export_calls, export_dictionary, export_reading
from wgs_pipeline.ngd.erase import erase
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.shard_keys import decryption
from wgs_pipeline.pseudonyms import cohort_digest, pseudonym
from wgs_pipeline.vault import Vault

_KARYOTYPES = {"female": "XX", "male": "XY", "unknown": "unknown"}
_UNCARRIED = {2: ("./.", "0/0"), 1: (".", "0"), 0: (".", ".")}
_GENOTYPES = {"het": "0/1", "hom": "1/1", "hemi": "1"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path]:
    """Seven persons, two of whom refuse research, in all formats; not to be changed."""
    study = Study(tmp_path_factory.mktemp("study"))
    for number in range(6):
        study.add(number)
    study.refuse(2)
    study.compact()
    study.add(6)
    study.refuse(4)
    study.publish()
    out, _ = study.export(formats=("parquet", "vcf", "bcf", "vcf-zarr"))
    return study, out


def _pseudonym(study: Study, number: int, project: str = "p1") -> str:
    with Vault(Root.open(study.path).vault) as vault:
        return pseudonym(vault.project_key(project), study.person(number))


def _genome(study: Study, number: int) -> oracle.Genome:
    lines = (study.folder / f"NGC-{number}.g.vcf").read_text().splitlines()
    records = []
    for line in lines:
        if not line.startswith("#"):
            c, pos, _, ref, alt, _, filter_, info, format_, value = line.split("\t")
            records.append(" ".join([c, pos, ref, alt, filter_, info, format_, value]))
    return oracle.read_genome(records, _KARYOTYPES[SEXES[number % len(SEXES)]], PAR)


def _manifest(out: Path) -> dict:
    return json.loads((out / "manifest.json").read_text())


def test_the_persons_are_those_that_the_register_allows(shared: tuple[Study, Path]):
    study, out = shared
    register = (study.folder / "consents.tsv").read_text().splitlines()[1:]
    refused = {
        row.split("\t")[0] for row in register if row.split("\t")[1:3] == ["research", "refused"]
    }
    allowed = [number for number in range(7) if study.person(number) not in refused]
    assert allowed == [0, 1, 3, 5, 6]
    names = {_pseudonym(study, number): number for number in allowed}
    table = pq.read_table(out / "samples.parquet").to_pylist()
    assert {each["sample"] for each in table} == {each["person"] for each in table} == set(names)
    for each in table:
        assert each["karyotype"] == _KARYOTYPES[SEXES[names[each["sample"]] % len(SEXES)]]
        assert each["assay"] == "wgs"
    for file in ("genotypes.vcf.gz", "genotypes.bcf"):
        assert lines_of("bcftools", "query", "-l", out / file) == sorted(names)
    assert _manifest(out)["persons"] == _manifest(out)["eligible"] == 5


def test_every_cell_is_what_the_gvcf_says(shared: tuple[Study, Path]):
    study, out = shared
    numbers = {_pseudonym(study, number): number for number in range(7)}
    samples = lines_of("bcftools", "query", "-l", out / "genotypes.vcf.gz")
    genomes = {name: _genome(study, numbers[name]) for name in samples}
    query = ["bcftools", "query", "-f", r"%CHROM\t%POS\t%REF\t%ALT[\t%GT]\n"]
    cells = 0
    variants = set()
    for line in lines_of(*query, out / "genotypes.vcf.gz"):
        contig, pos, ref, alt, *genotypes = line.split("\t")
        base = int(pos) - 1
        variants.add((contig, int(pos), ref, alt))
        for name, genotype in zip(samples, genotypes, strict=True):
            karyotype = _KARYOTYPES[SEXES[numbers[name] % len(SEXES)]]
            copies = oracle.ploidy(contig, base, karyotype, PAR)
            kind = genomes[name].calls.get((contig, int(pos), ref, alt))
            called = base in genomes[name].callable.get(contig, set())
            expected = (
                {2: "0/0", 1: "0", 0: "."}[copies] if called else "./." if copies == 2 else "."
            )
            assert genotype == (_GENOTYPES[kind] if kind else expected)
            cells += 1
    assert variants == {each for genome in genomes.values() for each in genome.calls}
    assert cells == _manifest(out)["rows"]["cells"] > 0
    assert lines_of("bcftools", "view", "-H", out / "genotypes.bcf") == lines_of(
        "bcftools", "view", "-H", out / "genotypes.vcf.gz"
    )


def test_callable_runs_and_calls_are_those_of_the_gvcfs(shared: tuple[Study, Path]):
    study, out = shared
    numbers = {_pseudonym(study, number): number for number in range(7)}
    runs = pq.read_table(out / "callable").to_pylist()
    calls = pq.read_table(out / "genotypes").to_pylist()
    for name in pq.read_table(out / "samples.parquet")["sample"].to_pylist():
        genome = _genome(study, numbers[name])
        found: dict[str, set[int]] = {}
        for each in runs:
            if each["sample"] == name:
                found.setdefault(each["contig"], set()).update(range(each["start"], each["end"]))
        assert found == {contig: bases for contig, bases in genome.callable.items() if bases}
        kinds = {
            (each["contig"], each["pos"], each["ref"], each["alt"]): each["kind"]
            for each in calls
            if each["sample"] == name
        }
        assert kinds == genome.calls
    assert (len(runs), len(calls)) == tuple(_manifest(out)["rows"][n] for n in ("runs", "calls"))


def test_counts_that_bcftools_makes_of_the_matrix_are_the_answers_of_the_database(tmp_path: Path):
    study = Study(tmp_path)
    for number in range(5):
        study.add(number)
    study.compact()
    study.add(5)
    out, _ = study.export()
    lines_of("bcftools", "+fill-tags", out / "genotypes.vcf.gz", "-Oz", "-o", tmp_path / "f.vcf.gz",
             "--", "-t", "AC,AN")  # fmt: skip
    found = lines_of(
        "bcftools", "query", "-f", r"%CHROM %POS %REF %ALT %AC %AN\n", tmp_path / "f.vcf.gz"
    )
    answered = []
    with ngd.open(study.path, "care") as database:
        for contig, length in CONTIGS.items():
            for row in database.region(f"{contig}:1-{length}").to_pylist():
                fields = (row[n] for n in ("contig", "pos", "ref", "alt", "AC", "AN"))
                answered.append(" ".join(map(str, fields)))
    assert len(answered) > 8
    assert found == answered
    stated = lines_of("bcftools", "query", "-f", r"%CHROM %POS %REF %ALT %AC %AN\n",
                      out / "genotypes.vcf.gz")  # fmt: skip
    assert stated == answered


def test_vcf_zarr_holds_the_same(shared: tuple[Study, Path]):
    pytest.importorskip("bio2zarr", reason="the extra vcfzarr is not installed")
    import zarr

    _, out = shared
    store = zarr.open_group(str(out / "genotypes.vcz"), mode="r")
    samples = lines_of("bcftools", "query", "-l", out / "genotypes.vcf.gz")
    assert [str(each) for each in store["sample_id"][:]] == samples
    genotypes = store["call_genotype"][:]
    query = ["bcftools", "query", "-f", r"[%GT\t]\n", out / "genotypes.vcf.gz"]
    for row, line in zip(genotypes, lines_of(*query), strict=True):
        for cell, text in zip(row, line.split("\t")[:-1], strict=True):
            alleles = [-1 if each == "." else int(each) for each in text.split("/")]
            assert cell.tolist() == [*alleles, -2][:2]
    header, *records = lines_of(sys.executable, "-m", "vcztools", "view", "--no-version",
                                out / "genotypes.vcz")[-len(genotypes) - 1 :]  # fmt: skip
    assert header.split("\t")[9:] == samples
    plain = lines_of("bcftools", "view", "-H", out / "genotypes.vcf.gz")
    assert [each.split("\t")[:5] for each in records] == [each.split("\t")[:5] for each in plain]


def test_vcf_zarr_without_bio2zarr_is_one_clear_line(
    shared: tuple[Study, Path], monkeypatch: pytest.MonkeyPatch
):
    study, _ = shared
    monkeypatch.setitem(sys.modules, "bio2zarr.vcf", None)
    with pytest.raises(NgdError, match=r"pip install 'wgs-pipeline\[vcfzarr\]'"):
        study.export("other", formats=("vcf-zarr",))
    assert not (study.folder / "other").exists()


def test_nothing_identifies_anyone(shared: tuple[Study, Path]):
    study, out = shared
    texts = [str(each.relative_to(out)) for each in out.rglob("*")]
    texts += lines_of("bcftools", "view", out / "genotypes.vcf.gz")
    texts += lines_of("bcftools", "view", "--no-version", out / "genotypes.bcf")
    for path in out.rglob("*.parquet"):
        texts += [str(pq.read_table(path).to_pylist()), str(pq.read_schema(path).metadata)]
    texts.append((out / "data_dictionary.tsv").read_text())
    texts.append(str([v for k, v in _manifest(out).items() if k != "files"]))
    content = b"".join(each.read_bytes() for each in out.rglob("*") if each.is_file())
    for number in range(7):
        for word in (study.person(number), study.person(number).replace("-", ""), f"NGC-{number}"):
            assert not any(word in text for text in texts)
            assert word.encode() not in content
    assert not any(has_cpr_shape(text) for text in texts)


def test_manifest_and_dictionary_cover_every_file_and_column(shared: tuple[Study, Path]):
    study, out = shared
    manifest = _manifest(out)
    files = {str(each.relative_to(out)) for each in out.rglob("*") if each.is_file()}
    assert set(manifest["files"]) == files - {"manifest.json"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert manifest["project"]["id"] == "p1"
    assert manifest["project"]["approval"] == "A-17"
    assert manifest["project"]["duo"] == ["DUO:0000006"]
    names = [_pseudonym(study, number) for number in (0, 1, 3, 5, 6)]
    with Vault(Root.open(study.path).vault) as vault:
        assert manifest["consent_digest"] == cohort_digest(vault.project_key("p1"), names)
    rows = [line.split("\t") for line in (out / "data_dictionary.tsv").read_text().splitlines()[1:]]
    types = {(file, column): type_ for file, column, type_, _, _ in rows}
    for path in out.rglob("*.parquet"):
        name = path.name if path.parent == out else f"{path.parent.name}/"
        for each in pq.read_schema(path):
            assert types.pop((name, each.name), None) in (str(each.type), None)
            assert (name, each.name) in {(file, column) for file, column, *_ in rows}
    for file in ("genotypes.vcf.gz", "genotypes.bcf", "frequencies.vcf.gz"):
        for line in lines_of("bcftools", "view", "-h", out / file):
            if line.startswith(("##INFO", "##FORMAT")):
                kind, name = line[2:].split("=<ID=")[0], line.split("ID=")[1].split(",")[0]
                assert types.pop((file, f"{kind}/{name}")) == line.split("Type=")[1].split(",")[0]
    assert not types
    assert {each.file for each in export_dictionary.columns(["genotypes/"])} == {"genotypes/"}


def test_only_bytes_of_the_research_plane_are_opened(tmp_path: Path):
    study = Study(tmp_path)
    for number in range(6):
        study.add(number, [f"chr1 10 A G,<*> . . GT:DP:GQ 0/1:{30 + number}:50"])
    study.refuse(1)
    study.compact()
    root = Root.open(study.path)
    with Vault(root.vault) as vault:
        refused = [each.shard for each in vault.genomes_of("0101111001")]
    study.publish()
    moved = [study.path / folder / "care_only" for folder in ("index", "counts")]
    assert moved[0].exists()
    for folder in (*moved, root.shard(refused[0])):
        folder.rename(tmp_path / f"away-{folder.parent.name}-{folder.name}")
    out, done = study.export()
    assert done.persons == 5
    assert _pseudonym(study, 1) not in pq.read_table(out / "samples.parquet")["sample"].to_pylist()
    with pytest.raises((WgsError, FileNotFoundError)), ngd.open(study.path, "care") as database:
        database.region("chr1:1-60")


def test_a_refusal_a_moment_ago_leaves_the_person_out_and_is_counted(tmp_path: Path):
    study = Study(tmp_path)
    for number in range(4):
        study.add(number)
    study.compact()
    out, first = study.export()
    before = pq.read_table(out / "samples.parquet")["sample"].to_pylist()
    assert (first.persons, first.removed) == (4, None)
    study.refuse(3)
    again, second = study.export()
    assert again == out
    assert (second.persons, second.removed) == (3, 1)
    after = pq.read_table(out / "samples.parquet")["sample"].to_pylist()
    assert set(before) - set(after) == {_pseudonym(study, 3)}
    assert _manifest(out)["persons_removed_since_last_export"] == 1
    assert study.export()[1].removed == 0
    logged = [each for each in study.log() if each["action"] == "export"]
    assert [each["persons"] for each in logged] == [4, 3, 3]
    assert [each["slots"] for each in logged] == [[0, 1, 2, 3], [0, 1, 2], [0, 1, 2]]
    assert {(each["project"], each["purpose"]) for each in logged} == {("p1", "research")}


def test_a_person_who_was_erased_is_counted_as_gone(tmp_path: Path):
    study = Study(tmp_path)
    for number in range(3):
        study.add(number)
    study.compact()
    out, _ = study.export()
    gone = _pseudonym(study, 1)
    root = Root.open(study.path)
    with Vault(root.vault) as vault:
        erase(root, vault, [study.person(1)], lambda _: None)
    out, done = study.export()
    assert (done.persons, done.removed) == (2, 1)
    assert gone not in pq.read_table(out / "samples.parquet")["sample"].to_pylist()


def test_another_project_gets_other_names(tmp_path: Path):
    study = Study(tmp_path)
    study.add(0)
    other = write_project(tmp_path / "other.yaml", id="p2")
    one = pq.read_table(study.export("one")[0] / "samples.parquet")["sample"].to_pylist()
    two = pq.read_table(study.export("two", project=other)[0] / "samples.parquet")
    assert two["sample"].to_pylist() == [_pseudonym(study, 0, "p2")] != one
    with pytest.raises(OutputError, match="an earlier export of project p2"):
        study.export("one", project=other)


def test_a_second_genome_of_a_person_has_its_own_name(tmp_path: Path):
    study = Study(tmp_path)
    study.add(0)
    target = tmp_path / "target.bed"
    target.write_text("chr1\t0\t60\n")
    study.add(0, assay="exome", target_bed=target)
    study.add(1, assay="panel")  # of which no one knows what is callable
    out, done = study.export()
    name = _pseudonym(study, 0)
    table = pq.read_table(out / "samples.parquet").to_pylist()
    assert [(each["sample"], each["person"], each["assay"]) for each in table] == [
        (name, name, "wgs"), (f"{name}.2", name, "exome"),
    ]  # fmt: skip
    assert (done.persons, done.eligible) == (1, 2)


def test_regions_outside_the_approval_are_refused(tmp_path: Path):
    study = Study(tmp_path)
    study.add(0)
    study.add(1)
    narrow = write_project(tmp_path / "narrow.yaml", regions=["chr1:11-30", "chrM"])
    bed = tmp_path / "wanted.bed"
    bed.write_text("chr1\t9\t20\n")
    with pytest.raises(ConsentError, match=r"chr1:10-10 lies outside the regions of project p1"):
        study.export(project=narrow, regions=bed)
    assert study.log()[-1]["decision"] == "refused"
    bed.write_text("chr1\t14\t20\n")
    out, _ = study.export(project=narrow, regions=bed)
    assert _manifest(out)["regions"] == ["chr1:15-20"]
    for row in pq.read_table(out / "genotypes").to_pylist():
        assert (row["contig"], 15 <= row["pos"] <= 20) == ("chr1", True)
    for row in pq.read_table(out / "callable").to_pylist():
        assert 14 <= row["start"] < row["end"] <= 20
    out, _ = study.export("all", project=narrow)
    assert _manifest(out)["regions"] == ["chr1:11-30", "chrM:1-20"]
    bed.write_text("chr1\t0\t61\n")
    with pytest.raises(NgdError, match="ends beyond its contig"):
        study.export("other", regions=bed)


@pytest.mark.parametrize(
    ("changes", "purpose", "error", "said"),
    [
        ({"data": ["frequencies"]}, "research", ConsentError, "does not cover genotypes"),
        ({"valid_to": "2024-02-01"}, "research", ConsentError, "is valid from"),
        ({"users": ["someone-else"]}, "research", ConsentError, "not among the users"),
        ({}, "statistics", PurposeError, "for research only"),
        ({}, "care", PurposeError, "for research only"),
        ({}, "quality", PurposeError, "for research only"),
    ],
)
def test_what_is_not_covered_is_refused_logged_and_leaves_nothing(
    tmp_path: Path, changes: dict, purpose: str, error: type[Exception], said: str
):
    study = Study(tmp_path)
    study.add(0)
    project = write_project(tmp_path / "other.yaml", **changes)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=said):
        study.export("out", purpose, project)
    assert sorted(tmp_path.iterdir()) == before
    last = study.log()[-1]
    assert (last["action"], last["decision"], last["slots"]) == ("export", "refused", [])


def test_an_export_that_cannot_be_logged_is_not_given(tmp_path: Path):
    study = Study(tmp_path)
    study.add(0)
    log = Root.open(study.path).audit
    shutil.rmtree(log)
    log.write_text("no folder, no log")
    with pytest.raises(NgdError):
        study.export()
    assert not [each for each in tmp_path.iterdir() if "out" in each.name]


def test_a_folder_within_the_database_or_the_vault_is_refused(tmp_path: Path):
    study = Study(tmp_path)
    study.add(0)
    for name in ("ngd/out", "vault/out"):
        with pytest.raises(OutputError, match="lies within"):
            study.export(name)


def test_a_damaged_shard_stops_it_and_the_earlier_export_stays(tmp_path: Path):
    study = Study(tmp_path)
    study.add(0)
    study.add(1)
    out, _ = study.export()
    before = {each: each.read_bytes() for each in out.rglob("*") if each.is_file()}
    file = next((study.path / "shards").rglob("variants.parquet"))
    content = bytearray(file.read_bytes())
    key = unlocked(study.path).keys.shard_key(file.parent.name)
    secret = decryption(key, file.name)
    column = pq.read_metadata(file, decryption_properties=secret).row_group(0).column(1)
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(NgdError):
        study.export()
    assert {each: each.read_bytes() for each in out.rglob("*") if each.is_file()} == before
    assert not list(tmp_path.glob(".out.*"))
    assert study.log()[-1]["decision"] == "failed"


@pytest.mark.parametrize(("contigs", "whole"), [(1, 0), (2, 1 << 30)])
def test_small_windows_and_files_give_the_same(
    shared: tuple[Study, Path], monkeypatch: pytest.MonkeyPatch, contigs: int, whole: int
):
    study, out = shared
    monkeypatch.setattr(export_reading, "FLUSH_ROWS", 2)
    monkeypatch.setattr(export_reading, "GROUP_CONTIGS", contigs)
    monkeypatch.setattr(export_reading, "_WHOLE_BYTES", whole)
    monkeypatch.setattr(export_calls, "WINDOW_ROWS", 1)
    monkeypatch.setattr(export_calls, "TILE_BP", 7)
    again, _ = study.export("small")
    for name in ("genotypes", "callable", "samples.parquet"):
        assert pq.read_table(again / name).equals(pq.read_table(out / name))
    assert lines_of("bcftools", "view", "-H", again / "genotypes.vcf.gz") == lines_of(
        "bcftools", "view", "-H", out / "genotypes.vcf.gz"
    )


def test_words_of_a_project_that_name_a_sample_are_found(tmp_path: Path):
    study = Study(tmp_path)
    study.add(0)
    for number in ("NGC-0", "study of 010110-1000", "0101101000"):
        project = write_project(
            tmp_path / "named.yaml", approval={"number": number, "committee": "c"}
        )
        with pytest.raises(
            NgdError, match=r"manifest.json: its text .* Look for it in the project"
        ):
            study.export(project=project)
    assert not (tmp_path / "out").exists()


def test_no_one_left_is_said(tmp_path: Path):
    study = Study(tmp_path)
    study.add(0)
    study.refuse(0)
    with pytest.raises(ConsentError, match="no genome may be exported"):
        study.export()
