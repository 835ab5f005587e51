// The gradient wall: walk on the error surface of one unit, by the pointer, by the keyboard, or by gradient descent.
exhibits.wall = function (stage, data, page) {
  const { text, element } = page;
  const { svg, number } = exhibits.shared;
  const { steps: L, h_0, target, w_range, b_range, start } = data;

  // --- the network of one unit ---

  const sigma = (z) => 1 / (1 + Math.exp(-z));

  // The loss at (w, b) and its gradient, by back-propagation through the L steps.
  function descendable(w, b) {
    // h_t = w σ(h_{t-1}) + b
    const s = [sigma(h_0)]; // σ(h_0), σ(h_1), …, σ(h_L)
    for (let t = 1; t <= L; t++) s.push(sigma(w * s[t - 1] + b));
    // L = (σ(h_L) − target)²
    const loss = (s[L] - target) ** 2;
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
    return { loss, gradient: [g_w, g_b], norm: Math.hypot(g_w, g_b) };
  }

  // One step of gradient descent; clip = Infinity: without clipping.
  function step([w, b], rate, clip) {
    const { gradient, norm } = descendable(w, b);
    // g ← g min(1, v / |g|)
    const shorter = norm > clip ? clip / norm : 1;
    // (w, b) ← (w, b) − η g
    return [w - rate * shorter * gradient[0], b - rate * shorter * gradient[1]];
  }

  stage.compute = descendable;
  stage.step = step;

  // --- the surface, from above ---

  const [W, H] = [480, 320];
  const x = (w) => (W * (w - w_range[0])) / (w_range[1] - w_range[0]);
  const y = (b) => (H * (b_range[1] - b)) / (b_range[1] - b_range[0]);

  function surface() {
    const canvas = element("canvas", { width: W / 2, height: H / 2 });
    const context = canvas.getContext("2d");
    const image = context.createImageData(W / 2, H / 2);
    const highest = Math.max(target, 1 - target) ** 2;
    for (let j = 0; j < H / 2; j++) {
      for (let i = 0; i < W / 2; i++) {
        const w = w_range[0] + ((i + 0.5) / (W / 2)) * (w_range[1] - w_range[0]);
        const b = b_range[1] - ((j + 0.5) / (H / 2)) * (b_range[1] - b_range[0]);
        // the colour is the book's pink, the deeper the higher the loss; its square root, or the valley would be white
        const depth = Math.sqrt(descendable(w, b).loss / highest);
        image.data.set([228, 0, 127, 235 * depth], 4 * (j * (W / 2) + i));
      }
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  let point = [...start];
  let free = [];
  let clipped = [];

  const lines = {
    free: svg("path", { class: "path free" }),
    clipped: svg("path", { class: "path clipped" }),
  };
  const dots = svg("g", {});
  const arrow = svg("line", { class: "arrow" });
  const here = svg("circle", { class: "here", r: 6 });
  const over = svg("svg", { viewBox: `0 0 ${W} ${H}`, tabindex: 0, role: "application", "aria-label": "误差面上的点 (w, b)，用方向键移动 the point (w, b) on the error surface, moved by the arrow keys" });
  over.append(lines.free, lines.clipped, dots, arrow, here);
  const tick = (name, value, left, top) => {
    const node = element("span", { class: "tick", "aria-hidden": "true" }, `${name} = ${number(value, 1)}`);
    Object.assign(node.style, { left: `${(100 * left) / W}%`, top: `${(100 * top) / H}%` });
    return node;
  };
  const between = (ends, ticks) => ticks.filter((each) => each > ends[0] && each < ends[1]);
  const ticks = [
    ...between(w_range, [5, 6]).map((w) => tick("w", w, x(w), H - 20)),
    ...between(b_range, [-2, -2.5, -3, -3.5]).map((b) => tick("b", b, 0, y(b))),
  ];
  const plane = element("div", { class: "plane" }, surface(), ...ticks, over);

  // --- controls ---

  function slider(en, zh, from, to, value, show) {
    const input = element("input", { type: "range", min: Math.log10(from), max: Math.log10(to), step: 0.01, value: Math.log10(value), "aria-label": `${zh} ${en}` });
    const output = element("output", {});
    const read = () => {
      output.textContent = number(10 ** input.value, 3);
      show();
    };
    input.addEventListener("input", read);
    output.textContent = number(value, 3);
    return { node: element("label", {}, text(en, zh), " ", input, " ", output), get: () => 10 ** input.value };
  }
  const rate = slider("learning rate η", "学习率 η", 0.001, 1, data.rate, () => draw());
  const clip = slider("threshold v", "截断阈值 v", 0.01, 100, data.clip, () => draw());

  const said = element("p", { class: "equation chosen", role: "status" });
  const result = element("div", {});

  function button(en, zh, act) {
    const node = element("button", { type: "button" }, text(en, zh));
    node.addEventListener("click", () => {
      act();
      draw();
    });
    return node;
  }

  // Both ways begin where the point stands; each goes on by so many steps.
  function walk(count) {
    for (const [path, bound] of [[free, Infinity], [clipped, clip.get()]]) {
      if (!path.length) path.push([...point]);
      for (let n = 0; n < count; n++) path.push(step(path.at(-1), rate.get(), bound));
    }
  }
  function place(w, b) {
    point = [Math.max(w_range[0], Math.min(w_range[1], w)), Math.max(b_range[0], Math.min(b_range[1], b))];
    [free, clipped] = [[], []];
    draw();
  }

  // --- drawing ---

  function draw() {
    const [w, b] = point;
    const { loss, gradient, norm } = descendable(w, b);
    here.setAttribute("cx", x(w));
    here.setAttribute("cy", y(b));
    // the step that gradient descent would take from here, without clipping
    const [w_1, b_1] = step(point, rate.get(), Infinity);
    for (const [name, value] of Object.entries({ x1: x(w), y1: y(b), x2: x(w_1), y2: y(b_1) })) arrow.setAttribute(name, value);
    dots.replaceChildren();
    for (const [name, path] of [["free", free], ["clipped", clipped]]) {
      lines[name].setAttribute("d", path.map(([w, b], n) => `${n ? "L" : "M"}${x(w).toFixed(2)} ${y(b).toFixed(2)}`).join(""));
      for (const [w, b] of path.slice(1)) dots.append(svg("circle", { class: `dot ${name}`, cx: x(w).toFixed(2), cy: y(b).toFixed(2), r: 1.5 }));
    }
    said.textContent = `w = ${number(w)}, b = ${number(b)}: L(w, b) = ${number(loss, 4)}, ∂L/∂w = ${number(gradient[0])}, ∂L/∂b = ${number(gradient[1])}, |g| = ${number(norm)}`;
    const rows = [
      ["free", "without clipping", "不截断", free],
      ["clipped", "clipped by norm", "按模截断", clipped],
    ].map(([name, en, zh, path]) => {
      const last = path.length ? path.at(-1) : point;
      const out = last[0] < w_range[0] || last[0] > w_range[1] || last[1] < b_range[0] || last[1] > b_range[1];
      const farthest = Math.max(0, ...path.slice(1).map(([w, b], n) => Math.hypot(w - path[n][0], b - path[n][1])));
      return element("tr", {},
        element("th", { scope: "row", class: name }, text(en, zh)),
        element("td", {}, String(Math.max(0, path.length - 1))),
        element("td", {}, `(${number(last[0])}, ${number(last[1])})`, ...(out ? [" ", text("outside", "图外")] : [])),
        element("td", {}, number(descendable(...last).loss, 4)),
        element("td", {}, number(farthest)),
      );
    });
    const header = [["", ""], ["steps", "步数"], ["now at (w, b)", "位置 (w, b)"], ["loss", "损失"], ["longest step", "最长一步"]];
    const head = element("tr", {}, ...header.map(([en, zh]) => element("th", { scope: "col" }, text(en, zh))));
    result.replaceChildren(element("div", { class: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows))));
  }

  // --- pointer and keys ---

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

  const buttons = [
    button("one step", "走一步", () => walk(1)),
    button(`${data.walk} steps`, `走 ${data.walk} 步`, () => walk(data.walk)),
    button("wipe the paths", "清除路径", () => ([free, clipped] = [[], []])),
    button("back to the start", "回到起点", () => place(...start)),
  ];
  stage.append(element("div", { class: "controls" }, rate.node, clip.node), element("div", { class: "controls" }, ...buttons), plane, said, result);
  walk(data.walk);
  draw();
};
