"""The vault's database file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wgs_pipeline.errors import NgdError


class Connection(sqlite3.Connection):
    """A connection whose refusals say which vault it is."""

    path: Path

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run one statement; a refusal names the vault."""
        try:
            return super().execute(sql, parameters)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Run one statement for many rows; a refusal names the vault."""
        try:
            return super().executemany(sql, parameters)
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the writes inside, or none."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def value(self, key: str) -> str | None:
        """A value of the vault's own state."""
        row = self.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_value(self, key: str, value: str) -> None:
        """Set a value of the vault's own state."""
        self.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def _unusable(self, error: sqlite3.Error) -> NgdError:
        return NgdError(
            f"{self.path}: the vault cannot be used ({error}); expected a sound vault on a "
            "local disk that can be written. Mend its access or free space; restore it from "
            "a backup only if it is damaged"
        )
