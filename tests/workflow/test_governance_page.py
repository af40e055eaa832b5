"""The governance page in a browser: it fits, it is whole, and it says nothing to the console."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from wgs_pipeline.governance.page import render
from wgs_pipeline.governance.publish import publish

FOLDER = Path(__file__).parents[1] / "unit" / "governance"


def _imported(name):
    specification = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    year = _imported("national_year")
    path = tmp_path_factory.mktemp("page") / "governance.html"
    path.write_text(render(publish(year.national_year(), year.NOW)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed here")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


def opened(browser, page, width, scheme="light", media=""):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features, "media": media})
    browser.get(page.as_uri())
    return browser


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits(browser, page, width):
    opened(browser, page, width)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    beyond = browser.execute_script(
        """return Array.from(document.querySelectorAll("main *")).filter(e =>
             !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + 1)
             .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert beyond == []


@pytest.mark.parametrize("width", [1280, 390])
def test_no_words_overlap_in_a_chart(browser, page, width):
    opened(browser, page, width)
    overlapping = browser.execute_script(
        """const found = [];
        for (const svg of document.querySelectorAll("svg")) {
          const boxes = Array.from(svg.querySelectorAll("text"))
            .map(e => [e.textContent, e.getBoundingClientRect()]);
          for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
            const [a, b] = [boxes[i][1], boxes[j][1]];
            const across = a.left < b.right && b.left < a.right;
            if (across && a.top + 2 < b.bottom && b.top + 2 < a.bottom)
              found.push(boxes[i][0] + " / " + boxes[j][0]);
          }
        }
        return found"""
    )
    assert overlapping == []


def test_every_region_has_a_tile_a_chart_and_an_interval(browser, page):
    opened(browser, page, 1280)
    count = "return document.querySelectorAll(arguments[0]).length"
    assert browser.execute_script(count, ".tile") == 5
    assert browser.execute_script(count, ".multiples svg[role=img]") == 5 + 3
    assert browser.execute_script(count, "circle") == 5
    unnamed = "svg[role=img]:not([aria-label]), svg:not([role]):not([aria-hidden])"
    assert browser.execute_script(count, unnamed) == 0


@pytest.mark.parametrize(("scheme", "media"), [("light", ""), ("dark", ""), ("light", "print")])
def test_text_can_be_read_on_its_ground(browser, page, scheme, media):
    """Contrast of at least 4.5 to 1 (WCAG 2.1 AA) wherever there is text."""
    opened(browser, page, 1280, scheme, media)
    poor = browser.execute_script(
        """const rgb = c => c.match(/[0-9.]+/g).map(Number);
        const light = c => { const [r, g, b] = c.map(v => { v /= 255;
          return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const ground = e => { for (; e; e = e.parentElement) {
          const c = rgb(getComputedStyle(e).backgroundColor);
          if (c.length === 3 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
        const found = [];
        for (const e of document.querySelectorAll("body *")) {
          const own = Array.from(e.childNodes).some(n => n.nodeType === 3 && n.data.trim());
          if (!own || e.closest("style, title") || !e.getClientRects().length) continue;
          const style = getComputedStyle(e);
          const front = light(rgb(e.closest("svg") ? style.fill : style.color).slice(0, 3));
          const back = light(ground(e));
          const ratio = (Math.max(front, back) + .05) / (Math.min(front, back) + .05);
          if (ratio < 4.5) found.push(ratio.toFixed(2) + " " + e.outerHTML.slice(0, 100));
        }
        return found"""
    )
    assert poor == []
