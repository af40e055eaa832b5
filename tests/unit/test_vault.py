import os
from pathlib import Path

import pytest

from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Genome, Outcome, PastExport, Vault, seal


@pytest.fixture
def vault(tmp_path: Path):
    with Vault.create(tmp_path / "vault") as vault:
        yield vault


def test_only_the_owner_may_read_the_vault(vault: Vault):
    assert vault.path.stat().st_mode & 0o777 == 0o700
    for name in ("vault.sqlite", "master.key"):
        assert (vault.path / name).stat().st_mode & 0o777 == 0o600


def test_a_vault_that_others_may_read_is_refused(vault: Vault):
    vault.path.chmod(0o750)
    with pytest.raises(NgdError, match="others may read the vault"):
        Vault(vault.path)


def test_a_damaged_vault_is_refused(vault: Vault):
    vault.close()
    for name in ("vault.sqlite-wal", "vault.sqlite-shm"):
        (vault.path / name).unlink(missing_ok=True)
    (vault.path / "vault.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(NgdError, match=r"the vault cannot be used \(file is not a database\)"):
        Vault(vault.path)


def test_a_missing_vault_is_refused(tmp_path: Path):
    with pytest.raises(NgdError, match="no vault here"):
        Vault(tmp_path / "nothing")


def test_creating_again_keeps_keys_and_identity(vault: Vault):
    with Vault.create(vault.path) as again:
        assert again.public_key() == vault.public_key()
        assert again.get("identity") == vault.get("identity")


def test_only_the_vault_opens_what_is_sealed_to_it(vault: Vault, tmp_path: Path):
    sealed = seal(vault.public_key(), b"who it is")
    assert b"who it is" not in sealed
    assert vault.unseal(sealed) == b"who it is"
    with Vault.create(tmp_path / "other") as other, pytest.raises(NgdError, match="another vault"):
        other.unseal(sealed)
    changed = bytes([sealed[0] ^ 1]) + sealed[1:]
    with pytest.raises(NgdError, match="changed"):
        vault.unseal(changed)


def test_slots_are_never_reused(vault: Vault):
    assert vault.next_slot() == 0
    vault.add_genome(Genome(0, "person", "S1", "wgs", "a" * 64, 1, None))
    vault.retire(0, 2)
    assert vault.next_slot() == 1
    vault.add_genome(Genome(1, "person", "S1", "wgs", "b" * 64, 2, None))
    assert vault.active("person", "S1", "wgs").slot == 1
    assert [each.retired_generation for each in vault.genomes_of("person")] == [2, None]
    assert vault.owner_of("S1") == "person"


def test_a_failed_transaction_leaves_nothing(vault: Vault):
    def write_and_fail() -> None:
        with vault.transaction():
            vault.put("key", "value")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert vault.get("key") is None


def test_outcomes_are_remembered(vault: Vault):
    assert vault.outcome("r1") is None
    vault.record_outcome("r1", Outcome("loaded", 3, 1))
    assert vault.outcome("r1") == Outcome("loaded", 3, 1, "")


def test_project_keys_differ_and_stay(vault: Vault):
    first = vault.project_key("a")
    assert len(first) == 32
    assert vault.project_key("a") == first != vault.project_key("b")


def test_exports_are_remembered_in_order(vault: Vault):
    assert vault.exports() == []
    first = PastExport("p1", "genotypes", "research", 3, "2026-01-31T10:00:00+00:00", b"\x01\x02")
    second = PastExport("", "frequencies", "care", 4, "2026-01-31T09:00:00+00:00", b"")
    vault.record_export(first)
    vault.record_export(second)
    with Vault(vault.path) as again:
        assert again.exports() == [first, second]


def test_the_lease_is_held_by_one(vault: Vault):
    import fcntl

    with vault.lease():
        descriptor = os.open(vault.path / "commit.lock", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
