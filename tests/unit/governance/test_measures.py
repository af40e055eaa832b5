"""Access, turnaround, footprint, consent and questions, each against figures made by hand."""

import pytest
from governance_builders import at, genome, held, holdings, line, many, said

from wgs_pipeline.governance import ALL
from wgs_pipeline.governance.accesses import questions
from wgs_pipeline.governance.equal_access import access, persons_by_region_and_group
from wgs_pipeline.governance.footprint import energy_kwh, footprints
from wgs_pipeline.governance.honouring import STATES, honouring
from wgs_pipeline.governance.runs import Run, RunSample
from wgs_pipeline.governance.settings import Carbon, parse_settings
from wgs_pipeline.governance.turnaround import turnaround

NOW = at(6, 30)


def by_region(genomes, relevant, rare=frozenset()):
    regions = sorted(relevant)
    groups = sorted({each.patient_group for each in genomes})
    persons = persons_by_region_and_group(genomes, regions, groups)
    return {each.region: each for each in access(persons, regions, groups, relevant, rare)}


def test_access_is_standardised_by_patient_group():
    """North has few of the group that is rarely sequenced; its index must not profit."""
    genomes = [
        *many(90, "a", region="North", group="x"),
        *many(1, "b", region="North", group="y"),
        *many(10, "c", region="South", group="x"),
        *many(9, "d", region="South", group="y"),
    ]
    relevant = {"North": {"x": 90, "y": 10}, "South": {"x": 10, "y": 90}}
    found = by_region(genomes, relevant)
    assert found["North"].rate[0] == pytest.approx(910)
    # x: 100 of 100 everywhere, y: 10 of 100; expected North 90 + 1, South 10 + 9
    assert found["North"].index[0] == pytest.approx(1.0)
    assert found["South"].index[0] == pytest.approx(1.0)
    assert found[ALL].patients == 110


def test_the_index_has_the_limits_of_its_count():
    genomes = [*many(10, "a", region="North"), *many(30, "b", region="South")]
    found = by_region(genomes, {"North": {"rare": 100}, "South": {"rare": 100}})
    # 10 observed, 20 expected; exact limits of 10 are 4.795 and 18.390
    assert found["North"].index == pytest.approx((0.5, 4.795 / 20, 18.390 / 20), rel=2e-3)
    assert found["North"].rate == pytest.approx((100, 47.95, 183.9), rel=2e-3)


def test_a_person_with_two_genomes_counts_once():
    genomes = [genome("a"), genome("b", person="secret-a")]
    assert by_region(genomes, {"North": {"rare": 10}})["North"].patients == 1


def test_rare_groups_are_standardised_as_one():
    genomes = [*many(50, "a", group="x"), *many(2, "b", group="y"), *many(3, "c", group="z"),
               *many(50, "d", group="x", region="South")]  # fmt: skip
    relevant = {"North": {"x": 50, "y": 10, "z": 30}, "South": {"x": 50, "y": 90, "z": 70}}
    found = by_region(genomes, relevant, {"y", "z"})
    assert found["North"].index[0] == pytest.approx(55 / (50 + 5 * 40 / 200))


def test_without_relevant_patients_there_is_no_access():
    assert by_region([genome("a")], {}) == {}
    assert by_region([genome("a")], {"North": {"other": 5}}) == {}


def test_durations_by_stage():
    genomes = [
        genome(f"g{n}", referred_at=at(1, 1), sequenced_at=at(1, 1 + n), analysed_at=at(2, 1),
               loaded_at=at(2, 2), reported_at=at(2, 11) if n < 3 else None)
        for n in range(10)
    ]  # fmt: skip
    rows, backwards = turnaround(genomes, ["North"], 5)
    found = {(row.region, row.stage): row for row in rows}
    assert backwards == 0
    first = found[ALL, "referred to sequenced"]
    assert (first.p50_days, first.p90_days, first.genomes) == (4.5, 8.1, 10)
    assert found["North", "analysed to loaded"].p90_days == 1.0
    # seven were loaded after 32 days, three got their answer after 41
    assert found[ALL, "referred to result"].p50_days == 32.0
    assert found[ALL, "referred to result"].p90_days == 41.0


def test_few_genomes_have_no_quantiles_and_backward_dates_are_left_out():
    genomes = many(4, "g", referred_at=at(1, 1), sequenced_at=at(1, 9))
    genomes.append(genome("back", referred_at=at(3, 1), sequenced_at=at(1, 1)))
    rows, backwards = turnaround(genomes, ["North"], 5)
    assert backwards == 1
    assert all(row.p50_days is None and row.genomes is None for row in rows)
    rows, _ = turnaround(many(7, "g", referred_at=at(1, 1), sequenced_at=at(1, 9)), ["North"], 5)
    assert (rows[0].p50_days, rows[0].p90_days, rows[0].genomes) == (8.0, None, 5)


