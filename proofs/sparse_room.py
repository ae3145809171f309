"""Several active features in few dimensions: exactly how many fit when m < 2k, and how many at least beyond.

One linear encoder W (m×n), one untied ReLU layer: ReLU(RWx + b). It *recovers k-sparse supports* if its output has
exactly the support of x for every 0/1 input x with at most k ones, x = 0 included.
"""

from __future__ import annotations

from importlib.resources import files

import sympy as sp

from relugeom import (
    Outcome,
    Proof,
    Sibling,
    SignPattern,
    Step,
    Verdict,
    Witness,
    all_cases,
    conjecture,
    decide,
    loads,
    sign,
)

SOURCE = 'Post, "ReLU: Free Dimensions, Somewhat" (about one active entry), carried on to k'


def _simplex_recovers(case: tuple[int, int]) -> bool:
    """W = [I, −1] (m×(m + 1)) has a decoder for k active features, by an exact certificate."""
    m, k = case
    encoder = [[(i == j) - (j == m) for j in range(m + 1)] for i in range(m)]
    return isinstance(decide(encoder, active=k, zero_input=True), SignPattern)


@conjecture(
    "For k ≥ 1: if an m×n encoder with some untied decoder and bias recovers k-sparse supports, then n ≤ m for m < k, "
    "and n ≤ m + 1 for k ≤ m < 2k; n = m + 1 is attained for every m ≥ k",
    source=SOURCE,
    expected=Verdict.PROVED,
)
def sparse_room_below_2k() -> Outcome:
    """By the kernel criterion (sparse-recovery-kernel) it is enough to find z ≠ 0 in ker W with
    ‖z⁺‖₁ ≤ k‖z‖_∞ and ‖z⁻‖₁ ≤ k‖z‖_∞. Write M = ‖z‖_∞; p entries of one sign add up to pM at most.

    m < k and n ≥ m + 1: m equations in m + 1 of the features have a solution z ≠ 0; each sign has at most
    m + 1 ≤ k entries.

    m < 2k and n ≥ m + 2: the m + 1 equations Wz = 0, Σ z = 0 in m + 2 of the features have a solution z ≠ 0. Its
    two signs have the same sum s (Radon's theorem). The rarer sign has p entries with 2p ≤ m + 2 ≤ 2k + 1, so p ≤ k,
    as p is an integer, and s ≤ pM ≤ kM bounds both.

    Attained: the kernel of W = [I, −1] is spanned by z = (1, ..., 1), and ‖z⁺‖₁ = m + 1 > k. The exact simplex
    method finds the decoders for m ≤ 5.
    """
    k, M = sp.symbols("k M", positive=True)
    q = sp.Symbol("q", nonnegative=True)  # k − p
    lack = sp.Symbol("lack", nonnegative=True)  # pM − s

    def steps(room: int) -> list[Step]:
        # 2p ≤ m + 2 with m ≤ 2k − 2 + room, over all small k.
        rarer = [(m, c) for c in range(1, 40) for m in range(1, 2 * c - 1 + room)]
        return [
            sign("k M − s ≥ 0 for s = p M − lack and p = k − q", sp.expand(k * M - ((k - q) * M - lack)), ">= 0"),
            sign("p ≤ m + 1 ≤ k for m = k − 1 − q", k - ((k - 1 - q) + 1), ">= 0"),
            sign(
                f"2p < 2 (k + 1), so p ≤ k, for 2p = m + 2 − lack and m = 2k − {2 - room} − q",
                sp.expand(2 * (k + 1) - (2 * k - 2 + room - q + 2 - lack)),
                "> 0",
            ),
            all_cases("⌊(m + 2)/2⌋ ≤ k for those m, k < 40", lambda case: (case[0] + 2) // 2 <= case[1], rarer),
            all_cases(
                "[I, −1] recovers k-sparse supports for k ≤ m ≤ 5",
                _simplex_recovers,
                [(m, c) for m in range(1, 6) for c in range(1, m + 1)],
            ),
        ]

    return Proof(steps(1), Sibling("n ≤ m + 1 for all m ≤ 2k", steps(2)))


@conjecture(
    "An untied ReLU layer with bias recovers 2-sparse supports of 7, 11 and 17 features in 4, 5 and 6 dimensions",
    source=SOURCE,
    expected=Verdict.CERTIFIED,
)
def sparse_records() -> Outcome:
    """The certificates of the capacity table: integer encoders found by `relugeom search`, with integer decoders."""
    folder = files("relugeom.capacity.known") / "witnesses"
    names = [f"m{m}-untied-free-k2.json" for m in (4, 5, 6)]
    certificates = [loads((folder / name).read_text(encoding="utf-8")) for name in names]
    return Witness(certificates, note="lower bounds; the upper bounds are 15, 31 and 63")
