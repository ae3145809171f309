/* The page around the arithmetic: one state, one function that shows it, and events that change it. */
"use strict";

(() => {
  const R = Relugeom;
  const MOST = { n: 40, numbered: 12, offered: 200, curve: 600 }, SIZE = 600;
  const DATA = { identity: R.IDENTITY, uniform: R.UNIFORM, grid: R.grid(0.25, 0.5, 0.75, 1) };
  const FRAME = 30;  // milliseconds of training between two pictures
  const find = (id) => document.getElementById(id);
  const plane = find("plane");

  let state = null, chosen = null, window_ = 1, steps = 0, playing = 0, tablesDue = 0, curve = [], turned = { across: 0.54, up: 0.35 };
  const past = [], optimiser = Training.optimiser();

  const sparsity = () => find("sparsity").valueAsNumber;
  const data = () => DATA[find("data").value] || R.independent(sparsity());
  const tolerance = () => (find("tolerance").valueAsNumber >= 0 ? find("tolerance").valueAsNumber : 0);
  const copy = (s) => ({ name: s.name, W: s.W.map((row) => row.slice()), b: s.b.slice() });
  const colour = (i) => `var(--feature-${i % 12})`;
  const fits = (model) => [2, 3].includes(model.W.length) && model.b.length <= MOST.n;

  /* So many digits of a number, however small it is; only 0 is 0 */
  const show = (x, digits = 4) => {
    if (x === 0) return "0";
    if (!Number.isFinite(x)) return x > 0 ? "∞" : x < 0 ? "−∞" : "–";
    const size = Math.abs(x), text = size >= 1e-3 && size < 1e5
      ? String(+x.toPrecision(digits)) : x.toExponential(digits - 1).replace(/\.?0*e\+?/, "e");
    return text.replace(/-/g, "−");
  };

  /* The directions of the page in the latent space: rightwards, upwards and towards the reader */
  function directions() {
    if (state.W.length === 2) return [[1, 0], [0, 1], [0, 0]];
    const [ca, sa, ce, se] = [Math.cos(turned.across), Math.sin(turned.across), Math.cos(turned.up), Math.sin(turned.up)];
    return [[-sa, ca, 0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]];
  }
  const along = (i, direction) => direction.reduce((sum, x, k) => sum + x * state.W[k][i], 0);
  const screen = (p) => [SIZE / 2 * (1 + p[0] / window_), SIZE / 2 * (1 - p[1] / window_)];

  function remember() {
    past.push(copy(state));
    if (past.length > 200) past.shift();
  }

  /* Another model, by a hand and not by training: the count, the curve and Adam's averages begin anew */
  function set(next, { fit = false, keep = true } = {}) {
    if (keep && state) remember();
    pause();
    state = copy(next);
    if (!isSummable()) leaveIndependent();
    if (fit) window_ = R.defaultWindow(state.W);
    begin();
    render();
  }

  const isSummable = () => find("data").value !== "independent" || state.b.length <= Independent.MOST_FEATURES;

  function leaveIndependent() {
    find("data").value = "identity";
    say(`on X = I: independent features are summed exactly for n up to ${Independent.MOST_FEATURES} here; relugeom toy trains on more`, false);
  }

  function begin() {
    steps = 0; curve = [];
    optimiser.reset();
  }

  function element(name, attributes, parent, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  /* Where the line w·h + c = 0 leaves the window, or nothing */
  function lineEnds(w, c) {
    const square = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map((p) => p.map((x) => x * window_));
    const values = square.map((p) => w[0] * p[0] + w[1] * p[1] + c);
    const ends = [];
    square.forEach((p, k) => {
      const q = square[(k + 1) % 4], u = values[k], v = values[(k + 1) % 4];
      if (u * v < 0 || (u === 0 && v !== 0)) {
        const t = u / (u - v);
        ends.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
      }
    });
    return ends.length === 2 ? ends : null;
  }

  function drawRegions() {
    element("path", { class: "axis", d: `M0 ${SIZE / 2}H${SIZE}M${SIZE / 2} 0V${SIZE}` }, plane);
    R.zones(state.W, state.b, window_, tolerance()).forEach((corners, i) => {
      if (corners.length < 2) return;
      const points = corners.map((p) => screen(p).join(",")).join(" ");
      // Where b is 0 to rounding, a zone is a ray: it has no area, but a line can be seen.
      const thin = R.area(corners) < 1e-6 * window_ * window_;
      element(thin ? "polyline" : "polygon", {
        points, class: thin ? "ray" : "zone", "data-zone": i, fill: thin ? "none" : colour(i), stroke: colour(i),
      }, plane);
    });
    state.b.forEach((c, i) => {
      const ends = lineEnds([state.W[0][i], state.W[1][i]], c);
      if (!ends) return;
      const [p, q] = ends.map(screen);
      element("line", { class: "line", x1: p[0], y1: p[1], x2: q[0], y2: q[1] }, plane);
    });
  }

  function drawPlane() {
    const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.handle : undefined;
    const solid = state.W.length === 3, [right, up, near] = directions(), origin = SIZE / 2;
    plane.replaceChildren();
    plane.classList.toggle("solid", solid);
    find("turns").hidden = !solid;
    find("plane-note").textContent = solid
      ? "Drag the background, or use the arrows below, to turn the space; regions are drawn for m = 2 only."
      : "A coloured region is where one output alone is positive; thin lines are where an output turns on.";
    if (!solid) drawRegions();
    const places = state.b.map((_, i) => screen([along(i, right), along(i, up)]));
    const isNear = (i, j) => Math.hypot(places[i][0] - places[j][0], places[i][1] - places[j][1]) < 10;
    const order = state.b.map((_, i) => i).sort((i, j) => along(i, near) - along(j, near) || i - j);
    order.forEach((i) => {
      const [x, y] = places[i];
      const group = element("g", {
        class: "handle", tabindex: 0, role: "button", "data-handle": i,
        opacity: solid ? Math.max(0.35, Math.min(1, 0.7 + 0.4 * along(i, near) / window_)) : 1,
        "aria-label": `feature ${i} at ${state.W.map((row) => show(row[i], 3)).join(", ")}; arrow keys move it`,
      }, plane);
      if (String(i) === focused) group.focus({ preventScroll: true });
      element("line", { class: "spoke", x1: origin, y1: origin, x2: x, y2: y, stroke: colour(i) }, group);
      element("circle", { class: "ring", cx: x, cy: y, r: 16 }, group);
      element("circle", { cx: x, cy: y, r: 7, fill: colour(i) }, group);
    });
    // Labels on top; features in one place share one.
    state.b.forEach((_, i) => {
      const [x, y] = places[i], far = Math.hypot(x - origin, y - origin) || 1, ux = (x - origin) / far;
      const here = state.b.map((_v, j) => j).filter((j) => isNear(i, j));
      if (here[0] !== i) return;
      const names = here.slice(0, 4).join(", ") + (here.length > 4 ? ", ..." : ""), width = 16 + 7 * names.length;
      const anchor = ux > 0.4 && x + 13 + width < SIZE ? "start" : ux < -0.4 && x - 13 - width > 0 ? "end" : "middle";
      const inside = (at) => Math.max(14, Math.min(SIZE - 14, at));
      const label = element("text", {
        x: inside(x + (anchor === "middle" ? 22 : 13) * ux), y: inside(y + 20 * (y - origin) / far), "text-anchor": anchor,
        "dominant-baseline": "central", "aria-hidden": "true",
      }, plane, "w");
      element("tspan", { "font-size": "12px", dy: 5 }, label, names);
    });
  }

  function number(label, change) {
    const input = document.createElement("input");
    input.type = "number"; input.step = "any"; input.setAttribute("aria-label", label);
    input.addEventListener("change", () => {
      if (!Number.isFinite(input.valueAsNumber)) return render();
      const next = copy(state);
      change(next, input.valueAsNumber);
      set(next);
    });
    return input;
  }

  function heading(text, scope, row, i) {
    const cell = document.createElement("th");
    cell.scope = scope;
    if (i !== undefined) {
      const swatch = document.createElement("span");
      swatch.className = "swatch"; swatch.style.background = colour(i);
      cell.append(swatch);
    }
    cell.append(text); row.append(cell);
  }

  /* A table's body with one row a feature, built anew where their number or m changed */
  function rowsOf(table, build) {
    const body = table.tBodies[0], key = `${state.W.length} ${state.b.length}`;
    if (table.dataset.key !== key) {
      table.dataset.key = key;
      body.replaceChildren();
      state.b.forEach((_, i) => {
        const row = body.insertRow();
        heading(String(i), "row", row, i);
        build(row, i);
      });
    }
    return [...body.rows];
  }

  function drawFeatures(A, kept) {
    const table = find("features"), m = state.W.length, axes = ["x", "y", "z"].slice(0, m);
    const rows = rowsOf(table, (row, i) => {
      axes.forEach((axis, k) => row.insertCell().append(number(`${axis} of feature ${i}`, (next, v) => { next.W[k][i] = v; })));
      row.insertCell().append(number(`bias of feature ${i}`, (next, v) => { next.b[i] = v; }));
      for (let k = 0; k < 7; k += 1) row.insertCell();
    });
    if (table.tHead.dataset.m !== String(m)) {
      table.tHead.dataset.m = m;
      table.tHead.replaceChildren();
      const head = table.tHead.insertRow();
      ["feature", ...axes, "bias b", "own output", "largest other", "given back alone", "threshold τ", "slack",
        "b − (1 − ‖w‖²)", "zone area"].forEach((text) => heading(text, "col", head));
    }
    const tau = R.thresholds(state.W, state.b), slack = R.slack(state.W), excess = R.biasExcess(state.W, state.b);
    const zones = m === 2 ? R.zones(state.W, state.b, window_, tolerance()) : null;
    rows.forEach((row, i) => {
      [...state.W.map((line) => line[i]), state.b[i]].forEach((value, k) => {
        const input = row.cells[k + 1].firstChild;
        if (document.activeElement !== input || input.valueAsNumber !== value) input.value = String(+value.toPrecision(6));
      });
      const others = Math.max(...A[i].filter((_, j) => j !== i));
      const texts = [show(A[i][i]), others === -Infinity ? "–" : show(others), kept[i] ? "✓ yes" : "✗ no", show(tau[i]),
        slack[i] === Infinity ? "–" : show(slack[i]), show(excess[i]), zones ? show(R.area(zones[i])) : "–"];
      texts.forEach((text, k) => { row.cells[k + m + 2].textContent = text; });
      row.cells[m + 4].className = kept[i] ? "good" : "bad";
    });
  }

  function drawBars() {
    const norms = R.norms(state.W), shares = R.dimensionality(state.W), longest = Math.max(...norms) || 1;
    rowsOf(find("bars"), (row, i) => {
      for (let k = 0; k < 2; k += 1) {
        const bar = document.createElement("span");
        bar.className = "bar"; bar.style.background = colour(i);
        row.insertCell().append(bar, "");
      }
    }).forEach((row, i) => [[norms[i], norms[i] / longest], [shares[i], shares[i]]].forEach(([value, part], k) => {
      row.cells[k + 1].firstChild.style.width = `calc(${part} * (100% - 5em))`;
      row.cells[k + 1].lastChild.data = show(value);
    }));
  }

  function drawGram(A) {
    const table = find("gram"), n = state.b.length, isGram = find("matrix").value === "gram", numbered = n <= MOST.numbered;
    const shown = isGram ? R.gram(state.W) : A, largest = Math.max(...shown.flat().map(Math.abs)) || 1;
    table.setAttribute("aria-label", isGram ? "WᵀW, row i and column j" : "WᵀW + b, row i for x = eᵢ, column j for output j");
    if (table.rows.length !== n + (numbered ? 1 : 0) || table.rows[0].cells.length !== n + (numbered ? 1 : 0)) {
      table.replaceChildren();
      table.classList.toggle("small", !numbered);
      table.classList.toggle("dense", n > 7);
      if (numbered) {
        const head = table.createTHead().insertRow();
        head.append(document.createElement("td"));
        state.b.forEach((_, j) => heading(String(j), "col", head));
      }
      const body = table.createTBody();
      state.b.forEach((_, i) => {
        const row = body.insertRow();
        if (numbered) heading(String(i), "row", row);
        state.b.forEach(() => row.insertCell());
      });
    }
    [...table.tBodies[0].rows].forEach((row, i) => shown[i].forEach((z, j) => {
      const cell = row.cells[j + (numbered ? 1 : 0)], wrong = !isGram && (z > tolerance()) !== (i === j);
      const depth = Math.round(60 * Math.abs(z) / largest);
      cell.style.background = `color-mix(in srgb, var(${z > 0 ? "--feature-0" : "--feature-1"}) ${depth}%, transparent)`;
      const rounding = z !== 0 && Math.abs(z) < 1e-9 * largest;  // its title has the number
      if (numbered) cell.textContent = rounding ? "≈ 0" : show(z, Math.abs(z) < 0.01 ? 1 : 2);
      cell.title = `${i}, ${j}: ${show(z)}`;
      cell.className = wrong ? "bad" : "";
    }));
  }

  /* The mean loss by steps; of a long curve, every second point is kept again and again */
  function drawCurve() {
    const svg = find("curve"), points = curve.filter(([, value]) => value > 0);
    svg.replaceChildren();
    if (points.length < 2) {
      element("text", { x: 200, y: 70, "text-anchor": "middle" }, svg, "the loss, as training goes");
      return;
    }
    const values = points.map(([, value]) => Math.log10(value)), last = points[points.length - 1];
    const low = Math.min(Math.floor(Math.min(...values)), Math.ceil(Math.max(...values)) - 1), high = Math.ceil(Math.max(...values));
    const x = (at) => 44 + 346 * (at - points[0][0]) / (last[0] - points[0][0]), y = (value) => 10 + 95 * (high - value) / (high - low);
    const every = Math.ceil((high - low) / 5);
    for (let power = high; power >= low; power -= every) {
      element("line", { x1: 44, x2: 390, y1: y(power), y2: y(power) }, svg);
      element("text", { x: 38, y: y(power) + 4, "text-anchor": "end" }, svg, power > 2 || power < -2 ? `1e${power}`.replace("-", "−") : String(10 ** power));
    }
    element("path", { d: points.map(([at, value], k) => `${k ? "L" : "M"}${x(at).toFixed(1)} ${y(Math.log10(value)).toFixed(1)}`).join("") }, svg);
    element("text", { x: 44, y: 124 }, svg, String(points[0][0]));
    element("text", { x: 390, y: 124, "text-anchor": "end" }, svg, `${last[0]} steps`);
  }

  function record(mean) {
    if (curve.length && curve[curve.length - 1][0] === steps) curve.pop();
    curve.push([steps, mean]);
    if (curve.length > MOST.curve) curve = curve.filter((_, k) => k % 2 === 0 || k === curve.length - 1);
  }

  function render() {
    const { W, b } = state, n = b.length, A = R.responses(W, b), kept = R.recovered(W, b, tolerance());
    const mean = R.loss(W, b, data()), slope = R.gradient(W, b, data()), total = R.examples(data(), n) * mean, zero = R.isZero(total, kept, tolerance());
    record(mean);
    drawPlane(); drawBars(); drawCurve();
    // While training plays, a table of 40 rows is brought up to date a few times a second: it would take most of the time.
    if (!playing || performance.now() > tablesDue) {
      drawFeatures(A, kept); drawGram(A);
      find("state").value = R.dump(state);
      tablesDue = performance.now() + 250;
    }
    const isIndependent = find("data").value === "independent";
    find("sparsity").parentElement.hidden = !isIndependent;
    find("data-name").textContent = find("data").selectedOptions[0].textContent + (isIndependent ? `, S = ${sparsity()}` : "");
    find("mean-loss").textContent = show(mean);
    find("total-loss").textContent = show(total);
    find("slope").textContent = show(Math.hypot(...slope.W.flat(), ...slope.b), 2);
    find("recovered").textContent = `${kept.filter(Boolean).length} of ${n}`;
    find("zero-loss").textContent = zero ? "✓ yes" : "✗ no";
    find("zero-loss").className = zero ? "good" : "bad";
    find("count").textContent = String(steps);
    showName();
    find("add").disabled = n >= MOST.n;
    find("remove").disabled = n <= 1;
    find("undo").disabled = past.length === 0;
    const common = find("common");
    if (document.activeElement !== common) common.value = String(b.reduce((sum, c) => sum + c, 0) / n);
  }

  /* In the list: the chosen model, or what it has become, so that it can be chosen anew */
  const numbersOf = ({ W, b }) => JSON.stringify([W, b]);
  function showName() {
    const present = find("present");
    if (chosen && numbersOf(JSON.parse(chosen.value)) === numbersOf(state)) { chosen.selected = true; return; }
    present.textContent = `${state.name || "model"}, ${steps ? `after ${steps} steps` : chosen ? "changed" : "untrained"}`;
    present.selected = true;
  }

  function say(text, good) {
    const message = find("message");
    message.textContent = text;
    message.className = good ? "good" : "bad";
  }

  /* Whether so many steps could be taken, or as many as there was time for */
  function train(count, time = Infinity) {
    const rate = find("rate").valueAsNumber, until = performance.now() + time;
    if (!(rate > 0)) { say("rate must be a positive number", false); return false; }
    const settings = { adam: find("optimiser").value === "adam", rate, centred: find("centred").checked, data: data() };
    let next = state, taken = 0;
    while (taken < count && (taken === 0 || performance.now() < until)) {
      next = optimiser.step(next, settings);
      taken += 1;
    }
    if (![...next.W.flat(), ...next.b].every((x) => Math.abs(x) < 1e100)) {
      optimiser.reset();
      say("training diverged; the last finite model is kept: try a smaller rate", false);
      return false;
    }
    state = { name: state.name, ...next };
    steps += taken;
    window_ = Math.max(window_, 1.2 * Math.max(...R.norms(state.W)));
    render();
    return true;
  }

  function pause() {
    cancelAnimationFrame(playing); playing = 0;
    find("run").textContent = "Play";
    find("run").setAttribute("aria-pressed", "false");
  }

  function play() {
    playing = requestAnimationFrame(() => { if (train(+find("speed").value, FRAME)) play();
      else { pause(); render(); }
    });
  }

  /* Dragging, by mouse, pen or finger: a feature, or in three dimensions the whole space */
  const pointer = (event) => {
    const box = plane.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width * 2 - 1) * window_, (1 - (event.clientY - box.top) / box.height * 2) * window_];
  };
  const turn = (across, up) => {
    turned = { across: turned.across - across, up: Math.max(-1.57, Math.min(1.57, turned.up + up)) };
    render();
  };
  const shift = (i, right, up) => {
    const [across, upward] = directions();
    state.W.forEach((row, k) => { row[i] += right * across[k] + up * upward[k]; });
    begin();
    render();
  };
  let dragged = null, last = [0, 0];
  // Browsers look at touch-action on the whole drawing, not on its parts, so a finger on a feature is claimed here.
  plane.addEventListener("touchstart", (event) => {
    if (event.cancelable && event.target.closest(".handle")) event.preventDefault();
  }, { passive: false });
  plane.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest(".handle");
    if (!handle && state.W.length === 2) return;
    last = pointer(event);
    dragged = handle ? +handle.dataset.handle : "space";
    plane.setPointerCapture(event.pointerId);
    if (!handle) return;
    event.preventDefault();
    pause(); remember();
    handle.focus({ preventScroll: true });
  });
  plane.addEventListener("pointermove", (event) => {
    const h = pointer(event);
    if (dragged === null && state.W.length === 2) {
      const active = R.activeAt(state.W, state.b, h, tolerance());
      find("hover").textContent = `h = (${show(h[0], 3)}, ${show(h[1], 3)}): `
        + (active.length ? `output${active.length > 1 ? "s" : ""} ${active.join(", ")} positive` : "no output positive");
    }
    if (dragged === null) return;
    const [right, up] = [h[0] - last[0], h[1] - last[1]];
    last = h;
    if (dragged === "space") turn(2 * right / window_, -2 * up / window_);
    else shift(dragged, right, up);
  });
  const release = () => { dragged = null; };
  plane.addEventListener("pointerup", release);
  plane.addEventListener("pointercancel", release);
  plane.addEventListener("keydown", (event) => {
    const handle = event.target.closest(".handle");
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!handle || !move) return;
    event.preventDefault();
    pause(); remember();
    const by = (event.shiftKey ? 0.1 : 0.02) * window_;
    shift(+handle.dataset.handle, by * move[0], by * move[1]);
  });

  const on = (id, act, event = "click") => find(id).addEventListener(event, act);
  on("zoom-in", () => { window_ /= 1.25; render(); });
  on("zoom-out", () => { window_ *= 1.25; render(); });
  on("fit", () => { window_ = R.defaultWindow(state.W); render(); });
  on("turn-left", () => turn(0.2, 0));
  on("turn-right", () => turn(-0.2, 0));
  on("turn-up", () => turn(0, 0.2));
  on("turn-down", () => turn(0, -0.2));
  on("add", () => {
    const next = copy(state), r = window_ / 1.5, angle = state.b.length * 2.4;
    next.W.forEach((row, k) => row.push(k === 0 ? r * Math.cos(angle) : k === 1 ? r * Math.sin(angle) : 0));
    next.b.push(0);
    set(next);
  });
  on("remove", () => {
    const next = copy(state);
    next.W.forEach((row) => row.pop()); next.b.pop();
    set(next);
  });
  on("undo", () => { if (past.length) set(past.pop(), { keep: false }); });
  on("zero-loss-bias", () => set({ ...state, b: R.zeroLossBias(state.W) }));
  on("no-bias", () => set({ ...state, b: state.b.map(() => 0) }));
  on("common", () => remember(), "pointerdown");
  on("common", () => { const c = find("common").valueAsNumber; set({ ...state, b: state.b.map(() => c) }, { keep: false }); }, "input");
  on("step", () => { pause(); remember(); train(1); });
  on("steps", () => { pause(); remember(); train(100); });
  on("polish", () => {
    const before = [...state.W.flat(), ...state.b], polished = Training.polish(state, data());
    const after = [...polished.W.flat(), ...polished.b], slope = R.gradient(polished.W, polished.b, data());
    const norm = Math.hypot(...slope.W.flat(), ...slope.b), moved = Math.hypot(...after.map((x, k) => x - before[k]));
    set({ name: state.name, ...polished });
    say(norm < 1e-10 ? `a critical point, of whatever kind: gradient norm ${show(norm, 2)}, moved by ${show(moved, 2)}`
      : `no critical point reached, moved by ${show(moved, 2)}: gradient norm ${show(norm, 2)}`, norm < 1e-10);
  });
  on("run", () => {
    if (playing) { pause(); return render(); }
    remember();
    say("", true);
    find("run").textContent = "Pause";
    find("run").setAttribute("aria-pressed", "true");
    play();
  });
  ["data", "sparsity", "optimiser", "centred"].forEach((id) => on(id, () => {
    if (!(sparsity() >= 0 && sparsity() < 1)) { find("sparsity").value = "0.9"; say("sparsity must be at least 0 and below 1", false); }
    if (!isSummable()) leaveIndependent();
    begin(); render();
  }, "change"));
  ["tolerance", "matrix"].forEach((id) => on(id, render, "change"));
  on("optimiser", () => { find("rate").value = find("optimiser").value === "adam" ? "0.01" : "0.1"; }, "change");
  on("start", () => {
    const [n, scale, seed] = ["start-n", "start-scale", "start-number"].map((id) => find(id).valueAsNumber);
    const m = +find("start-m").value;
    if (!(Number.isInteger(n) && n >= 1 && n <= MOST.n)) return say(`n must be a whole number from 1 to ${MOST.n}`, false);
    if (!(scale > 0 && scale < 1e6)) return say("scale must be a positive number", false);
    if (!(Number.isSafeInteger(seed) && seed >= 0)) return say("seed must be a whole number, 0 or more", false);
    chosen = null;
    window_ = 2;
    set({ name: `seed ${seed}, n = ${n}, m = ${m}`, ...Training.start({ m, n, seed: 0, number: seed, scale }) });
    const small = scale === 1 ? "" : ` --initialisation small --init-scale ${scale}`;
    say(`the start of relugeom trace --n ${n} --m ${m} --index ${seed}${small}`, true);
  });
  on("copy", async () => {
    const area = find("state");
    try { await navigator.clipboard.writeText(area.value); } catch (_) { area.select(); document.execCommand("copy"); }
    say("copied", true);
  });
  on("save", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([R.dump(state)], { type: "application/json" }));
    link.download = "model.json";
    link.click();
    URL.revokeObjectURL(link.href);
    say("saved as model.json, which relugeom inspect reads", true);
  });

  /* Reading: what a file holds is offered in a group of its own, and the first that this page can show is shown */
  function group(label, models) {
    const section = document.createElement("optgroup");
    section.label = label;
    models.forEach((model) => {
      const option = document.createElement("option");
      option.textContent = model.name || "model";
      option.value = JSON.stringify(model);
      section.append(option);
    });
    find("preset").append(section);
    return section;
  }

  async function open(bytes, name, transpose = null) {
    find("question").hidden = true;
    try {
      const { models, notes } = await Reading.read(bytes, name.replace(/\.[a-z]+$/i, ""), transpose);
      const shown = models.filter(fits);
      if (!shown.length) {
        const [{ W, b }] = models;
        throw new Reading.Refusal(`m = ${W.length}, n = ${b.length}: this page shows m = 2 or 3 and n up to ${MOST.n}; relugeom inspect FILE --html takes any`);
      }
      const section = group(name, shown.slice(0, MOST.offered));
      chosen = section.firstElementChild;
      set(shown[0], { fit: true });
      const left = models.length - Math.min(shown.length, MOST.offered);
      say([`${name}: ${models.length === 1 ? "read" : `${models.length} models`}`, ...(left ? [`${left} not shown`] : []), ...notes].join("; "), true);
    } catch (error) {
      say(`${name}: ${error.message}`, false);
      if (!(error instanceof Reading.Question)) return;
      find("question").hidden = false;
      find("columns").onclick = () => open(bytes, name, false);
      find("rows").onclick = () => open(bytes, name, true);
      find("columns").focus();
    }
  }

  async function openFile(file) {
    if (!file) return;
    if (file.size > 64e6) return say(`${file.name}: ${file.size} bytes; at most 64000000 are read`, false);
    await open(new Uint8Array(await file.arrayBuffer()), file.name);
  }
  on("file", async () => {
    await openFile(find("file").files[0]);
    find("file").value = "";
  }, "change");
  document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    openFile(event.dataTransfer.files[0]);
  });
  on("read", () => open(new TextEncoder().encode(find("state").value), "the text"));

  const preset = find("preset");
  PRESETS.forEach(({ label, models }) => group(label, models));
  const load = (option, keep) => {
    const { data: name, ...model } = JSON.parse(option.value);
    chosen = option;
    if (name) find("data").value = name;
    set(model, { fit: true, keep });
  };
  preset.addEventListener("change", () => { say("", true); find("question").hidden = true; load(preset.selectedOptions[0], true); });
  const opening = [...preset.options].find((option) => option.parentElement.label === "Yours") || preset.options[1];
  load(opening, false);
})();
