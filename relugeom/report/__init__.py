"""The report: models, claims, figures and the results of other commands in one HTML file."""

from __future__ import annotations

from relugeom.report.mathml import typeset
from relugeom.report.page import report_page
from relugeom.report.tables import Picture, Table, read_table

__all__ = ["Picture", "Table", "read_table", "report_page", "typeset"]
