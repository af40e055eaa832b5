"""The open vault: its tables, leases and transactions."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import keyring
from wgs_pipeline.vault.connection import Connection
from wgs_pipeline.vault.keyring import Keyring
from wgs_pipeline.vault.master import KeySource
from wgs_pipeline.vault.records import Genome, Holders, Outcome, PastExport, PastRelease

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS persons (
    person INTEGER PRIMARY KEY, patient_id TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS genomes (
    slot INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES persons,
    sample_id TEXT NOT NULL, assay TEXT NOT NULL, shard TEXT NOT NULL,
    added_generation INTEGER NOT NULL, retired_generation INTEGER) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS active_genome
    ON genomes (person, sample_id, assay) WHERE retired_generation IS NULL;
CREATE INDEX IF NOT EXISTS genome_sample ON genomes (sample_id);
CREATE INDEX IF NOT EXISTS genome_person ON genomes (person);
CREATE INDEX IF NOT EXISTS retired_genome ON genomes (slot) WHERE retired_generation IS NOT NULL;
CREATE TABLE IF NOT EXISTS registrations (
    id TEXT PRIMARY KEY, outcome TEXT NOT NULL, slot INTEGER, generation INTEGER,
    reason TEXT NOT NULL) STRICT;
"""
#: Made when first needed, so that vaults of before have it too.
_ERASED = """
CREATE TABLE IF NOT EXISTS erased_slots (
    slot INTEGER PRIMARY KEY, done INTEGER NOT NULL) STRICT
"""
_EXPORTS = """
CREATE TABLE IF NOT EXISTS exports (
    number INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, kind TEXT NOT NULL,
    purpose TEXT NOT NULL, generation INTEGER NOT NULL, made TEXT NOT NULL,
    slots BLOB NOT NULL) STRICT
"""
_RELEASES = """
CREATE TABLE IF NOT EXISTS releases (
    number INTEGER PRIMARY KEY, generation INTEGER NOT NULL, made TEXT NOT NULL,
    slots BLOB NOT NULL) STRICT
"""


