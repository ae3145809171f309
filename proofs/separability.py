"""Why training fails and what cures it on X = I: features that are separable leave nothing but zero loss.

Write b_j = c_j − ‖w_j‖² and μ_ij = w_j·(w_j − w_i), the margin by which feature j stands out from feature i along its
own direction. Then c_j is what output j answers on its own axis, c_j − μ_ij what it answers on axis i, and for every m
and n

    L = Σ_j (ReLU(c_j) − 1)² + Σ_{i≠j} ReLU(c_j − μ_ij)²,

the loss summed over examples. W enters through the margins alone, and scaling W by s multiplies them by s². Feature j
is *separable* if all its margins are positive: some bias isolates it (`bias-exists`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import sympy as sp

from relugeom import (
    SGD,
    AdamW,
    Axial,
    AxialTraining,
    Outcome,
    Parameters,
    Proof,
    Sample,
    Sibling,
    Step,
    Verdict,
    conjecture,
    identity,
    loss,
    sign,
    train_many,
)
from relugeom.optim import Optimiser
from relugeom.training.many_models import descend, initial_models

__all__: list[str] = []

POST = 'Post, "Question 1: Does the Optimization Failure solution pursue linear separability?"'
EARLY = 'Post, "A Different Approach: Observing Training Process"'

s, t, gap = sp.symbols("s t d", positive=True)
u, v = sp.symbols("u v", nonnegative=True)
c, g, square, x = sp.symbols("c g q x", real=True)


def coordinates() -> list[Step]:
    """The pre-activations in c and the margins."""
    return [
        identity("z_jj = ‖w_j‖² + b_j = c_j", square + (c - square), c),
        identity("z_ij = w_i·w_j + b_j = c_j − w_j·(w_j − w_i)", g + (c - square), c - (square - g)),
    ]


def critical_steps(margin: Any) -> list[Step]:
    """At a critical point no output answers on a foreign axis, and then c = 1; true for margins that are positive."""
    z = c - s**2 * margin
    return [
        *coordinates(),
        identity("d/ds (c − s²μ)² = −4sμ(c − s²μ)", sp.diff(z**2, s), -4 * s * margin * z),
        sign("where output j answers t > 0 on axis i, that is negative", -4 * s * margin * t, "< 0"),
        identity("d/dc (c − 1)² = 2(c − 1)", sp.diff((c - 1) ** 2, c), 2 * (c - 1)),
    ]


@conjecture(
    "On X = I, for every m and n: a critical point of the loss at which every feature is separable (w_j·w_i < ‖w_j‖² "
    "for all i ≠ j) and every output is on at its own axis has zero loss. So every failure has a feature that no bias "
    "isolates, or an output that is off where it should be on",
    source=POST,
    expected=Verdict.PROVED,
    id="failures-are-not-separable",
)
def failures_are_not_separable() -> Outcome:
    """The loss is differentiable there: each own output is on, and off the diagonal ReLU² is continuously
    differentiable. (W, b) and (W, c) have the same critical points.

    Scale W by s and hold c: only the second sum changes, and each of its terms that is not 0 falls strictly, by −4sμ(c
    − s²μ) with μ > 0. The derivative along this direction is 0 at a critical point, so no term is left: outputs are
    silent on all foreign axes. Now ∂L/∂c_j = 2(c_j − 1), since the terms that are 0 have slope 0; so c_j = 1, and the
    loss is 0.

    With margins that may be 0 it fails: two equal columns are the commonest failure (`duplicated-pair-is-critical`).
    """
    return Proof(
        critical_steps(gap),
        Sibling("the same for weakly separable features, w_j·w_i ≤ ‖w_j‖² (a duplicated pair)", critical_steps(u)),
    )


def path_steps(margin: Any) -> list[Step]:
    """Along s from 1 up, then c to 1, no term rises; true for margins that are positive."""
    S = s + u  # a larger scale
    return [
        *coordinates(),
        sign("a larger W has larger margins", S**2 * margin - s**2 * margin, ">= 0"),
        sign("from some scale on they exceed any number t", (t / margin) * margin + margin - t, "> 0"),
        sign("an own output that is off costs 1, whatever c ≤ 0", (0 - 1) ** 2 - sp.Integer(1), ">= 0"),
        sign("from c = 1 + u to 1 + u − v the cost (c − 1)² falls, v ≤ u", (u + v) ** 2 - u**2, ">= 0"),
    ]


@conjecture(
    "On X = I, for every m and n, from every model whose features are all separable, whatever its biases, a path along "
    "which the loss never rises leads to zero loss: scale W up, then take every c_j = b_j + ‖w_j‖² to 1",
    source=POST,
    expected=Verdict.PROVED,
)
def separable_models_have_no_barrier() -> Outcome:
    """While W is scaled by s from 1 upwards with c held, the first sum stays and no term of the second rises. Go on
    until s²μ_ij ≥ max(c_j, 1) for every pair; all foreign outputs are then silent, for c_j and for any value between it
    and 1. Last, take each c_j straight to 1: the second sum stays 0, and (ReLU(c_j) − 1)² does not rise, being 1 up to
    c_j = 0 and (c_j − 1)² after.

    So distinct directions of equal norms, which are always separable, need no luck: only room to grow. In the plane n
    of them reach zero loss at R² = 1/(1 − cos of their least angle).
    """
    return Proof(
        path_steps(gap),
        Sibling("the same from weakly separable models (from a duplicated pair no scale helps)", path_steps(u)),
    )


def parting_steps(on: int) -> list[Step]:
    """A pair at w = (R, 0, ...) parts to w ± δ/2, δ = (0, d, ...); w_k = (p, q, ...) is a third column.

    on = 1: the outputs of two neighbours at the angles ±φ, cos φ = x, are on at the pair; on = 0: they are off.
    """
    R, lam = sp.symbols("R lambda", positive=True)
    d, p, q, c_k, phi = sp.symbols("d p q c_k phi", real=True)
    w, delta, other = sp.Matrix([R, 0]), sp.Matrix([0, d]), sp.Matrix([p, q])
    first, second = w + delta / 2, w - delta / 2
    z = other.dot(w - other) + c_k
    change = 2 * (c - d**2 / 2) ** 2 - 2 * c**2
    beside = (z + q * d / 2) ** 2 + (z - q * d / 2) ** 2 - 2 * z**2
    short = 4 * s * t / (1 + t)  # d², anywhere between 0 and 4c, for c = s
    return [
        *coordinates(),
        identity("output i on axis j: c − d²/2", first.dot(second - first) + c, c - d**2 / 2),
        identity("output j on axis i: the same", second.dot(first - second) + c, c - d**2 / 2),
        identity("output k on axis i: z + qd/2", other.dot(first - other) + c_k, z + q * d / 2),
        identity("output k on axis j: z − qd/2", other.dot(second - other) + c_k, z - q * d / 2),
        identity("the pair's own outputs change the loss by −2cd² + d⁴/2", change, -2 * c * d**2 + d**4 / 2),
        identity("output k, where it stays on, by q²d²/2", beside, q**2 * d**2 / 2),
        sign("with slack it falls for 0 < d² < 4c", (-2 * s + short / 2) * short, "< 0"),
        identity("sin²φ/(1 − cos φ) = 1 + cos φ", (1 - sp.cos(phi) ** 2) / (1 - sp.cos(phi)), 1 + sp.cos(phi)),
        # r² = (1 + u)/(1 − x) with x = t > 0, and c = 1/2 − v; two outputs, so r² sin²φ d² in all.
        sign("r² sin²φ − 2c > 0", on * (1 + u) * (1 + t) - 2 * (sp.Rational(1, 2) - v), "> 0"),
        identity("moved together: output i on axis j stays c", first.dot(first - first) + c, c),
        identity("... and the penalty grows", sp.diff(lam / 2 * 2 * (x * R) ** 2, x).subs(x, 1), 2 * lam * R**2),
        sign("by its slope at (1, 1)·w", 2 * lam * R**2, "> 0"),
    ]


@conjecture(
    "On X = I, m ≥ 2, let two features coincide, w_i = w_j = w ≠ 0 and c_i = c_j = c > 0, their outputs strictly "
    "off on all other axes. (a) If all other outputs are strictly off at them (slack), parting them to w ± δ/2 by "
    "any small δ ⊥ w lowers the loss, but under a penalty λ‖W‖²/2 no such state is critical. (b) If m = 2, c ≤ "
    "1/2, and the outputs of two features of norm r, r² ≥ 1/(1 − cos φ), at angles ±φ to w, φ < 90°, are on "
    "there, parting them by any small δ ⊥ w raises the loss",
    source=POST,
    expected=Verdict.PROVED,
    id="decay-keeps-duplicates",
)
def decay_keeps_duplicates() -> Outcome:
    """With c held, the loss changes by −2c|δ|² + |δ|⁴/2 for the pair's outputs on each other's axis, and by (w_k·δ)²/2
    for each other output that is on at both, δ being so small that none comes on or goes off; one that is at its edge
    adds something not negative. In (b) two of them add r² sin²φ |δ|² ≥ (1 + cos φ)|δ|², more than 2c|δ|².

    Slack is what decay takes away: moved together along w, two columns that touch nothing keep their outputs, so the
    loss stands still while λ‖W‖² grows; the penalty draws the pair inwards until an output comes on. The best c of a
    pair is 1/2.

    This is a local statement about one pair, with the penalty in the loss. The decay of AdamW is outside it, and pulls
    the same way; docs/cure.md counts how its pairs stand.
    """
    return Proof(
        parting_steps(1),
        Sibling("(b) also where the two neighbours' outputs are off", parting_steps(0)),
    )


def few_features_steps(apart: int) -> list[Step]:
    """The algebra of `few-features-have-no-spurious-minimum`; apart = 0 leaves the columns around a null one in place.

    In one pair output j answers p on axis i; its share of M is 2p at (j, j) and −p at (i, j) and (j, i).
    """
    x_i, t_i, x_j, t_j = sp.symbols("x_i t_i x_j t_j", real=True)
    p, q, K = sp.symbols("p q K", positive=True)
    w_i, w_j, M = sp.Matrix([x_i, t_i]), sp.Matrix([x_j, t_j]), sp.Matrix([[0, -p], [-p, 2 * p]])
    z = c - w_j.dot(w_j - w_i)
    slopes = sp.Matrix([[sp.diff(z, a) for a in (x_i, x_j)], [sp.diff(z, a) for a in (t_i, t_j)]])
    across = sp.Matrix([t_i, t_j])
    crossing = -2 * s * (t / K) * s * t * apart + K * (s * t / K) ** 2  # ε = t, η = st/K, for c = s
    short = 4 * s * t / (1 + t)  # d², anywhere between 0 and 4c, for c = s
    return [
        *coordinates(),
        identity("the slope of z_ij² in W is −2WM, where z_ij = p", 2 * p * slopes, -2 * w_i.row_join(w_j) * M),
        identity(
            "moved across by t, z_ij changes by −t_j(t_j − t_i)", z - z.subs({t_i: 0, t_j: 0}), -t_j * (t_j - t_i)
        ),
        identity("... and z_ij² by −tᵀMt, to fourth order", -2 * p * t_j * (t_j - t_i), -(across.T * M * across)[0]),
        identity("a block of two has determinant −(p − q)²", 4 * p * q - (p + q) ** 2, -((p - q) ** 2)),
        sign("α_i²α_k² ≥ β_i²β_k² where α² = β² + 2s", (u + 2 * s) * (v + 2 * t) - u * v, ">= 0"),
        sign("one column moved by τd: an output that is on answers less by τ²", -(t**2), "< 0"),
        sign("... and one that is off stays off, d·w ≤ 0", -t * u - t**2, "< 0"),
        sign("a larger W has slack: c − s²μ < 0 where μ ≥ c", s - (1 + t) * (s + u), "< 0"),
        sign("a null column and the others' mean, moved apart: −2cεη + Kη² < 0 at η = cε/K", crossing, "< 0"),
        sign("a pair with slack parts: −2cd² + d⁴/2 < 0 for 0 < d² < 4c", (-2 * s + short / 2) * short, "< 0"),
    ]


@conjecture(
    "On X = I, for m ≥ 2 and n ≤ m + 2 (three or four features in the plane): a local minimum of the loss at which "
    "every output is on at its own axis has zero loss",
    source=POST,
    expected=Verdict.PROVED,
    id="few-features-have-no-spurious-minimum",
)
def few_features_have_no_spurious_minimum() -> Outcome:
    """Let output j answer p_ij = ReLU(c_j − μ_ij) on axis i, s_j = Σ_i p_ij over i ≠ j, P = (p_ij) and M = 2 diag(s) −
    P − Pᵀ. With all c_j > 0 the slopes are 2(c_j − 1 + s_j) in c_j and −2WM in W. So at a local minimum c_j = 1 − s_j
    and WM = 0. M has entries ≤ 0 off the diagonal and trace 2Σs, so it is 0 only at zero loss. Suppose it is not.

    *W has rank m*: else move w_j to w_j + t_j a with a ⊥ all columns. The loss changes by −tᵀMt + O(|t|⁴) (an output
    at its edge adds the square of something of second order), and M has a positive eigenvalue, as its trace is
    positive. So M has rank ≤ n − m ≤ 2.

    *Blocks.* Call i and k tied if p_ik + p_ki > 0. M falls into blocks of tied features, each of positive trace, and
    of rank 1 or 2; a feature on its own has s = 0 and c = 1. A column w_k = 0 is tied to all, p_kj being c_j > 0. A
    block of two has determinant −(p − q)²: either p = q, and the kernel says that both columns are equal, or both are
    0, and n = 2, W = 0, against rank m. A block of rank 1 is λvvᵀ, λ > 0, no v_k = 0, v_iv_k ≤ 0: of two. Let a block
    of three or more have rank 2. By Perron and Frobenius its least eigenvalue is simple and has an eigenvector β > 0.
    - If it is 0, the block has three columns x_k e with x = β.
    - If it is negative, the block is ααᵀ − ββᵀ with α_k² − β_k² = 2s_k and α_iα_k ≤ β_iβ_k. Where α_i and α_k have one
      sign, equality holds: s_i = s_k = 0, and i and k are not tied. So of one of the signs there is exactly one
      feature, call it 0, or all s would be 0; only output 0 answers the others, so −p_i0 w_0 = 0: w_0 = 0, the block
      is everything, p_i0 = c_0, and Σ p_i0 w_i = 0 means that the others have mean 0.

    *None is a local minimum.* Three columns x_k e: the other n − 3 ≤ m − 1 columns leave a direction d ⊥ e, |d| = 1,
    with d·w ≤ 0 for each of them. Move a w_k with s_k > 0 by τd: what output k answers within the block falls by τ²,
    nothing else comes on. Else scale W up a little: answers of 0's axis, or between equal columns, stay, so the loss
    does; all other margins are at least c > 0 and grow, so there is slack. Now move w_0 by −ηd and another column by
    εd: output 0's squares change by −2c_0εη + O(η²). Or part an equal pair across w.

    A dead output is another matter: `dead-outputs-are-minima`. For more features see docs/cure.md.
    """
    return Proof(
        few_features_steps(1),
        Sibling("the same, a null column moved while the others' mean stays", few_features_steps(0)),
    )


def first_step(least: Any) -> list[Step]:
    """The first gradient pulls every entry away from 0, when its size is at least `least`.

    P bounds |Σ_{i≠j} ReLU(w_i·w_j) w_ai|, and r = 1 − mε² bounds 1 − ‖w_j‖² from below.
    """
    P, r, eta = sp.symbols("P r eta", positive=True)
    w, phi, psi = sp.symbols("w phi psi", real=True)
    force = least(P, r)
    return [
        # ∂(z_ij, z_ji)/∂w_j = w_i, and ∂z_jj/∂w_j = 2 w_j.
        identity(
            "Φ_jj 2w_j + Σ (Φ_ij + Φ_ji) w_i at b = 0, with Φ_ij = Φ_ji",
            (square - 1) * 2 * w + (phi + phi) * psi,
            -2 * ((1 - square) * w - phi * psi),
        ),
        sign("(1 − ‖w_j‖²) w_aj outweighs the rest for w_aj > 0", (force + t) * (r + u) - (P - v), "> 0"),
        sign("a step of η away from 0: the norms are at least √m (η + δ)", (eta + force + u) - (eta + force), ">= 0"),
    ]


@conjecture(
    "On X = I, from b = 0 and entries of W with δ ≤ |w_aj| ≤ ε, mε² < 1 and δ(1 − mε²) > nmε³: the first step of Adam "
    "adds η to every |w_aj| (its ε aside), so all norms come to lie between √m(η + δ) and √m(η + ε); to first order in "
    "W a step of gradient descent multiplies all columns by the same 1 + 4η/n",
    source=EARLY,
    expected=Verdict.PROVED,
    id="adam-makes-norms-equal",
)
def adam_makes_norms_equal() -> Outcome:
    """At b = 0 the slope in w_aj is −(4/n) [(1 − ‖w_j‖²) w_aj − Σ_{i≠j} ReLU(w_i·w_j) w_ai]. Here ‖w_j‖² ≤ mε², and
    |w_i·w_j| ≤ mε², so the sum is at most nmε³ in size and the bracket has the sign of w_aj. Adam's first step is η
    times the sign of the slope, for m̂ = g and v̂ = g². So |w_aj| grows by exactly η, and every norm lies between √m(η
    + δ) and √m(η + ε): for η far above ε, all features have the same norm, and in the plane they stand on the corners
    of a square. The columns of gradient descent grow by the factor 1 + 4η/n, apart from terms of third order: unequal
    norms stay as unequal as they were.
    """

    def steps(share: int) -> list[Step]:
        return first_step(lambda P, r: share * P / r)

    return Proof(steps(1), Sibling("the same without a least entry δ: δ = 0 will do", steps(0)))


SMALL = {"steps": 6_000, "schedule": "cosine", "initialisation": "small", "bias_coordinate": "centred"}
RECIPE = "; X = I, m = 2, n = 16, rate 0.01 falling along a cosine over 6,000 steps"


def at_zero_loss(seed: int, trials: int, **recipe: Any) -> Iterable[bool]:
    """Whether each trained model has a total loss below 1e-3."""
    data = Axial(16)
    W, b = train_many(AxialTraining(data, optimiser=AdamW(0.01), **recipe), trials, seed=seed)
    total = 16 * np.asarray(loss(Parameters(np.asarray(W, np.float64), np.asarray(b, np.float64)), data))
    yield from (total < 1e-3).tolist()


@conjecture(
    "How often Adam reaches zero loss from a small start (Xavier/1,000) with the bias measured from −‖w‖²",
    source=EARLY,
    expected=Verdict.MEASURED,
)
def small_centred_starts_reach_zero_loss() -> Outcome:
    """Beside `usual-starts-do-not`, the usual start and bias at the same budget. docs/cure.md has the tables."""
    return Sample("P(zero loss)" + RECIPE, lambda seed, trials: at_zero_loss(seed, trials, **SMALL), 100)


@conjecture(
    "How often Adam reaches zero loss from the Xavier start with the bias as it is",
    source=EARLY,
    expected=Verdict.MEASURED,
)
def usual_starts_do_not() -> Outcome:
    """The budget is that of `small-centred-starts-reach-zero-loss`."""
    usual = {"steps": 6_000, "schedule": "cosine"}
    return Sample("P(zero loss)" + RECIPE, lambda seed, trials: at_zero_loss(seed, trials, **usual), 100)


def norms_stay_within(optimiser: Optimiser, steps: int, ratio: float, seed: int, trials: int) -> Iterable[bool]:
    """Whether the longest column is at most `ratio` times the shortest after so many steps from a small start."""
    training = AxialTraining(
        Axial(16), optimiser=optimiser, steps=steps, initialisation="small", bias_coordinate="centred"
    )
    *_, (_, models) = descend(training, initial_models(training, seed, 0, trials), every=steps)
    norms = np.linalg.norm(np.asarray(models.W, np.float64), axis=1)
    yield from (norms.max(axis=1) <= ratio * norms.min(axis=1)).tolist()


@conjecture(
    "How often Adam has all features on one circle, longest at most 1.1 times shortest, after 20 steps from a small "
    "start",
    source=EARLY,
    expected=Verdict.MEASURED,
)
def adam_starts_on_a_circle() -> Outcome:
    """Steps of one size in every entry, away from the mean of all columns, bring the entries from 1/1,000 to a fifth:
    what `adam-makes-norms-equal` says of the first step goes on for a while.
    """
    rule = AdamW(0.01)
    quantity = "P(longest ≤ 1.1 shortest after 20 steps of Adam at 0.01); X = I, m = 2, n = 16, centred"
    return Sample(quantity, lambda seed, trials: norms_stay_within(rule, 20, 1.1, seed, trials), 200)


@conjecture(
    "How often gradient descent has all features on one circle, longest at most 2 times shortest, when it has come as "
    "far",
    source=EARLY,
    expected=Verdict.MEASURED,
)
def gradient_descent_leaves_norms_unequal() -> Outcome:
    """At rate 0.1 it takes about 400 steps; the long columns then silence the short ones' outputs."""
    rule = SGD(0.1)
    quantity = "P(longest ≤ 2 shortest after 400 steps of gradient descent at 0.1); X = I, m = 2, n = 16, centred"
    return Sample(quantity, lambda seed, trials: norms_stay_within(rule, 400, 2.0, seed, trials), 200)
