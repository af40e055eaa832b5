"""The database as a caller sees it: every answer checked, masked, counted and logged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from wgs_pipeline import audit
from wgs_pipeline.consent.decisions import decide
from wgs_pipeline.consent.purposes import Purpose, parse_purpose
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import ConsentError, NgdError, PurposeError, WgsError
from wgs_pipeline.identifiers import canonical_patient_id
from wgs_pipeline.ngd.generation import Generation, pinned, read_generation
from wgs_pipeline.ngd.genotypes import HEMI, HET, HOM
from wgs_pipeline.ngd.layout import PLANES, RESEARCH, Root
from wgs_pipeline.ngd.names import Variant, parse_region, parse_variant
from wgs_pipeline.ngd.projects import ResearchProject, read_project, require_permission
from wgs_pipeline.ngd.shard import read_variants
from wgs_pipeline.ngd.snapshot import Snapshot
from wgs_pipeline.ngd.suppression import suppress, suppress_count
from wgs_pipeline.ngd.tiers import COUNTS
from wgs_pipeline.vault import Genome, Vault

_SITE_COLUMNS = ["contig", "pos", "ref", "alt", "AC", "AN", "AF", *COUNTS]
_KIND_NAMES = {HET: "het", HOM: "hom", HEMI: "hemi"}
_AGGREGATE = frozenset({Purpose.RESEARCH, Purpose.STATISTICS})


@dataclass(frozen=True)
class Asker:
    """Who asks, and for what.

    Attributes:
        user: Operating-system user.
        actor: Person on whose behalf a service asks.
        purpose: Why.
        project: The approval, for research and statistics.
    """

    user: str
    actor: str | None
    purpose: Purpose
    project: ResearchProject | None


class Database:
    """An open database; made by ``wgs_pipeline.ngd.open``.

    Every method reads the consent register anew, pins one generation, and writes its line to the
    access log before it returns. Tables carry the schema metadata ``generation`` and ``eligible``
    (genomes that may be counted).
    """

    def __init__(self, root: Root, vault: Vault, asker: Asker) -> None:
        self._root, self._vault, self._asker = root, vault, asker
        self._generation: Generation | None = None

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the vault."""
        self._vault.close()

    @property
    def contigs(self) -> dict[str, int]:
        """Contigs of the reference: name to length in bp."""
        return dict(self._root.reference().contigs)

    def region(self, region: str) -> pa.Table:
        """Variants that start in a region such as ``chr20:100-200``, with their counts.

        Returns:
            contig, pos, ref, alt, AC, AN, AF, n_het, n_hom, n_hemi. In research and statistics
            counts are text and small ones are not shown.

        Raises:
            NgdError: It is no region, or the database is damaged.
            ConsentError: The project does not cover the question.
        """
        with (
            self._answering("region", {"region": region}, "frequencies") as access,
            self._snapshot() as snapshot,
        ):
            asked = parse_region(region, snapshot.reference)
            table = snapshot.variants(asked.contig, asked.start, asked.end)
            access.update(generation=snapshot.generation.number, persons=snapshot.eligible)
            return self._sites(snapshot, asked.contig, table)

    def variant(self, name: str) -> pa.Table:
        """Counts of one variant such as ``chr20-123-A-T``: one row, AC 0 if no one carries it.

        Raises:
            NgdError: It is no variant, or the database is damaged.
            ConsentError: The project does not cover the question.
        """
        with (
            self._answering("variant", {"variant": name}, "frequencies") as access,
            self._snapshot() as snapshot,
        ):
            asked = self._normalised(snapshot, name)
            table = snapshot.variants(asked.contig, asked.pos - 1, asked.pos)
            mine = [
                row["ref"] == asked.ref and row["alt"] == asked.alt for row in table.to_pylist()
            ]
            table = table.filter(pa.array(mine, pa.bool_()))
            if not table.num_rows:
                table = _absent(snapshot, asked)
            access.update(generation=snapshot.generation.number, persons=snapshot.eligible)
            return self._sites(snapshot, asked.contig, table)

    def carriers(self, name: str) -> pa.Table:
        """Who carries a variant; care only.

        Returns:
            sample_id, assay, genotype (het, hom or hemi).

        Raises:
            PurposeError: The purpose is not care.
            NgdError: It is no variant, or the database is damaged.
        """
        with self._answering("carriers", {"variant": name}, "identified") as access:
            with self._snapshot() as snapshot:
                asked = self._normalised(snapshot, name)
                table = snapshot.carriers(asked.contig, asked.pos, asked.ref, asked.alt)
                generation, eligible = snapshot.generation.number, snapshot.eligible
            slots = table["slot"].to_pylist()
            genomes = {each.slot: each for each in self._vault.genomes()} if slots else {}
            access.update(generation=generation, persons=len(slots), slots=tuple(slots))
            answer = pa.table(
                {
                    "sample_id": [genomes[slot].sample_id for slot in slots],
                    "assay": [genomes[slot].assay for slot in slots],
                    "genotype": [_KIND_NAMES[kind] for kind in table["kind"].to_pylist()],
                },
                schema=pa.schema([(name, pa.string()) for name in _CARRIER_COLUMNS]),
            )
        return _stated(answer, generation, str(eligible))

    def genome(self, patient_id: str, sample_id: str | None = None) -> pa.Table:
        """One person's calls; care only.

        Args:
            patient_id: The person.
            sample_id: Which genome, where the person has several.

        Returns:
            Columns of ``contig_calls.VARIANTS``; schema metadata also has ``sample_id``.

        Raises:
            PurposeError: The purpose is not care.
            ConsentError: The person's consent does not allow care.
            NgdError: The person has no genome here, or several and none is named.
        """
        canonical = canonical_patient_id(patient_id)
        mine = [each for each in self._vault.genomes_of(canonical) if not each.retired_generation]
        slots = tuple(each.slot for each in mine)
        with self._answering("genome", {"slots": slots}, "identified", slots) as access:
            with self._snapshot() as snapshot:
                seen = [each for each in mine if each.slot in snapshot.visible]
                genome = _chosen(mine, seen, sample_id)
                answer = read_variants(self._root, snapshot.visible[genome.slot].shard)
                generation, eligible = snapshot.generation.number, snapshot.eligible
            access.update(generation=generation, persons=1, slots=(genome.slot,))
        return _stated(answer, generation, str(eligible), sample_id=genome.sample_id)

    @contextmanager
    def _snapshot(self) -> Iterator[Snapshot]:
        asker, root = self._asker, self._root
        register = ConsentRegister.read(root.consents)
        now = datetime.now(UTC)
        default = root.settings.research_default
        with pinned(root) as number:
            if self._generation is None or self._generation.number != number:
                self._generation = read_generation(root, number)
            allowed: dict[str, bool] = {}
            slots = []
            for genome in self._vault.genomes():
                person = genome.patient_id
                if person not in allowed:
                    ruling = decide(register, person, asker.purpose, now, default)
                    allowed[person] = ruling.allowed
                if allowed[person]:
                    slots.append(genome.slot)
            planes = (RESEARCH,) if asker.purpose in _AGGREGATE else PLANES
            yield Snapshot(root, root.reference(), self._generation, planes, frozenset(slots))

    @contextmanager
    def _answering(
        self, action: str, query: dict[str, Any], kind: str, slots: tuple[int, ...] = ()
    ) -> Iterator[dict[str, Any]]:
        """Check the question, and log its answer or refusal."""
        asker = self._asker
        access: dict[str, Any] = {"slots": slots, "persons": len(slots)}
        try:
            _check(asker, action, kind)
            yield access
        except WgsError as error:
            refused = isinstance(error, ConsentError)
            access |= {
                "decision": "refused" if refused else "failed",
                "reason": str(error)[:300] if refused else type(error).__name__,
            }
            self._log(action, query, access)
            raise
        self._log(action, query, access)

    def _log(self, action: str, query: dict[str, Any], access: dict[str, Any]) -> None:
        asker = self._asker
        entry = audit.Access(
            action,
            purpose=str(asker.purpose),
            actor=asker.actor or "",
            project=asker.project.id if asker.project else "",
            query=audit.query_digest(self._vault, query),
            **access,
        )
        audit.append(self._root.audit, self._vault, entry, asker.user)

    def _normalised(self, snapshot: Snapshot, name: str) -> Variant:
        asked = parse_variant(name, snapshot.reference)
        if len(asked.ref) == len(asked.alt) == 1:
            return asked
        from wgs_pipeline.ngd.alleles import Alleles, normalise

        alleles = Alleles(np.array([asked.pos - 1]), pa.array([asked.ref]), pa.array([asked.alt]))
        length = snapshot.reference.contigs[asked.contig]
        alleles = normalise(alleles, asked.contig, length, self._root.reference_fasta)
        ref, alt = alleles.ref[0].as_py(), alleles.alt[0].as_py()
        return Variant(asked.contig, int(alleles.starts[0]) + 1, ref, alt)

    def _sites(self, snapshot: Snapshot, contig: str, table: pa.Table) -> pa.Table:
        ac, an = (np.asarray(table[name]).astype(np.float64) for name in ("AC", "AN"))
        frequency = np.divide(ac, an, out=np.full(len(ac), np.nan), where=an > 0)
        table = table.append_column("AF", pa.array(frequency, from_pandas=True))
        names = pa.array([contig] * table.num_rows, pa.string())
        table = table.append_column("contig", names).select(_SITE_COLUMNS)
        eligible = str(snapshot.eligible)
        if self._asker.project is not None and self._asker.purpose in _AGGREGATE:
            minimum = self._asker.project.minimum_count
            table = suppress(table, minimum)
            eligible = suppress_count(snapshot.eligible, minimum)
        return _stated(table, snapshot.generation.number, eligible)


