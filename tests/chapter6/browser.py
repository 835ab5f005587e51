"""A real browser for tests of the page: Chromium without a window, through Selenium; skips where there is none."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
WIDE, NARROW = (1280, 900), (360, 720)


@pytest.fixture(scope="session")
def browser() -> Iterator["WebDriver"]:
    """One for all tests: starting it takes a second."""
    webdriver: Any = pytest.importorskip("selenium.webdriver")
    if not (CHROMIUM and DRIVER):
        pytest.skip("no chromium with chromedriver here")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def visit(
    browser: "WebDriver", page: Path, size: tuple[int, int] = WIDE, lang: str = "zh-CN", theme: str = "light"
) -> None:
    """Open a page from its file, as a reader who chose this language and theme; errors of its console fail."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    browser.execute_script("kept.set('lang', arguments[0]); kept.set('theme', arguments[1])", lang, theme)
    browser.refresh()
    assert_no_errors(browser)


def assert_no_errors(browser: "WebDriver") -> None:
    """Nothing was refused, nothing failed: the console is empty."""
    assert browser.get_log("browser") == []
