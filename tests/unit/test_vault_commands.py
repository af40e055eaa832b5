"""``wgs vault`` through the real entry point, with a database where one is needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wgs_pipeline import audit
from wgs_pipeline.cli import main
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.consents import read_consents
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load, register_only
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault
from wgs_pipeline.vault.master import key_file

MOMENT = "2024-01-01T00:00:00+01:00"
HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=100>\n"
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
)


@pytest.fixture
def wgs(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: object, code: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main(["vault", *(str(each) for each in arguments)])
        said = capsys.readouterr()
        assert end.value.code == code, said.err
        assert said.out == ""
        return said.err

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty database with two genomes that can be loaded."""
    rows = ["patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource"]
    for number in (1, 2):
        rows.append(f"person-{number}\tanalysis\tgiven\t{MOMENT}\t{MOMENT}\tform")
        text = HEADER + f"S{number}\nchr1\t5{number}\t.\tA\tG\t.\t.\t.\tGT:DP:GQ\t0/1:30:50\n"
        (tmp_path / f"S{number}.g.vcf").write_text(text)
    (tmp_path / "consents.tsv").write_text("\n".join(rows) + "\n")
    (tmp_path / "r.fai").write_text("chr1\t100\t6\t60\t61\n")
    initialise(tmp_path / "ngd", wanted(tmp_path))
    return tmp_path


def wanted(folder: Path) -> Wanted:
    return Wanted(folder / "vault", folder / "consents.tsv", folder / "r.fai")


def request(folder: Path, number: int) -> Request:
    return Request(f"S{number}", folder / f"S{number}.g.vcf", f"person-{number}", "female")


@pytest.fixture
def vault(folder: Path) -> Iterator[Vault]:
    with Vault(folder / "vault") as vault:
        yield vault


def logged(folder: Path) -> list[tuple[str, str]]:
    root = Root.open(folder / "ngd")
    with Vault(root.vault) as vault:
        assert audit.verify(root.audit, vault) == []
    lines = list(audit.entries(root.audit))
    return [(each["action"], each["reason"]) for each in lines]


def test_a_vault_is_made_with_its_key_elsewhere(wgs, tmp_path: Path):
    vault, key = tmp_path / "vault", tmp_path / "key"
    said = wgs("init", vault, "--key-file", key)
    assert f"{key}: made; keep a copy apart" in said
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().strip() not in said
    assert wgs("init", vault) == f"{vault}: ready; its master key comes from file:{key}\n"
    key.rename(tmp_path / "moved")
    assert "cannot be read" in wgs("init", vault, code=1)
    assert "moved" in wgs("init", vault, "--key", f"file:{tmp_path / 'moved'}")
    assert "moved" in wgs("init", vault)
    assert "either" in wgs("init", vault, "--key", "env:A", "--key-file", key, code=2)
    assert "cannot be read" in wgs("init", vault, "--key-file", key, code=1)
    assert not key.exists()


def test_a_missing_key_is_no_reason_for_another(wgs, folder: Path):
    (folder / "vault" / "master.key").rename(folder / "lost")
    assert "cannot be read" in wgs("init", folder / "vault", code=1)
    assert "cannot be read" in wgs("rotate", folder / "vault", code=1)
    assert "cannot be read" in wgs("backup", folder / "vault", "-o", folder / "b", code=1)
    assert not (folder / "b").exists()
    assert not (folder / "vault" / "master.key").exists()


def test_everything_is_rotated_while_genomes_wait(wgs, folder: Path):
    load(folder / "ngd", request(folder, 1))
    register_only(folder / "ngd", request(folder, 2))  # sealed to the identity of before
    before = Root.open(folder / "ngd").settings.public_key
    key = (folder / "vault" / "master.key").read_bytes()
    said = wgs("rotate", folder / "vault")
    assert "keys are under the key of file:master.key" in said
    assert "has a new public key" in said
    root = Root.open(folder / "ngd")
    assert root.settings.public_key != before
    assert (folder / "vault" / "master.key").read_bytes() != key
    with Vault(root.vault) as vault:
        assert root.settings.public_key == vault.public_key()
        commit(root, vault)
        assert [each.sample_id for each in vault.genomes()] == ["S1", "S2"]
        assert vault.keys.identity_versions() == 2
    assert "1 identities of before destroyed" in wgs("rotate", folder / "vault", "--finish")
    with Vault(root.vault) as vault:
        assert vault.keys.identity_versions() == 1
        assert verify(root, vault).problems == ()
    assert not initialise(folder / "ngd", wanted(folder))
    assert ("rotate", "identity") in logged(folder)
    assert ("rotate", "identities of before destroyed: 1") in logged(folder)


