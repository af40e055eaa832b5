"""The run report in a browser, at desktop and phone width.

Needs Chromium and its driver. The page of the toy project is of the run that other tests read too
(fixture ``toy_run``); the other pages are of results written by hand.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from report_builders import MADE, half_finished, make_project
from wgs_pipeline.report.cohort import DRAWN, CohortSample, Relative, arrange
from wgs_pipeline.report.cohort_page import render_cohort
from wgs_pipeline.report.page import render

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium or chromedriver is not installed"
)
SIZES = {"desktop": (1280, 1600), "phone": (390, 844)}
LEFT_OUT = "toy_withdrawn"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("chromium")
    for argument in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"),
        *("disable-background-networking", "disable-component-update", "no-first-run"),
        f"user-data-dir={profile}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    log = subprocess.DEVNULL
    driver = webdriver.Chrome(options=options, service=Service(DRIVER, log_output=log))
    yield driver
    driver.quit()


def show(browser, page: Path, size=SIZES["desktop"], scheme="light"):
    """Open a page at a size; everything said before is forgotten."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get(page.as_uri())


def requested(browser):
    """Every address that the page asked for."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def write_page(project):
    return project.write("report/run.html", render(project.document()))


def many(folder):
    names = [f"S{number:03d}" for number in range(500)]
    project = make_project(folder, {name: name for name in names}, names[::100])
    for place, name in enumerate(names):
        if place % 10:
            project.make(name, name, *MADE)
        else:
            project.log("align", name, "a very_long_word_" * 100 + "\n")
    return project


@pytest.fixture(scope="module")
def pages(toy_run, tmp_path_factory):
    """Pages by what they show, each with the samples that it must name."""
    folder = tmp_path_factory.mktemp("pages")
    half, big = half_finished(folder / "half"), many(folder / "big")
    long_name = "S" * 64
    wide = make_project(folder / "wide", {long_name: long_name})
    wide.make(long_name, long_name, *MADE)
    toy = toy_run.project
    return {
        "toy": (toy.results / "report/run.html", [r["sample_id"] for r in toy.rows("samples.tsv")]),
        **{
            name: (write_page(project), list(project.load().samples))
            for name, project in {"half": half, "500": big, "long": wide}.items()
        },
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["toy", "half", "500", "long"])
def test_page_fits_names_everybody_and_asks_for_nothing(browser, pages, name, size):
    page, samples = pages[name]
    show(browser, page, SIZES[size])
    assert requested(browser) == [page.as_uri()]
    widths = "return [document.documentElement.scrollWidth, window.innerWidth]"
    closed = browser.execute_script(widths)
    assert closed[0] <= closed[1] == SIZES[size][0]
    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    opened = browser.execute_script(widths)
    assert opened[0] <= opened[1]
    rows = browser.execute_script(
        "return Array.from(document.querySelectorAll('table.samples tbody th'), e => e.innerText)"
    )
    assert rows == samples
    assert browser.get_log("browser") == []


def test_toy_report_says_what_happened(browser, pages):
    page, samples = pages["toy"]
    show(browser, page)
    text = browser.execute_script("return document.body.innerText")
    assert "All 4 samples with consent are in the database." in text
    assert "1 sample was left out for lack of consent." in text
    assert f"{LEFT_OUT}\nleft out: no consent to analysis" in text.replace("\t", "\n")
    document = json.loads(page.with_suffix(".json").read_text())
    assert document["run"]["status"] == "complete"
    assert [each["sample"] for each in document["samples"] if each["left_out"]] == [LEFT_OUT]
    assert document["database"]["genomes"] == 4
    plots = browser.execute_script("return document.querySelectorAll('svg.plot').length")
    assert plots == 2 * (len(samples) - 1)
    rules = {rule["rule"] for rule in document["rules"]}
    assert {"align", "call_piece", "call_family_piece", "load_genome"} <= rules
    assert all(state == "done" for state in document["shared"]["steps"].values())


def test_toy_report_links_to_what_is_there(browser, pages):
    page, _ = pages["toy"]
    show(browser, page)
    links = browser.execute_script(
        "return Array.from(document.querySelectorAll('a'), a => a.getAttribute('href'))"
    )
    outside = {link for link in links if not link.startswith("#")}
    assert outside == {
        *("../report/cohort.html", "../qc/multiqc.html", "../qc/samples.tsv"),
        "../family/toy_trio",
    }
    assert [link for link in outside if not (page.parent / link).exists()] == []
    assert browser.execute_script(
        "return Array.from(document.querySelectorAll('a[href^=\"#\"]'))"
        ".every(a => document.getElementById(a.hash.slice(1)))"
    )


def visible(browser):
    return browser.execute_script(
        "return Array.from(document.querySelectorAll('table.samples tbody tr'))"
        ".filter(row => row.offsetParent).map(row => row.cells[0].innerText)"
    )


def test_filter_by_name_verdict_and_state(browser, pages):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    page, samples = pages["half"]
    show(browser, page)
    shown = browser.find_element(By.ID, "shown")
    assert shown.text == "6 samples"
    verdict = Select(browser.find_element(By.NAME, "verdict"))
    verdict.select_by_visible_text("warn")
    assert visible(browser) == ["S-warn"]
    assert shown.text == "1 of 6 samples"
    verdict.select_by_visible_text("all")
    state = Select(browser.find_element(By.NAME, "state"))
    expected = {
        "loaded": ["S-done", "S-warn"],
        "failed": ["S-broken"],
        "unfinished": ["S-begun"],
        "not_loaded": ["S-low"],
        "left_out": ["S-gone"],
        "not_reached": [],
        "": samples,
    }
    for value, names in expected.items():
        state.select_by_value(value)
        assert visible(browser) == names
    browser.find_element(By.NAME, "text").send_keys("BRO")
    assert visible(browser) == ["S-broken"]
    details = browser.find_elements(By.CSS_SELECTOR, "details[data-sample]:not([hidden])")
    assert [each.get_attribute("data-sample") for each in details] == ["S-broken"]


def test_everything_is_reached_by_keyboard(browser, pages):
    """Tab goes through links, filter, tables and samples; Enter opens a sample."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    page, _ = pages["half"]
    show(browser, page)
    reached = []
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        active = browser.switch_to.active_element
        reached.append(
            (active.tag_name, active.get_attribute("name") or active.text.split("\n")[0])
        )
        if active.tag_name == "summary" and active.text.startswith("S-done"):
            active.send_keys(Keys.ENTER)
            break
    assert ("a", "Samples") in reached
    assert {name for tag, name in reached if tag in ("input", "select")} == {
        *("text", "verdict", "state"),
    }
    assert browser.find_element(By.ID, "sample-0").get_attribute("open") == "true"


