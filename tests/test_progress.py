"""News of long computations: one shape, told at the start and at the end, and not too often between."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from relugeom.bars import ProgressBar
from relugeom.progress import Progress, Reporter
from relugeom.training.configuration import Configuration
from relugeom.training.loop import train


def test_everything_is_told_without_an_interval() -> None:
    seen: list[Progress] = []
    news = Reporter(seen.append, 5, 2)
    news.advance()
    news.reach(5, lambda: "loss 1")
    assert seen == [(2, 5, ""), (3, 5, ""), (5, 5, "loss 1")]


def test_with_an_interval_the_first_and_the_last_are_told_and_what_is_not_told_is_not_worded() -> None:
    seen: list[Progress] = []
    worded: list[int] = []
    news = Reporter(seen.append, 100, interval=3_600.0)
    for step in range(1, 101):
        news.reach(step, lambda step=step: worded.append(step) or f"step {step}")
    assert seen == [(0, 100, ""), (100, 100, "step 100")]
    assert worded == [100]


def test_nobody_is_told_nothing() -> None:
    Reporter(None, 1).advance(lambda: pytest.fail("worded for nobody"))


def test_training_tells_its_steps_and_loss() -> None:
    seen: list[Progress] = []
    train(Configuration(T=4, n=6, S=0.5, steps=20, warmup=2), progress=seen.append)
    assert seen[0] == (0, 20, "")
    assert seen[-1][:2] == (20, 20)
    assert seen[-1].detail.startswith("loss 0.")


def test_the_line_is_for_a_terminal_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    line = ProgressBar("runs")
    line(Progress(1, 2))
    line.clear()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    line = ProgressBar("runs")
    line.start(2_000)
    line.advance()
    line(Progress(2, 2_000, "loss 0.5"))
    line.clear()
    shown = capsys.readouterr().err
    assert "runs: 1 of 2,000" in shown
    assert "runs: 2 of 2,000  loss 0.5" in shown
    assert shown.endswith("\r\x1b[K")


def test_in_a_notebook_one_bar_is_shown_and_then_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Display:
        def update(self, news: dict[str, str], raw: bool) -> None:
            shown.append(f"changed: {news['text/html']}")

    def display(news: dict[str, str], raw: bool, display_id: bool) -> Display:
        shown.append(f"new: {news['text/html']}")
        return Display()

    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell, raising=False)
    monkeypatch.setitem(sys.modules, "IPython.display", types.ModuleType("IPython.display"))
    monkeypatch.setattr(sys.modules["IPython.display"], "display", display, raising=False)
    train(Configuration(T=4, n=6, S=0.5, steps=20, warmup=2), progress=ProgressBar("<steps>"))
    assert shown[0].startswith('new: <div><progress value="0" max="20"')
    assert shown[-1].startswith('changed: <div><progress value="20" max="20"')
    assert "&lt;steps&gt;: 20 of 20  loss 0." in shown[-1]
    assert sum(line.startswith("new") for line in shown) == 1


def test_the_module_knows_nothing_of_terminals() -> None:
    import relugeom.progress

    assert "sys" not in Path(relugeom.progress.__file__).read_text(encoding="utf-8").split()
