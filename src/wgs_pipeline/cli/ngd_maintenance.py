"""``wgs ngd compact``, ``release`` and ``verify``: keep a database in order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wgs_pipeline.errors import NgdError

if TYPE_CHECKING:
    from wgs_pipeline.ngd.compact import Compaction
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.ngd.verify import Report

_path = click.Path(path_type=Path)
_root = click.argument("root", type=_path)


@click.command()
@_root
@click.argument("parts", type=_path, nargs=-1)
@click.option("--jobs", default=1, show_default=True, help="Processes that build contigs.")
@click.option("--rebuild", is_flag=True, help="Build every bin anew from the shards.")
@click.option("--plan", "planned", type=_path, help="Plan of a compaction in steps.")
@click.option("--contig", "contigs", multiple=True, help="Build these contigs; needs no vault.")
@click.option("--part", type=_path, help="File that says what was built of the contigs.")
@click.option("--publish", is_flag=True, help="Publish the plan, given PARTS of all contigs.")
def compact(
    root: Path,
    parts: Sequence[Path],
    jobs: int,
    rebuild: bool,
    planned: Path | None,
    contigs: Sequence[str],
    part: Path | None,
    publish: bool,
) -> None:
    """Merge the open tiers, move planes by consent, drop what no one needs.

    \b
    In steps, on a cluster:
      wgs ngd compact ROOT --plan PLAN                              where the vault is
      wgs ngd compact ROOT --plan PLAN --contig chr20 --part PART   anywhere, for all contigs
      wgs ngd compact ROOT --plan PLAN --publish PART...            where the vault is
    Loads may go on meanwhile. A plan that has nothing to do is written too; its parts are empty.
    Until it is published, a plan and ROOT together open the shards that it reads: keep its mode.
    """  # noqa: D301 (click takes the backspace as: leave the lines as they are)
    if planned is None:
        if contigs or part or publish or parts:
            raise click.UsageError("--contig, --part, --publish and PARTS need --plan")
        _compact(root, rebuild, jobs)
    elif publish:
        _publish(root, planned, parts)
    elif contigs and part is not None:
        _build(root, planned, contigs, part)
    elif not contigs and part is None and not parts:
        _plan(root, planned, rebuild)
    else:
        raise click.UsageError("give --contig with --part, or --publish with PARTS")


@click.command()
@_root
@click.option("--contig", "contigs", multiple=True, help="Only these contigs.")
@click.option("--hashes-only", is_flag=True, help="Compare no rebuild.")
@click.option("--plan", "planned", type=_path, help="Plan of a verification in steps.")
@click.option("--finish", is_flag=True, help="Verify the registry, and end the plan.")
def verify(
    root: Path, contigs: Sequence[str], hashes_only: bool, planned: Path | None, finish: bool
) -> None:
    """Every hash, index and counts against a rebuild, registry against vault, the access log.

    \b
    In steps, on a cluster:
      wgs ngd verify ROOT --plan PLAN                          where the vault is
      wgs ngd verify ROOT --plan PLAN --contig chr20           anywhere, for all contigs
      wgs ngd verify ROOT --plan PLAN --hashes-only --finish   where the vault is
    Until it is finished, a plan and ROOT together open every genome shard: keep its mode.
    """  # noqa: D301 (click takes the backspace as: leave the lines as they are)
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.ngd.verification_plan import finish_verification, read_verification
    from wgs_pipeline.ngd.verify import verify
    from wgs_pipeline.vault import Vault

    if finish and (planned is None or contigs):
        raise click.UsageError("--finish needs --plan, and no --contig")
    opened = Root.open(root)
    if contigs:
        _verify_contigs(opened, contigs, hashes_only, planned)
        return
    if planned is not None and not finish:
        _plan_verification(opened, planned)
        return
    with Vault(opened.vault) as vault:
        if planned is not None:
            finish_verification(opened, read_verification(planned, opened))
        report = verify(opened, vault, hashes_only)
    for path in report.orphans:
        click.echo(f"{path}: nothing refers to it; 'wgs ngd compact' sweeps it", err=True)
    _conclude(f"{root}: whole", report)


def _plan_verification(opened: Root, path: Path) -> None:
    from wgs_pipeline.ngd.verification_plan import plan_verification
    from wgs_pipeline.vault import Vault

    with Vault(opened.vault) as vault:
        made = plan_verification(opened, vault, path)
    click.echo(f"{opened.path}: plan to verify generation {made.generation}", err=True)


def _verify_contigs(
    opened: Root, contigs: Sequence[str], hashes_only: bool, planned: Path | None
) -> None:
    """Verify contigs with the keys of a plan, or with those of the vault."""
    from wgs_pipeline.ngd.verification_plan import read_verification
    from wgs_pipeline.ngd.verify import verify_contig
    from wgs_pipeline.vault import Vault

    with ExitStack() as stack:
        number = None
        if planned is not None:
            plan = read_verification(planned, opened)
            opened, number = plan.unlocked(opened), plan.generation
        else:
            opened = opened.unlocked(stack.enter_context(Vault(opened.vault)).keys)
        for contig in contigs:
            report = verify_contig(opened, contig, hashes_only, number)
            _conclude(f"{opened.path}: contig {contig} whole", report)


@click.command()
@_root
def release(root: Path) -> None:
    """Publish a release: the genomes that research and statistics are answered from.

    It holds everyone whose consent allows research now, but for a few, and stays as it is until
    the next one, or until someone of it refuses. At least 5 persons must be new in it.
    """
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.ngd.publishing import publish
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        done = publish(opened, vault)
    click.echo(
        f"{root}: release {done.number}; {len(done.slots)} persons, generation {done.generation}",
        err=True,
    )


def _conclude(said: str, report: Report) -> None:
    if report.problems:
        raise NgdError("\n".join(report.problems))
    click.echo(
        f"{said}; generation {report.generation}, {report.genomes} genomes, {report.files} files",
        err=True,
    )


def _compact(root: Path, rebuild: bool, jobs: int) -> None:
    from wgs_pipeline.ngd.compact import compact
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        _say(root, compact(opened, vault, rebuild, jobs))


def _plan(root: Path, path: Path, rebuild: bool) -> None:
    from wgs_pipeline.ngd.compact import plan
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.ngd.plan import write_plan
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        made = plan(opened, vault, rebuild)
    write_plan(path, made)
    comes, goes = (sum(each.comes is sign for each in made.changes) for sign in (True, False))
    click.echo(f"{root}: plan {made.number}; {comes} genomes come, {goes} go", err=True)


def _build(root: Path, path: Path, contigs: Sequence[str], part: Path) -> None:
    from wgs_pipeline.ngd.build import build_contig, write_parts
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.ngd.plan import read_plan, with_lent_keys

    opened = Root.open(root)
    planned = read_plan(path, opened)
    unlocked = with_lent_keys(opened, planned)
    built = [build_contig(unlocked, planned, contig) for contig in contigs]
    write_parts(part, built)
    files = sum(len(each.files) for each in built)
    click.echo(f"{root}: {len(built)} contigs; {files} files built", err=True)


def _publish(root: Path, path: Path, parts: Sequence[Path]) -> None:
    from wgs_pipeline.ngd.build import read_parts
    from wgs_pipeline.ngd.compact import publish_plan
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.ngd.plan import read_plan
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    planned = read_plan(path, opened)
    with Vault(opened.vault) as vault:
        built = [part for each in parts for part in read_parts(each)]
        _say(root, publish_plan(opened, vault, planned, built))


def _say(root: Path, done: Compaction) -> None:
    click.echo(
        f"{root}: generation {done.generation}; {done.merged} genomes merged, {done.moved} moved "
        f"to another plane, {done.retired} replaced ones removed, {done.swept} unused files swept"
        + (f"; generations {done.kept} kept for readers" if done.kept else ""),
        err=True,
    )