def test_finishing_folds_in_what_waits(wgs, folder: Path, vault: Vault):
    register_only(folder / "ngd", request(folder, 1))
    wgs("rotate", folder / "vault", "--identity")
    wgs("rotate", folder / "vault", "--finish")
    assert [each.sample_id for each in vault.genomes()] == ["S1"]
    assert "stands by itself" in wgs("rotate", folder / "vault", "--finish", "--master", code=2)


def test_an_interrupted_rotation_of_the_identity_is_completed(wgs, folder: Path, vault: Vault):
    with vault.transaction():
        vault.keys.add_identity()
    assert "has not got the vault's new public key" in wgs(
        "rotate", folder / "vault", "--finish", code=1
    )
    assert "has its new public key now" in wgs("rotate", folder / "vault", "--identity")
    assert vault.keys.identity_versions() == 2
    assert Root.open(folder / "ngd").settings.public_key == vault.public_key()


def test_pseudonyms_of_one_project(wgs, folder: Path, vault: Vault):
    one, two = vault.project_key("p1"), vault.project_key("p2")
    assert "p1 has its pseudonym key 2 now" in wgs("rotate", folder / "vault", "--project", "p1")
    assert (vault.project_key("p1") == one, vault.project_key("p2") == two) == (False, True)
    assert vault.keys.identity_versions() == 1
    assert "no pseudonyms yet" in wgs("rotate", folder / "vault", "--project", "p3", code=1)


def test_a_backup_is_whole_while_loads_run_and_is_restored(wgs, folder: Path):
    load(folder / "ngd", request(folder, 1))
    key = folder / "vault" / "master.key"
    threads = threading.Thread(target=load, args=(folder / "ngd", request(folder, 2)))
    threads.start()
    said = wgs("backup", folder / "vault", "-o", folder / "backup")
    threads.join()
    assert "its master key lies in the vault itself" in said
    content = (folder / "backup").read_bytes()
    assert not any(word in content for word in (b"person-1", b"SQLite", b"CREATE TABLE"))
    assert (folder / "backup").stat().st_mode & 0o777 == 0o600
    assert "give --key-file" in wgs("restore", folder / "backup", folder / "again", code=2)
    wgs("restore", folder / "backup", folder / "again", "--key-file", key)
    with Vault(folder / "vault") as vault, Vault(folder / "again") as again:
        assert again.genomes() in (vault.genomes()[:1], vault.genomes())
        assert again.keys.identities() == vault.keys.identities()
        assert again.keys.source().name == key_file(key).name
    assert (folder / "again").stat().st_mode & 0o777 == 0o700
    assert ("backup", "of the vault") in logged(folder)


def test_a_restored_vault_takes_the_place_of_a_lost_one(wgs, folder: Path):
    load(folder / "ngd", request(folder, 1))
    wgs("rotate", folder / "vault", "--to", f"file:{folder / 'key'}")
    wgs("backup", folder / "vault", "-o", folder / "backup")
    (folder / "vault").rename(folder / "lost")
    wgs("restore", folder / "backup", folder / "vault", "--key-file", folder / "key")
    root = Root.open(folder / "ngd")
    with Vault(root.vault) as vault:
        read_consents(root, vault)
        assert verify(root, vault).problems == ()
    assert load(folder / "ngd", request(folder, 1)).already_loaded
    assert load(folder / "ngd", request(folder, 2)).slot == 1


def test_keys_in_use_are_not_destroyed(wgs, folder: Path, vault: Vault):
    load(folder / "ngd", request(folder, 1))
    digest = vault.genomes()[0].shard
    for chosen in (("--slot", 0), ("--shard", digest)):
        said = wgs("destroy-key", folder / "vault", *chosen, code=1)
        assert "slots [0] use this key" in said
    assert "no genome has slot 7" in wgs("destroy-key", folder / "vault", "--slot", 7, code=1)
    assert "give --slot or --shard" in wgs("destroy-key", folder / "vault", code=2)
    with vault.transaction():
        vault.keys.put_shard_keys({"f" * 64: b"\x01" * 32})
    assert "1 keys destroyed" in wgs("destroy-key", folder / "vault", "--shard", "f" * 64)
    assert "0 keys destroyed" in wgs("destroy-key", folder / "vault", "--shard", "f" * 64)
    assert logged(folder)[-1] == ("destroy_key", "0 data keys; slots []")