def test_a_link_to_a_sample_opens_it(browser, pages):
    from selenium.webdriver.common.by import By

    page, _ = pages["half"]
    show(browser, page)
    details = browser.find_element(By.ID, "sample-1")
    assert details.get_attribute("open") is None
    browser.find_element(By.CSS_SELECTOR, "table.samples a[href='#sample-1']").click()
    assert details.get_attribute("open") == "true"


def test_failures_are_open_from_the_start(browser, pages):
    show(browser, pages["half"][0])
    opened = browser.execute_script(
        "return Array.from(document.querySelectorAll('details[open]'), d => d.dataset.sample)"
    )
    assert opened == ["S-broken", "S-begun"]


#: Relative luminance and contrast as WCAG 2.2 defines them, of every element with text of its own.
CONTRAST = """
function channel(v) { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }
function parse(text) { return text.match(/[\\d.]+/g).map(Number); }
function light(c) { return 0.2126*channel(c[0]) + 0.7152*channel(c[1]) + 0.0722*channel(c[2]); }
function behind(e) {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return [255, 255, 255];
}
document.querySelectorAll('details').forEach(d => { d.open = true; });
const low = [];
document.querySelectorAll('body *:not(script):not(option)').forEach(e => {
  const own = Array.from(e.childNodes).some(n => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.getClientRects().length) return;
  const style = getComputedStyle(e);
  const text = e instanceof SVGElement ? style.fill : style.color;
  const a = light(parse(text)), b = light(behind(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) low.push([e.tagName, e.className.baseVal || e.className, ratio]);
});
return low;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(browser, pages, scheme):
    show(browser, pages["half"][0], scheme=scheme)
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is (scheme == "light")
    assert browser.execute_script(CONTRAST) == []


def test_it_prints_on_paper_without_being_cut(browser, pages):
    """On a page of A4 (190 mm between margins) nothing is wider than the paper."""
    show(browser, pages["toy"][0], (718, 1000))
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    widths = "return [document.documentElement.scrollWidth, window.innerWidth]"
    scroll, inner = browser.execute_script(widths)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert scroll <= inner


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """60 samples on four flowcells; S20 at half the coverage, FC2 with more duplicates."""
    rng = np.random.default_rng(1)
    middles = rng.uniform(1, 100, len(DRAWN))
    samples = []
    for number in range(60):
        values = middles * (1 + rng.normal(0, 0.01, len(DRAWN)))
        values[DRAWN.index("duplication")] *= 1.5 if number // 15 == 2 else 1
        values[DRAWN.index("mean_autosome_coverage")] *= 0.5 if number == 20 else 1
        when = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=number)
        batches = {
            **{"flowcell": [f"FC{number // 15}"], "library kit": [f"kit {number % 2}"]},
            **{"region": [["North", "South"][number % 2]], "week": [f"{when:%G-W%V}"]},
        }
        verdict = "fail" if number == 20 else "pass"
        samples.append(CohortSample(f"S{number:02d}", verdict, when, batches, values))
    pairs = [Relative("S01", "S02", 0.25, 0.0, "parent and child", "parent and child", True)]
    page = tmp_path_factory.mktemp("cohort") / "cohort.html"
    page.write_text(render_cohort(arrange(samples, pairs), "x" * 200, "2026-03-01T00:00:00+00:00"))
    return page


@pytest.mark.parametrize("size", SIZES)
def test_the_cohort_fits_and_asks_for_nothing(browser, cohort, size):
    show(browser, cohort, SIZES[size])
    assert requested(browser) == [cohort.as_uri()]
    widths = "return [document.documentElement.scrollWidth, window.innerWidth]"
    scroll, inner = browser.execute_script(widths)
    assert scroll <= inner == SIZES[size][0]
    assert browser.get_log("browser") == []


def test_the_cohort_shows_outliers_and_is_filtered(browser, cohort):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    show(browser, cohort)
    count = "return document.querySelectorAll(arguments[0]).length"
    assert browser.execute_script(count, "svg.chart:not(.wide) circle") == 60 * len(DRAWN)
    text = browser.execute_script("return document.body.innerText")
    assert "60 samples judged: 59 pass, 1 fail." in text
    first = browser.find_element(By.CSS_SELECTOR, "tr[data-of]").text.split()
    assert first[:2] == ["S20", "Coverage"]
    shown = browser.find_element(By.ID, "shown")
    assert shown.text == "60 samples"
    Select(browser.find_element(By.CSS_SELECTOR, "[data-factor=flowcell]")).select_by_visible_text(
        "FC1"
    )
    assert shown.text == "15 of 60 samples"
    assert browser.execute_script(count, "circle[data-row]:not(.away)") == 15 * len(DRAWN)
    Select(browser.find_element(By.CSS_SELECTOR, "[data-factor=region]")).select_by_visible_text(
        "South"
    )
    Select(browser.find_element(By.NAME, "verdict")).select_by_visible_text("pass")
    assert shown.text == "8 of 60 samples"
    browser.find_element(By.NAME, "text").send_keys("s1")
    assert shown.text == "3 of 60 samples"  # S15, S17 and S19


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_the_cohort_stands_out(browser, cohort, scheme):
    show(browser, cohort, scheme=scheme)
    assert browser.execute_script(CONTRAST) == []


def test_the_cohort_of_the_toy(browser, toy_run):
    page = toy_run.project.results / "report/cohort.html"
    show(browser, page)
    text = browser.execute_script("return document.body.innerText")
    assert "4 samples judged: 4 pass." in text
