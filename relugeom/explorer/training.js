/* Training in the page: the starts of relugeom.training.many_models, its two optimisers, and polishing. */
"use strict";

const Training = (() => {
  const R = Relugeom;
  const MASK = (1n << 64n) - 1n, MASK2 = (1n << 128n) - 1n, MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

  /* The 32-bit words of numpy.random.SeedSequence(entropy, spawn_key=(number,)).generate_state(count) */
  function seedWords(entropy, number, count) {
    const words = (x) => {
      const found = [];
      for (let rest = BigInt(x); rest > 0n || found.length === 0; rest >>= 32n) found.push(Number(rest & 0xffffffffn));
      return found;
    };
    const given = words(entropy);
    while (given.length < 4) given.push(0);
    given.push(...words(number));
    let constant = 0x43b0d7e5;
    const hashed = (value) => {
      value ^= constant;
      constant = Math.imul(constant, 0x931e8875);
      value = Math.imul(value, constant);
      return value ^ (value >>> 16);
    };
    const mixed = (x, y) => {
      const value = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
      return value ^ (value >>> 16);
    };
    const pool = given.slice(0, 4).map(hashed);
    for (let from = 0; from < 4; from += 1) {
      for (let to = 0; to < 4; to += 1) if (from !== to) pool[to] = mixed(pool[to], hashed(pool[from]));
    }
    given.slice(4).forEach((word) => {
      for (let to = 0; to < 4; to += 1) pool[to] = mixed(pool[to], hashed(word));
    });
    constant = 0x8b51f9dd;
    return Array.from({ length: count }, (_, k) => {
      let value = pool[k % 4] ^ constant;
      constant = Math.imul(constant, 0x58f38ded);
      value = Math.imul(value, constant);
      return (value ^ (value >>> 16)) >>> 0;
    });
  }

  /* Numbers uniform on [0, 1) as numpy.random.default_rng draws them: PCG64 (O'Neill), 128-bit state, XSL-RR output */
  function uniforms(entropy, number) {
    const words = seedWords(entropy, number, 8).map(BigInt);
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => words[2 * k] | (words[2 * k + 1] << 32n));
    const increment = (((c << 64n) | d) << 1n | 1n) & MASK2;
    let state = (increment + ((a << 64n) | b)) & MASK2;
    const advance = () => { state = (state * MULTIPLIER + increment) & MASK2; };
    advance();
    return () => {
      advance();
      const value = (state >> 64n) ^ (state & MASK), turn = state >> 122n;
      const bits = ((value >> turn) | (value << (64n - turn))) & MASK;
      return Number(bits >> 11n) * 2 ** -53;
    };
  }

  /* Xavier, W uniform on ±√(6/(m + n)), times a scale; b = 0. The start of `relugeom trace --seed S --index K`. */
  function start({ m, n, seed, number, scale }) {
    const next = uniforms(seed, number), limit = Math.sqrt(6 / (m + n));
    const W = Array.from({ length: m }, () => Array.from({ length: n }, () => (-limit + 2 * limit * next()) * scale));
    return { W, b: Array(n).fill(0) };
  }

  /* One step after another of gradient descent, or of Adam with PyTorch's constants, on (W, b); or, centred, on (W, c)
   * with b = c − ‖w‖²: then ∂L/∂w_i has −2 (∂L/∂b_i) w_i beside it. */
  function optimiser() {
    let steps = 0, mean = [], square = [];

    function step({ W, b }, { adam, rate, centred, data }) {
      const m = W.length, n = b.length, slope = R.gradient(W, b, data);
      const squares = (V) => b.map((_, i) => V.reduce((sum, row) => sum + row[i] * row[i], 0));
      const shift = centred ? squares(W) : Array(n).fill(0);
      const theta = [...W.flat(), ...b.map((c, i) => c + shift[i])];
      const down = [
        ...slope.W.map((row, k) => row.map((x, i) => (centred ? x - 2 * slope.b[i] * W[k][i] : x))).flat(), ...slope.b,
      ];
      if (mean.length !== theta.length) reset(theta.length);
      steps += 1;
      const next = theta.map((x, k) => {
        if (!adam) return x - rate * down[k];
        mean[k] = 0.9 * mean[k] + (1 - 0.9) * down[k];
        square[k] = 0.999 * square[k] + (1 - 0.999) * down[k] ** 2;
        return x - rate * (mean[k] / (1 - 0.9 ** steps)) / (Math.sqrt(square[k] / (1 - 0.999 ** steps)) + 1e-8);
      });
      const moved = Array.from({ length: m }, (_, k) => next.slice(k * n, (k + 1) * n));
      const back = centred ? squares(moved) : shift;
      return { W: moved, b: next.slice(m * n).map((c, i) => c - back[i]) };
    }

    function reset(size = 0) {
      steps = 0; mean = Array(size).fill(0); square = Array(size).fill(0);
    }
    return { step, reset };
  }

  /* The critical point near (W, b): Levenberg's and Marquardt's method on ‖g‖², g the gradient, its Jacobian H (the
   * Hessian) from central differences: (H² + λ) d = −H g, λ smaller after each step that helps and larger after each that
   * does not. It ends when nothing helps, or when the time is over. */
  function polish({ W, b }, data, milliseconds = 1500) {
    const m = W.length, n = b.length, until = performance.now() + milliseconds, size = (m + 1) * n;
    const unpack = (theta) =>
      ({ W: Array.from({ length: m }, (_, k) => theta.slice(k * n, (k + 1) * n)), b: theta.slice(m * n) });
    const slope = (theta) => {
      const at = unpack(theta), g = R.gradient(at.W, at.b, data);
      return [...g.W.flat(), ...g.b];
    };
    const square = (g) => g.reduce((sum, x) => sum + x * x, 0);
    let theta = [...W.flat(), ...b], g = slope(theta), damping = 1e-3;
    while (performance.now() < until && damping < 1e6 && square(g) > 1e-30) {
      const H = theta.map((x, k) => {
        const step = 1e-6 * Math.max(1, Math.abs(x)), moved = (sign) => slope(theta.with(k, x + sign * step));
        const [above, below] = [moved(1), moved(-1)];
        return above.map((y, l) => (y - below[l]) / (2 * step));
      });
      const down = H.map((row) => -row.reduce((sum, x, k) => sum + x * g[k], 0));
      const squared = H.map((row) => H.map((other) => row.reduce((sum, x, k) => sum + x * other[k], 0)));
      let helped = false;
      while (!helped && damping < 1e6) {
        const d = solve(squared.map((row, k) => row.with(k, row[k] + damping)), down.slice(), size);
        const next = theta.map((x, k) => x + d[k]), there = slope(next);
        helped = square(there) < square(g);
        if (helped) { theta = next; g = there; damping /= 10; } else damping *= 4;
      }
    }
    return unpack(theta);
  }

  /* x of A x = y, A symmetric and positive definite, by Cholesky's A = LLᵀ, written over A and y */
  function solve(A, y, size) {
    for (let k = 0; k < size; k += 1) {
      for (let l = 0; l <= k; l += 1) {
        let sum = A[k][l];
        for (let p = 0; p < l; p += 1) sum -= A[k][p] * A[l][p];
        A[k][l] = k === l ? Math.sqrt(Math.max(sum, 1e-300)) : sum / A[l][l];
      }
    }
    for (let k = 0; k < size; k += 1) {
      for (let p = 0; p < k; p += 1) y[k] -= A[k][p] * y[p];
      y[k] /= A[k][k];
    }
    for (let k = size - 1; k >= 0; k -= 1) {
      for (let p = k + 1; p < size; p += 1) y[k] -= A[p][k] * y[p];
      y[k] /= A[k][k];
    }
    return y;
  }

  return { optimiser, polish, start };
})();
