/* Independent features, x_i = 0 with probability S and else uniform on (0, 1]: the loss over the whole population, exactly.
 *
 * Given the set A of active features, output j is ReLU(z), z = b + Σ_{i∈A} a_i u_i with u uniform on the cube, and the
 * loss needs E[u^α z₊^r] for α = 0, e_i and e_i + e_j. They come from the recursion of
 * relugeom.autoencoder.positive_part, whose docstring derives it, over the 3^n states of features that are absent (0),
 * active (1), or put at u_i = 1 (2); the digits of a state in base 3 are its features.
 */
"use strict";

const Independent = (() => {
  const MOST_FEATURES = 6;  // beyond, a step of training takes too long to watch

  /* The states of n features by their number of active ones, each with its active features and those put at 1 */
  const statesOf = (() => {
    const kept = new Map();
    return (n) => {
      if (!kept.has(n)) {
        const states = Array.from({ length: 3 ** n }, (_, index) => {
          const digits = Array.from({ length: n }, (_v, i) => Math.floor(index / 3 ** i) % 3), members = (d) =>
            digits.flatMap((digit, i) => (digit === d ? [i] : []));
          return { index, digits, active: members(1), done: members(2) };
        });
        kept.set(n, states.sort((s, t) => s.active.length - t.active.length));
      }
      return kept.get(n);
    };
  })();

  /* A table with a row per state: M(0), M(1), M(2), then M_i(0), M_i(1) by feature, then M_ij(0) by feature i */
  function moments(a, b, j) {
    const n = a.length, width = 3 + 3 * n, table = new Float64Array(3 ** n * width);
    const plain = (r) => r, single = (i, r) => 3 + 2 * i + r, double = (i) => 3 + 2 * n + i;
    for (const { index, digits, active, done } of statesOf(n)) {
      const here = index * width, k = active.length;
      let offset = b, peak = 0, floor = 0, steepest = -1;
      done.forEach((i) => { offset += a[i]; });
      active.forEach((i) => {
        peak += Math.max(a[i], 0); floor += Math.min(a[i], 0);
        if (steepest < 0 || Math.abs(a[i]) > Math.abs(a[steepest])) steepest = i;
      });
      peak += offset; floor += offset;
      const isMixed = floor < 0 && peak > 0 && k > 0 && a[steepest] !== 0;

      /* The moment of a kind whose factors are all active; `less(i)` is the kind with one factor u_i less, `count(i)` how
       * many there are */
      const moment = (kind, r, factors, count, less) => {
        if (!(peak > 0)) return 0;
        if (k === 0) return r === 0 ? 1 : offset ** r;
        // z > 0 almost everywhere: E[u^α]. The recursion would need to know on which side a face of z = 0 lies.
        if (r === 0 && floor >= 0) return active.reduce((mean, i) => mean / (count(i) + 1), 1);
        let total = r === 0 ? 0 : r * peak * table[here + kind - 1];  // the next lower power stands before
        for (const i of active) {
          const times = count(i);
          if (a[i] < 0) total += table[(index + 3 ** i) * width + kind];
          else total += times ? times * table[here + less(i)] : table[(index - 3 ** i) * width + kind];
        }
        if (r === 0 && isMixed) {
          const times = count(steepest), one = table[(index + 3 ** steepest) * width + kind];
          const other = times ? times * table[here + less(steepest)] : table[(index - 3 ** steepest) * width + kind];
          total += peak / a[steepest] * (one - other);
        }
        return total / (r + k + factors);
      };
      /* A factor of a feature put at 1 is 1, and one of an absent feature 0 */
      const factored = (i, without, compute) => (digits[i] === 1 ? compute() : digits[i] === 2 ? table[here + without] : 0);

      for (let r = 0; r < 3; r += 1) {
        table[here + plain(r)] = moment(plain(r), r, 0, () => 0, () => 0);
        if (r === 2) continue;
        for (let i = 0; i < n; i += 1) {
          table[here + single(i, r)] = factored(i, plain(r),
            () => moment(single(i, r), r, 1, (l) => (l === i ? 1 : 0), () => plain(r)));
        }
      }
      for (let i = 0; i < n; i += 1) {
        table[here + double(i)] = factored(i, single(j, 0), () => factored(j, single(i, 0), () =>
          moment(double(i), 0, 2, (l) => (l === i ? 1 : 0) + (l === j ? 1 : 0), (l) => single(l === i ? j : i, 0))));
      }
    }
    return table;
  }

  /* [L, D, d]: the loss, and its slopes by the coefficient of feature i in output j, D[j][i], and by b_j. With G = WᵀW,
   * L = Σ_A P(A) Σ_j (E[z₊²] − 2·1[j∈A] E[u_j z₊] + 1[j∈A]/3). */
  function sums(G, b, sparsity) {
    const n = b.length, width = 3 + 3 * n, D = [], d = [];
    let loss = 0;
    G.forEach((a, j) => {
      const table = moments(a, b[j], j), slopes = Array(n).fill(0);
      let slope = 0;
      for (const { index, digits, active, done } of statesOf(n)) {
        if (done.length) continue;
        const P = (1 - sparsity) ** active.length * sparsity ** (n - active.length), here = index * width;
        loss += P * (table[here + 2] - 2 * table[here + 3 + 2 * j + 1] + (digits[j] ? 1 / 3 : 0));
        slope += 2 * P * (table[here + 1] - table[here + 3 + 2 * j]);
        for (let i = 0; i < n; i += 1) slopes[i] += 2 * P * (table[here + 3 + 2 * i + 1] - table[here + 3 + 2 * n + i]);
      }
      D.push(slopes); d.push(slope);
    });
    return [loss, D, d];
  }

  return { MOST_FEATURES, sums };
})();
