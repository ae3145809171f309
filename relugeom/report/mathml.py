"""Mathematics as it stands in the statements, ``‖w_j‖²`` or ``cos² θ_ij``, set as MathML.

Statements are written in plain Unicode so that a terminal can show them. Here the letters with indices and exponents in
them become formulas, single letters become italics, and the words between stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby

__all__ = ["FORMULAS", "typeset"]

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵀᵏᵐ", "0123456789+−nTkm", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₙ", "0123456789+−n", strict=True))

# A base with its index and exponent; everything the pattern does not know is text.
_PIECE = re.compile(
    rf"""
    (?P<code>`[^`]+`)
    | (?P<base>[A-Za-zα-ωΑ-Ωℝ]+ | \d+ | [)‖|\]])
      (?P<sub>_\{{[^{{}}]*\}} | _[A-Za-z0-9∞]{{1,2}}(?![A-Za-z0-9_]) | [{"".join(_SUBSCRIPTS)}]+)?
      (?P<sup>\^\{{[^{{}}]*\}} | \^[A-Za-z0-9]{{1,2}}(?![A-Za-z0-9_]) | [{"".join(_SUPERSCRIPTS)}]+)?
      (?P<rest>_[A-Za-z0-9_]+)?
    """,
    re.VERBOSE,
)
_FUNCTIONS = {"cos", "sin", "tan", "max", "min", "log"}
# Single letters that are words of English, or the end of one, as often as they are mathematics.
_WORDS = {"a", "A", "I", "s"}
_MOST_TOGETHER = 28  # characters that may stand in a line that cannot be broken


def typeset(text: str) -> str:
    """The text as HTML, its indexed letters, exponents and single letters as MathML, its `code` as code.

    Lines may end at spaces only: a bracket stays with what it encloses, unless that is too long for a narrow page.

    Examples
    --------
    >>> typeset("w_i < 2")
    '<math><msub><mi>w</mi><mi>i</mi></msub></math> &lt; 2'
    >>> typeset("(w_i)")
    '<span class="whole">(<math><msub><mi>w</mi><mi>i</mi></msub></math>)</span>'
    """
    parts = []
    for blank, group in groupby(_pieces(text), key=lambda piece: piece[0].isspace()):
        pieces = list(group)
        html = "".join(shown for _, shown in pieces)
        long = sum(len(source) for source, _ in pieces) > _MOST_TOGETHER
        alone = blank or long or len(pieces) == 1 or not any(shown.startswith("<math>") for _, shown in pieces)
        parts.append(html if alone else f'<span class="whole">{html}</span>')
    return "".join(parts)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Formulas, spaces and what stands between them, each as it is written and as HTML."""
    end = 0
    for match in _PIECE.finditer(text):
        formula = _formula(match)
        if formula is not None:
            yield from _plain(text[end : match.start()])
            yield match[0], formula
            end = match.end()
    yield from _plain(text[end:])


def _plain(text: str) -> Iterator[tuple[str, str]]:
    for part in re.findall(r"\s+|\S+", text):
        yield part, escape(part, quote=False)


def _formula(match: re.Match[str]) -> str | None:
    """The markup for one piece, or None to leave it as it is."""
    if match["code"]:
        return f"<code>{escape(match['code'][1:-1], quote=False)}</code>"
    base, sub, sup = match["base"], match["sub"], match["sup"]
    word = base.isalpha() and len(base) > 1 and base not in _FUNCTIONS
    if match["rest"] or (word and len(base) > 3) or (base.isdigit() and sub and sub[0] == "_"):
        return None  # a name such as two_m_bound, a number such as 50_000
    if not sub and not sup:
        after_exponent = match.string[: match.start()].endswith(tuple(_SUPERSCRIPTS))  # the Wx of WᵀWx
        mixed = word and not base.isascii()  # the dφ of cos dφ
        if not ((base.isalpha() and len(base) < 4 and after_exponent) or mixed or _is_variable(match)):
            return None
        return f"<math>{''.join(map(_token, base))}</math>"
    # In a product such as Wx_t the index belongs to the last letter.
    factors, last = (base[:-1], base[-1]) if word else ("", base)
    below = _script(sub, _SUBSCRIPTS) if sub else ""
    above = _script(sup, _SUPERSCRIPTS) if sup else ""
    name = "msubsup" if below and above else "msub" if below else "msup"
    before = "".join(map(_token, factors))
    return f"<math>{before}<{name}>{_token(last)}{below}{above}</{name}></math>"


def _is_variable(match: re.Match[str]) -> bool:
    """Whether a letter without scripts is mathematics: not a word, not in "e.g.", not after an apostrophe."""
    text, (start, end) = match.string, match.span()
    if len(match["base"]) > 1 or not match["base"].isalpha():
        return False
    if match["base"] in _WORDS:
        return bool(re.search(r"[<>≤≥=·/]\s*$", text[:start]) or re.match(r"\s*[<>≤≥=·/]", text[end:]))
    return not re.search(r"['’]$|\b[a-z]\.$", text[:start]) and not re.match(r"\.[a-z]|['’][a-z]{2}", text[end:])


def _script(text: str, meaning: dict[str, str]) -> str:
    """An index or exponent, ``_ij``, ``^{k+1}`` or ``²``, as one element."""
    plain = text[1:].strip("{}") if text[0] in "_^" else "".join(meaning[character] for character in text)
    pieces = [_token(piece) for piece in re.findall(r"\d+|\S", plain)]
    return pieces[0] if len(pieces) == 1 else f"<mrow>{''.join(pieces)}</mrow>"


def _token(text: str) -> str:
    kind = "mn" if text.isdigit() else "mi" if text.isalpha() else "mtext" if text in ")‖|]" else "mo"
    return f"<{kind}>{escape(text, quote=False)}</{kind}>"


def _display(words: str, *pieces: str) -> tuple[str, str]:
    """A formula in pieces, between which a narrow page may break it, and what it says."""
    shown = "".join(f'<math displaystyle="true">{piece}</math>' for piece in pieces)
    return f'<div class="pieces">{shown}</div>', words


_W_T = "<msup><mi>W</mi><mi>T</mi></msup>"
_W_I, _W_J, _B_I, _B_J = (
    f"<msub><mi>{base}</mi><mi>{index}</mi></msub>" for base, index in (("w", "i"), ("w", "j"), ("b", "i"), ("b", "j"))
)
_NORM = f"<msup><mrow><mo>‖</mo>{_W_I}<mo>‖</mo></mrow><mn>2</mn></msup>"
_RELU = "<mi>ReLU</mi><mo>&#x2061;</mo>"

FORMULAS = (
    _display(
        "The model: m latent dimensions, n features; the features are the columns of W.",
        f"<msup><mi>x</mi><mo>′</mo></msup><mo>=</mo>{_RELU}<mrow><mo>(</mo>{_W_T}<mi>W</mi><mi>x</mi><mo>+</mo>"
        "<mi>b</mi><mo>)</mo></mrow>",
    ),
    _display(
        "The loss: summed over features, averaged over the T examples.",
        "<mi>L</mi><mo>=</mo><mfrac><mn>1</mn><mi>T</mi></mfrac>"
        "<munder><mo>∑</mo><mi>t</mi></munder><munder><mo>∑</mo><mi>i</mi></munder>"
        "<msup><mrow><mo>(</mo><msub><mi>x</mi><mrow><mi>t</mi><mi>i</mi></mrow></msub><mo>−</mo>"
        "<msubsup><mi>x</mi><mrow><mi>t</mi><mi>i</mi></mrow><mo>′</mo></msubsup><mo>)</mo></mrow><mn>2</mn></msup>",
    ),
    _display(
        "The criterion: the axis of feature i makes output i positive, and no other.",
        f"{_W_I}<mo>·</mo>{_W_I}<mo>+</mo>{_B_I}<mo>&gt;</mo><mn>0</mn><mo>,</mo>",
        f"{_W_I}<mo>·</mo>{_W_J}<mo>+</mo>{_B_J}<mo>≤</mo><mn>0</mn><mspace width='0.5em'/><mtext>for all </mtext>"
        "<mi>j</mi><mo>≠</mo><mi>i</mi>",
    ),
    _display(
        "Zero loss on the axes.",
        f"{_RELU}<mrow><mo>(</mo>{_W_T}<mi>W</mi><mo>+</mo><mi>b</mi><mo>)</mo></mrow><mo>=</mo><mi>I</mi>",
        f"<mo>⟺</mo><mspace width='0.5em'/>{_B_I}<mo>=</mo><mn>1</mn><mo>−</mo>{_NORM}<mo>,</mo>",
        f"{_W_I}<mo>·</mo><mrow><mo>(</mo>{_W_I}<mo>−</mo>{_W_J}<mo>)</mo></mrow><mo>≥</mo><mn>1</mn>"
        "<mspace width='0.5em'/><mtext>for all </mtext><mi>j</mi><mo>≠</mo><mi>i</mi>",
    ),
    _display(
        "The threshold: output i answers to an amplitude above it.",
        "<msub><mi>τ</mi><mi>i</mi></msub><mo>=</mo><mi>max</mi><mo>&#x2061;</mo><mrow><mo>(</mo><mn>0</mn><mo>,</mo>"
        f"<mo>−</mo><mfrac>{_B_I}{_NORM}</mfrac><mo>)</mo></mrow>",
    ),
    _display(
        "The smallest regular polygon of n features with zero loss.",
        "<msup><mi>r</mi><mn>2</mn></msup><mo>=</mo><mfrac><mn>1</mn><mrow><mn>1</mn><mo>−</mo><mi>cos</mi>"
        "<mo>&#x2061;</mo><mrow><mo>(</mo><mn>2</mn><mi>π</mi><mo>/</mo><mi>n</mi><mo>)</mo></mrow></mrow></mfrac><mo>,</mo>",
        "<mi>b</mi><mo>=</mo><mn>1</mn><mo>−</mo><msup><mi>r</mi><mn>2</mn></msup>",
    ),
)
