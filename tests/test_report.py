"""The report: one file that holds everything, reads well to people and machines, and lies about nothing."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from relugeom.claims.results import Report
from relugeom.claims.run import verify
from relugeom.cli import main
from relugeom.errors import StorageError
from relugeom.exact import Valid, check, loads
from relugeom.report import read_table, report_page, typeset
from relugeom.report.mathml import FORMULAS
from relugeom.storage import RunDatabase
from tests.browser import chromium, complaints, serious_violations
from tests.test_runner import GOOD, declare, write


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("claims")
    bad = declare("hostile", "raise ValueError('</script>&')")
    return verify([write(folder, "mine.py", GOOD, bad)])


MODELS = '<div class="inspection"><h2>mine</h2></div>'


@pytest.fixture(scope="module")
def page(claims: Report) -> str:
    return report_page(claims, {"relugeom": "1", "<x>": "&"}, models=MODELS, figures=["gram", "training", "regions"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("w_i < 2", "<math><msub><mi>w</mi><mi>i</mi></msub></math> &lt; 2"),
        (
            "‖w‖²",
            '<span class="whole">‖<math><mi>w</mi></math><math><msup><mtext>‖</mtext><mn>2</mn></msup></math></span>',
        ),
        ("(w_i)", '<span class="whole">(<math><msub><mi>w</mi><mi>i</mi></msub></math>)</span>'),
        (f"{'x' * 40}(w_i)", f"{'x' * 40}(<math><msub><mi>w</mi><mi>i</mi></msub></math>)"),
        ("G_ij²", "<math><msubsup><mi>G</mi><mrow><mi>i</mi><mi>j</mi></mrow><mn>2</mn></msubsup></math>"),
        (
            "WᵀWx",
            '<span class="whole"><math><msup><mi>W</mi><mi>T</mi></msup></math>'
            "<math><mi>W</mi><mi>x</mi></math></span>",
        ),
        ("cos² θ", "<math><msup><mi>cos</mi><mn>2</mn></msup></math> <math><mi>θ</mi></math>"),
        (
            "cos 2φ, dφ",
            'cos <span class="whole">2<math><mi>φ</mi></math>,</span> <math><mi>d</mi><mi>φ</mi></math>',
        ),
        ("2^m", "<math><msup><mn>2</mn><mi>m</mi></msup></math>"),
        ("b_{k+1}", "<math><msub><mi>b</mi><mrow><mi>k</mi><mo>+</mo><mn>1</mn></mrow></msub></math>"),
        ("0 < a ≤ 1", "0 &lt; <math><mi>a</mi></math> ≤ 1"),
        ("a word, e.g. this, i.e. I", "a word, e.g. this, i.e. I"),
        ("two_m_bound 50_000 it's", "two_m_bound 50_000 it's"),
        ("`x <i>`", "<code>x &lt;i&gt;</code>"),
    ],
)
def test_mathematics_is_typeset_and_words_are_left_alone(text: str, expected: str) -> None:
    assert typeset(text) == expected


def test_the_formulas_are_well_formed() -> None:
    for math, words in FORMULAS:
        ElementTree.fromstring(math.replace("&#x2061;", ""))
        assert words.endswith(".")


def test_the_page_needs_nothing_beside_itself(page: str) -> None:
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert not re.search(r"url\((?!#)", page)
    assert "@@" not in page
    assert "</script>&" not in page
    assert escape("</script>&", quote=False) in page
    assert "&lt;x&gt;" in page
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="#([^"]+)"', page):
        assert target in ids


def test_the_page_begins_with_models_and_pictures(page: str) -> None:
    sections = re.findall(r'<section id="([^"]+)"', page)
    assert sections == ["models", "pictures", "summary", "model", "claims", "figures", "provenance"]
    assert re.findall(r'<figure id="figure-([^"]+)"', page) == ["regions", "training", "gram"]
    assert page.index(MODELS) < page.index("figure-regions")


def test_certificates_can_be_taken_out_and_checked(page: str, claims: Report) -> None:
    links = re.findall(r'download="([^"]+)" href="data:application/json;base64,([^"]+)"', page)
    assert len(links) == sum(len(result.certificates) for result in claims.results) == 1
    for name, data in links:
        assert isinstance(check(loads(base64.b64decode(data).decode())), Valid)
        assert f"relugeom check {name}" in page


def test_every_claim_shows_its_verdict_and_a_surprise_is_said(page: str, claims: Report) -> None:
    for result in claims.results:
        verdict = result.verdict.value if result.verdict is not None else "ERROR"
        assert f'id="claim-{result.id}" data-verdict="{verdict}"' in page
    assert "Not as expected" in page
    fine = Report(tuple(result for result in claims.results if result.as_expected), 0.0)
    assert "Not as expected" not in report_page(fine, {})


CAPACITY = {
    "cells": [
        {"m": m, "tied": tied, "bias": "none", "active": 1, "status": status, "certified": 2 * m, "upper_bound": most}
        for m in (1, 2)
        for tied, status, most in ((True, "exact", 2 * m), (False, "open", 9))
    ]
}
ATLAS = {
    "7": [
        {"count": 3, "seeds": 4, "interval": [0.3, 0.95], "loss": 1.0, "nature": "saddle", "inertia": [3, 1, 1],
         "type": "6-gon", "spurious": False, "certified": True, "W": [[1.0, -1.0], [0.0, 0.5]], "b": [0.0, 0.0]},
        {"count": 1, "seeds": 4, "interval": [0.1, 0.8], "loss": 2.0, "nature": "a $\\frac saddle", "inertia": None,
         "type": "dead", "spurious": False, "certified": False, "W": [[1.0], [0.0], [0.0]], "b": None},
    ]
}  # fmt: skip
SWEEP = {
    "runs": [
        {"configuration": {"T": 5, "seed": 3}, "status": "finished", "data_hash": "abcdef0123456789",
         "metrics": {"loss": loss, "dead": 2, "test_loss": 0.5, "example_dimensionality": 0.4}}
        for loss in (0.25, 0.125, 0)
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "data", "cells"),
    [("capacity", CAPACITY, ("2", "2 … 9")), ("atlas", ATLAS, ("7", "3 of 4")), ("sweep", SWEEP, ("5", "finished"))],
)
def test_results_of_other_commands_become_tables(tmp_path: Path, kind: str, data: Any, cells: tuple[str, str]) -> None:
    path = tmp_path / "data.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    table = read_table(kind, path)
    assert set(cells) <= set(table.rows[0])
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert cells[1] in table.html()
    for broken in ("[]", "{", '{"cells": [{}], "runs": [{}], "7": [{}]}'):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(StorageError, match=f"relugeom {kind} --json"):
            read_table(kind, path)


def test_results_of_other_commands_are_drawn(tmp_path: Path, claims: Report) -> None:
    path = tmp_path / "data.json"
    drawn = {}
    for kind, data in (("atlas", ATLAS), ("sweep", SWEEP), ("capacity", CAPACITY)):
        path.write_text(json.dumps(data), encoding="utf-8")
        drawn[kind] = read_table(kind, path)
    shares, panels = (picture.draw() for picture in drawn["atlas"].pictures)
    assert [text.get_text() for text in shares.axes[0].texts] == ["75", "25"]
    assert [ax.get_title() for ax in panels.axes if ax.get_visible()] == ["75% of seeds, loss 1\nsaddle"]
    losses, dimensionality = (picture.draw() for picture in drawn["sweep"].pictures)
    assert losses.axes[0].lines[0].get_ydata() == [1e-12]  # the best run, at loss 0
    assert dimensionality.axes[0].lines[0].get_ydata() == [0.4]
    assert drawn["capacity"].pictures == ()
    page = report_page(claims, {}, tables=[*drawn.values()])
    for name in ("atlas-shares", "atlas-7", "sweep-losses", "sweep-dimensionality"):
        assert f'<figure id="figure-{name}">' in page
    assert page.count("<summary>The numbers: ") == 2
    assert page.count("in vectors.svg in the folder of the sweep") == 1
    bare = {"7": [{**entry, "W": None} for entry in ATLAS["7"]]}
    path.write_text(json.dumps(bare), encoding="utf-8")
    assert [picture.id for picture in read_table("atlas", path).pictures] == ["atlas-shares"]
    diverged = {"runs": [{**run, "status": "diverged"} for run in SWEEP["runs"]]}
    path.write_text(json.dumps(diverged), encoding="utf-8")
    table = read_table("sweep", path)
    assert table.pictures == ()
    assert table.missing.startswith("Nothing is drawn here: no run of the file finished")
    # What a sweep leaves behind is not what it prints, and the message says what to give instead.
    with RunDatabase(tmp_path / "runs.sqlite") as database:
        database.record({"T": 3}, {"loss": 0.5})
    for given, kind in ((tmp_path, "a folder"), (tmp_path / "runs.sqlite", "a run database")):
        with pytest.raises(StorageError, match=rf"is {kind}; give the FILE that `relugeom sweep \.\.\. --json > FILE`"):
            read_table("sweep", given)


def test_the_commands_write_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, capacity = write(tmp_path, "mine.py", GOOD), tmp_path / "capacity.json"
    capacity.write_text(json.dumps(CAPACITY), encoding="utf-8")
    out, short = tmp_path / "report.html", tmp_path / "claims.html"
    assert main(["report", str(path), "--no-figures", "--capacity", str(capacity), "--output", str(out)]) == 0
    assert "How many features fit" in out.read_text(encoding="utf-8")
    assert main(["report", str(path), "--no-figures", "--output", str(short)]) == 0
    assert "claim-two-on-a-line" in short.read_text(encoding="utf-8")
    model = tmp_path / "two.json"
    model.write_text('{"W": [[1, -1]], "b": [0, 0]}', encoding="utf-8")
    assert main(["report", str(model), str(path), "--no-figures", "--data", "uniform", "--output", str(short)]) == 0
    text = short.read_text(encoding="utf-8")
    assert text.index("a·e_i, a uniform") < text.index("claim-two-on-a-line")
    assert main(["report", str(path), "--atlas", str(capacity), "--output", str(out)]) == 2
    assert "relugeom atlas --json" in capsys.readouterr().err


@pytest.fixture(scope="module")
def browser(page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("report")
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    with chromium(folder / "profile") as driver:
        driver.get(path.as_uri())
        yield driver


def test_search_filters_and_the_keyboard_opens(browser) -> None:
    from selenium.webdriver.common.keys import Keys

    def shown() -> int:
        return sum(claim.is_displayed() for claim in browser.find_elements("css selector", ".claim"))

    everything = shown()
    assert everything == 2
    search = browser.find_element("id", "search")
    search.send_keys("hostile")
    assert shown() == 1
    search.clear()
    search.send_keys(" ", Keys.BACKSPACE)
    browser.find_element("css selector", '.filter[value="CERTIFIED"]').send_keys(Keys.SPACE)
    assert shown() == 1
    browser.find_element("css selector", '.filter[value="CERTIFIED"]').send_keys(Keys.SPACE)
    claim = browser.find_element("css selector", ".claim")
    claim.find_element("css selector", "summary").send_keys(Keys.ENTER)
    assert claim.get_attribute("open")
    assert "Opposite signs" in claim.text


def test_nothing_is_wider_than_a_phone(browser) -> None:
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") == 390
    finally:
        browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_page_is_accessible_and_quiet(browser) -> None:
    browser.find_element("id", "open").click()
    assert serious_violations(browser) == []
    assert complaints(browser) == []
