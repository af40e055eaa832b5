"""``wgs plan``: plan sequencing capacity fairly."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click


def _parse_moment(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} is no moment; expected a date and time with zone, as 2025-01-31T12:00:00Z"
        )
    return moment


@click.command()
@click.argument("configfile", type=click.Path(path_type=Path))
@click.option(
    "--referrals",
    type=click.Path(path_type=Path),
    help="Open referrals (TSV). Default: planning.referrals of the configuration.",
)
@click.option(
    "--capacity",
    type=click.Path(path_type=Path),
    help="Sites and rules (YAML). Default: planning.capacity of the configuration.",
)
@click.option(
    "--previous",
    type=click.Path(path_type=Path),
    help="plan.tsv of the previous plan: its first weeks are kept, and few slots change.",
)
@click.option(
    "--as-of",
    callback=_parse_moment,
    help="Moment of the plan, ISO 8601 with zone; its week is the first. Default: now.",
)
@click.option(
    "-o",
    "--output",
    "outdir",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for plan.tsv, waves/ and fairness.html.",
)
def command(
    configfile: Path,
    referrals: Path | None,
    capacity: Path | None,
    previous: Path | None,
    as_of: datetime | None,
    outdir: Path,
) -> None:
    """Plan who is sequenced in which week, at which site, on which flowcell.

    CONFIGFILE is the project's config.yaml. Acute referrals come first and within their limit;
    then the region and patient group that waits longest waits as short as can be; then all wait
    as short as can be; then flowcells are full. Who has not consented to analysis gets no slot.
    Where no plan keeps every rule, says which rule and what would mend it.

    The table on standard output gives each goal's value, the bound that no plan can better, and
    the gap between the two.
    """
    from wgs_pipeline.planning.project import plan_project, read_inputs, write_plan

    inputs = read_inputs(configfile, referrals, capacity, previous, as_of)
    if inputs.without_consent:
        lines = ", ".join(map(str, inputs.without_consent))
        count = len(inputs.without_consent)
        click.echo(f"{count} referrals get no slot: no analysis consent: lines {lines}", err=True)
    result = plan_project(inputs)
    write_plan(result, outdir)
    click.echo("goal\tvalue\tbound\tgap")
    for goal, value in vars(result.plan.values).items():
        if goal in result.plan.bounds:
            bound, gap = result.plan.bounds[goal], result.plan.gap(goal)
            click.echo(f"{goal}\t{value:.10g}\t{bound:.10g}\t{gap:.4f}")
        else:
            click.echo(f"{goal}\t{value:.10g}\t\t")
    cases, method = len(result.roster.cases), result.plan.method
    click.echo(f"{cases} cases planned ({method}); written to {outdir}", err=True)
