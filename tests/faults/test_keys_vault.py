"""Master keys that are missing, wrong, cut or readable by others; rotations that are killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Vault
from wgs_pipeline.vault.backup import back_up, restore
from wgs_pipeline.vault.master import CommandKey, EnvironmentKey, FileKey, key_file, write_key

KEY, OTHER = b"\x01" * 32, b"\x02" * 32


def state(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A vault whose master key lies beside it."""
    write_key(tmp_path / "key", KEY)
    with Vault.create(tmp_path / "vault", key_file(tmp_path / "key")) as vault:
        vault.project_key("p1")
    return tmp_path / "vault"


def refused(folder: Path, said: str) -> None:
    before = state(folder)
    with Vault(folder) as vault, pytest.raises(NgdError, match=said) as error:
        vault.project_key("p2")
    assert KEY.hex() not in str(error.value)
    assert {name: state(folder)[name] for name in before} == before


def test_a_missing_key(made: Path) -> None:
    (made.parent / "key").unlink()
    refused(made, r"key: the vault's master key cannot be read \(No such file")
    with pytest.raises(NgdError, match="cannot be read"):
        Vault.create(made)
    assert not (made / "master.key").exists()


def test_a_wrong_key(made: Path) -> None:
    (made.parent / "key").write_text(OTHER.hex())
    refused(made, "is not this vault's")


@pytest.mark.parametrize("length", [0, 1, 63])
def test_a_cut_key(made: Path, length: int) -> None:
    (made.parent / "key").write_text(KEY.hex()[:length])
    refused(made, rf"no whole master key \({length} characters\)")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_key_that_others_may_read(made: Path, mode: int) -> None:
    (made.parent / "key").chmod(mode)
    refused(made, f"others may read the vault's master key \\(mode {mode:04o}\\)")


def test_a_key_of_another_user(made: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(made.parent / "key", 12345, 12345)
    refused(made, "belongs to another user")


def test_a_folder_in_place_of_the_key(made: Path) -> None:
    (made.parent / "key").unlink()
    (made.parent / "key").mkdir()
    refused(made, "cannot be read|is no file")


def test_the_key_of_another_vault(made: Path, tmp_path: Path) -> None:
    with Vault.create(tmp_path / "other") as other:
        theirs = other.path / "master.key"
        with Vault(made, key_file(theirs)) as vault, pytest.raises(NgdError, match="not this"):
            vault.keys.require()


def test_a_key_service_that_fails(tmp_path: Path) -> None:
    for command, said in (
        ("false", "failed with exit status 1"),
        ("no-such-program --key", r"cannot be run \(FileNotFoundError\)"),
        ("", "cannot be run"),
        ("echo 'unclosed", r"cannot be run \(ValueError\)"),
        ("echo short", "no whole master key"),
    ):
        with pytest.raises(NgdError, match=said):
            CommandKey(command).read()
    with pytest.raises(NgdError, match="is not set"):
        EnvironmentKey("WGS_NO_SUCH_KEY").read()
    with pytest.raises(NgdError, match="cannot be read"):
        Vault.create(tmp_path / "vault", FileKey(tmp_path / "none", "file:none"))


KILLED = """
import os, signal, sys
from pathlib import Path
from wgs_pipeline.vault import Vault, connection
from wgs_pipeline.vault.rotation import rotate_master

folder, last = Path(sys.argv[1]), int(sys.argv[2])
steps = 0

def counted(function):
    def call(*arguments, **options):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call

with Vault(folder) as vault:
    vault.project_key("p1")
    for name in ("replace", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    os.link, os.fsync = counted(os.link), counted(os.fsync)
    connection.Connection.execute = counted(connection.Connection.execute)
    connection.Connection.executemany = counted(connection.Connection.executemany)
    rotate_master(vault, sys.argv[3] if len(sys.argv) > 3 else None)
"""


@pytest.mark.parametrize("moves", [False, True])
def test_a_rotation_that_is_killed_at_any_step_loses_nothing(tmp_path: Path, moves: bool) -> None:
    template = tmp_path / "template"
    with Vault.create(template) as vault:
        key, identities = vault.project_key("p1"), vault.keys.identities()
    killed, step = 0, 0
    while True:
        step += 1
        folder = tmp_path / "vault"
        shutil.rmtree(folder, ignore_errors=True)
        (tmp_path / "moved").unlink(missing_ok=True)
        shutil.copytree(template, folder)
        to = [f"file:{tmp_path / 'moved'}"] if moves else []
        done = subprocess.run([sys.executable, "-c", KILLED, folder, str(step), *to], check=False)
        with Vault(folder) as vault:
            assert (vault.project_key("p1"), vault.keys.identities()) == (key, identities)
            assert not (folder / "master.key.next").exists() or done.returncode
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        killed += 1
    assert killed > 8


def test_a_backup_that_was_changed_or_cut_does_not_open(made: Path, tmp_path: Path) -> None:
    key, path = key_file(tmp_path / "key"), tmp_path / "backup"
    with Vault(made) as vault:
        back_up(vault, path)
    content = path.read_bytes()
    assert content[:8] == b"WGSVLTB1"
    places = [8, 23, 24, 47, 48, 60, len(content) // 2, len(content) - 1]
    changed = [bytes([*content[:at], content[at] ^ 1, *content[at + 1 :]]) for at in places]
    cut = [content[:at] for at in (8, 30, 48, 48 + 65_553, len(content) - 1)]
    for each in (*changed, *cut):
        (tmp_path / "damaged").write_bytes(each)
        with pytest.raises(NgdError, match="does not open with this master key, or is damaged"):
            restore(tmp_path / "damaged", tmp_path / "restored", key)
        assert not (tmp_path / "restored").exists()
    write_key(tmp_path / "wrong", OTHER)
    with pytest.raises(NgdError, match="does not open with this master key"):
        restore(path, tmp_path / "restored", key_file(tmp_path / "wrong"))
    for other, said in ((b"", "no backup of a vault"), (b"x" * 100, "no backup of a vault")):
        (tmp_path / "damaged").write_bytes(other)
        with pytest.raises(NgdError, match=said):
            restore(tmp_path / "damaged", tmp_path / "restored", key)
    with pytest.raises(NgdError, match="cannot be read"):
        restore(tmp_path / "none", tmp_path / "restored", key)
    with pytest.raises(NgdError, match="is not empty"):
        restore(path, made, key)
    restore(path, tmp_path / "restored", key)
    assert [each.name for each in tmp_path.glob(".restored*")] == []
