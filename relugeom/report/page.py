"""The report: everything in one file that needs no network, no server and no program but a browser."""

from __future__ import annotations

import base64
import hashlib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from relugeom.claims.results import Report, Result
from relugeom.claims.verdicts import CertificateRecord
from relugeom.figures import FIGURES, draw, film_gif, inline_svg, recorded_film
from relugeom.figures.style import COLUMN, DARK, LIGHT
from relugeom.html import css_variables
from relugeom.report.mathml import FORMULAS, typeset
from relugeom.report.tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["report_page"]

_MEANINGS = {
    "PROVED": "An argument, each algebraic step of it checked by machine, and a false sibling that the same steps fail "
    "to prove.",
    "CERTIFIED": "A finite statement with certificates, re-checked in exact arithmetic.",
    "REFUTED": "An exact counterexample.",
    "MEASURED": "A statistic with its interval and trials, or a count over a stated range.",
    "UNDECIDED": "Not known here, and why.",
}
_MARKS = {"PROVED": "∎", "CERTIFIED": "✓", "REFUTED": "✗", "MEASURED": "≈", "UNDECIDED": "?", "ERROR": "!"}


# What a reader sees first; the other figures come after the claims.
_FIRST = ("regions", "training")


def report_page(
    report: Report,
    environment: Mapping[str, str],
    *,
    models: str = "",
    figures: Sequence[str] = (),
    film: bool = False,
    tables: Sequence[Table] = (),
) -> str:
    """The page as one text.

    Parameters
    ----------
    report : Report
        The claims, as `relugeom.claims.run.verify` found them.
    environment : mapping of str to str
        Names and versions of what ran.
    models : str
        HTML about models of the reader's own, which the page then begins with (`relugeom.inspection.html_body`).
    figures : sequence of str
        The figures to draw, by name.
    film : bool
        Whether to show the training run as a film too.
    tables : sequence of Table
        Results of other commands.
    """
    first = [name for name in _FIRST if name in figures]
    rest = [name for name in figures if name not in first]
    sections = [
        *([("models", "My models", models)] if models else []),
        *([("pictures", "In pictures", _figures(first, film))] if first or film else []),
        ("summary", "Claims by verdict", _summary(report)),
        ("model", "The model in six formulas", _formulas()),
        *((table.id, table.title, _table(table)) for table in tables),
        ("claims", "Claims", _claims(report)),
        *([("figures", "More pictures", _figures(rest, film=False))] if rest else []),
        ("provenance", "What ran, and the hashes", _provenance(report, environment, tables)),
    ]
    style = (
        _part("page.css")
        .replace("@@LIGHT@@", css_variables(LIGHT.variables()))
        .replace("@@DARK@@", css_variables(DARK.variables()))
    )
    links = "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title, _ in sections)
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{escape(title)}</h2>{html}</section>'
        for name, title, html in sections
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>relugeom: the report</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body>"
        '<a class="skip" href="#claims">Skip to the claims</a>'
        "<header><h1>What the tied ReLU autoencoder gives back</h1>"
        "<p>Pictures, claims with their verdicts and the evidence for each, and certificates that anyone can check "
        "again. This file holds everything it shows.</p></header>"
        f'<nav aria-label="sections"><ul>{links}</ul></nav><main>{body}</main>'
        f"<script>{_part('page.js')}</script></body></html>\n"
    )


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _summary(report: Report) -> str:
    cards = "".join(
        f'<div class="card"><dt>{_badge(name)} <span class="count">{count}</span></dt>'
        f"<dd>{_MEANINGS.get(name, 'It could not be run.')}</dd></div>"
        for name, count in report.counts().items()
        if count
    )
    surprises = [result for result in report.results if not result.as_expected]
    unexpected = "".join(f'<li><a href="#claim-{_slug(r.id)}">{escape(r.id)}</a></li>' for r in surprises)
    close = (
        f'<p class="bad">Not as expected:</p><ul>{unexpected}</ul>'
        if surprises
        else "<p>Every verdict is the one that was declared beforehand as expected.</p>"
    )
    return f'<p>{len(report.results)} claims:</p><dl class="cards">{cards}</dl>{close}'


def _formulas() -> str:
    return "".join(f'<div class="formula">{math}<p>{typeset(words)}</p></div>' for math, words in FORMULAS)


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in name)


