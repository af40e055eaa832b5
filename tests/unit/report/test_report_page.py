"""The page: what it says is what the data say, and nothing in them becomes markup."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser

import pytest

from report_builders import MADE, half_finished, make_project
from wgs_pipeline.report.page import MOST_NAMED, render

HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>&amp;{{ 7*7 }}"
LEVELS = ("pass", "warn", "fail", "hold")
VOID = {"meta", "input", "img", "br", "link"}


class Page(HTMLParser):
    """Elements, attributes, and the text of table rows, details and the whole."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.rows, self.texts = [], [], [], []
        self.open = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            return
        self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def row(self, name):
        return next(row for row in self.rows if row[0] == name)


@pytest.fixture
def document(tmp_path):
    return half_finished(tmp_path / "half").document()


def test_each_sample_has_its_row_of_stages(document):
    page = Page(render(document))
    rows = {row[0]: row[1:] for row in page.rows if row[0].startswith("S-") and len(row) > 6}
    assert rows == {
        "S-done": ["in the database", "pass", "31.5x", *["✓ done"] * 8],
        "S-warn": ["in the database", "warn", "27.5x", *["✓ done"] * 8],
        "S-low": [
            "not loaded (QC verdict fail); top up 1.5 Gb to reach 30x",
            *("fail", "12.2x", *["✓ done"] * 7, "not loaded"),
        ],
        "S-broken": [
            *("failed at Alignment", "none yet", "-", "✓ done", "✕ failed"),
            *["not reached"] * 6,
        ],
        "S-begun": [
            *("not finished at gVCF", "none yet", "-", "✓ done", "✓ done", "not finished"),
            *["not reached"] * 5,
        ],
    }
    gone = "left out: no consent to analysis: analysis withdrawn from 1 Jan 2024, 00:00 (UTC)"
    assert page.row("S-gone") == ["S-gone", gone]


def test_what_to_do_names_who_and_why(document):
    text = Page(render(document)).text
    assert "Failed at Alignment: 1 sample S-broken : rule align: [withheld]: truncated gzip" in text
    assert "QC verdict fail: 1 sample S-low : top up 1.5 Gb to reach 30x (Coverage)" in text
    assert "QC verdict warn: 1 sample S-warn : Coverage" in text
    assert "2 of 5 samples with consent are in the database." in text
    assert "1 sample was left out for lack of consent." in text
    assert "line 22 line 23" in text
    assert "line 20 " not in text


def test_times_by_rule(document):
    page = Page(render(document))
    cells = ["2", "2 min 40 s", "4 min 30 s", "-", "2,000 MB", "-"]
    cells += ["1 min 40 s", "S-done, 1 min 40 s"]
    assert page.row("align") == ["align", *cells]
    assert page.row("All")[1:4] == ["3", "2 min 48 s", "4 min 37 s"]


def test_data_and_page_agree(document):
    """The page is made of the document as it stands in the file, and of nothing else."""
    stored = json.loads(json.dumps(document))
    html = render(stored)
    assert html == render(document)
    page = Page(html)
    for sample in stored["samples"]:
        assert page.row(sample["sample"])
        for cause in sample["causes"]:
            assert cause["log"] in page.text
            for line in cause["lines"]:
                assert line in page.text
    for rule in stored["rules"]:
        assert page.row(rule["rule"])[1] == str(rule["jobs"])
    assert stored["project"]["config_sha256"] in page.text
    figures = [stored["summary"]["samples"], stored["summary"]["loaded"]]
    assert "What to do Samples Each sample Left out" in page.text
    assert re.search(rf"samples {figures[0]} in the database {figures[1]} QC verdict", page.text)


def test_nothing_from_outside_is_named(document):
    html = render(document)
    page = Page(html)
    assert "http:" not in html
    assert "https:" not in html
    loading = [(tag, name) for tag, name, _ in page.attributes if name in ("src", "srcset", "data")]
    assert loading == []
    assert not {"link", "img", "iframe", "object", "base"} & set(page.tags)
    targets = [value for tag, name, value in page.attributes if name == "href"]
    assert all(re.match(r"#|\.\./(logs|qc)/", target) for target in targets)
    inner = {value for _, name, value in page.attributes if name == "id"}
    assert {target[1:] for target in targets if target[0] == "#"} <= inner


