"""The page of an inspection: the same lines for a terminal and as HTML, and the table of many models."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from relugeom.html import css_variables, html_table
from relugeom.text import printable

if TYPE_CHECKING:
    from relugeom.inspection.inspection import Inspection

__all__ = ["answer", "html_body", "html_page", "html_part", "sections", "table", "text_page", "text_table"]

_MOST_ROWS = 40
_MOST_CIRCLES = 5
_OUTSIDE = (
    "Learning coefficients, hidden ReLU layers and sparse autoencoders on the latent space are outside; tools that "
    "have them take the W and b of this page."
)
Row = tuple[str, str]


def _number(x: float) -> str:
    """Four digits, without a minus before a zero."""
    return f"{x + 0.0:.4g}".replace("-", "−")


def _range(values: Any) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    return _number(low) if _number(low) == _number(high) else f"{_number(low)} to {_number(high)}"


def _members(members: Sequence[int]) -> str:
    """Some features by number."""
    if not members:
        return "none"
    shown = ", ".join(map(str, members[:12])) + (", ..." if len(members) > 12 else "")
    return f"{len(members)}: {shown}"


def sections(found: Inspection) -> list[tuple[str, list[Row]]]:
    """The page as headings with rows of a name and a text."""
    rows: list[Row] = [
        (
            "model",
            f"m = {found.m} latent dimensions, n = {found.n} features, "
            f"{'tied' if found.decoder is None else 'untied'}, "
            f"{'without a bias' if found.b is None else 'with a bias'}; {found.dtype}",
        ),
        ("data", found.data),
        *(("note", note) for note in found.notes),
    ]
    parts = [("", rows)]
    if found.nature.name != "diverged":
        parts += [("Geometry", _with_minus(_geometry(found))), ("On the data", _with_minus(_on_data(found)))]
    return [*parts, ("Nature", _with_minus(_nature(found)))]


def _with_minus(rows: Sequence[Row]) -> list[Row]:
    """The rows with − before numbers and in exponents, as `_number` writes it."""
    return [(name, _minus(text)) for name, text in rows]


def _minus(text: str) -> str:
    return re.sub(r"((?<=\de)|(?<![\w\-]))-(?=\d)", "−", text)


def _geometry(found: Inspection) -> list[Row]:
    shape = found.shape
    what = "circles" if found.m == 2 else "spheres" if found.m > 2 else "distances"
    pairs = list(zip(shape.counts, shape.radii, strict=True))
    listed = ", ".join(f"{count} at {_number(radius)}" for count, radius in pairs[:_MOST_CIRCLES])
    more = f" and {len(pairs) - _MOST_CIRCLES} more" if len(pairs) > _MOST_CIRCLES else ""
    rows = [
        ("norms", _range(found.norms)),
        (what, f"{len(pairs)} (norms linked by steps up to {_number(found.circle_tolerance)}): {listed}{more}"),
        ("shape", shape.words),
    ]
    if shape.gaps is not None:
        rows.append(("gaps", f"{_range(shape.gaps)}° between neighbours"))
    rows += [
        (
            "dimensionality",
            f"{_range(found.dimensionality)} per feature, together {_number(float(found.dimensionality.sum()))} "
            f"of m = {found.m}",
        ),
        ("interference", f"{_range(found.interference)}, Σ_j≠i (ŵ_i·w_j)²"),
        ("null", f"{_members(found.null)} (norm at most a hundredth of the largest)"),
        ("dead", f"{_members(found.dead)} (off on every example, out of every gradient's reach)"),
        ("duplicated", _members(found.duplicated)),
    ]
    if found.example_dimensionality is not None:
        T = len(found.example_dimensionality)
        rows.append(
            ("of examples", f"dimensionality {_range(found.example_dimensionality)}; m/T = {_number(found.m / T)}")
        )
    return rows


def _on_data(found: Inspection) -> list[Row]:
    by_feature = found.sums.feature_loss
    worst = int(by_feature.argmax())
    rows = [
        ("loss", f"{found.loss:.6g}, by feature {_range(by_feature)}, the most at feature {worst}"),
        ("recovered", _recovery(found)),
    ]
    if found.zero_loss is None:
        rows.append(("zero loss", "the test is for tied models"))
    else:
        answer = "holds" if found.zero_loss else "fails"
        rows.append(
            (
                "zero loss",
                f"{answer} on X = I: b_i = 1 − ‖w_i‖² up to {found.bias_excess:.2g}, least slack "
                f"w_i·(w_i − w_j) − 1 = {found.slack:.2g}".replace("-", "−"),
            )
        )
    kinks = found.sums.kinks
    near = f"{kinks} pre-activation{'s' * (kinks != 1)} within {found.tolerance:.2g} of 0"
    rows += [
        ("kinks", f"{near}, the nearest {found.sums.kink_distance:.2g}"),
        ("gradient", f"norm {found.sums.gradient_norm:.2g}"),
    ]
    return rows


def _recovery(found: Inspection) -> str:
    got = found.recovery
    count = int(got.recovered.sum())
    text = f"{count} of {found.n} features alone are given back alone (tolerance {found.tolerance:.2g})"
    if count:
        low, high = got.low[got.recovered], got.high[got.recovered]
        text += f", from amplitude {_range(low)} on"
        if np.isfinite(high).any():
            text += f", the first of them up to {_number(float(high.min()))}"
    beside = int(got.but_for_null.sum())
    if beside > count:
        text += f", {beside} if the constant outputs of null features are set aside"
    if count < found.n - len(found.null):
        missed = np.flatnonzero(~got.recovered & ~np.isin(np.arange(found.n), found.null))
        worst = missed[np.argmax(got.other[missed])]
        if got.other[worst] > found.tolerance:
            text += f"; with feature {worst} output {got.rival[worst]} is on too, by {got.other[worst]:.2g}"
        silent = int((got.own[missed] <= found.tolerance).sum())
        if silent:
            text += f"; {silent} give{'s' * (silent == 1)} nothing of {'itself' if silent == 1 else 'themselves'}"
    return text


def _nature(found: Inspection) -> list[Row]:
    nature = found.nature
    rows: list[Row] = [("answer", f"{answer(found)}: {nature.reason}")]
    if nature.name == "diverged":
        return rows
    if nature.distance > 0:
        rows.append(
            (
                "polished",
                f"moved by {nature.distance:.2g} to the model that the answer is about, of loss {nature.loss:.6g}",
            )
        )
    if nature.inertia is not None:
        up, down, level = nature.inertia
        rows.append(("curvatures", f"{up} up, {down} down, {level} level; those of symmetries left out"))
    if nature.certificate is not None:
        # Its numbers are fractions: a model next to this one, which may be exact where this one rounds.
        rows.append(("certificate", f"valid, next to this model: {nature.certificate.statement()}"))
    else:
        rows.append(("certificate", f"none: {nature.uncertified}"))
    return rows


def answer(found: Inspection) -> str:
    """The nature in a few words."""
    nature = found.nature
    words: str = nature.name
    if words == "strict minimum":
        words += " modulo rotation" if found.m > 1 else ""
        words += ", spurious" if nature.spurious else ""
    if words == "on a kink":
        words += f": {nature.one_sided}" if nature.one_sided else ": undecided"
    return words


_COLUMNS = (
    ("feature", "feature"), ("norm", "norm"), ("bias", "bias"), ("circle", "circle"), ("D", "dimensionality"),
    ("interference", "interference"), ("loss", "loss"), ("own", "own"), ("other", "largest_other"),
    ("from", "from_amplitude"), ("is", ""),
)  # fmt: skip


def _feature_rows(found: Inspection) -> tuple[list[str], list[list[str]]]:
    """The table by feature: all of them, or those with the largest norms."""
    records = found.records()
    if len(records) > _MOST_ROWS:
        records = sorted(records, key=lambda record: -record["norm"])[:_MOST_ROWS]
    rows = []
    for record in records:
        words = [word for word in ("recovered", "null", "dead", "duplicated") if record[word]]
        cells = []
        for _, key in _COLUMNS:
            value = record.get(key)
            if not key:
                cells.append(", ".join(words) or "–")
            elif isinstance(value, float):
                cells.append("–" if np.isnan(value) else _number(value))
            else:
                cells.append(str(value))
        rows.append(cells)
    return [title for title, _ in _COLUMNS], rows


def _align(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest entry; the last one to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("  " + "  ".join([*cells, row[-1]]).rstrip())
    return lines


def text_page(found: Inspection, width: int = 100) -> str:
    """The page for a terminal of that many columns."""
    lines = [printable(found.name) or "the model"]
    for title, rows in sections(found):
        if title:
            lines += ["", title]
        for name, text in rows:
            lead = f"  {name:<16}"
            if len(name) > 15:
                lines.append(f"  {name}")
                lead = " " * 18
            wrapped = textwrap.wrap(printable(text), max(width - 18, 30), break_long_words=False) or [""]
            lines += [lead + wrapped[0], *(" " * 18 + line for line in wrapped[1:])]
    if found.nature.name != "diverged":
        shown = min(found.n, _MOST_ROWS)
        lines += ["", "By feature" + (f", the {shown} longest" if found.n > shown else "")]
        lines += _align(*_feature_rows(found))
    return "\n".join(lines) + "\n"


def table(found: Sequence[Inspection]) -> list[dict[str, Any]]:
    """One record per model."""
    return [
        {
            "model": one.name, "m": one.m, "n": one.n, "loss": one.loss,
            "recovered": int(one.recovery.recovered.sum()), "null": len(one.null), "dead": len(one.dead),
            "duplicated": len(one.duplicated), "circles": len(one.shape.radii),
            "gradient": one.sums.gradient_norm, "nature": answer(one),
            "distance": one.nature.distance, "polished_loss": one.nature.loss,
            "certified": one.nature.certificate is not None,
        }
        for one in found
    ]  # fmt: skip


def group_counts(found: Sequence[Inspection]) -> list[tuple[str, int]]:
    """How many models are of each type, the most frequent first."""
    return Counter(one.type for one in found).most_common()


def _cells(record: dict[str, Any]) -> list[str]:
    cells = []
    for key, value in record.items():
        if value is None:
            cells.append("–")
        elif isinstance(value, bool):
            cells.append("yes" if value else "no")
        elif isinstance(value, float):
            cells.append(_number(value) if np.isfinite(value) else "–")
        else:
            cells.append(printable(str(value))[:40] if key == "model" else str(value))
    return cells


def _headings(keys: Iterable[str]) -> list[str]:
    """The names of a record's fields as the heads of columns."""
    return [key.replace("_", " ") for key in keys]


