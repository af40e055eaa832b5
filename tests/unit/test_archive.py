"""Archive copies: what is written here the crypt4gh command opens, and the reverse."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.archive import ArchiveError, decrypt, encrypt, read_public_key, read_secret_key
from wgs_pipeline.bgzf import BGZF_EOF
from wgs_pipeline.cli import main

BIN = Path(sys.executable).parent
SEGMENT = 65_536


def keygen(folder: Path, name: str, passphrase: str = "") -> tuple[Path, Path]:
    """A key pair of the crypt4gh package: secret and public."""
    from crypt4gh.keys import c4gh

    secret, public = folder / f"{name}.sec", folder / f"{name}.pub"
    c4gh.generate(str(secret), str(public), passphrase.encode() or None, None)
    return secret, public


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return keygen(tmp_path_factory.mktemp("keys"), "one")


def gvcf(folder: Path, size: int = 200_000) -> Path:
    """Bytes that begin and end as a bgzip file does."""
    head = bytes.fromhex("1f8b08040000000000ff0600424302001b00")
    path = folder / "S1.g.vcf.gz"
    path.write_bytes(head + bytes(range(256)) * (size // 256) + BGZF_EOF)
    return path


def test_the_crypt4gh_command_opens_it(keys: tuple[Path, Path], tmp_path: Path):
    secret, public = keys
    path = gvcf(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["archive", "encrypt", str(path), "-o", str(tmp_path / "c"), "--recipient",
              str(public)])  # fmt: skip
    assert end.value.code == 0
    assert (tmp_path / "c").read_bytes().startswith(b"crypt4gh\x01\0\0\0\x01\0\0\0")
    with (tmp_path / "c").open("rb") as copy:
        done = subprocess.run(
            [BIN / "crypt4gh", "decrypt", "--sk", secret], stdin=copy, capture_output=True,
            check=True,
        )  # fmt: skip
    assert done.stdout == path.read_bytes()


def test_what_the_crypt4gh_command_wrote_is_opened(keys: tuple[Path, Path], tmp_path: Path):
    secret, public = keys
    path = gvcf(tmp_path)
    with path.open("rb") as plain, (tmp_path / "c").open("wb") as copy:
        command = [BIN / "crypt4gh", "encrypt", "--sk", secret, "--recipient_pk", public]
        subprocess.run(command, stdin=plain, stdout=copy, check=True)
    with pytest.raises(SystemExit) as end:
        main(["archive", "decrypt", str(tmp_path / "c"), "-o", str(tmp_path / "p"), "--key",
              str(secret)])  # fmt: skip
    assert end.value.code == 0
    assert (tmp_path / "p").read_bytes() == path.read_bytes()


def test_an_edit_list_is_kept_to(keys: tuple[Path, Path], tmp_path: Path):
    secret, public = keys
    (tmp_path / "text").write_bytes(bytes(range(256)) * 1024)
    encrypt(tmp_path / "text", tmp_path / "c", [public])
    with (tmp_path / "c").open("rb") as copy, (tmp_path / "part").open("wb") as part:
        command = [BIN / "crypt4gh", "rearrange", "--sk", secret, "--range", "65000-70000"]
        subprocess.run(command, stdin=copy, stdout=part, check=True)
    with (tmp_path / "part").open("rb") as part:
        command = [BIN / "crypt4gh", "decrypt", "--sk", secret]
        theirs = subprocess.run(command, stdin=part, capture_output=True, check=True).stdout
    decrypt(tmp_path / "part", tmp_path / "p", secret)
    assert (tmp_path / "p").read_bytes() == theirs
    assert (tmp_path / "text").read_bytes()[65000:69990] in theirs
    assert len(theirs) < SEGMENT


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT])
def test_files_of_any_size(keys: tuple[Path, Path], tmp_path: Path, size: int):
    secret, public = keys
    (tmp_path / "f").write_bytes(b"\x07" * size)
    encrypt(tmp_path / "f", tmp_path / "c", [public])
    decrypt(tmp_path / "c", tmp_path / "p", secret)
    assert (tmp_path / "p").read_bytes() == b"\x07" * size


def test_every_recipient_opens_it_and_no_one_else(keys: tuple[Path, Path], tmp_path: Path):
    two, three = keygen(tmp_path, "two"), keygen(tmp_path, "three")
    path = gvcf(tmp_path)
    encrypt(path, tmp_path / "c", [keys[1], two[1]])
    for secret in (keys[0], two[0]):
        decrypt(tmp_path / "c", tmp_path / "p", secret)
        assert (tmp_path / "p").read_bytes() == path.read_bytes()
    with pytest.raises(ArchiveError, match="does not open with this key"):
        decrypt(tmp_path / "c", tmp_path / "q", three[0])
    assert not (tmp_path / "q").exists()
    with pytest.raises(ArchiveError, match="no recipient"):
        encrypt(path, tmp_path / "c", [])


def test_a_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    secret, public = keygen(tmp_path, "locked", "a passphrase")
    path = gvcf(tmp_path)
    encrypt(path, tmp_path / "c", [public])
    decrypt(tmp_path / "c", tmp_path / "p", secret, "a passphrase")
    capfd.readouterr()
    for wrong in (None, "another"):
        with pytest.raises(ArchiveError, match="the passphrase does not open"):
            decrypt(tmp_path / "c", tmp_path / "p", secret, wrong)
    assert capfd.readouterr().err == ""
    (tmp_path / "words").write_text("a passphrase\n")
    arguments = ["archive", "decrypt", str(tmp_path / "c"), "-o", str(tmp_path / "q")]
    arguments += ["--key", str(secret)]
    for options in (["--passphrase-file", str(tmp_path / "words")], []):
        (tmp_path / "q").unlink(missing_ok=True)
        if not options:
            monkeypatch.setenv("C4GH_PASSPHRASE", "a passphrase")
        with pytest.raises(SystemExit) as end:
            main([*arguments, *options])
        assert end.value.code == 0
        assert (tmp_path / "q").read_bytes() == path.read_bytes()


def test_files_without_their_end_are_refused(keys: tuple[Path, Path], tmp_path: Path):
    secret, public = keys
    whole = gvcf(tmp_path, 2 * SEGMENT)
    cut = tmp_path / "cut"
    for content in (whole.read_bytes()[:-1], whole.read_bytes()[:100], b"CRAM\x03\x00" + b"0" * 99):
        cut.write_bytes(content)
        with pytest.raises(ArchiveError, match="cut: incomplete; expected its end marker"):
            encrypt(cut, tmp_path / "c", [public])
    assert not (tmp_path / "c").exists()
    encrypt(whole, tmp_path / "c", [public])
    header = len((tmp_path / "c").read_bytes()) - (whole.stat().st_size + 3 * 28)
    cut.write_bytes((tmp_path / "c").read_bytes()[: header + 2 * (SEGMENT + 28)])  # two segments
    with pytest.raises(ArchiveError, match="cut; what it holds does not end"):
        decrypt(cut, tmp_path / "p", secret)
    assert not (tmp_path / "p").exists()


@settings(derandomize=True, deadline=None, max_examples=40)
@given(place=st.integers(0, 10**9), cut=st.booleans())
def test_a_changed_or_cut_copy_is_refused(keys: tuple[Path, Path], place: int, cut: bool):
    secret, public = keys
    folder = secret.parent
    encrypt(gvcf(folder, 70_000), folder / "c", [public])
    content = (folder / "c").read_bytes()
    at = place % len(content)
    changed = content[:at] if cut else content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    (folder / "damaged").write_bytes(changed)
    with pytest.raises(ArchiveError, match=r"does not open|cut; what it holds"):
        decrypt(folder / "damaged", folder / "p", secret)
    assert not (folder / "p").exists()


def test_keys_that_are_none(keys: tuple[Path, Path], tmp_path: Path):
    for text in ("", "nonsense", "-----BEGIN CRYPT4GH PUBLIC KEY-----\nAAAA\n-----END -----\n"):
        (tmp_path / "key").write_text(text)
        (tmp_path / "key").chmod(0o600)
        with pytest.raises(ArchiveError, match="no public key"):
            read_public_key(tmp_path / "key")
        with pytest.raises(ArchiveError, match="no secret key"):
            read_secret_key(tmp_path / "key")
    for read in (read_public_key, read_secret_key):
        with pytest.raises(ArchiveError, match="cannot be read"):
            read(tmp_path / "none")
    (tmp_path / "key").write_bytes(keys[1].read_bytes())
    with pytest.raises(ArchiveError, match="no secret key"):
        read_secret_key(tmp_path / "key")
    secret, _ = keygen(tmp_path, "shared")
    secret.chmod(0o640)
    with pytest.raises(ArchiveError, match="others may read the secret key"):
        read_secret_key(secret)


def test_no_key_is_logged(keys: tuple[Path, Path], tmp_path: Path, caplog):
    secret, public = keys
    with caplog.at_level(logging.DEBUG):
        encrypt(gvcf(tmp_path), tmp_path / "c", [public])
        decrypt(tmp_path / "c", tmp_path / "p", secret)
    assert caplog.text == ""


def test_a_full_disk_is_no_success(keys: tuple[Path, Path], tmp_path: Path, mounted):
    secret, public = keys
    encrypt(gvcf(tmp_path, 400_000), tmp_path / "c", [public])
    small = mounted("size=200k")
    for run in (
        lambda: decrypt(tmp_path / "c", small / "p", secret),
        lambda: encrypt(gvcf(tmp_path, 400_000), small / "c", [public]),
    ):
        with pytest.raises(Exception, match="cannot be written: No space left"):
            run()
        assert list(small.iterdir()) == []


LARGE = """
import resource, sys
from pathlib import Path
from wgs_pipeline.archive import decrypt, encrypt
folder, secret, public = (Path(each) for each in sys.argv[1:])
with (folder / "large").open("wb") as file:
    for _ in range(96):
        file.write(b"x" * (1 << 20))
encrypt(folder / "c", folder / "d", [public])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
encrypt(folder / "large", folder / "d", [public])
decrypt(folder / "d", folder / "p", secret)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_file(keys: tuple[Path, Path], tmp_path: Path):
    secret, public = keys
    (tmp_path / "c").write_bytes(b"small")
    done = subprocess.run(
        [sys.executable, "-c", LARGE, tmp_path, secret, public],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 10_000  # kB; the file has 98,304
    assert (tmp_path / "p").stat().st_size == 96 << 20
