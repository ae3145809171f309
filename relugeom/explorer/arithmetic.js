/* The arithmetic of the explorer: the definitions of relugeom.autoencoder, in plain JavaScript.
 *
 * W is an array of m rows of n numbers, b an array of n numbers. Index i is the active feature, j the output. Data are
 * {kind: "grid", amplitudes, weights}, {kind: "uniform"} or {kind: "independent", sparsity}. Every function is compared with its Python twin in
 * tests/test_explorer.py.
 */
"use strict";

const Relugeom = (() => {
  const FORMAT = "relugeom-model/1";

  const range = (n) => Array.from({ length: n }, (_, k) => k);
  const column = (W, i) => W.map((row) => row[i]);
  const dot = (u, v) => u.reduce((sum, x, k) => sum + x * v[k], 0);

  /* The examples a e_i, every axis equally often: a from a grid with equal weights, or uniform on (0, 1] */
  const grid = (...amplitudes) =>
    ({ kind: "grid", amplitudes, weights: amplitudes.map(() => 1 / amplitudes.length) });
  const IDENTITY = grid(1), UNIFORM = { kind: "uniform" };
  const independent = (sparsity) => ({ kind: "independent", sparsity });
  /* How many examples the loss is a mean over: one an axis, or, where it is an expectation, 1 */
  const examples = (data, n) => (data.kind === "independent" ? 1 : n);

  /* G_ij = w_i·w_j */
  function gram(W) {
    const columns = range(W[0].length).map((i) => column(W, i));
    return columns.map((w) => columns.map((v) => dot(w, v)));
  }

  const norms = (W) => range(W[0].length).map((i) => Math.hypot(...column(W, i)));

  /* D_i = ‖w_i‖⁴ / Σ_j (w_i·w_j)², and 0 for w_i = 0 */
  const dimensionality = (W) =>
    gram(W).map((row, i) => (row[i] > 0 ? row[i] ** 2 / row.reduce((sum, g) => sum + g * g, 0) : 0));

  /* A_ij = w_i·w_j + b_j, the pre-activation of output j for the example e_i */
  const responses = (W, b) => gram(W).map((row) => row.map((g, j) => g + b[j]));

  /* [φ, φ_g, φ_b] of φ(g, b, δ) = E_a (aδ − ReLU(a g + b))², as AxialData has them */
  function pair(data, g, b, delta) {
    if (data.kind === "uniform") {
      const fromStart = b > 0, toStop = g + b > 0;
      const end = fromStart !== toStop ? -b / g : 0;
      const low = fromStart ? 0 : end, high = toStop ? 1 : end;
      const s1 = high - low, s2 = (high ** 2 - low ** 2) / 2, s3 = (high ** 3 - low ** 3) / 3, u = g - delta;
      return [
        u * u * s3 + 2 * u * b * s2 + b * b * s1 + delta * (1 / 3 - s3), 2 * (u * s3 + b * s2), 2 * (u * s2 + b * s1),
      ];
    }
    const sums = [0, 0, 0];
    data.amplitudes.forEach((a, k) => {
      const z = a * g + b, p = data.weights[k], error = Math.max(z, 0) - a * delta;
      sums[0] += p * error * error;
      if (z > 0) { sums[1] += 2 * p * a * error; sums[2] += 2 * p * error; }
    });
    return sums;
  }

  /* L = (1/n) Σ_ij φ(g_ij, b_j, δ_ij), summed over features, the mean over examples */
  function loss(W, b, data = IDENTITY) {
    if (data.kind === "independent") return Independent.sums(gram(W), b, data.sparsity)[0];
    let sum = 0;
    gram(W).forEach((row, i) => row.forEach((g, j) => { sum += pair(data, g, b[j], i === j ? 1 : 0)[0]; }));
    return sum / b.length;
  }

  /* ∂L/∂W = W (D + Dᵀ), D_ji the slope by the coefficient of feature i in output j: on the axes (Φ_g)_ij / n, and
   * ∂L/∂b_j = Σ_i (Φ_b)_ij / n */
  function gradient(W, b, data = IDENTITY) {
    const n = b.length;
    if (data.kind === "independent") {
      const [, D, d] = Independent.sums(gram(W), b, data.sparsity);
      return { W: W.map((row) => range(n).map((j) => row.reduce((sum, w, i) => sum + w * (D[i][j] + D[j][i]), 0))), b: d };
    }
    const slopes = gram(W).map((row, i) => row.map((g, j) => pair(data, g, b[j], i === j ? 1 : 0)));
    return {
      W: W.map((row) => range(n).map((j) =>
        row.reduce((sum, w, i) => sum + w * (slopes[i][j][1] + slopes[j][i][1]), 0) / n)),
      b: range(n).map((j) => slopes.reduce((sum, row) => sum + row[j][2], 0) / n),
    };
  }

  /* Axis i is recovered iff A_ii > 0 and A_ij ≤ 0 for all j ≠ i */
  const recovered = (W, b, tolerance = 0) =>
    responses(W, b).map((row, i) => row.every((z, j) => (z > tolerance) === (i === j)));

  /* Whether the loss is 0, by one tolerance t: the total loss is at most t², and every axis is recovered up to t.
   * On X = I the second follows from the first: no output is then off by more than t. */
  const isZero = (total, recovered, tolerance) => total <= tolerance ** 2 && recovered.every(Boolean);

  /* b_i − (1 − ‖w_i‖²), which must be 0 for zero loss */
  const biasExcess = (W, b) => gram(W).map((row, i) => b[i] - (1 - row[i]));

  /* min over j ≠ i of w_i·(w_i − w_j) − 1, which must not be negative for zero loss */
  const slack = (W) =>
    gram(W).map((row, i) => Math.min(...row.filter((_, j) => j !== i).map((g) => row[i] - g - 1)));

  const zeroLossBias = (W) => gram(W).map((row, i) => 1 - row[i]);

  /* τ_i = max(0, −b_i/‖w_i‖²), and ∞ where w_i = 0 */
  const thresholds = (W, b) =>
    gram(W).map((row, i) => (row[i] > 0 ? Math.max(0, -b[i] / row[i]) : Infinity));

  /* 1.5 times the largest norm, or 1 */
  const defaultWindow = (W) => 1.5 * Math.sqrt(Math.max(...gram(W).map((row, i) => row[i]))) || 1;

  /* The part of a convex polygon where an affine function, given at its corners, is ≥ 0 */
  function clip(corners, values) {
    const kept = [];
    corners.forEach((p, k) => {
      const q = corners[(k + 1) % corners.length], u = values[k], v = values[(k + 1) % corners.length];
      if (u >= 0) kept.push(p);
      if (u * v < 0) {
        const t = u / (u - v);
        kept.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
      }
    });
    return kept.filter((p, k) => kept.findIndex((q) => q[0] === p[0] && q[1] === p[1]) === k);
  }

  /* For each feature of the plane, the closed region inside the window where its output alone is positive */
  function zones(W, b, window, tolerance = 0) {
    const at = (corners, j) => corners.map((p) => W[0][j] * p[0] + W[1][j] * p[1] + b[j] - tolerance);
    const square = [[-window, -window], [window, -window], [window, window], [-window, window]];
    return b.map((_, i) => {
      let corners = square;
      for (let j = 0; j < b.length && corners.length; j += 1) {
        const values = at(corners, j);
        corners = clip(corners, j === i ? values : values.map((value) => -value));
      }
      return corners.length && at(corners, i).some((value) => value > 0) ? corners : [];
    });
  }

  /* The shoelace formula */
  const area = (corners) => Math.abs(corners.reduce((sum, p, k) => {
    const q = corners[(k + 1) % corners.length];
    return sum + p[0] * q[1] - q[0] * p[1];
  }, 0)) / 2;

  /* The outputs that are positive at the latent vector h */
  const activeAt = (W, b, h, tolerance = 0) =>
    range(b.length).filter((j) => dot(column(W, j), h) + b[j] > tolerance);

  /* The state as the text of a model file. JSON would write −0 as 0 and so do we. */
  const dump = (state) =>
    JSON.stringify({ format: FORMAT, name: state.name, W: state.W, b: state.b }) + "\n";

  return {
    FORMAT, IDENTITY, UNIFORM, activeAt, area, biasExcess, clip, defaultWindow, dimensionality, dump, examples, gradient,
    gram, grid, independent, isZero, loss, norms, recovered, responses, slack, thresholds, zeroLossBias, zones,
  };
})();
