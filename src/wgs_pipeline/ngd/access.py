"""Who asks, whether they may, and the line of the log that each answer or refusal leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wgs_pipeline import audit
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.errors import ConsentError, PurposeError, WgsError
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault

if TYPE_CHECKING:
    from wgs_pipeline.ngd.projects import ResearchProject

#: Purposes that see counts of the research plane, and no small ones.
AGGREGATE = frozenset({Purpose.RESEARCH, Purpose.STATISTICS})


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

    @property
    def is_aggregate(self) -> bool:
        """Whether small counts are kept from the asker."""
        return self.purpose in AGGREGATE


@dataclass(frozen=True)
class AccessLog:
    """Checks questions, and logs their answers and refusals."""

    root: Root
    vault: Vault
    asker: Asker

    @contextmanager
    def answering(
        self, action: str, query: dict[str, Any], kind: str, slots: tuple[int, ...] = ()
    ) -> Iterator[dict[str, Any]]:
        """Check a question, and write its line before the answer is given.

        Args:
            action: What was asked.
            query: The question; only a keyed digest of it is logged.
            kind: ``frequencies``, ``cohort`` or ``identified``.
            slots: Whose own data are asked for.

        Yields:
            What the line says of the answer: generation, persons, slots; to be filled in.

        Raises:
            ConsentError: The purpose or the project does not cover the question.
        """
        access: dict[str, Any] = {"slots": slots, "persons": len(slots)}
        try:
            _check(self.asker, action, kind)
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
        asker = self.asker
        entry = audit.Access(
            action,
            purpose=str(asker.purpose),
            actor=asker.actor or "",
            project=asker.project.id if asker.project else "",
            query=audit.query_digest(self.vault, query),
            **access,
        )
        audit.append(self.root.audit, self.vault, entry, asker.user)


def log_refused_opening(
    root: Root, vault: Vault, purpose: str, actor: str | None, error: WgsError
) -> None:
    """Log that a database was not opened; a purpose that is no plain word is not repeated."""
    word = purpose if re.fullmatch(r"[A-Za-z][A-Za-z_ -]{0,39}", purpose) else ""
    reason = str(error)[:300] if word else type(error).__name__
    entry = audit.Access("open", word, "refused", reason, actor or "")
    audit.append(root.audit, vault, entry, audit.system_user())


def _check(asker: Asker, action: str, kind: str) -> None:
    if kind == "identified" and asker.purpose is not Purpose.CARE:
        raise PurposeError(
            f"{action} is answered for care only, not for {asker.purpose}. Ask for counts instead"
        )
    if kind == "cohort" and asker.is_aggregate:
        raise PurposeError(
            f"{action} among chosen samples is answered for care and quality only, not for "
            f"{asker.purpose}. Ask for the counts of all"
        )
    if asker.is_aggregate and asker.project is not None:
        from wgs_pipeline.ngd.projects import require_permission, require_use

        today = datetime.now(UTC).date()
        require_permission(asker.project, asker.user, asker.actor, kind, today)
        require_use(asker.project, asker.purpose)
