"""Reading the access log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wgs_pipeline.audit.head import held, read_head
from wgs_pipeline.audit.lines import parsed
from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Vault


def day_files(folder: Path) -> list[Path]:
    """Files of the log, by day."""
    return sorted(folder.glob("log-*.jsonl"))


def entries(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log, in order; ``slots`` is a list of numbers.

    Raises:
        NgdError: A line is no line of an access log.
    """
    for path in day_files(folder):
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                value = parsed(line)
                if value is None:
                    raise NgdError(f"{path}:{number}: not an audit line; run 'wgs audit verify'")
                yield value


def head_hash(vault: Vault) -> str:
    """Hash of the last line, as the vault knows it."""
    with held(vault, exclusive=False) as descriptor:
        return read_head(vault, descriptor).hash