def _badge(verdict: str) -> str:
    mark = _MARKS[verdict]
    return f'<span class="badge {verdict.lower()}"><span aria-hidden="true">{mark}</span> {verdict}</span>'


def _claims(report: Report) -> str:
    options = "".join(
        f'<label><input type="checkbox" class="filter" value="{name}" checked> {name.lower()} ({count})</label>'
        for name, count in report.counts().items()
        if count
    )
    tools = (
        '<form class="tools" hidden><label>Search <input type="search" id="search"></label>'
        f"<fieldset><legend>verdict</legend>{options}</fieldset>"
        '<button type="button" id="open">Open all</button><button type="button" id="close">Close all</button>'
        '<output id="found"></output></form>'
    )
    parts = [tools]
    named = zip(report.results, report.certificate_names(), strict=True)
    for heading, group in groupby(named, key=lambda pair: (pair[0].heading or pair[0].file, pair[0].file)):
        title, file = heading
        rows = "".join(_claim(result, names) for result, names in group)
        parts.append(f'<div class="group"><h3>{typeset(title)}</h3><p class="file">{escape(file)}</p>{rows}</div>')
    return "".join(parts)


def _claim(result: Result, names: Sequence[str]) -> str:
    verdict = result.verdict.value if result.verdict is not None else "ERROR"
    surprise = ""
    if not result.as_expected and result.expected is not None and result.verdict is not None:
        surprise = f'<span class="bad"> expected {result.expected.value}</span>'
    name = _slug(result.id)
    return (
        f'<details class="claim" id="claim-{name}" data-verdict="{verdict}"><summary>{_badge(verdict)}{surprise} '
        f'<span class="statement">{typeset(result.statement or result.id)}</span></summary>'
        f'<div class="inside">{"".join(_details(result, names))}</div></details>'
    )


def _details(result: Result, names: Sequence[str]) -> list[str]:
    parts = [f"<p><strong>Evidence.</strong> {typeset(result.error or result.evidence)}</p>"]
    if result.source:
        parts.append(f"<p><strong>Source.</strong> {escape(result.source)}</p>")
    if result.argument:
        parts.append(f"<h4>Argument</h4>{_prose(result.argument)}")
    if result.steps:
        rows = "".join(
            f'<li class="{"failed" if fault else "holds"}">{typeset(claim)} <span class="method">[{escape(method)}]'
            f"{f' fails: {typeset(fault)}' if fault else ''}</span></li>"
            for claim, method, fault in result.steps
        )
        parts.append(f"<h4>Steps, each checked by machine</h4><ol>{rows}</ol>")
    if result.sibling:
        parts.append(
            f"<h4>False sibling, which the same steps fail to prove</h4><p>{typeset(result.sibling)}</p>"
            f"<p>Fails at: {typeset(result.sibling_fault or 'nothing')}</p>"
        )
    if result.formal:
        rows = "".join(
            f"<li>{typeset(proof.statement)} <code>{escape(proof.theorem)}</code> in "
            f"<code>{escape(proof.file)}</code></li>"
            for proof in result.formal
        )
        parts.append(f"<h4>Formal proofs, checked by <code>relugeom verify --formal</code></h4><ul>{rows}</ul>")
    if result.by_hand:
        parts.append(f"<h4>By hand</h4>{_prose(result.by_hand)}")
    if result.trials:
        low, high = result.interval or (None, None)
        between = "" if low is None else f", interval [{low:.6g}, {high:.6g}]"
        parts.append(f"<p><strong>Trials.</strong> {result.successes} of {result.trials}{between}</p>")
    if result.certificates:
        parts.append("<h4>Certificates</h4>" + _certificates(result, names))
    if result.note:
        parts.append(f"<p><strong>Note.</strong> {typeset(result.note)}</p>")
    again = f"relugeom explain {result.id}"
    parts.append(f"<p><strong>Run it again:</strong> <code>{escape(again)}</code> ({result.seconds:.1f} s)</p>")
    return parts


def _prose(text: str) -> str:
    """Paragraphs; indented or listed lines stay as they are."""
    parts = []
    for paragraph in textwrap.dedent(text).split("\n\n"):
        rows = paragraph.splitlines()
        if any(row.startswith((" ", "- ", "* ")) for row in rows):
            parts.append(f'<p class="kept">{typeset(paragraph)}</p>')
        elif paragraph.strip():
            parts.append(f"<p>{typeset(' '.join(rows))}</p>")
    return "".join(parts)


