"""The vault's database file."""

from __future__ import annotations

import sqlite3
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
            raise NgdError(
                f"{self.path}: the vault cannot be used ({error}); expected a sound vault on a "
                "local disk that can be written. Mend its access or free space; restore it from "
                "a backup only if it is damaged"
            ) from error