def test_energy_is_that_of_green_algorithms():
    """12 core-hours of 12 W and 64 GB-hours of 0.3725 W, with PUE 1.67: 0.2803 kWh by hand."""
    assert energy_kwh(12, 64, Carbon(475, 1.67, 12, 0.3725)) == pytest.approx(0.280293, rel=1e-5)


def run(month, samples, cpu=10.0, memory=40.0, verdict="pass"):
    each = tuple(RunSample(name, verdict, (), False, False, True) for name in samples)
    return Run(at(month, 1), at(month, 2), each, cpu, memory, False)


def test_cost_and_emission_of_a_genome():
    settings = parse_settings(
        {
            "prices": {"currency": "DKK", "core_hour": 2, "gb_hour": 0.5, "sequencing": 100},
            "carbon": {"intensity_g_per_kwh": 100, "pue": 1, "watts_per_core": 10,
                       "watts_per_gb": 0},
        }
    )  # fmt: skip
    first = run(1, ["a", "b", "c", "d", "e"], cpu=10, memory=40)
    again = run(2, ["a"], cpu=5, memory=0)
    rows = {row.month: row for row in footprints([first, again], settings)}
    assert rows["2026-01"].core_hours == 2
    assert rows["2026-01"].cost == 2 * 2 + 8 * 0.5 + 100
    assert rows["2026-01"].co2e_g == pytest.approx(2 * 10 / 1000 * 100)
    assert rows["2026-02"].core_hours is None  # a repeated genome is no new one
    assert rows[ALL].core_hours == 3  # but what it took counts


def test_nothing_configured_nothing_reported():
    (row, _) = footprints([run(1, "abcde")], parse_settings({}))
    assert (row.core_hours, row.cost, row.co2e_g) == (2, None, None)


def states(database, minimum=5):
    counts, speeds = honouring(database, NOW, minimum)
    return [dict(zip(STATES, row, strict=True)) for row in counts.tolist()], speeds


def test_each_state_of_a_refusal_of_research():
    names = ("out", "moved", "late", "no")
    refused = [said(name, "research", "refused", at(3, 1)) for name in names]
    genomes = [
        held(0, "out", "care_only", at(4, 1)),  # loaded after the refusal
        held(1, "moved", "care_only", at(2, 1)),  # loaded before it
        held(2, "late", "research", at(2, 1)),  # still where it was
        held(3, "fine", "research", at(2, 1)),  # refused nothing
    ]
    (research, analysis), speeds = states(holdings(genomes, refused))
    assert research == {"nothing held": 1, "kept out at loading": 1, "done": 1, "waiting": 1}
    assert sum(analysis.values()) == 0
    assert speeds[0].known == 0
    assert speeds[0].oldest_waiting == "more than 30 days"


def test_a_refusal_taken_back_is_none():
    events = [said("p", "research", "refused", at(1, 1)), said("p", "research", "given", at(2, 1))]
    (research, _), _ = states(holdings([held(0, "p")], events))
    assert sum(research.values()) == 0


def test_withdrawal_of_analysis_waits_for_erasure_unless_it_is_sealed():
    events = [
        said("p", "analysis", "withdrawn", at(6, 27)),
        said("q", "analysis", "refused", at(1, 1)),
    ]
    (_, analysis), speeds = states(holdings([held(0, "p")], events))
    assert (analysis["waiting"], analysis["nothing held"]) == (1, 1)
    assert speeds[1].oldest_waiting == "1 to 7 days"
    (_, analysis), _ = states(holdings([held(0, "p")], events, on_withdrawal="seal"))
    assert analysis["done"] == 1


def test_the_moment_is_what_the_log_says_and_nothing_else():
    events = [said(f"p{n}", "research", "refused", at(3, 1)) for n in range(6)]
    genomes = [held(n, f"p{n}", "care_only", at(2, 1)) for n in range(6)]
    log = [line("compact", at(2, 20), slots=range(6)), line("compact", at(3, 5), slots=range(5))]
    _, speeds = states(holdings(genomes, events, log))
    assert (speeds[0].done, speeds[0].known) == (6, 5)
    assert (speeds[0].p50_days, speeds[0].p90_days) == (4.0, 4.0)
    _, speeds = states(holdings(genomes, events, [line("load", at(3, 5), slots=range(6))]))
    assert (speeds[0].known, speeds[0].p50_days) == (0, None)


def test_questions_by_purpose_and_decision():
    log = [line("region", at(1, 3), purpose="care"), line("region", at(1, 9), purpose="care"),
           line("open", at(2, 1), "refused", "Insurance"), line("load", at(1, 1)),
           line("open", at(2, 1), "refused", "Jens Hansen")]  # fmt: skip
    assert dict(questions(log)) == {
        ("2026-01", "care", "region", "answered"): 2,
        ("2026-02", "insurance", "open", "refused"): 1,
        ("2026-02", "another purpose", "open", "refused"): 1,
    }