def replaced_everywhere(value):
    """Every text of a document hostile, where it is content and not a word of the format."""
    kept = {"format", "status", "state", "stage", "generated_at", "started_at", "ended_at"}
    kept |= {"consent_as_of", "at", "stages", "states", "plane", "verdicts", "unit", "level"}
    if isinstance(value, dict):
        words = {key for key in value if key in kept or (key == "verdict" and value[key] in LEVELS)}
        return {
            key: each if key in words else replaced_everywhere(each) for key, each in value.items()
        }
    if isinstance(value, list):
        return [replaced_everywhere(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def test_hostile_text_stays_text(document):
    calm = Page(render(document))
    page = Page(render(replaced_everywhere(document)))
    assert set(page.tags) == set(calm.tags)
    assert page.tags.count("script") == 1
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert HOSTILE in page.texts
    assert "{{ 7*7 }}" in page.text
    names = [value for tag, name, value in page.attributes if name == "data-sample"]
    assert set(names) == {HOSTILE}


def test_hostile_logs_and_reasons_of_a_real_folder(tmp_path):
    project = make_project(tmp_path, {"S1": "S1"})
    project.make("S1", "S1", "reads")
    project.log("align", "S1", f"</pre>{HOSTILE}\n")
    project.write_json("ngd/S1.loaded.json", {"sample": "S1", "loaded": False, "reason": HOSTILE})
    page = Page(render(project.document()))
    assert "img" not in page.tags
    assert page.tags.count("script") == 1
    assert HOSTILE in page.text


def test_only_the_page_s_own_script_may_run(document):
    import base64
    import hashlib

    html = render(document)
    script = re.search(r"<script>(.*?)</script>", html, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [
        value for tag, name, value in Page(html).attributes if tag == "meta" and "'none'" in value
    ]
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("named", [{}, {"S1": "S1"}])
def test_a_project_without_any_result(tmp_path, named):
    document = make_project(tmp_path, {"S0": "S0", **named}, without_consent=["S0"]).document()
    page = Page(render(document))
    assert "No job has come to its end yet." in page.text
    assert page.row("S0")[1].startswith("left out")


def test_a_complete_run_leaves_nothing_to_do(tmp_path):
    project = make_project(tmp_path, {"S1": "S1"})
    project.make("S1", "S1", *MADE)
    project.write("qc/multiqc.html")
    project.write("report/cohort.html")
    page = Page(render(project.document(), base="../somewhere else"))
    assert "The one sample with consent is in the database." in page.text
    assert "Nothing: no sample with consent waits for a decision." in page.text
    targets = [value for tag, name, value in page.attributes if name == "href"]
    assert "../somewhere%20else/qc/multiqc.html" in targets
    assert "../somewhere%20else/report/cohort.html" in targets
    assert "See also the cohort in pictures and the tools' own reports (MultiQC)" in page.text


def test_five_hundred_samples(tmp_path):
    names = [f"S{number:03d}" for number in range(500)]
    project = make_project(
        tmp_path, {name: f"F{place // 3}" for place, name in enumerate(names)}, names[::100]
    )
    for place, name in enumerate(names):
        if place % 10:
            project.make(name, f"F{place // 3}", *MADE)
        elif place % 100:
            project.log("align", name, "boom\n")
    document = project.document()
    # 5 without consent, 45 failed, 450 loaded.
    summary = document["summary"]
    assert (summary["left_out"], summary["failed"], summary["loaded"]) == (5, 45, 450)
    html = render(document)
    page = Page(html)
    assert [row[0] for row in page.rows if re.fullmatch(r"S\d{3}", row[0])][:500] == names
    assert page.tags.count("details") == 495 + 1
    assert f"and {45 - MOST_NAMED} more" in page.text
    assert len(html) < 4_000_000
    assert len(json.dumps(document)) < 4_000_000


def test_rendering_leaves_the_document_as_it_was(document):
    before = copy.deepcopy(document)
    render(document)
    assert document == before


def test_families_have_counts_and_no_finding(tmp_path):
    project = half_finished(tmp_path / "half")
    child = {
        "child": "S-done",
        "father": "S-warn",
        "mother": None,
        "absent": {"mother": "no consent to analysis"},
        "mendelian": {"judged": 2000, "errors": 5, "not_judged": 7},
        "de_novo": None,
    }
    summary = {
        "family": "F-two",
        "kind": "duo",
        "children": [child],
        "inheritance": {"dominant": 77},
    }
    project.write_json("family/F-two/summary.json", summary)
    document = project.document()
    (family,) = document["families"]
    assert family["children"][0]["error_rate"] == 0.0025
    html = render(document)
    row = next(row for row in Page(html).rows if row[1:2] == ["F-two (duo)"])
    missing = "mother: no consent to analysis"
    assert row == ["S-done", "F-two (duo)", "2,000", "5", "0.0025", "-", missing]
    assert "family/F-two" in html
    assert "77" not in json.dumps(document["families"])
    project.write_json("family/F-two/summary.json", {})
    assert project.document()["families"] == []
