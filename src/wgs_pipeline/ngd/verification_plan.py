"""A verification in steps: which generation, and keys of its shards for nodes without the vault."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from wgs_pipeline.errors import NgdError
from wgs_pipeline.files import write_json
from wgs_pipeline.ngd import key_loan
from wgs_pipeline.ngd.generation import pinned, publish, read_generation
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.vault import Vault


@dataclass(frozen=True)
class VerificationPlan:
    """One verification.

    Attributes:
        database: Random name of the database.
        generation: What is verified.
        key: Opens the keys of its shards that are lent to it, hexadecimal.
    """

    database: str
    generation: int
    key: str = field(repr=False)

    @property
    def loan(self) -> str:
        """Name of the loan of keys."""
        return f"{key_loan.VERIFICATION}-{self.generation}"

    def unlocked(self, root: Root) -> Root:
        """The database with the keys that were lent.

        Raises:
            NgdError: They are lent no more.
        """
        return root.unlocked(key_loan.borrowed(root, self.loan, self.key))


def plan_verification(root: Root, vault: Vault, path: Path) -> VerificationPlan:
    """Lend the keys of the current generation, and write the plan.

    Raises:
        NgdError: The database is damaged, or the keys cannot be used.
    """
    with vault.lease():
        publish(root, vault)
        with pinned(root) as number:
            shards = read_generation(root, number).table["shard"].to_pylist()
        loan = f"{key_loan.VERIFICATION}-{number}"
        key = key_loan.lend(root.unlocked(vault.keys), loan, shards)
    made = VerificationPlan(root.settings.identity, number, key)
    write_json(path, asdict(made))
    return made


def read_verification(path: Path, root: Root) -> VerificationPlan:
    """Read what ``plan_verification`` wrote.

    Raises:
        NgdError: It is no plan, is another database's, or others may read it.
    """
    try:
        plan = VerificationPlan(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise NgdError(
            f"{path}: no plan of a verification ({type(error).__name__}); expected what 'wgs ngd "
            "verify ROOT --plan PLAN' wrote. Make it again"
        ) from error
    if plan.database != root.settings.identity:
        raise NgdError(f"{path}: the plan of another database than {root.path}. Make a new plan")
    key_loan.require_private(path)
    return plan


def finish_verification(root: Root, plan: VerificationPlan) -> None:
    """Lend the keys no longer."""
    key_loan.end(root, plan.loan)