def _shared_data(found: Sequence[Inspection]) -> str:
    """The data of all models, where they are the same."""
    return found[0].data if len({one.data for one in found}) == 1 else "of each model, its own"


def text_table(found: Sequence[Inspection]) -> str:
    """One line per model, and the counts of the groups."""
    records = table(found)
    order = [key for key in records[0] if key != "nature"] + ["nature"]
    rows = [_cells({key: record[key] for key in order}) for record in records]
    lines = [f"{len(found)} models; data: {_shared_data(found)}", "", *_align(_headings(order), rows), "", "Groups"]
    lines += [f"  {count:6d}  {words}" for words, count in group_counts(found)]
    return "\n".join(lines) + "\n"


_STYLE = """
.inspection { color: var(--ink, #1a1f26); font: 1rem/1.5 system-ui, sans-serif; }
.inspection h2 { font-size: 1.4rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
.inspection h3 { font-size: 1.05rem; margin: 1.4rem 0 .2rem; }
.inspection dl { display: grid; grid-template-columns: minmax(6.5rem, max-content) 1fr; gap: .15rem 1rem; margin: 0; }
.inspection dt { font-weight: 600; } .inspection dd { margin: 0; overflow-wrap: anywhere; }
.inspection .answer { font-size: 1.15rem; border-left: 4px solid var(--good, #1b7a4b); padding: .2rem .8rem;
  margin: .8rem 0; }
.inspection .scroll { overflow-x: auto; }
.inspection table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; }
.inspection th, .inspection td { padding: .15rem .7rem .15rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line, #c3cad3); }
.inspection th:last-child, .inspection td:last-child { text-align: left; white-space: normal; }
.inspection .pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr));
  gap: 1rem; align-items: start; margin: 1rem 0; }
.inspection .strip { grid-template-columns: repeat(auto-fill, minmax(min(100%, 13rem), 1fr)); }
.inspection figure { margin: 0; } .inspection svg { width: 100%; height: auto; }
.inspection figcaption, .inspection .small { color: var(--faint, #5a6472); font-size: .85rem; }
@media (max-width: 30rem) { .inspection dl { grid-template-columns: 1fr; } .inspection dt { margin-top: .4rem; } }
"""


