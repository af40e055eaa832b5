"""fairness.html in a browser, at desktop and phone width, light and dark."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from wgs_pipeline.planning.cases import Weights
from wgs_pipeline.planning.comparison import compare
from wgs_pipeline.planning.project import plan_project, read_inputs, write_plan
from wgs_pipeline.planning.simulated_project import write_project
from wgs_pipeline.planning.simulation import Scenario, capacity_of, simulate

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
SIZES = {"desktop": (1280, 1600), "phone": (390, 844)}
SCENARIO = Scenario(
    genomes=1_200,
    weeks=8,
    backlog_weeks=4,
    groups=8,
    surges=(),
    outages=((1, 3, 1),),
    new_group_from=None,
    load=1.2,
)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A plan of a simulated scenario, written; read it, do not change it."""
    folder = tmp_path_factory.mktemp("fairness")
    referrals = [r for r in simulate(SCENARIO) if (r.referred - SCENARIO.first).days < 0]
    config = write_project(folder, referrals, capacity_of(SCENARIO))
    result = plan_project(read_inputs(config, as_of=datetime(2026, 1, 5, 8, tzinfo=UTC)))
    write_plan(result, folder / "plan")
    return result, folder / "plan/fairness.html"


def test_the_page_says_what_the_plan_does(planned):
    result, page = planned
    text = page.read_text(encoding="utf-8")
    cases = result.roster.cases
    ours, first, urgent = compare(
        cases,
        result.supply,
        result.plan.slots,
        Weights(result.inputs.capacity.weights),
        result.inputs.capacity.repeat_wait,
    )
    assert f"<b>{float(ours.means.max()):.1f} weeks</b>" in text
    for each in (ours, first, urgent):
        assert f"{float(each.means.max()):.2f} weeks" in text
        assert f"{each.p90:.2f} weeks" in text
    assert ours.means.max() <= min(first.means.max(), urgent.means.max())
    for name in (*cases.names[:50], "simulated-"):
        assert name not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "<script" not in text


def test_waits_of_few_patients_are_not_shown(planned):
    _, page = planned
    assert '<td class="soft">few</td>' in page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium or chromedriver is not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = CHROMIUM
    for argument in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"),
        *("disable-background-networking", "disable-component-update", "no-first-run"),
        f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(DRIVER, log_output=subprocess.DEVNULL)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_fits_and_asks_for_nothing(browser, planned, size, scheme):
    _, page = planned
    width, height = SIZES[size]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.as_uri())
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert asked == [page.as_uri()]
    browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    scroll, inner = browser.execute_script(
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert scroll <= inner == width
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(20, 24, 27)") is (scheme == "dark")
    assert browser.get_log("browser") == []
