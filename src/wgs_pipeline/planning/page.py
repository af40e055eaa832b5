"""fairness.html: one self-contained page that shows what a plan does, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from wgs_pipeline.planning.cases import Ints, Weights
from wgs_pipeline.planning.charts import bars, heat_cell, weekly_load
from wgs_pipeline.planning.comparison import Outcome, compare, patients_by_cell

if TYPE_CHECKING:
    from wgs_pipeline.planning.project import ProjectPlan

#: Waits of fewer patients than this are not shown: they could be somebody's.
FEWEST_SHOWN = 5

_STYLE = """
:root{--bg:#fbfbf9;--card:#fff;--ink:#1d2329;--soft:#5b6670;--line:#dfe3e6;--main:#1f6f8b;
--other:#a9b4bc;--hot:205,92,45;--s0:#1f6f8b;--s1:#e0a030;--s2:#6a8f3c;--s3:#9a5b9a;--s4:#c2553f;
--s5:#5b6670}
@media (prefers-color-scheme:dark){:root{--bg:#14181b;--card:#1d2327;--ink:#e8ebed;--soft:#9eabb5;
--line:#343d43;--main:#56b4d3;--other:#5d6972;--hot:225,110,60;--s0:#56b4d3;--s1:#e6b455;
--s2:#94bd60;--s3:#c08cc0;--s4:#e07b66;--s5:#9eabb5}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}main{max-width:1120px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:1.7rem;margin:0 0 4px;line-height:1.2}h2{font-size:1.15rem;margin:0 0 10px}
p{margin:0 0 10px}.soft{color:var(--soft);font-size:.9rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(160px,1fr));gap:12px;margin:18px 0}
.card,section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px}
.card b{display:block;font-size:1.6rem;line-height:1.2}section{margin:14px 0}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:22px}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;width:100%}
th,td{padding:5px 8px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--card)}
thead th{color:var(--soft);font-weight:600}
td.heat{background:rgba(var(--hot),calc(var(--heat,0)*.62))}
td.worst{outline:2px solid var(--ink);outline-offset:-2px;font-weight:700}
svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font-size:12.5px}
rect.ours{fill:var(--main)}rect.other{fill:var(--other)}.grid{stroke:var(--line)}
.room{fill:none;stroke:var(--ink);stroke-width:1.4}
rect.site0,i.site0{fill:var(--s0);background:var(--s0)}rect.site1,i.site1{fill:var(--s1);
background:var(--s1)}rect.site2,i.site2{fill:var(--s2);background:var(--s2)}
rect.site3,i.site3{fill:var(--s3);background:var(--s3)}
rect.site4,i.site4{fill:var(--s4);background:var(--s4)}
rect.site5,i.site5{fill:var(--s5);background:var(--s5)}
i{display:inline-block;width:12px;height:12px;border-radius:3px;margin:0 5px 0 12px}
summary{cursor:pointer;font-weight:600}
@media(max-width:600px){.load{min-width:640px}h1{font-size:1.4rem}.cards{grid-template-columns:
1fr 1fr}.card b{font-size:1.3rem}}
"""

_GOALS = {
    "breaches": ("Acute cases past their limit", "cases"),
    "lateness": ("Weeks past the limit, in sum", "weeks"),
    "acute_wait": ("Wait of acute cases, in sum", "place-weeks"),
    "worst": ("Mean wait of the worst-off region and group", "weeks"),
    "total": ("Total wait, weighted by urgency", "place-weeks"),
    "part_filled": ("Flowcells with places left", "flowcells"),
    "changes": ("Cases moved since the previous plan", "cases"),
}


def fairness_page(result: ProjectPlan) -> str:
    """The report of a plan, as HTML. It names no patient and no sample."""
    cases, plan = result.roster.cases, result.plan
    capacity, calendar = result.inputs.capacity, result.inputs.calendar
    outcomes = compare(
        cases, result.supply, plan.slots, Weights(capacity.weights), capacity.repeat_wait
    )
    ours = outcomes[0]
    last = int(plan.slots.week.max(initial=0))
    load = plan.slots.load(cases, result.supply)[:, : last + 1]
    names = [calendar.name(week) for week in range(last + 1)]
    parts = [
        _head(result, names),
        _cards(result, ours),
        _policies(outcomes, cases.cells),
        _heat(outcomes, result),
        _capacity(result, load, names),
        _goals(result),
        _cells(outcomes, result),
        _method(result),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Equal access to sequencing</title><style>{_STYLE}</style></head><body><main>"
        + "\n".join(parts)
        + "</main></body></html>\n"
    )


def _head(result: ProjectPlan, names: Sequence[str]) -> str:
    patients = int(result.roster.cases.patients.sum())
    span = f"{names[0]} to {names[-1]}" if names else "no week"
    left_out = len(result.inputs.without_consent)
    consent = (
        f" {left_out} referral{'s' * (left_out != 1)} without consent to analysis "
        f"{'have' if left_out != 1 else 'has'} no slot."
        if left_out
        else ""
    )
    return (
        "<h1>Equal access to sequencing</h1>"
        f'<p class="soft">{patients:,} patients in {len(result.roster.cases):,} cases, planned for '
        f"weeks {span}.{consent}</p>"
    )


def _cards(result: ProjectPlan, ours: Outcome) -> str:
    cells = result.roster.cases.cells
    few = cells and patients_by_cell(result.roster.cases)[ours.worst_cell] < FEWEST_SHOWN
    worst = "few patients" if few else " · ".join(cells[ours.worst_cell]) if cells else "nobody"
    cards = [
        (f"{ours.values.breaches}", "acute cases past their limit"),
        (f"{ours.p50:.1f} weeks", "median wait of a patient"),
        (f"{ours.p90:.1f} weeks", "nine in ten patients wait at most"),
        (f"{float(ours.means.max(initial=0)):.1f} weeks", f"mean wait of the worst-off: {worst}"),
        (f"{ours.gini:.3f}", "Gini of regions and groups (0 is equal)"),
    ]
    inner = "".join(
        f'<div class="card"><b>{value}</b><span class="soft">{escape(text)}</span></div>'
        for value, text in cards
    )
    return f'<div class="cards">{inner}</div>'


def _policies(outcomes: Sequence[Outcome], cells: Sequence[tuple[str, str]]) -> str:
    def chart(title: str, unit: str, values: Sequence[float], decimals: int) -> str:
        rows = [
            (each.policy, value, "other" if number else "ours")
            for number, (each, value) in enumerate(zip(outcomes, values, strict=True))
        ]
        return f"<div><p><b>{title}</b></p>{bars(rows, unit, title, decimals)}</div>"

    worst = [float(each.means.max(initial=0)) for each in outcomes]
    charts = [
        chart("Mean wait of the worst-off region and group", "weeks", worst, 2),
        chart("Gini of regions and groups", "", [each.gini for each in outcomes], 4),
        chart("Acute cases past their limit", "", [float(e.values.breaches) for e in outcomes], 0),
        chart("Cases of any urgency past their limit", "", [e.past_limit for e in outcomes], 0),
        chart("Half of the patients wait at most", "weeks", [each.p50 for each in outcomes], 2),
        chart("Nine in ten patients wait at most", "weeks", [each.p90 for each in outcomes], 2),
    ]
    return (
        "<section><h2>Beside the usual queues</h2>"
        '<p class="soft">The same referrals and sites, served in the order of referral (first '
        "come), or by urgency and then referral (urgent first).</p>"
        f'<div class="two">{"".join(charts)}</div></section>'
    )


def _heat(outcomes: Sequence[Outcome], result: ProjectPlan) -> str:
    ours, cells = outcomes[0], result.roster.cases.cells
    place = {cell: number for number, cell in enumerate(cells)}
    regions, groups = sorted({r for r, _ in cells}), sorted({g for _, g in cells})
    patients = patients_by_cell(result.roster.cases)
    # One scale for all policies: an even table is an even plan, not a narrow scale.
    shown = np.concatenate([each.means[patients >= FEWEST_SHOWN] for each in outcomes])
    least, most = float(shown.min(initial=np.inf)), float(shown.max(initial=0))
    head = "".join(f"<th>{escape(region)}</th>" for region in regions)
    rows = []
    for group in groups:
        row = [f"<td>{escape(group)}</td>"]
        for region in regions:
            number = place.get((region, group))
            if number is None:
                row.append("<td>-</td>")
            elif patients[number] < FEWEST_SHOWN:
                row.append('<td class="soft">few</td>')
            else:
                value = float(ours.means[number])
                kind = "heat worst" if number == ours.worst_cell else "heat"
                style = heat_cell(value, least, most)
                row.append(f'<td class="{kind}" style="{style}">{value:.1f}</td>')
        rows.append(f"<tr>{''.join(row)}</tr>")
    return (
        "<section><h2>Mean wait in weeks, by patient group and region</h2>"
        '<p class="soft">Stronger colour: longer, on one scale for all policies; the '
        f"worst-off is framed. Fewer than {FEWEST_SHOWN} patients: few.</p>"
        f'<div class="scroll"><table><thead><tr><th>Patient group</th>{head}</tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table></div></section>"
    )


def _capacity(result: ProjectPlan, load: Ints, names: Sequence[str]) -> str:
    sites = result.supply.sites
    places = result.supply.places[:, : load.shape[1]]
    legend = "".join(
        f'<i class="site{number % 6}"></i>{escape(site)}' for number, site in enumerate(sites)
    )
    chart = weekly_load(sites, load, places, names, "Places taken per week and site")
    return (
        "<section><h2>Places taken per week</h2>"
        f'<p class="soft">The line is what the sites offer beside the reserve for repeats.{legend}'
        f'</p><div class="scroll"><div class="load">{chart}</div></div></section>'
    )


def _goals(result: ProjectPlan) -> str:
    plan = result.plan
    rows: list[str] = []
    for goal, (text, unit) in _GOALS.items():
        value = float(getattr(plan.values, goal))
        if goal in plan.bounds:
            gap = plan.gap(goal)
            proof = "optimal" if gap == 0 else f"within {gap:.2%} of the optimum"
            if gap == float("inf"):
                proof = "not proven least"
            bound = f"{plan.bounds[goal]:,.2f}"
        else:
            proof, bound = "preferred, not proven least", "-"
        rows.append(
            f"<tr><td>{len(rows) + 1}. {text}</td><td>{value:,.2f} {unit}</td>"
            f"<td>{bound}</td><td>{proof}</td></tr>"
        )
    return (
        "<section><h2>The goals, in the order of their rank</h2>"
        '<div class="scroll"><table><thead><tr><th>Goal</th><th>This plan</th>'
        "<th>No plan is below</th><th>Proof</th></tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table></div></section>"
    )


def _cells(outcomes: Sequence[Outcome], result: ProjectPlan) -> str:
    cases = result.roster.cases
    patients = patients_by_cell(cases)
    head = "".join(f"<th>{each.policy} p50</th><th>p90</th>" for each in outcomes)
    rows = []
    for number, (region, group) in enumerate(cases.cells):
        name = f"<td>{escape(region)} · {escape(group)}</td>"
        if patients[number] < FEWEST_SHOWN:
            blank = '<td class="soft">-</td>' * (2 * len(outcomes))
            rows.append(f'<tr>{name}<td class="soft">&lt;{FEWEST_SHOWN}</td>{blank}</tr>')
            continue
        waits = "".join(
            f"<td>{each.cell_p50[number]:.1f}</td><td>{each.cell_p90[number]:.1f}</td>"
            for each in outcomes
        )
        rows.append(f"<tr>{name}<td>{patients[number]}</td>{waits}</tr>")
    return (
        "<section><details><summary>Waits in weeks by region and group, each policy</summary>"
        f'<div class="scroll"><table><thead><tr><th>Region and group</th><th>Patients</th>{head}'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div></details></section>"
    )


def _method(result: ProjectPlan) -> str:
    capacity, plan = result.inputs.capacity, result.plan
    how = (
        "by integer programming, to the optimum"
        if plan.method == "exact"
        else "by column generation, rounded to whole families"
    )
    return (
        f'<p class="soft">Waits last from the referral to the end of the week of sequencing, '
        f"transport included, and {capacity.repeat_wait:.2f} weeks that repeats after failed QC "
        f"add on average ({capacity.failure_rate:.1%} fail); {capacity.failure_rate:.1%} of the "
        f"places are kept for them. Means count a case once for each place it takes, quantiles "
        f"once for each patient. Solved {how}.</p>"
    )