def html_part(found: Inspection, prefix: str = "inspection") -> str:
    """One inspection as HTML that can stand in a page or a notebook."""
    body = [f'<div class="inspection"><style>{_STYLE}</style><h2>{escape(found.name or "The model")}</h2>']
    reason = _minus(found.nature.reason)
    words = f"<strong>{escape(answer(found))}</strong>. {escape(reason[:1].upper() + reason[1:])}"
    if found.nature.distance > 0:
        words += f". This is of the model after polishing, which moved it by {_minus(f'{found.nature.distance:.2g}')}"
    body.append(f'<p class="answer">{words}.</p>')
    for title, rows in sections(found):
        body.append(f"<h3>{escape(title)}</h3>" if title else "")
        body.append("<dl>" + "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in rows) + "</dl>")
        if not title and pictures_of(found):
            body.append(_pictures(found, prefix))
    if found.nature.name != "diverged":
        head, rows_ = _feature_rows(found)
        longest = f", the {_MOST_ROWS} longest" if found.n > _MOST_ROWS else ""
        body.append(f"<h3>By feature{longest}</h3>{html_table(head, rows_)}")
    return "".join([*body, "</div>"])


_CAPTIONS = {
    "regions": "Where each feature alone is given back, in its colour; thin lines are where an output turns on.",
    "overlaps": "Features joined where they share a direction, the thicker the more; red where they point apart.",
    "gram": "The inner products of the features; more than 40 of them stand in the order of their norms.",
    "interference": "The norm of each feature, and beside it what the others put on its direction.",
    "dimensionality": "The part of a dimension that each feature has to itself, among the values of regular figures.",
}


def _pictures(found: Inspection, prefix: str) -> str:
    from relugeom.figures import FIGURES, draw, inline_svg, turning

    parts = []
    for name in pictures_of(found):
        if name == "space":
            parts.append(turning(found.parameters))
            continue
        title, caption = FIGURES[name].title, _CAPTIONS[name]
        drawn = inline_svg(draw(name, found.parameters), f"{prefix}-{name}", f"{title}. {caption}")
        parts.append(
            f"<figure>{drawn}<figcaption><strong>{escape(title)}.</strong> {escape(caption)}</figcaption></figure>"
        )
    return f'<div class="pictures">{"".join(parts)}</div>'


def pictures_of(found: Inspection) -> list[str]:
    """The figures that show this model best, by name."""
    from relugeom.figures import figures_for

    if found.nature.name == "diverged":
        return []
    possible = figures_for(found.parameters)
    wanted = ["regions", "space", "gram", "interference", "dimensionality"]
    if found.m > 3:
        wanted.insert(0, "overlaps")
    return [name for name in wanted if name in possible]


def html_page(found: Sequence[Inspection]) -> str:
    """A self-contained page: one model in full, or the table of many with the first of each group in full."""
    from relugeom.figures.style import DARK, LIGHT

    style = (
        f":root {{ color-scheme: light dark; {css_variables(LIGHT.variables())} }} "
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {css_variables(DARK.variables())} }} }} "
        "body { margin: 0 auto; max-width: 62rem; padding: .5rem 1rem 3rem; "
        "background: var(--paper); color: var(--ink); } * { box-sizing: border-box; }"
    )
    title = (found[0].name or "My model") if len(found) == 1 else f"{len(found)} models"
    body = html_body(found)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{style}</style></head><body><main>{body}"
        f'<div class="inspection"><p class="small">{escape(_OUTSIDE)}</p></div></main></body></html>\n'
    )


