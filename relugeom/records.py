"""Results as records: one mapping per row, for CSV, for pandas where it is installed, and as a table in a notebook."""

from __future__ import annotations

import csv
import io
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from relugeom.html import html_table
from relugeom.text import printable

__all__ = ["Records", "Rows", "csv_text", "records_table"]

T = TypeVar("T")

_MOST_ROWS = 200


def csv_text(records: Sequence[Mapping[str, Any]]) -> str:
    """The records as CSV, with a line of names; a column that only some have is empty for the others."""
    stream = io.StringIO()
    names = list(dict.fromkeys(name for record in records for name in record))
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return stream.getvalue()


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else printable(value)


def records_table(records: Sequence[Mapping[str, Any]], caption: str = "") -> str:
    """The records as an HTML table, the first 200 of them."""
    names = list(dict.fromkeys(name for record in records for name in record))
    rows = [[_cell(record.get(name)) for name in names] for record in records[:_MOST_ROWS]]
    more = f"<p>and {len(records) - _MOST_ROWS} more</p>" if len(records) > _MOST_ROWS else ""
    return html_table(names, rows, caption=caption, style="text-align: left") + more


class Records(ABC):
    """What has `records`: it gets the other forms."""

    __slots__ = ()

    @abstractmethod
    def records(self) -> list[dict[str, Any]]:
        """One mapping per row."""

    def caption(self) -> str:
        """What stands above the table."""
        return ""

    def to_csv(self) -> str:
        """The records as CSV."""
        return csv_text(self.records())

    def to_dataframe(self) -> Any:
        """The records as a pandas DataFrame; pandas has to be installed."""
        import pandas  # type: ignore[import-untyped]

        return pandas.DataFrame(self.records())

    def _repr_html_(self) -> str:
        return records_table(self.records(), self.caption())


class Rows(list[T], Records):
    """A list of results that each have a `record`."""

    def records(self) -> list[dict[str, Any]]:
        """The record of every result."""
        return [row.record() for row in self]  # type: ignore[attr-defined]

    def caption(self) -> str:
        """How many rows there are."""
        return f"{len(self)} rows"
