"""The report: claims, figures and tables in one HTML file."""

from __future__ import annotations

from relugeom.report.mathml import typeset
from relugeom.report.page import report_page
from relugeom.report.tables import Table, read_table

__all__ = ["Table", "read_table", "report_page", "typeset"]
