// The gradient wall: walk on the error surface of one unit, by the pointer, by the keyboard, or by gradient descent.
exhibits.wall = function (stage, data, page) {
  const { text, element } = page;
  const { svg, set, number } = exhibits.shared;
  const { steps: L, h_0, target, w_range, b_range, start } = data;

  // --- the network of one unit ---

  const sigma = (z) => 1 / (1 + Math.exp(-z));

  // σ(h_0), σ(h_1), …, σ(h_L)
  function forward(w, b) {
    const s = [sigma(h_0)];
    // h_t = w σ(h_{t-1}) + b
    for (let t = 1; t <= L; t++) s.push(sigma(w * s[t - 1] + b));
    return s;
  }

  // L = (σ(h_L) − target)²
  const lossOf = (s) => (s[L] - target) ** 2;

  // The loss at (w, b) and its gradient, by back-propagation through the L steps.
  function evaluate(w, b) {
    const s = forward(w, b);
    // δ_L = ∂L/∂h_L = 2 (σ(h_L) − target) σ'(h_L), σ' = σ (1 − σ)
    let delta = 2 * (s[L] - target) * s[L] * (1 - s[L]);
    let [g_w, g_b] = [0, 0];
    for (let t = L; t > 0; t--) {
      // ∂L/∂w = Σ_t δ_t σ(h_{t-1}), ∂L/∂b = Σ_t δ_t
      g_w += delta * s[t - 1];
      g_b += delta;
      // δ_{t-1} = δ_t w σ'(h_{t-1})
      delta *= w * s[t - 1] * (1 - s[t - 1]);
    }
    return { loss: lossOf(s), gradient: [g_w, g_b], norm: Math.hypot(g_w, g_b) };
  }

  // One step of gradient descent; clip = Infinity: without clipping.
  function step([w, b], rate, clip) {
    const { gradient, norm } = evaluate(w, b);
    // g ← g min(1, v / |g|)
    const shorter = norm > clip ? clip / norm : 1;
    // (w, b) ← (w, b) − η g
    return [w - rate * shorter * gradient[0], b - rate * shorter * gradient[1]];
  }

  stage.compute = evaluate;
  stage.step = step;

  // --- the surface, from above ---

  const [W, H] = [480, 318];
  const x = (w) => (W * (w - w_range[0])) / (w_range[1] - w_range[0]);
  const y = (b) => (H * (b_range[1] - b)) / (b_range[1] - b_range[0]);

  function surface() {
    const [columns, rows] = [W / 3, H / 3];
    const canvas = element("canvas", { width: columns, height: rows });
    const context = canvas.getContext("2d");
    const image = context.createImageData(columns, rows);
    const highest = Math.max(target, 1 - target) ** 2;
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++) {
        const w = w_range[0] + ((i + 0.5) / columns) * (w_range[1] - w_range[0]);
        const b = b_range[1] - ((j + 0.5) / rows) * (b_range[1] - b_range[0]);
        // the book's pink, the deeper the higher the loss; by its square root, or the valley would be white
        const depth = Math.sqrt(lossOf(forward(w, b)) / highest);
        image.data.set([228, 0, 127, 235 * depth], 4 * (j * columns + i));
      }
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  // --- where one stands, and the paths from there ---

  let point = [...start];
  const walkers = [
    { name: "solid", title: ["without clipping", "不截断"], path: [], bound: () => Infinity },
    { name: "dashed", title: ["clipped by norm", "按模截断"], path: [], bound: () => clip.value() },
  ];

  function walk(count) {
    for (const { path, bound } of walkers) {
      if (!path.length) path.push(point);
      for (let n = 0; n < count; n++) path.push(step(path.at(-1), rate.value(), bound()));
    }
    draw();
  }
  function wipe() {
    for (const walker of walkers) walker.path.length = 0;
    draw();
  }
  const within = (value, [low, high]) => Math.max(low, Math.min(high, value));
  function place(w, b) {
    point = [within(w, w_range), within(b, b_range)];
    wipe();
  }

  // --- what is seen ---

  const label = "误差面上的点 (w, b)，用方向键移动 the point (w, b) on the error surface, moved by arrow keys";
  const over = svg("svg", { viewBox: `0 0 ${W} ${H}`, tabindex: 0, role: "application", "aria-label": label });
  const arrow = svg("line", { class: "arrow" });
  const here = svg("circle", { class: "here", r: 6 });
  const paths = svg("g", {});
  over.append(paths, arrow, here);

  function tick(name, value, left, top) {
    const node = element("span", { class: "tick", "aria-hidden": "true" }, `${name} = ${number(value, 1)}`);
    node.style.left = `${(100 * left) / W}%`;
    node.style.top = `${(100 * top) / H}%`;
    return node;
  }
  const ticks = [
    ...[5, 6].map((w) => tick("w", w, x(w), H - 12)),
    ...[-2, -2.5, -3, -3.5].map((b) => tick("b", b, 0, y(b))),
  ];
  const said = element("p", { class: "equation chosen", role: "status" });
  const table = element("div", { class: "scroll" });

  function draw() {
    const [w, b] = point;
    const { loss, gradient, norm } = evaluate(w, b);
    const partial = `∂L/∂w = ${number(gradient[0])}, ∂L/∂b = ${number(gradient[1])}, |g| = ${number(norm)}`;
    said.textContent = `w = ${number(w)}, b = ${number(b)}: L(w, b) = ${number(loss, 4)}, ${partial}`;
    set(here, { cx: x(w), cy: y(b) });
    // the step that gradient descent would take from here, without clipping
    const [w_1, b_1] = step(point, rate.value(), Infinity);
    set(arrow, { x1: x(w), y1: y(b), x2: x(w_1), y2: y(b_1) });
    paths.replaceChildren(...walkers.flatMap(drawPath));
    const columns = [
      ["", ""],
      ["steps", "步数"],
      ["now at (w, b)", "位置 (w, b)"],
      ["loss", "损失"],
      ["longest step", "最长一步"],
    ];
    const head = element("tr", {}, ...columns.map((each) => element("th", { scope: "col" }, text(...each))));
    table.replaceChildren(
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...walkers.map(row))),
    );
  }

  function drawPath({ name, path }) {
    const places = path.map(([w, b]) => [x(w).toFixed(2), y(b).toFixed(2)]);
    const line = svg("polyline", { class: `path ${name}`, points: places.join(" ") });
    return [line, ...places.slice(1).map(([cx, cy]) => svg("circle", { class: `dot ${name}`, cx, cy, r: 1.5 }))];
  }

  function row({ name, title, path }) {
    const last = path.at(-1) ?? point;
    const isInside = last[0] === within(last[0], w_range) && last[1] === within(last[1], b_range);
    const lengths = path.slice(1).map(([w, b], n) => Math.hypot(w - path[n][0], b - path[n][1]));
    const cells = [
      [String(lengths.length)],
      [`(${number(last[0])}, ${number(last[1])})`, isInside ? "" : text(" outside", "，图外")],
      [number(evaluate(...last).loss, 4)],
      [number(Math.max(0, ...lengths))],
    ];
    const heading = element("th", { scope: "row", class: name }, text(...title));
    return element("tr", {}, heading, ...cells.map((cell) => element("td", {}, ...cell)));
  }

  // --- sliders, buttons, pointer and keys ---

  // On a log scale; wide enough for the run's own setting.
  function slider(en, zh, from, to, value) {
    const [min, max] = [Math.min(from, value), Math.max(to, value)].map(Math.log10);
    const look = { min, max, step: "any", "aria-label": `${zh} ${en}` };
    const input = element("input", { type: "range", autocomplete: "off", ...look });
    input.value = Math.log10(value);
    const shown = element("output", {}, number(value));
    input.addEventListener("input", () => {
      shown.textContent = number(10 ** input.value);
      draw();
    });
    return { node: element("label", {}, text(en, zh), " ", input, " ", shown), value: () => 10 ** input.value };
  }
  const rate = slider("learning rate η", "学习率 η", 0.001, 1, data.rate);
  const clip = slider("threshold v", "截断阈值 v", 0.01, 100, data.clip);

  function button(en, zh, act) {
    const node = element("button", { type: "button" }, text(en, zh));
    node.addEventListener("click", act);
    return node;
  }
  const buttons = [
    button("one step", "走一步", () => walk(1)),
    button(`${data.walk} steps`, `走 ${data.walk} 步`, () => walk(data.walk)),
    button("wipe the paths", "清除路径", wipe),
    button("back to the start", "回到起点", () => place(...start)),
  ];

  function follow(event) {
    const box = over.getBoundingClientRect();
    const [right, down] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    place(w_range[0] + right * (w_range[1] - w_range[0]), b_range[1] - down * (b_range[1] - b_range[0]));
  }
  over.addEventListener("pointerdown", (event) => {
    over.setPointerCapture(event.pointerId);
    follow(event);
  });
  over.addEventListener("pointermove", (event) => event.buttons && follow(event));
  over.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!to) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.1 : 0.01;
    place(point[0] + size * to[0], point[1] + size * to[1]);
  });

  const plane = element("div", { class: "plane" }, surface(), ...ticks, over);
  const sliders = element("div", { class: "controls" }, rate.node, clip.node);
  stage.append(sliders, element("div", { class: "controls" }, ...buttons), plane, said, table);
  walk(data.walk);
};
