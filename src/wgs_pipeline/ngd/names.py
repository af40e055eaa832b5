"""Regions and variants as people write them.

A variant is written in one of these ways:

* ``chr20-123-A-T`` or ``chr20:123:A:T``: contig, 1-based position, REF and ALT, as in VCF;
* ``NC_000020.11:122:A:T``: SPDI: sequence, 0-based position, deleted sequence (or its length) and
  inserted sequence, each of which may be empty. Four fields with colons are SPDI where the first
  is an accession with a version; for a contig by its own name write ``spdi:chr20:122:A:T``;
* ``rs123``: an rsID, where a table is given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.alleles import trim
from wgs_pipeline.ngd.fasta import Fasta, left_aligned
from wgs_pipeline.ngd.reference import Reference

_RSID = re.compile(r"rs([1-9][0-9]{0,11})", re.IGNORECASE)
_VCF = re.compile(
    r"(.+)-([0-9]{1,10})-([A-Za-z]+)-([A-Za-z]+)|(.+):([0-9]{1,10}):([A-Za-z]+):([A-Za-z]+)"
)
_SPDI = re.compile(r"(spdi:)?(.+):([0-9]{1,10}):([A-Za-z]*|[0-9]{1,10}):([A-Za-z]*)")
#: RefSeq (NC_000020.11) and INSDC (CM000682.2) accessions with their version.
_ACCESSION = re.compile(r"[A-Z]{2}_[0-9]{6,9}\.[0-9]+|[A-Z]{1,4}[0-9]{5,9}\.[0-9]+")


@dataclass(frozen=True)
class Region:
    """Part of a contig, 0-based half-open."""

    contig: str
    start: int
    end: int


@dataclass(frozen=True, order=True)
class Variant:
    """One biallelic variant; ``pos`` is 1-based, as in VCF."""

    contig: str
    pos: int
    ref: str
    alt: str


@dataclass(frozen=True)
class Naming:
    """What names are read against.

    Attributes:
        reference: Contigs of the database.
        fasta: Its sequence; None: not known, so that variants are trimmed only.
        aliases: Other names of its contigs.
        rsids: Table of rsIDs.
    """

    reference: Reference
    fasta: Fasta | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    rsids: Path | None = None

    def contig(self, name: str) -> str:
        """A contig of the reference, by its own name or an alias.

        Raises:
            NgdError: The reference has no such contig.
        """
        if name in self.reference.contigs:
            return name
        if name in self.aliases:
            return self.aliases[name]
        if _ACCESSION.fullmatch(name):
            raise NgdError(
                f"sequence {name} is no contig of this database; expected one of its names, or a "
                "table of other names. Give --aliases FILE"
            )
        self.reference.length(name)
        return name

    def region(self, text: str) -> Region:
        """A region such as ``chr20:100-200`` (1-based, both ends included), or a contig.

        Raises:
            NgdError: It is no region of the reference.
        """
        if text in self.reference.contigs or text in self.aliases:
            contig = self.contig(text)
            return Region(contig, 0, self.reference.contigs[contig])
        found = re.fullmatch(r"(.+):([0-9,]{1,13})(?:-([0-9,]{1,13}))?", text)
        if not found:
            self.contig(text.partition(":")[0])
            raise NgdError(f"{text[:80]!r} is no region; expected CONTIG:START-END, 1-based")
        contig = self.contig(found[1])
        start, end = (int(each.replace(",", "") or 0) for each in (found[2], found[3] or found[2]))
        length = self.reference.length(contig)
        if not 1 <= start <= end <= length:
            raise NgdError(
                f"{text[:80]!r} is no region; expected 1 <= START <= END <= {length} on {contig}"
            )
        return Region(contig, start - 1, end)

    def variants(self, text: str) -> list[Variant]:
        """The variants that a name means, in the spelling of the database: one, or those of a rsID.

        Raises:
            NgdError: It is no variant of the reference.
        """
        found = _RSID.fullmatch(text)
        if found is None:
            return [self.variant(text)]
        if self.rsids is None:
            raise NgdError(f"{text}: which variant that is, a table says. Give --rsids TABLE")
        from wgs_pipeline.ngd.rsids import look_up

        return [
            self.normalised(Variant(self.contig(contig), pos, ref, alt), text)
            for contig, pos, ref, alt in look_up(self.rsids, int(found[1]))
        ]

    def variant(self, text: str) -> Variant:
        """One variant, in the spelling of the database.

        Raises:
            NgdError: It is no variant of the reference.
        """
        spdi = _SPDI.fullmatch(text)
        if spdi and (spdi[1] or _ACCESSION.fullmatch(spdi[2])):
            return self.normalised(self._of_spdi(text, spdi), text)
        found = _VCF.fullmatch(text)
        if found is None:
            raise NgdError(
                f"{text[:80]!r} is no variant; expected CONTIG-POS-REF-ALT, as chr20-123-A-T, or "
                "SPDI, as NC_000020.11:122:A:T"
            )
        name, pos, ref, alt = (each for each in found.groups() if each is not None)
        return self.normalised(Variant(self.contig(name), int(pos), ref, alt), text)

    def normalised(self, variant: Variant, text: str) -> Variant:
        """A variant in the spelling of the database, its REF compared with the reference.

        Args:
            variant: As it was written.
            text: How it was written, for what is said of it.

        Raises:
            NgdError: It is no variant of the reference.
        """
        ref, alt, contig = variant.ref.upper(), variant.alt.upper(), variant.contig
        start, length = variant.pos - 1, self.reference.contigs[contig]
        if ref == alt:
            raise NgdError(f"{text[:80]!r} is no variant: REF and ALT are the same")
        if not 0 <= start <= length - len(ref):
            raise NgdError(f"{text[:80]!r} lies outside {contig} of {length} bp")
        fasta = self.fasta
        if fasta is None or (len(ref) == len(alt) == 1 and not fasta.path.exists()):
            dropped, ref, alt = trim(ref, alt)
            return Variant(contig, start + dropped + 1, ref, alt)
        self._require_ref(fasta, contig, start, ref, text)
        start, ref, alt = left_aligned(start, ref, alt, lambda a, b: fasta.bases(contig, a, b))
        return Variant(contig, start + 1, ref, alt)

    def _of_spdi(self, text: str, found: re.Match[str]) -> Variant:
        contig, start = self.contig(found[2]), int(found[3])
        deleted, inserted = found[4].upper(), found[5].upper()
        length = self.reference.contigs[contig]
        size = int(deleted) if deleted.isdigit() else len(deleted)
        if start + size > length:
            raise NgdError(f"{text[:80]!r} lies outside {contig} of {length} bp")
        if deleted and inserted and not deleted.isdigit():
            return Variant(contig, start + 1, deleted, inserted)
        if self.fasta is None:
            raise NgdError(
                f"{text[:80]!r}: which bases it stands for, the reference says, and this database "
                "was made without its FASTA. Write it as CONTIG-POS-REF-ALT"
            )
        if deleted.isdigit():
            deleted = self.fasta.bases(contig, start, start + size)
        if deleted and inserted:
            return Variant(contig, start + 1, deleted, inserted)
        if not deleted and not inserted:
            raise NgdError(f"{text[:80]!r} is no variant: it deletes and inserts nothing")
        if start:
            before = self.fasta.bases(contig, start - 1, start)
            self._require_ref(self.fasta, contig, start, deleted, text)
            return Variant(contig, start, before + deleted, before + inserted)
        after = self.fasta.bases(contig, size, size + 1)
        return Variant(contig, 1, deleted + after, inserted + after)

    def _require_ref(self, fasta: Fasta, contig: str, start: int, ref: str, text: str) -> None:
        """Refuse a REF that is not what the reference has there; ambiguous bases fit any."""
        bases = fasta.bases(contig, start, start + len(ref))
        if all(
            base in (own, "N") or own not in "ACGT" for base, own in zip(ref, bases, strict=True)
        ):
            return
        end = f"-{start + len(ref)}" if len(ref) > 1 else ""
        raise NgdError(
            f"{text[:80]!r}: REF is {ref[:20]}, but the reference has {bases[:20]} at "
            f"{contig}:{start + 1}{end}. Check the position and the genome build"
        )


def read_aliases(path: Path, reference: Reference) -> dict[str, str]:
    """Other names of contigs: each line holds names of one sequence, separated by tabs.

    UCSC's chromAlias.txt and NCBI's assembly_report.txt have that form. Lines that begin with
    ``#``, and sequences that the database lacks, are passed over; so are words that stand for
    several of its contigs.

    Raises:
        NgdError: The file cannot be read, or no line names a contig of the database.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NgdError(f"{path}: cannot be read as a table of contig names") from error
    meanings: dict[str, set[str]] = {}
    for line in lines:
        names = [] if line.startswith("#") else [each.strip() for each in line.split("\t")]
        own = {each for each in names if each in reference.contigs}
        if len(own) == 1:
            for name in names:
                meanings.setdefault(name, set()).update(own)
    if not meanings:
        raise NgdError(
            f"{path}: no line names a contig of this database; expected names of one sequence on "
            "each line, separated by tabs, among them the database's own"
        )
    return {
        name: next(iter(contigs))
        for name, contigs in meanings.items()
        if len(contigs) == 1 and name not in ("", "na", *reference.contigs)
    }
