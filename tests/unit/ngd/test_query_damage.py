"""Damaged, missing, moved and copied databases, as a question meets them."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from ngd_builders import Consents, make_database, write_gvcf

from wgs_pipeline import ngd
from wgs_pipeline.cli import main
from wgs_pipeline.errors import NgdError, WgsError
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.home import adopt
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.vault import Vault

#: What questions read; generations before the fifth are not current.
_READ = ("CURRENT", "ngd.json", "reference.json", "generations/5", "index", "counts", "shards")


def _load(folder: Path, number: int) -> None:
    rng = random.Random(number)
    lines = [
        f"chr1 {pos} A G . . GT:DP:GQ {rng.choice(['0/1', '1/1', '0/0'])}:30:50"
        for pos in range(1, 40)
    ]
    gvcf = write_gvcf(folder / f"S{number}.g.vcf", f"S{number}", lines)
    load(folder / "ngd", Request(f"S{number}", gvcf, f"person-{number}", "female"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    consents = Consents(tmp_path / "consents.tsv")
    root = Root.open(make_database(tmp_path))
    for number in range(5):
        consents.add(f"person-{number}", "analysis", "given")
    for number in range(4):
        _load(tmp_path, number)
        if number == 2:
            with Vault(root.vault) as vault:
                compact(root, vault)
    consents.add("person-1", "analysis", "withdrawn")  # so that bitmaps and shards are read too
    return tmp_path


def _answers(root: Path) -> list[object]:
    with ngd.open(root, "care") as database:
        tables = [
            database.region("chr1"),
            database.variant("chr1-50-A-T"),
            database.carriers_in("chr1"),
            database.genome("person-0"),
        ]
    return [(table.schema.metadata, table.to_pylist()) for table in tables]


def test_a_flipped_byte_in_what_a_question_reads_is_an_error_of_it(folder: Path):
    root = folder / "ngd"
    expected = _answers(root)
    rng = random.Random(5)
    found: dict[str, int] = {}
    for path in sorted(each for each in root.rglob("*") if each.is_file()):
        name = str(path.relative_to(root))
        if not name.startswith(_READ):
            continue
        whole = path.read_bytes()
        # What a hash covers must not change at all, what checksums of pages cover may where no
        # page is: in the header of a page, from which nothing is read. Of shards some are read.
        first = 0
        if name.startswith(("index", "counts")):
            first = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
        elif name.startswith("shards"):
            first = len(whole)
        places = [0, len(whole) // 2, len(whole) - 1, *rng.choices(range(len(whole)), k=6)]
        for place in places:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            try:
                assert _answers(root) == expected
                assert place < first, f"{name} at {place}"
            except WgsError:
                found[name.split("/")[0]] = found.get(name.split("/")[0], 0) + 1
        path.write_bytes(whole)
    assert set(found) == {each.split("/")[0] for each in _READ}
    assert found["index"] > 9
    assert found["shards"] > 8
    assert _answers(root) == expected


def test_a_missing_file_is_named(folder: Path):
    root = folder / "ngd"
    (bin_,) = (root / "index").rglob("bin=0/gen-*.parquet")
    bin_.unlink()
    with pytest.raises(NgdError, match=f"{bin_.name}: missing; run 'wgs ngd verify'"):
        _answers(root)


@pytest.mark.parametrize("what", ["nothing", "file", "folder"])
def test_what_is_no_database_is_said_to_be_none(tmp_path: Path, what: str):
    path = tmp_path / "somewhere"
    if what == "file":
        path.write_text("x")
    if what == "folder":
        path.mkdir()
        (path / "data").mkdir()
    with pytest.raises(NgdError, match="no National Genome Database here"):
        ngd.open(path, "care")


def test_a_copy_does_not_write_to_the_vault_of_its_original(folder: Path):
    root, copy = folder / "ngd", folder / "copy"
    shutil.copytree(root, copy)
    before = (folder / "vault" / "vault.sqlite").read_bytes()
    said = f"belongs to the database at {root}, of which this is a copy"
    for act in (lambda: _answers(copy), lambda: _compact(copy), lambda: _load_into(copy, folder)):
        with pytest.raises(NgdError, match=said):
            act()
    assert (folder / "vault" / "vault.sqlite").read_bytes() == before
    _answers(root)


def _compact(path: Path) -> None:
    root = Root.open(path)
    with Vault(root.vault) as vault:
        compact(root, vault)


def _load_into(path: Path, folder: Path) -> None:
    load(path, Request("S0", folder / "S0.g.vcf", "person-0", "female"))


def test_a_moved_database_is_known_and_one_moved_by_copying_is_adopted(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    root, moved, copied = folder / "ngd", folder / "moved", folder / "copied"
    expected = _answers(root)
    root.rename(moved)
    assert _answers(moved) == expected
    shutil.copytree(moved, copied)
    shutil.rmtree(moved)
    with pytest.raises(NgdError, match=f"run 'wgs ngd adopt {copied}'"):
        _answers(copied)
    with pytest.raises(SystemExit) as end:
        main(["ngd", "adopt", str(copied)])
    assert end.value.code == 0
    assert "is the database of" in capsys.readouterr().err
    assert _answers(copied) == expected
    _load(_as_home(folder, copied), 4)
    shutil.copytree(copied, moved)
    with pytest.raises(NgdError, match="copy"):
        _answers(moved)


def _as_home(folder: Path, copied: Path) -> Path:
    (folder / "ngd").symlink_to(copied)
    return folder


def test_the_vault_of_another_database_is_not_adopted(folder: Path, tmp_path: Path):
    other = tmp_path / "other"
    initialise(other, Wanted(tmp_path / "vault2", folder / "consents.tsv"))
    with (
        Vault(tmp_path / "vault2") as vault,
        pytest.raises(NgdError, match="vault of another database"),
    ):
        adopt(Root.open(folder / "ngd"), vault)


def test_the_fasta_beside_an_index_is_the_reference(tmp_path: Path):
    (tmp_path / "g.fa").write_text(">c\nACGT\n")
    (tmp_path / "g.fa.fai").write_text("c\t4\t3\t4\t5\n")
    wanted = Wanted(tmp_path / "v", tmp_path / "consents.tsv", tmp_path / "g.fa.fai")
    assert initialise(tmp_path / "ngd", wanted)
    assert Root.open(tmp_path / "ngd").reference_fasta == tmp_path / "g.fa"
    (tmp_path / "g.fa").rename(tmp_path / "away.fa")
    assert not initialise(tmp_path / "ngd", wanted)  # not there now is no other setting
    assert Root.open(tmp_path / "ngd").reference_fasta == tmp_path / "g.fa"
