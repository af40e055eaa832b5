"""Keys of the vault: wrapped under a master key, which is asked of its source."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey, PublicKey, SealedBox

from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Vault, seal
from wgs_pipeline.vault.master import (
    DEFAULT,
    CommandKey,
    EnvironmentKey,
    from_environment,
    key_file,
    parsed_key,
    source_named,
    write_key,
)
from wgs_pipeline.vault.rotation import rotate_master
from wgs_pipeline.vault.wrapping import Wrapping

KEY, OTHER = b"\x01" * 32, b"\x02" * 32


@pytest.fixture
def vault(tmp_path: Path):
    with Vault.create(tmp_path / "vault") as vault:
        yield vault


def bytes_of(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(folder.iterdir()) if each.is_file())


def test_no_key_lies_in_the_vault_in_clear(tmp_path: Path):
    source = key_file(tmp_path / "key")
    write_key(source.path, KEY)
    with Vault.create(tmp_path / "vault", source) as vault:
        (identity,) = vault.keys.identities()
        project = vault.project_key("p1")
        with vault.transaction():
            vault.keys.put_shard_keys({"a" * 64: OTHER})
        content = bytes_of(vault.path)
    for secret in (KEY, identity, project, OTHER):
        assert secret not in content
        assert secret.hex().encode() not in content
    assert not (tmp_path / "vault" / "master.key").exists()


def test_a_vault_without_any_source_keeps_its_key_in_its_folder(vault: Vault):
    assert (vault.path / "master.key").stat().st_mode & 0o777 == 0o600
    assert vault.keys.source().name == DEFAULT
    key = vault.project_key("p1")
    with Vault(vault.path) as again:
        assert again.project_key("p1") == key


def test_the_public_key_is_of_the_identity(vault: Vault):
    (secret,) = vault.keys.identities()
    assert vault.public_key() == bytes(PrivateKey(secret).public_key).hex()
    sealed = bytes(SealedBox(PublicKey(bytes.fromhex(vault.public_key()))).encrypt(b"text"))
    assert vault.unseal(sealed) == b"text"


def test_what_was_sealed_before_is_read_until_the_old_identity_is_dropped(vault: Vault):
    before = seal(vault.public_key(), b"before")
    public = vault.keys.add_identity()
    after = seal(public, b"after")
    assert (vault.unseal(before), vault.unseal(after)) == (b"before", b"after")
    assert vault.keys.identity_versions() == 2
    with vault.transaction():
        assert vault.keys.drop_old_identities() == 1
    assert vault.unseal(after) == b"after"
    with pytest.raises(NgdError, match="another vault, or changed"):
        vault.unseal(before)
    assert vault.public_key() == public


def test_pseudonym_keys_change_only_when_asked(vault: Vault):
    one, two = vault.project_key("p1"), vault.project_key("p2")
    rotate_master(vault)
    assert (vault.project_key("p1"), vault.project_key("p2")) == (one, two)
    assert vault.keys.rotate_project_key("p1") == 2
    assert vault.project_key("p1") != one
    assert vault.project_key("p2") == two
    with pytest.raises(NgdError, match="'p3' has no pseudonyms yet"):
        vault.keys.rotate_project_key("p3")


def test_shard_keys_are_kept_and_destroyed(vault: Vault):
    shards = {f"{number:064x}": bytes([number % 256]) * 32 for number in range(1200)}
    with vault.transaction():
        vault.keys.put_shard_keys(shards)
    with Vault(vault.path) as again:
        assert again.keys.shard_keys([*shards, "f" * 64]) == shards
        assert again.keys.shard_key("f" * 64) is None
        first = next(iter(shards))
        assert again.keys.shard_key(first) == shards[first]
        with again.transaction():
            assert again.keys.destroy_shard_keys([first, "f" * 64]) == 1
        assert again.keys.shard_key(first) is None
    (wrapped,) = row_of(vault, f"{1:064x}")
    with vault.transaction():
        vault.keys.destroy_shard_keys([f"{1:064x}"])
    vault.scrub()
    assert wrapped not in bytes_of(vault.path)


def row_of(vault: Vault, shard: str) -> tuple[bytes]:
    connection = sqlite3.connect(vault.path / "vault.sqlite")
    row = connection.execute("SELECT wrapped FROM shard_keys WHERE shard = ?", (shard,)).fetchone()
    connection.close()
    return row


def test_a_row_cannot_stand_in_the_place_of_another(vault: Vault):
    one, two = "a" * 64, "b" * 64
    with vault.transaction():
        vault.keys.put_shard_keys({one: KEY, two: OTHER})
    vault.close()
    connection = sqlite3.connect(vault.path / "vault.sqlite")
    with connection:
        connection.execute(
            "UPDATE shard_keys SET wrapped = (SELECT wrapped FROM shard_keys WHERE shard = ?)"
            " WHERE shard = ?",
            (one, two),
        )
    connection.close()
    with Vault(vault.path) as again:
        assert again.keys.shard_key(one) == KEY
        with pytest.raises(NgdError, match="does not open with its master key"):
            again.keys.shard_key(two)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.binary(max_size=80), st.text(max_size=20), st.integers(0, 10_000))
def test_a_flipped_bit_or_another_label_is_noticed(secret: bytes, label: str, place: int):
    wrapping = Wrapping(KEY)
    wrapped = wrapping.wrap(label, secret)
    assert wrapping.unwrap(label, wrapped) == secret
    assert wrapped != wrapping.wrap(label, secret)
    at, bit = divmod(place % (8 * len(wrapped)), 8)
    changed = bytes([*wrapped[:at], wrapped[at] ^ (1 << bit), *wrapped[at + 1 :]])
    for key, name, content in (
        (KEY, label, changed), (KEY, label + "x", wrapped), (OTHER, label, wrapped),
        (KEY, label, wrapped[:-1]), (KEY, label, b""),
    ):  # fmt: skip
        with pytest.raises(NgdError, match="does not open"):
            Wrapping(key).unwrap(name, content)


def test_the_environment_names_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WGS_VAULT_KEY", KEY.hex())
    with Vault.create(tmp_path / "vault") as vault:
        key = vault.project_key("p1")
        assert vault.keys.source().name == "env:WGS_VAULT_KEY"
    assert not (tmp_path / "vault" / "master.key").exists()
    monkeypatch.delenv("WGS_VAULT_KEY")
    write_key(tmp_path / "key", KEY)
    monkeypatch.setenv("WGS_VAULT_KEY_FILE", str(tmp_path / "key"))
    with Vault(tmp_path / "vault") as vault:
        assert vault.project_key("p1") == key
    monkeypatch.setenv("WGS_VAULT_KEY", KEY.hex())
    with pytest.raises(NgdError, match="are both set"):
        from_environment()


def test_a_key_service_is_a_program_that_prints_the_key(tmp_path: Path):
    words = f"{sys.executable} -c \"print('{KEY.hex()}')\""
    assert source_named(f"command:{words}", tmp_path) == CommandKey(words)
    with Vault.create(tmp_path / "vault", CommandKey(words)) as vault:
        key = vault.project_key("p1")
    with Vault(tmp_path / "vault") as vault:
        assert (vault.keys.source().name, vault.project_key("p1")) == (f"command:{words}", key)


def test_names_of_sources(tmp_path: Path):
    assert source_named("env:A", tmp_path) == EnvironmentKey("A")
    assert source_named("file:k", tmp_path).path == tmp_path / "k"
    for name in ("", "file:", "vault", "https://key"):
        with pytest.raises(NgdError, match="names no source"):
            source_named(name, tmp_path)


@pytest.mark.parametrize("text", ["", "00" * 31, "00" * 33, "zz" * 32, "\xe6" * 64])
def test_no_whole_key_is_refused_without_being_shown(text: str):
    with pytest.raises(NgdError, match="no whole master key") as refused:
        parsed_key(text.encode(), "here")
    assert not text or text not in str(refused.value)
    assert parsed_key(KEY.hex().upper().encode() + b"\n", "here") == KEY


def test_a_key_file_is_never_replaced(tmp_path: Path):
    assert write_key(tmp_path / "key", KEY)
    assert not write_key(tmp_path / "key", OTHER)
    assert key_file(tmp_path / "key").read() == KEY
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_another_master_key_in_the_same_file(vault: Vault):
    with vault.transaction():
        vault.keys.put_shard_keys({"a" * 64: OTHER})
    before = (vault.path / "master.key").read_bytes()
    identity, project = vault.keys.identities(), vault.project_key("p1")
    done = rotate_master(vault)
    assert (done.source, done.secrets, done.left) == (DEFAULT, 3, None)
    after = (vault.path / "master.key").read_bytes()
    assert after != before
    assert (vault.path / "master.key").stat().st_mode & 0o777 == 0o600
    with Vault(vault.path) as again:
        assert (again.keys.identities(), again.project_key("p1")) == (identity, project)
        assert again.keys.shard_key("a" * 64) == OTHER
    (vault.path / "master.key").write_bytes(before)
    with Vault(vault.path) as again, pytest.raises(NgdError, match="is not this vault's"):
        again.keys.identities()


def test_the_master_key_moves_out_of_the_vault(vault: Vault, tmp_path: Path):
    key = vault.project_key("p1")
    done = rotate_master(vault, f"file:{tmp_path / 'key'}")
    assert done.left is None
    assert not (vault.path / "master.key").exists()
    with Vault(vault.path) as again:
        assert again.project_key("p1") == key
        left = rotate_master(again, f"file:{tmp_path / 'next'}").left
        assert left is not None
        assert left.samefile(tmp_path / "key")
        with pytest.raises(NgdError, match="is the source of the present master key"):
            rotate_master(again, f"file:{tmp_path / 'next'}")


def test_another_process_notices_that_the_master_key_was_rotated(vault: Vault):
    vault.project_key("p1")
    with Vault(vault.path) as other:
        rotate_master(other)
        with vault.transaction():
            vault.keys.put_shard_keys({"a" * 64: KEY})
        assert other.keys.shard_key("a" * 64) == KEY


def test_a_key_that_cannot_be_written_is_not_rotated_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WGS_VAULT_KEY", KEY.hex())
    with Vault.create(tmp_path / "vault") as vault, pytest.raises(NgdError, match="with --to"):
        rotate_master(vault)


def test_a_vault_of_before_is_read_and_then_wrapped(tmp_path: Path):
    folder = tmp_path / "vault"
    Vault.create(folder).close()
    connection = sqlite3.connect(folder / "vault.sqlite")
    with connection:
        connection.executescript(
            "DROP TABLE secrets; DROP TABLE shard_keys; DELETE FROM meta WHERE key LIKE 'master%';"
            "CREATE TABLE project_keys (project TEXT PRIMARY KEY, key BLOB NOT NULL) STRICT;"
        )
        connection.execute("INSERT INTO project_keys VALUES ('p1', ?)", (OTHER,))
    connection.close()
    (folder / "master.key").unlink()
    (folder / "identity.key").write_bytes(KEY)
    with Vault(folder) as vault:
        assert vault.keys.identities() == [KEY]
        assert vault.project_key("p1") == OTHER
        new = vault.project_key("p2")
        assert vault.keys.shard_key("a" * 64) is None
        assert vault.keys.destroy_shard_keys(["a" * 64]) == 0
        with pytest.raises(NgdError, match="Run 'wgs vault init' once"):
            vault.keys.master_key()
    with Vault.create(folder) as vault:
        assert vault.keys.identities() == [KEY]
        assert (vault.project_key("p1"), vault.project_key("p2")) == (OTHER, new)
        vault.scrub()
    content = bytes_of(folder)
    assert not any(each in content for each in (KEY, OTHER, new))
