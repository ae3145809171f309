"""Results as records, as CSV and in a notebook."""

from __future__ import annotations

import csv
import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from relugeom.autoencoder import Axial, Parameters, zero_loss_polygon
from relugeom.claims.results import Report, Result
from relugeom.claims.verdicts import Verdict
from relugeom.figures import draw
from relugeom.inspection import inspect
from relugeom.landscape.certifying import stored_certificates
from relugeom.landscape.kinds import kind
from relugeom.notebook import certificate_html
from relugeom.records import Rows, csv_text, records_table
from relugeom.storage import RunDatabase
from relugeom.studies.atlases import atlas
from relugeom.studies.censuses import Cohort, census
from relugeom.training.many_models import AxialTraining


def test_csv_and_html() -> None:
    records = [{"a": 1, "b": "x, y"}, {"a": 2.5, "c": None}]
    assert csv_text(records) == 'a,b,c\n1,"x, y",\n2.5,,\n'
    shown = records_table([{"a": "<b>\x1b", "b": math.nan, "c": True}], "t<")
    assert "&lt;b&gt;\\x1b" in shown
    assert '<td style="text-align: left">–</td>' in shown
    assert "yes" in shown
    assert "t&lt;" in shown
    assert "and 10 more" in records_table([{"a": 1}] * 210)


def test_a_report_is_a_table() -> None:
    report = Report((Result(id="one", file="f.py", statement="1 < 2", verdict=Verdict.CERTIFIED),), 0.5)
    assert "1 &lt; 2" in report._repr_html_()
    assert report.summary() in report._repr_html_()
    assert repr(report).splitlines()[0] == report.summary()
    assert len(repr(report).splitlines()) == 1 + len(report.results)
    assert all(one.id in line for one, line in zip(report.results, repr(report).splitlines()[1:], strict=True))
    assert next(csv.DictReader(report.to_csv().splitlines()))["verdict"] == "CERTIFIED"
    assert "1 &lt; 2" in report.results[0]._repr_html_()


def test_models_and_kinds_show_themselves() -> None:
    shown = zero_loss_polygon(5)._repr_html_()
    assert shown.count("<tr>") == 6
    assert "W (2, 5), b" in shown
    assert "W (3, 2, 5)" in Parameters(np.zeros((3, 2, 5)))._repr_html_()
    assert "5 represented" in kind(zero_loss_polygon(5))._repr_html_()


def test_certificates_are_shown_from_outside_the_checker() -> None:
    certificate = stored_certificates()["polygon-k05.json"]
    shown = certificate_html(certificate)
    assert shown.startswith("<div><strong>valid</strong> <code>critical-point</code>")
    assert not hasattr(certificate, "_repr_html_")


def test_both_counts_of_zero_loss(tmp_path: Path) -> None:
    training = AxialTraining(Axial(5), steps=300)
    found = atlas(training, 12, certificates=False)
    assert sum(record["count"] for record in found.records()) == 12
    assert 0 <= found.after_training <= found.after_polishing <= 12
    assert f"{found.after_polishing} after polishing" in found._repr_html_()
    with RunDatabase(tmp_path / "runs.sqlite") as database:
        (row,) = census([Cohort(training, 12, 0)], database).records()
    assert row["zero_loss_after_training"] == found.after_training
    assert row["zero_loss_after_polishing"] == found.after_polishing


def test_a_figure_shows_itself_without_pyplot() -> None:

    shown = draw("dimensionality", zero_loss_polygon(5))._repr_svg_()
    assert "<svg" in shown
    assert shown.count("<svg") == 1


def test_frames_where_pandas_is_installed() -> None:
    if importlib.util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed")
    frame = inspect(*zero_loss_polygon(5)).to_dataframe()
    assert list(frame["recovered"]) == [True] * 5
    assert len(Rows([inspect(*zero_loss_polygon(5))])) == 1


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_a_notebook_runs_and_shows_pages(tmp_path: Path) -> None:
    for module in ("nbclient", "nbformat", "ipykernel"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "import relugeom as rg\nfrom relugeom.autoencoder import zero_loss_polygon\nrg.inspect(*zero_loss_polygon(5))",
        "from relugeom.figures import draw\ndraw('gram')",
        "from relugeom.landscape.certifying import stored_certificates\nstored_certificates()['polygon-k05.json']",
        "zero_loss_polygon(4)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(tmp_path))
    page, figure, certificate, model = (cell.outputs[-1]["data"] for cell in notebook.cells)
    assert "global minimum" in page["text/html"]
    assert "<svg" in figure["image/svg+xml"]
    assert "valid" in certificate["text/html"]
    assert "<table>" in model["text/html"]
