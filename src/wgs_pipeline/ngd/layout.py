"""Where things lie below ROOT, and the settings that were fixed when it was made.

ngd.json                                     settings, public key, where vault and register are
reference.json                               contigs, roles, PAR
CURRENT                                      the generation that readers use
generations/<n>/{members.parquet,manifest.json}
shards/<2 hex>/<digest>/{variants.parquet,callable.parquet,shard.json}   (encrypted; key.sealed
                                             until a commit has taken the key into the vault)
loans/<plan>.json                            keys lent to a plan that nodes carry out, wrapped
inbox/                                       registrations that no commit has folded in yet
index/<plane>/segment=<s>/<contig>/bin=<k>/gen-<n>.parquet   (and gen-<n>.callable.parquet)
index/<plane>/open/gen-<n>.parquet           (and gen-<n>.callable.parquet)
counts/<plane>/<stratum>/<contig>/bin=<k>/gen-<n>.parquet
audit/log-<day>.jsonl
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.reference import Reference
from wgs_pipeline.ngd.shard_keys import ShardKeys

RESEARCH, CARE_ONLY = "research", "care_only"
PLANES = (RESEARCH, CARE_ONLY)
BIN_BP = 1_000_000
#: Slots per index segment: what is rewritten where one genome goes. Bins say it in the manifest of
#: their generation; those of another width have to be built anew (``wgs ngd compact --rebuild``).
SEGMENT_SLOTS = 16_384
FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """What ``wgs ngd init`` fixed.

    Attributes:
        identity: Random name of this database, also in its vault.
        public_key: X25519 key, hexadecimal; only the vault opens what is sealed to it.
        vault: Folder of the vault, absolute or relative to ROOT.
        consents: The consent register, absolute or relative to ROOT.
        reference_fasta: FASTA for normalisation, absolute or relative to ROOT; None: trim only.
        min_dp: Least depth of a callable base.
        min_gq: Least genotype quality of a callable base.
        research_default: ``allowed`` or ``refused`` where a person has no research event.
        on_withdrawal: ``erase`` or ``seal``.
        optouts: Opt-out list, absolute or relative to ROOT; None: there is none.
        register_max_age: Days since register and list were written; None: any.
        register_max_shrink: Share by which they may have shrunk, 0 to 1.
    """

    identity: str
    public_key: str
    vault: str
    consents: str
    reference_fasta: str | None
    min_dp: int
    min_gq: int
    research_default: str
    on_withdrawal: str
    optouts: str | None = None
    register_max_age: float | None = None
    register_max_shrink: float = 0.01


@dataclass(frozen=True)
class Root:
    """A database: its folder and its settings.

    Attributes:
        path: Its folder.
        settings: What was fixed when it was made.
        keys: Data keys of its shards; None: they can be written, and not read.
    """

    path: Path
    settings: Settings
    keys: ShardKeys | None = field(default=None, compare=False, repr=False)

    @classmethod
    def open(cls, path: Path) -> Root:
        """Read the settings of the database at ``path``.

        Raises:
            NgdError: There is none, or its settings cannot be read.
        """
        file = path / "ngd.json"
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            if value.pop("format") != FORMAT:
                raise NgdError(
                    f"{file}: another format than {FORMAT}. Use the release that made it"
                )
            return cls(path, Settings(**value))
        except (FileNotFoundError, NotADirectoryError):
            raise NgdError(
                f"{path}: no National Genome Database here (no ngd.json); expected one that "
                "'wgs ngd init' made. Correct ROOT, or run 'wgs ngd init'"
            ) from None
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise NgdError(
                f"{file}: damaged ({type(error).__name__}); restore it from a backup"
            ) from error

    def unlocked(self, keys: ShardKeys) -> Root:
        """The same database, whose shards can be read with these keys."""
        return dataclasses.replace(self, keys=keys)

    @property
    def vault(self) -> Path:
        """Folder of the vault."""
        return self._located(self.settings.vault)

    @property
    def consents(self) -> Path:
        """The consent register."""
        return self._located(self.settings.consents)

    @property
    def optouts(self) -> Path | None:
        """The opt-out list of a national register, where there is one."""
        optouts = self.settings.optouts
        return None if optouts is None else self._located(optouts)

    @property
    def reference_fasta(self) -> Path | None:
        """FASTA that normalisation uses by default."""
        fasta = self.settings.reference_fasta
        return None if fasta is None else self._located(fasta)

    @property
    def inbox(self) -> Path:
        """Registrations that no commit has folded in yet."""
        return self.path / "inbox"

    @property
    def audit(self) -> Path:
        """Folder of the access log."""
        return self.path / "audit"

    @property
    def current(self) -> Path:
        """Names the generation that readers use."""
        return self.path / "CURRENT"

    def generation(self, number: int) -> Path:
        """Folder of a generation."""
        return self.path / "generations" / str(number)

    def shard(self, digest: str) -> Path:
        """Folder of a genome shard."""
        return self.path / "shards" / digest[:2] / digest

    def reference(self) -> Reference:
        """Contigs, roles and PAR.

        Raises:
            NgdError: No genome has been loaded and no reference was given at init.
        """
        file = self.path / "reference.json"
        try:
            return Reference.from_json(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise NgdError(
                f"{self.path}: its contigs are not known yet; expected a reference at "
                "'wgs ngd init --reference', or a first loaded genome"
            ) from None
        except (ValueError, TypeError, KeyError) as error:
            raise NgdError(
                f"{file}: damaged ({type(error).__name__}); restore it from a backup"
            ) from error

    def _located(self, path: str) -> Path:
        return Path(os.path.normpath(self.path / path))


def settings_text(settings: Settings) -> str:
    """The text of ``ngd.json``."""
    value: dict[str, Any] = {"format": FORMAT, **dataclasses.asdict(settings)}
    return json.dumps(value, indent=2) + "\n"


def stored_path(path: Path, root: Path) -> str:
    """How a path is kept in the settings: absolute if given so, otherwise relative to ROOT."""
    return str(path) if path.is_absolute() else os.path.relpath(path, root)


def segment_file(plane: str, segment: int, contig: str, bin_: int, generation: int) -> str:
    """Variant index of one bin, relative to ROOT."""
    folder = f"index/{plane}/segment={segment}/{folder_name(contig)}/bin={bin_}"
    return f"{folder}/gen-{generation}.parquet"


def counts_file(plane: str, stratum: str, contig: str, bin_: int, generation: int) -> str:
    """Callable counts of one bin and stratum, relative to ROOT."""
    return f"counts/{plane}/{stratum}/{folder_name(contig)}/bin={bin_}/gen-{generation}.parquet"


def open_file(plane: str, generation: int) -> str:
    """Open tier that one commit wrote, relative to ROOT."""
    return f"index/{plane}/open/gen-{generation}.parquet"


def callable_file(index_file: str) -> str:
    """Callable runs that belong to a variant file of the index."""
    return index_file.removesuffix(".parquet") + ".callable.parquet"


def folder_name(contig: str) -> str:
    """A contig name as one folder name (``HLA-A*01:01`` and the like are legal contigs)."""
    return quote(contig, safe="")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
