"""What is my model? One page about a model, and one table about many."""

from __future__ import annotations

from relugeom.inspection.inspection import Inspection, inspect, inspect_file
from relugeom.inspection.page import html_body, html_page, table, text_table

__all__ = ["Inspection", "html_body", "html_page", "inspect", "inspect_file", "table", "text_table"]
