"""Recipients of archive copies: every key is one that something can be encrypted for."""

from __future__ import annotations

from wgs_pipeline.archive import ArchiveError, read_public_key
from wgs_pipeline.config import Config
from wgs_pipeline.errors import Problem


def check_recipients(config: Config) -> list[Problem]:
    """Problems of the public keys that archive copies are made for."""
    problems = []
    line = config.line("archive", "recipients")
    for path in config.archive.recipients:
        try:
            read_public_key(path)
        except ArchiveError as error:
            problems.append(
                Problem(
                    str(config.path),
                    line,
                    f"archive.recipients: {error}",
                    "a public key of Crypt4GH or OpenSSH ed25519",
                    "Name the recipient's public key.",
                )
            )
    return problems