def _certificates(result: Result, names: Sequence[str]) -> str:
    rows = "".join(
        f'<li><a download="{escape(name, quote=True)}" href="{_link(certificate)}">{escape(name)}</a> '
        f'<span class="method">[{escape(certificate.kind)}]</span> {typeset(certificate.statement)}</li>'
        for name, certificate in zip(names, result.certificates, strict=True)
    )
    first = escape(names[0])
    more = " …" if len(result.certificates) > 1 else ""
    return (
        f"<ul>{rows}</ul><p>Check with <code>relugeom check {first}{more}</code>: exact arithmetic, "
        "the standard library of Python alone.</p>"
    )


def _link(certificate: CertificateRecord) -> str:
    return "data:application/json;base64," + base64.b64encode(certificate.text.encode()).decode()


def _figures(names: Sequence[str], film: bool) -> str:
    parts = [_film()] if film else []
    for name in names:
        entry = FIGURES[name]
        parts.append(_show(name, entry.title, entry.caption, draw(name), f"relugeom figures {name}"))
    return "".join(parts)


def _show(name: str, title: str, caption: str, drawn: Figure, command: str = "") -> str:
    """A figure with its caption; one that is too wide for a phone scrolls on its own there."""
    picture = inline_svg(drawn, f"figure-{name}", f"{title}. {caption}")
    wide = drawn.get_size_inches()[0] > COLUMN
    scrolls = f' wide" role="region" tabindex="0" aria-label="{escape(title, quote=True)}' if wide else ""
    made = f" <code>{escape(command)}</code>" if command else ""
    return (
        f'<figure id="figure-{name}"><div class="picture{scrolls}">{picture}</div><figcaption>'
        f"<strong>{typeset(title)}.</strong> {typeset(caption)}{made}</figcaption></figure>"
    )


def _film() -> str:
    """The recorded run as a film, in the colours of either theme."""
    told = recorded_film()
    told = replace(told, frames=told.frames[::2])  # in two themes, and enough to see it
    light, dark = (base64.b64encode(film_gif(told, theme=theme)).decode() for theme in (LIGHT, DARK))
    return (
        '<figure id="figure-film"><picture><source media="screen and (prefers-color-scheme: dark)" '
        f'srcset="data:image/gif;base64,{dark}">'
        '<img width="520" height="300" alt="The features and their regions during training, and the loss." '
        f'src="data:image/gif;base64,{light}"></picture>'
        "<figcaption><strong>A training run as a film.</strong> Seven features in the plane, from small random "
        "weights: coloured regions are where one output alone is positive. <code>relugeom figures --film</code>"
        "</figcaption>"
        "</figure>"
    )


def _table(table: Table) -> str:
    """What a command found: the pictures, then the table behind them."""
    pictures = "".join(_show(one.id, one.title, one.caption, one.draw()) for one in table.pictures)
    rows = table.html()
    if pictures:
        rows = f"<details><summary>The numbers: {len(table.rows)} rows</summary>{rows}</details>"
    missing = f"<p>{typeset(table.missing)}</p>" if table.missing else ""
    return f"<p>{typeset(table.words)}</p>{pictures}{missing}{rows}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _provenance(report: Report, environment: Mapping[str, str], tables: Sequence[Table]) -> str:
    versions = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in environment.items()
    )
    sums = [
        (name, _sha256(certificate.text))
        for result, names in zip(report.results, report.certificate_names(), strict=True)
        for name, certificate in zip(names, result.certificates, strict=True)
    ]
    sums += [(table.source, table.sha256) for table in tables]
    hashes = "".join(f"<tr><td>{escape(name)}</td><td><code>{value}</code></td></tr>" for name, value in sums)
    table = f"<table><caption>versions</caption><tbody>{versions}</tbody></table>"
    seeds = (
        "<p>Random numbers come from NumPy's SeedSequence, with seeds written in each claim, so a second run gives the "
        "same numbers.</p>"
    )
    if not sums:
        return table + seeds
    return (
        f"{table}{seeds}<details><summary>SHA-256 of every certificate and data file</summary>"
        '<table><thead><tr><th scope="col">file</th><th scope="col">SHA-256</th></tr></thead>'
        f"<tbody>{hashes}</tbody></table></details>"
    )