_CARRIER_COLUMNS = ("sample_id", "assay", "genotype")


def open_database(
    root: Path, purpose: str, project: Path | None = None, actor: str | None = None
) -> Database:
    """Open a database for one purpose.

    Raises:
        PurposeError: The purpose is not on the closed list; the refusal is logged.
        ConsentError: Research or statistics without a project; the refusal is logged.
        ConfigError: The project file cannot be used.
        NgdError: There is no database, or its vault is not there.
    """
    opened = Root.open(root)
    vault = Vault(opened.vault)
    user = audit.system_user()
    try:
        parsed = parse_purpose(purpose)
        approval = None if project is None else read_project(project)
        if parsed in _AGGREGATE and approval is None:
            raise ConsentError(
                f"purpose {parsed} needs an approved project; expected --project FILE "
                "(config/projects/)"
            )
    except WgsError as error:
        word = purpose if re.fullmatch(r"[A-Za-z][A-Za-z_ -]{0,39}", purpose) else ""
        reason = str(error)[:300] if word else type(error).__name__
        entry = audit.Access("open", word, "refused", reason, actor or "")
        audit.append(opened.audit, vault, entry, user)
        vault.close()
        raise
    return Database(opened, vault, Asker(user, actor, parsed, approval))


def _check(asker: Asker, action: str, kind: str) -> None:
    if kind == "identified" and asker.purpose is not Purpose.CARE:
        raise PurposeError(
            f"{action} is answered for care only, not for {asker.purpose}. Ask for counts instead"
        )
    if asker.purpose in _AGGREGATE and asker.project is not None:
        today = datetime.now(UTC).date()
        require_permission(asker.project, asker.user, asker.actor, kind, today)


