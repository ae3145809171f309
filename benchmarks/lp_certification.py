"""How long it takes to decide linear programmes with proof, and whether every instance is decided.

    python benchmarks/lp_certification.py [--instances 5000] [--output benchmarks/results/lp_certification.json]

1. 300 random programmes "does feature 0 of this encoder have a decoder row?" (m ≤ 6, n ≤ 40, one to three active
   features, Gaussian or small integer columns): the exact simplex method with the check of its certificate, and SciPy's
   HiGHS on the same margin programme in floats, which proves nothing. HiGHS would have to list all supports, so only
   k = 1 is compared.
2. Random instances of all kinds, decided whole: how many yes, no and undecided.
3. Encoders with a gap of 10⁻ᵏ: which solver sees it.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np

from relugeom.capacity import DecoderRow, decide, decide_feature
from relugeom.capacity.searches.margins import row_margin
from relugeom.exact import NotDecodable, Valid, check


def encoder(rng: np.random.Generator, m: int, n: int) -> np.ndarray:
    return rng.normal(size=(m, n)) if rng.random() < 0.5 else rng.integers(-3, 4, size=(m, n)).astype(float)


def timed_programmes(count: int) -> dict[str, object]:
    rng = np.random.default_rng(1)
    exact, floats, answers, disagreements = [], [], Counter[str](), 0
    for _ in range(count):
        m, n = int(rng.integers(1, 7)), int(rng.integers(2, 41))
        k = int(rng.integers(1, min(n, 3) + 1))
        W = encoder(rng, m, n)
        began = time.perf_counter()
        answer = decide_feature(W, 0, active=k, zero_input=True)
        exact.append(time.perf_counter() - began)
        answers[type(answer).__name__] += 1
        if isinstance(answer, NotDecodable):
            assert isinstance(check(answer), Valid)
        if k == 1:
            codes, signs = np.vstack([W.T, np.zeros(m)]), np.full(n + 1, -1.0)
            signs[0] = 1.0
            began = time.perf_counter()
            margin = row_margin(codes, signs, bias=True).margin
            floats.append(time.perf_counter() - began)
            disagreements += (margin > 1e-9) != isinstance(answer, DecoderRow)
    return {
        "programmes": count,
        "answers": dict(answers),
        "exact_seconds_in_all": sum(exact),
        "exact_ms_median": 1e3 * median(exact),
        "exact_ms_slowest": 1e3 * max(exact),
        "highs_programmes": len(floats),
        "highs_ms_median": 1e3 * median(floats),
        "disagreements_with_highs_at_1e-9": disagreements,
    }


def counted_instances(count: int) -> dict[str, object]:
    rng = np.random.default_rng(2)
    answers = Counter[str]()
    began = time.perf_counter()
    for _ in range(count):
        m, n = int(rng.integers(1, 7)), int(rng.integers(1, 41))
        answer = decide(
            encoder(rng, m, n),
            tied=bool(rng.random() < 0.25),
            bias="free" if rng.random() < 0.5 else "none",
            active=int(rng.integers(1, min(n, 3) + 1)),
            zero_input=bool(rng.integers(2)),
        )
        answers[type(answer).__name__] += 1
    return {"instances": count, "answers": dict(answers), "seconds": time.perf_counter() - began}


def gaps() -> dict[str, object]:
    """A fourth point at height ∓10⁻ᵏ beside the base of a triangle: outside it (yes) or inside it (no)."""
    exact, highs = [], []
    for k in range(31):
        rights = []
        for height, yes in ((-Fraction(1, 10**k), True), (Fraction(1, 10**k), False)):
            W = [[-1, 1, 0, 0], [0, 0, 5, height]]
            rights.append(isinstance(decide_feature(W, 3), DecoderRow) == yes)
            codes = np.array(W, dtype=float).T
            margin = row_margin(codes, np.array([-1.0, -1.0, -1.0, 1.0]), bias=True).margin
            highs.append((k, (margin > 0) == yes))
        exact.append((k, all(rights)))
    return {
        "exact_right_for_k": [k for k, right in exact if right],
        "highs_first_wrong_k": min((k for k, right in highs if not right), default=None),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=5000)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    result = {
        "python": platform.python_version(),
        "timed": timed_programmes(300),
        "instances": counted_instances(arguments.instances),
        "gaps": gaps(),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.output is not None:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