def html_body(found: Sequence[Inspection]) -> str:
    """What stands on the page: one model in full, or the table of many with the first of each group in full."""
    return html_part(found[0]) if len(found) == 1 else _many(found)


def _strip(shown: Sequence[Inspection], groups: Sequence[Sequence[str]]) -> str:
    """One picture of the first model of each group, side by side."""
    from relugeom.figures import draw, inline_svg

    parts = []
    for k, (one, (count, words)) in enumerate(zip(shown, groups, strict=False)):
        for name in pictures_of(one)[:1]:
            drawn = inline_svg(draw(name, one.parameters), f"group-{k}", words)
            several = "models" if count != "1" else "model"
            parts.append(f"<figure>{drawn}<figcaption>{count} {several}: {escape(words)}</figcaption></figure>")
    return f'<div class="pictures strip">{"".join(parts)}</div>' if parts else ""


def _many(found: Sequence[Inspection]) -> str:
    records = table(found)
    groups = [[str(count), words] for words, count in group_counts(found)]
    firsts: dict[str, Inspection] = {}
    for one in found:
        firsts.setdefault(one.type, one)
    shown = [firsts[words] for _, words in groups[:6]]
    parts = [html_part(one, f"model-{k}") for k, one in enumerate(shown)]
    return (
        f'<div class="inspection"><style>{_STYLE}</style><h2>{len(found)} models</h2>'
        f"<p>{escape(_shared_data(found))}</p>"
        f"{_strip(shown, groups)}<h3>Groups</h3>{html_table(['models', 'type'], groups)}<h3>One row per model</h3>"
        f"{html_table(_headings(records[0]), [_cells(record) for record in records[:1000]])}"
        f"<h3>The first of each group</h3></div>{''.join(parts)}"
    )