class Vault:
    """An open vault. Use as a context manager, or call ``close``."""

    def __init__(self, path: Path, key: KeySource | None = None) -> None:
        """Open the vault in the folder ``path``.

        Args:
            path: Its folder.
            key: Where its master key comes from, whatever environment and vault say.

        Raises:
            NgdError: There is none, it cannot be read, or others may read it.
        """
        self.path = path
        database = path / "vault.sqlite"
        if not database.is_file():
            raise NgdError(
                f"{path}: no vault here; expected the folder that 'wgs ngd init --vault' made. "
                "Mount it, or correct its place in ngd.json"
            )
        if path.stat().st_mode & 0o077:
            raise NgdError(f"{path}: others may read the vault; expected mode 0700. Run chmod 700")
        self._database = sqlite3.connect(
            database, timeout=60, isolation_level=None, factory=Connection
        )
        self._database.path = path
        self.keys = Keyring(self._database, path, key)
        try:
            self._database.execute("PRAGMA foreign_keys = ON")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA secure_delete = ON")
        except NgdError:
            self._database.close()
            raise

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database file."""
        self._database.close()

    @classmethod
    def create(cls, path: Path, key: KeySource | None = None) -> Vault:
        """Make the vault, or complete one that an interrupted call began.

        Args:
            path: Its folder.
            key: Where its master key comes from; None: as the environment says, otherwise a file
                in the folder, which is made.

        Raises:
            NgdError: The folder cannot be made, or the master key cannot be used.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            database = path / "vault.sqlite"
            database.touch(mode=0o600)
            connection = sqlite3.connect(database, timeout=60)
            with connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA + keyring.SCHEMA)
            connection.close()
        except (OSError, sqlite3.Error) as error:
            raise NgdError(f"{path}: the vault cannot be made: {error}") from error
        vault = cls(path, key)
        try:
            vault.keys.create()
            for name in ("identity", "audit_key"):
                with vault.transaction():
                    if vault.get(name) is None:
                        vault.put(name, secrets.token_hex(32))
        except NgdError:
            vault.close()
            raise
        return vault

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Hold the right to commit; waits for another holder. A killed holder loses it."""
        with self._locked("commit.lock", wait=True):
            yield

    @contextmanager
    def compacting(self, wait: bool = True) -> Iterator[bool]:
        """Hold the right to compact or erase; commits go on meanwhile.

        Args:
            wait: Wait for another holder; otherwise only ask.

        Yields:
            Whether it was got.
        """
        with self._locked("compact.lock", wait) as got:
            yield got

    @contextmanager
    def _locked(self, name: str, wait: bool) -> Iterator[bool]:
        descriptor = os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the writes inside, or none."""
        with self._database.transaction():
            yield

    def get(self, key: str) -> str | None:
        """A value of the vault's own state."""
        return self._database.value(key)

    def require(self, key: str) -> str:
        """A value that an initialised vault has.

        Raises:
            NgdError: It is not there.
        """
        value = self.get(key)
        if value is None:
            raise NgdError(f"{self.path}: the vault lacks {key!r}; run 'wgs ngd init' again")
        return value

    def put(self, key: str, value: str) -> None:
        """Set a value of the vault's own state."""
        self._database.set_value(key, value)

    def genomes(self) -> list[Genome]:
        """All genomes ever given a slot, by slot."""
        return self._genomes("ORDER BY slot")

    def holders(self) -> Holders:
        """Who holds each slot ever given, as columns: one text from SQLite, not a row at a time."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.csv as pacsv

        unit = "\x1f"  # stands in no identifier
        (text,) = self._database.execute(
            "SELECT group_concat(slot || ? || patient_id || ? || ifnull(retired_generation, -1),"
            " char(10)) FROM genomes JOIN persons USING (person)",
            (unit, unit),
        ).fetchone()
        if text is None:
            none = np.empty(0, np.int64)
            return Holders(none, pa.array([], pa.string()), none)
        table = pacsv.read_csv(
            pa.BufferReader(text.encode("utf-8")),
            read_options=pacsv.ReadOptions(
                column_names=["slot", "patient_id", "retired"], use_threads=False
            ),
            parse_options=pacsv.ParseOptions(delimiter=unit, quote_char=False),
            convert_options=pacsv.ConvertOptions(
                column_types={
                    "slot": pa.int64(), "patient_id": pa.string(), "retired": pa.int64()
                },
                null_values=[],
            ),
        ).combine_chunks()  # fmt: skip
        persons = table["patient_id"].chunk(0)
        return Holders(np.asarray(table["slot"]), persons, np.asarray(table["retired"]))

    def samples(self) -> list[tuple[int, str, str, int | None]]:
        """Slot, sample_id, assay and retired generation of all genomes ever given a slot."""
        return self._database.execute(
            "SELECT slot, sample_id, assay, retired_generation FROM genomes ORDER BY slot"
        ).fetchall()

    def census(self) -> tuple[int, int, int]:
        """Numbers that are others after any genome was added, retired or erased.

        Slots are never used again, so what is below the highest only ever becomes less, and retired
        stays retired: the highest slot, the genomes and those retired settle which they are.
        """
        row = self._database.execute(  # three, each answered by an index alone
            "SELECT (SELECT ifnull(max(slot), -1) FROM genomes), (SELECT count(*) FROM genomes),"
            " (SELECT count(*) FROM genomes WHERE retired_generation IS NOT NULL)"
        ).fetchone()
        highest, genomes, retired = row
        return int(highest), int(genomes), int(retired)

    def version(self) -> int:
        """A number that is another one after somebody else has written to the vault."""
        (number,) = self._database.execute("PRAGMA data_version").fetchone()
        return int(number)

    def genomes_of(self, patient_id: str) -> list[Genome]:
        """All genomes of a person, by slot."""
        return self._genomes("WHERE patient_id = ? ORDER BY slot", patient_id)

    def owner_of(self, sample_id: str) -> str | None:
        """Person whose active genome has this sample_id."""
        found = self._genomes("WHERE sample_id = ? AND retired_generation IS NULL", sample_id)
        return found[0].patient_id if found else None

    def active(self, patient_id: str, sample_id: str, assay: str) -> Genome | None:
        """The active genome of a person, sample and assay."""
        found = self._genomes(
            "WHERE patient_id = ? AND sample_id = ? AND assay = ? AND retired_generation IS NULL",
            patient_id, sample_id, assay,
        )  # fmt: skip
        return found[0] if found else None

    def _genomes(self, condition: str, *values: str) -> list[Genome]:
        rows = self._database.execute(
            "SELECT slot, patient_id, sample_id, assay, shard, added_generation,"
            f" retired_generation FROM genomes JOIN persons USING (person) {condition}",
            values,
        )
        return [Genome(*row) for row in rows]

    def next_slot(self) -> int:
        """First slot that no genome ever had."""
        self._database.execute(_ERASED)
        (highest,) = self._database.execute(
            "SELECT max(slot) FROM (SELECT slot FROM genomes UNION SELECT slot FROM erased_slots)"
        ).fetchone()
        return 0 if highest is None else int(highest) + 1

    def erasing(self) -> list[int]:
        """Slots whose erasure has begun and is not done."""
        self._database.execute(_ERASED)
        rows = self._database.execute("SELECT slot FROM erased_slots WHERE NOT done ORDER BY slot")
        return [slot for (slot,) in rows]

    def erased(self) -> list[int]:
        """Slots whose erasure is done."""
        self._database.execute(_ERASED)
        rows = self._database.execute("SELECT slot FROM erased_slots WHERE done ORDER BY slot")
        return [slot for (slot,) in rows]

    def forget(self, slots: Iterable[int]) -> None:
        """Begin to erase: forget whose the slots are (inside a transaction).

        From then on no answer holds them, since no one's consent covers them. Their numbers are
        kept, so that none is given again.
        """
        self._database.execute(_ERASED)
        for slot in slots:
            self._database.execute(
                "INSERT INTO erased_slots VALUES (?, 0) ON CONFLICT DO NOTHING", (slot,)
            )
            self._database.execute("DELETE FROM genomes WHERE slot = ?", (slot,))
            self._database.execute("DELETE FROM registrations WHERE slot = ?", (slot,))
        self._database.execute(
            "DELETE FROM persons WHERE person NOT IN (SELECT person FROM genomes)"
        )

    def erasure_done(self) -> None:
        """No erasure is under way any more."""
        self._database.execute("UPDATE erased_slots SET done = 1 WHERE NOT done")

    def scrub(self) -> None:
        """Write the database anew, so that its files hold no byte of a deleted row.

        Raises:
            NgdError: Another process keeps reading an old state of it.
        """
        self._database.execute("PRAGMA secure_delete = ON")
        self._database.execute("VACUUM")
        (busy, _, _) = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise NgdError(
                f"{self.path}: another process reads the vault, so that its old pages cannot be "
                "removed yet. Call again when it is done"
            )

    def texts(self) -> Iterator[str]:
        """Every text that the vault holds."""
        tables = self._database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        for (table,) in tables:
            for row in self._database.execute(f'SELECT * FROM "{table}"'):
                yield from (value for value in row if isinstance(value, str))

    def add_genome(self, genome: Genome) -> None:
        """Give a genome its slot."""
        self._database.execute(
            "INSERT INTO persons (patient_id) VALUES (?) ON CONFLICT DO NOTHING",
            (genome.patient_id,),
        )
        self._database.execute(
            "INSERT INTO genomes SELECT ?, person, ?, ?, ?, ?, ? FROM persons WHERE patient_id = ?",
            (
                genome.slot, genome.sample_id, genome.assay, genome.shard,
                genome.added_generation, genome.retired_generation, genome.patient_id,
            ),
        )  # fmt: skip

    def retire(self, slot: int, generation: int) -> None:
        """Take a slot out of use, for ever."""
        self._database.execute(
            "UPDATE genomes SET retired_generation = ? WHERE slot = ?", (generation, slot)
        )

    def outcome(self, registration: str) -> Outcome | None:
        """What a commit did with a registration, None if no commit has seen it."""
        row = self._database.execute(
            "SELECT outcome, slot, generation, reason FROM registrations WHERE id = ?",
            (registration,),
        ).fetchone()
        return None if row is None else Outcome(*row)

    def record_outcome(self, registration: str, outcome: Outcome) -> None:
        """Note what was done with a registration, so that it is never folded in twice."""
        self._database.execute(
            "INSERT INTO registrations VALUES (?, ?, ?, ?, ?)",
            (registration, outcome.outcome, outcome.slot, outcome.generation, outcome.reason),
        )

    def project_key(self, project: str) -> bytes:
        """Key of a research project's pseudonyms; made when first asked for."""
        return self.keys.project_key(project)

    def exports(self) -> list[PastExport]:
        """Every data set that left the database, in order."""
        self._database.execute(_EXPORTS)
        rows = self._database.execute(
            "SELECT project, kind, purpose, generation, made, slots FROM exports ORDER BY number"
        )
        return [PastExport(*row) for row in rows]

    def record_export(self, export: PastExport) -> None:
        """Remember a data set before anyone can see it."""
        self._database.execute(_EXPORTS)
        self._database.execute(
            "INSERT INTO exports (project, kind, purpose, generation, made, slots)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (export.project, export.kind, export.purpose, export.generation, export.made,
             export.slots),
        )  # fmt: skip

    def releases(self) -> list[PastRelease]:
        """Every set of genomes that research was answered from, in order."""
        self._database.execute(_RELEASES)
        rows = self._database.execute(
            "SELECT number, generation, made, slots FROM releases ORDER BY number"
        )
        return [PastRelease(*row) for row in rows]

    def last_release(self) -> PastRelease | None:
        """The last of them."""
        self._database.execute(_RELEASES)
        row = self._database.execute(
            "SELECT number, generation, made, slots FROM releases ORDER BY number DESC LIMIT 1"
        ).fetchone()
        return None if row is None else PastRelease(*row)

    def record_release(self, release: PastRelease) -> None:
        """Remember a set before anything is answered from it."""
        self._database.execute(_RELEASES)
        self._database.execute(
            "INSERT INTO releases (number, generation, made, slots) VALUES (?, ?, ?, ?)",
            (release.number, release.generation, release.made, release.slots),
        )

    def public_key(self) -> str:
        """X25519 public key, hexadecimal."""
        return self.keys.public_key()

    def unseal(self, sealed: bytes) -> bytes:
        """Open what was sealed to this vault.

        Raises:
            NgdError: It was sealed to another vault, or changed since.
        """
        return self.keys.unseal(sealed)

    def snapshot(self) -> bytes:
        """The whole database as of one moment, whoever writes meanwhile."""
        copy = sqlite3.connect(":memory:")
        try:
            self._database.backup(copy)
            return copy.serialize()
        finally:
            copy.close()
