"""Where the vault's master key comes from: a file, an environment variable, or a key service.

The key is 256 random bits as 64 hexadecimal digits (``openssl rand -hex 32``). Sources are named

file:PATH         a file that its owner alone may read (relative to the vault)
env:NAME          an environment variable
command:PROGRAM   a program, with arguments, that prints the key: the client of a key service

A vault remembers its source. Where WGS_VAULT_KEY_FILE or WGS_VAULT_KEY is set, that is used.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault.wrapping import KEY_BYTES

#: The source of a vault that was made without any: a file in its own folder.
DEFAULT = "file:master.key"
FILE_VARIABLE = "WGS_VAULT_KEY_FILE"
KEY_VARIABLE = "WGS_VAULT_KEY"
_EXPECTED = f"expected {2 * KEY_BYTES} hexadecimal digits"
_COMMAND_SECONDS = 60


class KeySource(Protocol):
    """Gives a master key when it is needed."""

    @property
    def name(self) -> str:
        """How the vault remembers it, and what messages call it."""

    def read(self) -> bytes:
        """The key, ``KEY_BYTES`` long.

        Raises:
            NgdError: There is none, or not a whole one, or others may read it.
        """


@dataclass(frozen=True)
class FileKey:
    """A file of mode 0600 or 0400, owned by this user or root.

    Attributes:
        path: The file.
        name: As the vault remembers it.
    """

    path: Path
    name: str

    def read(self) -> bytes:
        """The key in the file."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise NgdError(f"{self.path}: is no file; expected the vault's master key")
                if status.st_mode & 0o077:
                    raise NgdError(
                        f"{self.path}: others may read the vault's master key (mode "
                        f"{stat.S_IMODE(status.st_mode):04o}); expected 0600. Run chmod 600, and "
                        "'wgs vault rotate' if somebody may have read it"
                    )
                if status.st_uid not in (os.geteuid(), 0):
                    raise NgdError(
                        f"{self.path}: the vault's master key belongs to another user; expected "
                        "your own file, or root's. Correct the owner"
                    )
                content = file.read(1 << 16)
        except OSError as error:
            raise NgdError(
                f"{self.path}: the vault's master key cannot be read ({error.strerror}); expected "
                f"the file that the vault was made with. Restore or mount it, or name it in "
                f"{FILE_VARIABLE}"
            ) from error
        return parsed_key(content, str(self.path))

    def replacement(self) -> Path:
        """Where a rotation keeps the next key until the vault is wrapped under it."""
        return self.path.with_name(f"{self.path.name}.next")


@dataclass(frozen=True)
class EnvironmentKey:
    """An environment variable.

    Attributes:
        variable: Its name.
    """

    variable: str

    @property
    def name(self) -> str:
        """As the vault remembers it."""
        return f"env:{self.variable}"

    def read(self) -> bytes:
        """The key in the variable."""
        value = os.environ.get(self.variable)
        if not value:
            raise NgdError(
                f"the environment variable {self.variable} is not set; expected the vault's master "
                "key. Set it as the vault was made"
            )
        return parsed_key(os.fsencode(value), f"the environment variable {self.variable}")


@dataclass(frozen=True)
class CommandKey:
    """A program that prints the key; it is run without a shell.

    Attributes:
        command: Program and arguments, quoted as for a shell.
    """

    command: str

    @property
    def name(self) -> str:
        """As the vault remembers it."""
        return f"command:{self.command}"

    def read(self) -> bytes:
        """What the program prints."""
        import shlex  # few vaults need a program, and every question opens a vault
        import subprocess

        try:
            words = shlex.split(self.command)
            done = subprocess.run(
                words, capture_output=True, timeout=_COMMAND_SECONDS, stdin=subprocess.DEVNULL
            )
        except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
            raise NgdError(
                f"the key service's command {self.command!r} cannot be run "
                f"({type(error).__name__}); expected a program that prints the vault's master "
                "key. Correct it with 'wgs vault init --key'"
            ) from None
        if done.returncode:
            raise NgdError(
                f"the key service's command {self.command!r} failed with exit status "
                f"{done.returncode}; expected the vault's master key. Run it by hand to see why"
            )
        return parsed_key(done.stdout, f"the output of {self.command!r}")


def source_named(name: str, folder: Path) -> KeySource:
    """A source as a vault remembers it.

    Args:
        name: ``file:PATH``, ``env:NAME`` or ``command:PROGRAM``.
        folder: The vault, to which a path is relative.

    Raises:
        NgdError: It names no source.
    """
    kind, _, rest = name.partition(":")
    if rest and kind == "file":
        return FileKey(folder / rest, name)
    if rest and kind == "env":
        return EnvironmentKey(rest)
    if rest and kind == "command":
        return CommandKey(rest)
    raise NgdError(
        f"{name!r} names no source of a master key; expected file:PATH, env:NAME or "
        "command:PROGRAM. Correct it"
    )


def from_environment(environment: Mapping[str, str] = os.environ) -> KeySource | None:
    """The source that the environment names; None where it names none.

    Raises:
        NgdError: It names two.
    """
    file, key = environment.get(FILE_VARIABLE), environment.get(KEY_VARIABLE)
    if file and key:
        raise NgdError(
            f"{FILE_VARIABLE} and {KEY_VARIABLE} are both set; expected one of them. Unset the "
            "other"
        )
    if file:
        return key_file(Path(file))
    return EnvironmentKey(KEY_VARIABLE) if key else None


def key_file(path: Path) -> FileKey:
    """A file that is remembered by its absolute path."""
    absolute = path.absolute()
    return FileKey(absolute, f"file:{absolute}")


def parsed_key(content: bytes, where: str) -> bytes:
    """The key that a text stands for.

    Args:
        content: The text; white space around it does not matter.
        where: What to call it in a message, which never shows the text.

    Raises:
        NgdError: It is no whole key.
    """
    text = content.strip()
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        pass
    raise NgdError(
        f"{where}: no whole master key ({len(text)} characters); {_EXPECTED}, as 'openssl rand "
        "-hex 32' prints. Restore it"
    )


def write_key(path: Path, key: bytes) -> bool:
    """Write a key file of mode 0600, whole or not at all.

    Returns:
        Whether it was written; a file that is there already stays.

    Raises:
        NgdError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.hex().encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename, never in the place of another key
        synced(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise NgdError(
            f"{path}: the master key cannot be written ({error.strerror}); expected a folder that "
            "can be written. Choose another place"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return True


def synced(folder: Path) -> None:
    """Let the names in a folder be on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
