"""The certificate of an erasure: what was done, what was proved, what cannot be promised."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

#: What no database can promise of itself.
NOT_PROMISED = (
    "copies made before: backups, file-system snapshots, journals and free blocks of the disks",
    "files outside ROOT and the vault: reads, alignments and gVCFs of the pipeline's results, "
    "plans of compactions, the sheets and the consent register",
    "data sets that were exported before; they are listed here, and their receivers are to be told",
    "research results and published frequencies that were made with the genomes",
    "the access log keeps the slot numbers, which no longer lead to a person",
)


@dataclass(frozen=True)
class Certificate:
    """What an erasure did. It names slots, no person.

    Attributes:
        database: Random name of the database.
        requested_by: Operating-system user who asked.
        requested_at: When the erasure was begun, ISO 8601.
        finished_at: When it was done.
        persons: How many persons it was.
        slots: The slots their genomes had; never given again.
        generation_before: Generation in which they were last.
        generation_after: First generation without them.
        shards_deleted: Digests of the genome shards that were deleted.
        shards_shared: How many of theirs stay, since another person's calls are the same.
        keys_destroyed: Keys of single genomes that were destroyed.
        registrations_deleted: Genomes of theirs that waited to be loaded.
        proof: What was proved of the index and the counts.
        scan: What was looked through for their identifiers.
        exports: Data sets that had left the database with them.
    """

    database: str
    requested_by: str
    requested_at: str
    finished_at: str
    persons: int
    slots: tuple[int, ...]
    generation_before: int
    generation_after: int
    shards_deleted: tuple[str, ...]
    shards_shared: int
    keys_destroyed: int
    registrations_deleted: int
    proof: dict[str, Any]
    scan: dict[str, Any]
    exports: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data, with what is not promised."""
        return {"certificate": "erasure", **asdict(self), "not_promised": list(NOT_PROMISED)}

    @property
    def digest(self) -> str:
        """SHA-256 of the certificate; the access log records it."""
        text = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def as_text(self) -> str:
        """The certificate to read."""
        proof, scan = self.proof, self.scan
        lines = [
            "CERTIFICATE OF ERASURE",
            f"Database              {self.database}",
            f"Requested             {self.requested_at} by {self.requested_by}",
            f"Finished              {self.finished_at}",
            f"Persons               {self.persons}",
            f"Slots                 {', '.join(map(str, self.slots)) or 'none'}",
            f"Generations           {self.generation_before} (with them), "
            f"{self.generation_after} (without)",
            f"Genome shards         {len(self.shards_deleted)} deleted, {self.shards_shared} kept "
            "since another person has the same calls",
            f"Keys                  {self.keys_destroyed} destroyed",
            f"Registrations         {self.registrations_deleted} deleted",
            f"Index and counts      {proof['bytes_written']} bytes written anew, "
            f"{proof['rows_gone']} variants that no one else carries are gone",
            f"Bitmaps               {proof['bins']} bins looked through: no bit of these slots; "
            "every bitmap as large as its counts say",
            f"Against before        {proof['difference']} but for the genomes that came and went",
            f"Against a rebuild     {proof['rebuild']}",
            f"Scan                  {scan['files']} files, {scan['bytes']} bytes, "
            f"{scan['columns']} decoded text columns, {scan['footers']} footers of other "
            "genomes' files; the vault: nothing found",
        ]
        if scan["short_identifiers"]:
            lines.append(
                f"                      {scan['short_identifiers']} identifiers have fewer than 8 "
                f"characters and cannot be told from other text; {scan['words']} text files hold "
                "such a word"
            )
        if self.exports:
            lines.append("Exported before       " + "; ".join(_said(each) for each in self.exports))
        lines += ["Not promised:", *(f"  - {each}" for each in NOT_PROMISED)]
        lines.append(f"SHA-256               {self.digest}")
        return "\n".join(lines) + "\n"


def _said(export: dict[str, Any]) -> str:
    return f"{export['kind']} for {export['project'] or export['purpose']} on {export['made'][:10]}"
