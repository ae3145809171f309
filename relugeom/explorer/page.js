/* The page around the arithmetic: one state, one function that shows it, and events that change it. */
"use strict";

(() => {
  const R = Relugeom;
  const MOST = { m: 2, n: 12 }, TOLERANCE = 1e-9, SIZE = 600;
  const find = (id) => document.getElementById(id);
  const plane = find("plane");

  let state = null, window_ = 1, steps = 0, timer = null;
  const past = [];

  const copy = (s) => ({ name: s.name, W: s.W.map((row) => row.slice()), b: s.b.slice() });
  const colour = (i) => `var(--feature-${i % 12})`;
  const show = (x, digits = 4) => {
    if (x === Infinity) return "∞";
    const text = Math.abs(x) < 0.5 * 10 ** -digits ? "0" : x.toFixed(digits).replace(/\.?0+$/, "");
    return text.replace("-", "−");
  };
  const screen = (p) => [SIZE / 2 * (1 + p[0] / window_), SIZE / 2 * (1 - p[1] / window_)];

  function remember() {
    past.push(copy(state));
    if (past.length > 200) past.shift();
  }

  function set(next, { fit = false, keep = false } = {}) {
    if (keep && state) remember();
    state = copy(next);
    if (fit) window_ = R.defaultWindow(state.W);
    render();
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

  function drawPlane() {
    const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.handle : undefined;
    plane.replaceChildren();
    element("path", { class: "axis", d: `M0 ${SIZE / 2}H${SIZE}M${SIZE / 2} 0V${SIZE}` }, plane);
    R.zones(state.W, state.b, window_, TOLERANCE).forEach((corners, i) => {
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
    const origin = SIZE / 2;
    state.b.forEach((_, i) => {
      const [x, y] = screen([state.W[0][i], state.W[1][i]]);
      const far = Math.hypot(x - origin, y - origin) || 1;
      const ux = (x - origin) / far, uy = (y - origin) / far;
      const group = element("g", {
        class: "handle", tabindex: 0, role: "button", "data-handle": i,
        "aria-label": `feature ${i} at ${show(state.W[0][i], 2)}, ${show(state.W[1][i], 2)}; arrow keys move it`,
      }, plane);
      element("line", { class: "spoke", x1: origin, y1: origin, x2: x, y2: y, stroke: colour(i) }, group);
      element("circle", { class: "ring", cx: x, cy: y, r: 16 }, group);
      element("circle", { cx: x, cy: y, r: 7, fill: colour(i) }, group);
      const label = element("text", {
        x: x + 22 * ux, y: y + 22 * uy, "text-anchor": "middle", "dominant-baseline": "central", "aria-hidden": "true",
      }, group, "w");
      element("tspan", { "font-size": "12px", dy: 5 }, label, String(i));
      if (String(i) === focused) group.focus({ preventScroll: true });
    });
  }

  function number(label, value, change) {
    const input = document.createElement("input");
    input.type = "number"; input.step = "any"; input.setAttribute("aria-label", label);
    input.value = value;
    input.addEventListener("change", () => {
      if (!Number.isFinite(input.valueAsNumber)) return render();
      remember(); change(input.valueAsNumber); render();
    });
    return input;
  }

  function drawFeatures(A) {
    const body = find("features").tBodies[0];
    const n = state.b.length;
    if (body.rows.length !== n) {
      body.replaceChildren();
      for (let i = 0; i < n; i += 1) {
        const row = body.insertRow();
        const head = document.createElement("th");
        head.scope = "row";
        const swatch = document.createElement("span");
        swatch.className = "swatch"; swatch.style.background = colour(i);
        head.append(swatch, String(i));
        row.append(head);
        [["x", (v) => { state.W[0][i] = v; }], ["y", (v) => { state.W[1][i] = v; }], ["bias", (v) => { state.b[i] = v; }]]
          .forEach(([what, change]) => row.insertCell().append(number(`${what} of feature ${i}`, 0, change)));
        for (let k = 0; k < 8; k += 1) row.insertCell();
      }
    }
    const norms = R.gram(state.W).map((row, i) => Math.sqrt(row[i]));
    const kept = R.recovered(state.W, state.b, TOLERANCE);
    const tau = R.thresholds(state.W, state.b), slack = R.slack(state.W), excess = R.biasExcess(state.W, state.b);
    const zones = R.zones(state.W, state.b, window_, TOLERANCE);
    [...body.rows].forEach((row, i) => {
      [state.W[0][i], state.W[1][i], state.b[i]].forEach((value, k) => {
        const input = row.cells[k + 1].firstChild;
        if (document.activeElement !== input || input.valueAsNumber !== value) input.value = String(+value.toFixed(6));
      });
      const others = Math.max(...A[i].filter((_, j) => j !== i));
      const texts = [show(norms[i]), show(A[i][i]), others === -Infinity ? "–" : show(others), kept[i] ? "✓ yes" : "✗ no",
        show(tau[i]), slack[i] === Infinity ? "–" : show(slack[i]), show(excess[i]), show(R.area(zones[i]))];
      texts.forEach((text, k) => { row.cells[k + 4].textContent = text; });
      row.cells[7].className = kept[i] ? "good" : "bad";
      row.cells[9].className = slack[i] >= -TOLERANCE ? "good" : "bad";
      row.cells[10].className = Math.abs(excess[i]) <= TOLERANCE ? "good" : "bad";
    });
    return { kept, slack, excess };
  }

  function drawGram(A) {
    const table = find("gram");
    table.replaceChildren();
    const head = table.createTHead().insertRow();
    const corner = document.createElement("td");
    head.append(corner);
    const heading = (text, scope, row) => {
      const cell = document.createElement("th");
      cell.scope = scope; cell.textContent = text; row.append(cell);
    };
    A.forEach((_, j) => heading(`j = ${j}`, "col", head));
    const body = table.createTBody();
    A.forEach((row, i) => {
      const line = body.insertRow();
      heading(`i = ${i}`, "row", line);
      const largest = Math.max(...row);
      row.forEach((z, j) => {
        const cell = line.insertCell();
        const wrong = i !== j && z > TOLERANCE;
        cell.textContent = show(z, 2) + (wrong ? " ✗" : "");
        if (z >= largest - TOLERANCE) cell.classList.add("largest");
        if (wrong) cell.classList.add("bad");
      });
    });
  }

  function render() {
    const A = R.responses(state.W, state.b), n = state.b.length;
    const mean = R.loss(state.W, state.b), slope = R.gradient(state.W, state.b);
    drawPlane();
    const { kept, slack, excess } = drawFeatures(A);
    drawGram(A);
    find("total-loss").textContent = show(n * mean, 6);
    find("mean-loss").textContent = show(mean, 6);
    find("recovered").textContent = `${kept.filter(Boolean).length} of ${n}`;
    const zero = slack.every((s) => s >= -TOLERANCE) && excess.every((e) => Math.abs(e) <= TOLERANCE);
    find("zero-loss").textContent = zero ? "✓ yes" : "✗ no";
    find("zero-loss").className = zero ? "good" : "bad";
    find("slope").textContent = Math.max(...slope.W.flat().map(Math.abs), ...slope.b.map(Math.abs)).toExponential(1);
    find("count").textContent = String(steps);
    find("state").value = R.dump(state);
    find("add").disabled = n >= MOST.n;
    find("remove").disabled = n <= 1;
    find("undo").disabled = past.length === 0;
    const common = find("common");
    if (document.activeElement !== common) common.value = String(state.b.reduce((sum, c) => sum + c, 0) / n);
  }

  function say(text, good) {
    const message = find("message");
    message.textContent = text;
    message.className = good ? "good" : "bad";
  }

  function descend(count) {
    const rate = find("rate").valueAsNumber;
    if (!(rate > 0)) return say("rate must be a positive number", false);
    let next = state;
    for (let k = 0; k < count; k += 1) next = { name: state.name, ...R.descend(next.W, next.b, rate) };
    if (![...next.W.flat(), ...next.b].every(Number.isFinite)) { stop(); return say("the descent ran away: try a smaller rate", false); }
    steps += count;
    set(next);
  }

  function stop() {
    clearInterval(timer); timer = null;
    find("run").textContent = "Run";
    find("run").setAttribute("aria-pressed", "false");
  }

  /* Dragging, by mouse, pen or finger */
  const pointer = (event) => {
    const box = plane.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width * 2 - 1) * window_, (1 - (event.clientY - box.top) / box.height * 2) * window_];
  };
  let dragged = null, grip = [0, 0];
  plane.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest(".handle");
    if (!handle) return;
    event.preventDefault();
    stop(); remember();
    dragged = +handle.dataset.handle;
    const p = pointer(event);
    grip = [state.W[0][dragged] - p[0], state.W[1][dragged] - p[1]];
    plane.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
  });
  plane.addEventListener("pointermove", (event) => {
    const h = pointer(event);
    if (dragged === null) {
      const active = R.activeAt(state.W, state.b, h, TOLERANCE);
      find("hover").textContent = `h = (${show(h[0], 2)}, ${show(h[1], 2)}): `
        + (active.length ? `output${active.length > 1 ? "s" : ""} ${active.join(", ")} positive` : "no output positive");
      return;
    }
    state.W[0][dragged] = h[0] + grip[0];
    state.W[1][dragged] = h[1] + grip[1];
    render();
  });
  const release = () => { dragged = null; };
  plane.addEventListener("pointerup", release);
  plane.addEventListener("pointercancel", release);
  plane.addEventListener("keydown", (event) => {
    const handle = event.target.closest(".handle");
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!handle || !move) return;
    event.preventDefault();
    remember();
    const i = +handle.dataset.handle, by = (event.shiftKey ? 0.1 : 0.02) * window_;
    state.W[0][i] += by * move[0];
    state.W[1][i] += by * move[1];
    render();
  });

  const on = (id, act, event = "click") => find(id).addEventListener(event, act);
  on("zoom-in", () => { window_ /= 1.25; render(); });
  on("zoom-out", () => { window_ *= 1.25; render(); });
  on("fit", () => { window_ = R.defaultWindow(state.W); render(); });
  on("add", () => {
    const next = copy(state), r = window_ / 1.5, turn = state.b.length * 2.4;
    next.W[0].push(r * Math.cos(turn)); next.W[1].push(r * Math.sin(turn)); next.b.push(0);
    set(next, { keep: true });
  });
  on("remove", () => {
    const next = copy(state);
    next.W.forEach((row) => row.pop()); next.b.pop();
    set(next, { keep: true });
  });
  on("undo", () => { if (past.length) { state = past.pop(); render(); } });
  on("zero-loss-bias", () => set({ ...state, b: R.zeroLossBias(state.W) }, { keep: true }));
  on("no-bias", () => set({ ...state, b: state.b.map(() => 0) }, { keep: true }));
  on("common", () => remember(), "pointerdown");
  on("common", () => { const c = find("common").valueAsNumber; set({ ...state, b: state.b.map(() => c) }); }, "input");
  on("step", () => { remember(); descend(1); });
  on("steps", () => { remember(); descend(100); });
  on("run", () => {
    if (timer !== null) return stop();
    remember();
    find("run").textContent = "Pause";
    find("run").setAttribute("aria-pressed", "true");
    timer = setInterval(() => descend(5), 40);
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
  });
  on("read", () => {
    try { stop(); steps = 0; set(R.load(find("state").value, MOST), { fit: true, keep: true }); say("read", true); }
    catch (error) { say(error.message, false); }
  });

  const preset = find("preset");
  PRESETS.forEach((group) => {
    const section = document.createElement("optgroup");
    section.label = group.label;
    group.models.forEach((model) => {
      const option = document.createElement("option");
      option.textContent = model.name;
      option.value = JSON.stringify(model);
      section.append(option);
    });
    preset.append(section);
  });
  preset.addEventListener("change", () => { stop(); steps = 0; say("", true); set(JSON.parse(preset.value), { fit: true, keep: true }); });
  set(JSON.parse(preset.options[0].value), { fit: true });
})();
