/* The arithmetic of the explorer: the definitions of relugeom.autoencoder for X = I, in plain JavaScript.
 *
 * W is an array of m rows of n numbers, b an array of n numbers. Index i is the active feature, j the output. Every
 * function is compared with its Python twin in tests/test_explorer.py.
 */
"use strict";

const Relugeom = (() => {
  const FORMAT = "relugeom-model/1";

  const range = (n) => Array.from({ length: n }, (_, k) => k);
  const column = (W, i) => W.map((row) => row[i]);
  const dot = (u, v) => u.reduce((sum, x, k) => sum + x * v[k], 0);

  /* G_ij = w_i·w_j */
  function gram(W) {
    const columns = range(W[0].length).map((i) => column(W, i));
    return columns.map((w) => columns.map((v) => dot(w, v)));
  }

  /* A_ij = w_i·w_j + b_j, the pre-activation of output j for the example e_i */
  const responses = (W, b) => gram(W).map((row) => row.map((g, j) => g + b[j]));

  /* L = (1/n) Σ_ij (δ_ij − ReLU(A_ij))² */
  function loss(W, b) {
    const A = responses(W, b);
    let sum = 0;
    A.forEach((row, i) => row.forEach((z, j) => { sum += (Math.max(z, 0) - (i === j ? 1 : 0)) ** 2; }));
    return sum / b.length;
  }

  /* With E = (2/n) (ReLU(A) − I) ⊙ 1[A > 0]:  ∂L/∂W = W (E + Eᵀ),  ∂L/∂b_j = Σ_i E_ij */
  function gradient(W, b) {
    const n = b.length;
    const E = responses(W, b).map((row, i) =>
      row.map((z, j) => (z > 0 ? (2 / n) * (z - (i === j ? 1 : 0)) : 0)));
    return {
      W: W.map((row) => range(n).map((j) => row.reduce((sum, w, i) => sum + w * (E[i][j] + E[j][i]), 0))),
      b: range(n).map((j) => E.reduce((sum, row) => sum + row[j], 0)),
    };
  }

  /* (W, b) − rate × gradient */
  function descend(W, b, rate) {
    const slope = gradient(W, b);
    return {
      W: W.map((row, k) => row.map((w, i) => w - rate * slope.W[k][i])),
      b: b.map((c, i) => c - rate * slope.b[i]),
    };
  }

  /* Axis i is recovered iff A_ii > 0 and A_ij ≤ 0 for all j ≠ i */
  const recovered = (W, b, tolerance = 0) =>
    responses(W, b).map((row, i) => row.every((z, j) => (z > tolerance) === (i === j)));

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

  /* The state in a text, or an Error that says what is wrong with it */
  function load(text, most = { m: 2, n: 12 }) {
    if (text.length > 1e6) throw new Error("the text is too long");
    let data;
    try { data = JSON.parse(text); } catch (error) { throw new Error("not JSON: " + error.message); }
    if (data === null || typeof data !== "object" || data.format !== FORMAT) {
      throw new Error(`format must be "${FORMAT}"`);
    }
    const numbers = (where, values, n) => {
      if (!Array.isArray(values) || values.length !== n) throw new Error(`${where} must be a list of ${n} numbers`);
      values.forEach((value, k) => {
        if (typeof value !== "number" || !Number.isFinite(value)) {
          throw new Error(`${where}[${k}] must be a finite number`);
        }
      });
      return values.slice();
    };
    if (!Array.isArray(data.W) || data.W.length !== most.m || !Array.isArray(data.W[0])) {
      throw new Error(`W must be a list of ${most.m} rows of numbers`);
    }
    const n = data.W[0].length;
    if (n < 1 || n > most.n) throw new Error(`W must have 1 to ${most.n} columns; got ${n}`);
    const name = data.name === undefined ? "" : data.name;
    if (typeof name !== "string" || name.length > 200) throw new Error("name must be a text of at most 200 characters");
    return {
      name,
      W: data.W.map((row, k) => numbers(`W[${k}]`, row, n)),
      b: data.b === undefined || data.b === null ? range(n).map(() => 0) : numbers("b", data.b, n),
    };
  }

  return {
    FORMAT, activeAt, area, biasExcess, clip, defaultWindow, descend, dump, gradient, gram, load, loss, recovered,
    responses, slack, thresholds, zeroLossBias, zones,
  };
})();

if (typeof module !== "undefined") module.exports = Relugeom;
