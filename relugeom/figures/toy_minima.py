"""Which symmetric model of independent features is the best at which density, and where each is a minimum at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from relugeom.figures.style import LIGHT, Theme, house_style

__all__ = ["bifurcations"]


def bifurcations(record: Mapping[str, Any], theme: Theme = LIGHT) -> Any:
    """Above, what each family gains over null features; below, for each n the family of least loss over p.

    Parameters
    ----------
    record : mapping
        "members": rows of family, p, gain and natures by n; "crossings": by n, families with where each begins;
        "trained": rows of n, p, trained and symmetric losses.
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure
        Solid where the family is a minimum among its own features and one more, dotted where it is none or was not
        examined. Training: a dot where the lowest of its models is that family, a triangle where it is lower, a cross
        where it is not reached.
    """
    import matplotlib.pyplot as plt

    rows = record["members"]
    families = list(dict.fromkeys(row["family"] for row in rows))
    with house_style(theme):
        figure, (above, below) = plt.subplots(
            2, 1, figsize=(7.0, 6.6), sharex=True, height_ratios=(3, 2), layout="constrained"
        )
        colours = {family: theme.feature(number) for number, family in enumerate(families)}
        for family in families:
            own = sorted((row for row in rows if row["family"] == family), key=lambda row: row["p"])
            p = np.array([row["p"] for row in own])
            gain = np.array([row["gain"] for row in own]) / p
            stable = np.array([_stable(row["natures"]) for row in own])
            above.plot(p, gain, ":", color=colours[family], lw=1)
            above.plot(p, np.where(stable, gain, np.nan), "-", marker=".", color=colours[family], label=family)
        above.set_ylabel("gain over null features, divided by p")
        above.legend(fontsize="small")
        low = min(row["p"] for row in rows)
        for n, steps in record["crossings"].items():
            ends = [*(step["from"] for step in steps[1:]), 1.0]
            for step, end in zip(steps, ends, strict=True):
                start = max(step["from"], low)
                below.barh(int(n), end - start, left=start, height=0.7, color=colours[step["family"]])
        for row in record["trained"]:
            more = row["trained"] - row["symmetric"]
            marker = "o" if abs(more) < 1e-7 else "v" if more < 0 else "x"
            below.plot(row["p"], row["n"], marker, color=theme.ink, ms=4)
        below.set(xscale="log", xlabel="density p = 1 − S", ylabel="features n")
        below.set_yticks([int(n) for n in record["crossings"]])
    return figure


def _stable(natures: Mapping[str, str]) -> bool:
    """Whether a family is a minimum among its features and one more, where that was asked, else among its own."""
    return bool(natures) and all(nature == "minimum" for nature in list(natures.values())[:2])
