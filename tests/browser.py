"""A headless Chromium for tests of pages; where there is none, the tests are skipped and say why."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def chromium(profile: Path, width: int = 1200, height: int = 1000) -> Iterator[Any]:
    """A driver of a fresh Chromium, with the package's defaults for a container."""
    selenium = pytest.importorskip("selenium", reason="selenium is not installed")
    from selenium import webdriver

    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip(f"{'chromium' if browser is None else 'chromedriver'} is not installed")
    assert selenium
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (
        "headless=new", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync", "disable-dev-shm-usage", f"user-data-dir={profile}",
        f"window-size={width},{height}", "force-device-scale-factor=1",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield started
    finally:
        started.quit()


def complaints(driver: Any) -> list[str]:
    """What the page's console says that is worse than information."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]


def serious_violations(driver: Any) -> list[str]:
    """What axe-core finds of serious or critical impact, one line a rule."""
    axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    program = (Path(axe.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")
    driver.execute_script(program)
    report = driver.execute_async_script("const done = arguments[arguments.length - 1]; axe.run().then(done);")
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in report["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