def _absent(snapshot: Snapshot, asked: Variant) -> pa.Table:
    """The row of a variant that no one carries: AC 0, AN as of its position."""
    number = snapshot.allele_number(asked.contig, np.array([asked.pos - 1]))
    zero = np.zeros(1, np.int32)
    variant = {"pos": np.array([asked.pos], np.int32), "ref": [asked.ref], "alt": [asked.alt]}
    return pa.table(variant | dict.fromkeys((*COUNTS, "AC"), zero) | {"AN": number})


def _chosen(mine: list[Genome], seen: list[Genome], sample_id: str | None) -> Genome:
    if mine and not seen:
        raise ConsentError("this person's consent does not allow care to use the genome")
    fitting = [each for each in seen if sample_id in (None, each.sample_id)]
    if not fitting:
        raise NgdError("no genome of this person is loaded. Check the identifier and the sample")
    if len(fitting) > 1:
        names = ", ".join(sorted({f"{each.sample_id} ({each.assay})" for each in fitting}))
        raise NgdError(f"this person has several genomes: {names}. Say which with --sample")
    return fitting[0]


def _stated(table: pa.Table, generation: int, eligible: str, **more: str) -> pa.Table:
    return table.replace_schema_metadata(
        {"generation": str(generation), "eligible": eligible, **more}
    )
