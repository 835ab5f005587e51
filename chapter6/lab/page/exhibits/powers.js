// w to the power of 1000, the smallest recurrent network: move w, see what comes out, and what the gradient is.
exhibits.powers = function (stage, data, page) {
  const { text, element } = page;
  const { svg, set, number } = exhibits.shared;
  const { power: n, range, measured } = data;

  // h_t = w h_{t-1}, h_0 = 1: y = w^n
  const value = (w) => w ** n;
  // dy/dw = n w^(n-1)
  const derivative = (w) => n * w ** (n - 1);
  stage.compute = (w) => ({ y: value(w), derivative: derivative(w) });

  const [W, H, left, bottom] = [400, 230, 44, 22];
  const [low, high] = [-5, 8]; // powers of ten
  const x = (w) => left + ((W - left - 8) * (w - range[0])) / (range[1] - range[0]);
  const y = (v) => 6 + ((H - bottom - 6) * (high - Math.log10(v))) / (high - low);

  const curves = [
    { name: "solid", f: value, mark: svg("circle", { class: "here", r: 5 }) },
    { name: "dashed", f: derivative, mark: svg("circle", { class: "here", r: 5 }) },
  ];

  const label = `w^${n} 与导数，对数轴 w^${n} and its derivative, log axis`;
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label });
  for (let power = low + 1; power <= high; power += 2) {
    const at = y(10 ** power);
    chart.append(svg("line", { class: "grid", x1: left, x2: W - 8, y1: at, y2: at }));
    chart.append(
      svg("text", { x: left - 5, y: at + 4, "text-anchor": "end" }, power ? `1e${number(power, 0)}` : "1"),
    );
  }
  for (const w of [range[0], (range[0] + range[1]) / 2, range[1]]) {
    const anchor = w === range[1] ? "end" : "middle";
    chart.append(svg("text", { x: x(w), y: H - 6, "text-anchor": anchor }, w.toFixed(3)));
  }
  const grid = Array.from({ length: 101 }, (_, i) => range[0] + (i * (range[1] - range[0])) / 100);
  for (const { name, f } of curves) {
    const points = grid.map((w) => `${x(w).toFixed(2)},${y(f(w)).toFixed(2)}`).join(" ");
    chart.append(svg("polyline", { class: `path ${name}`, points }));
  }
  // what Paddle computed, step by step and by back-propagation through the steps
  for (const [w, ...found] of measured) {
    curves.forEach(({ name }, i) => {
      chart.append(svg("circle", { class: `dot ${name}`, cx: x(w), cy: y(found[i]), r: 2.5 }));
    });
  }
  const line = svg("line", { class: "arrow", y1: 6, y2: H - bottom });
  chart.append(line, ...curves.map(({ mark }) => mark));

  const ends = { min: range[0], max: range[1], step: 0.0001, value: range[1] };
  const input = element("input", { type: "range", autocomplete: "off", ...ends, "aria-label": "w" });
  const said = element("p", { class: "equation chosen", role: "status" });
  function draw() {
    const w = Number(input.value);
    set(line, { x1: x(w), x2: x(w) });
    for (const { f, mark } of curves) set(mark, { cx: x(w), cy: y(f(w)) });
    const [y_, slope] = curves.map(({ name, f }) => element("b", { class: name }, number(f(w))));
    const [power, lower] = [n, n - 1].map((each) => element("sup", {}, each));
    said.replaceChildren(`w = ${w.toFixed(4)}: y = w`, power, " = ", y_, `, dy/dw = ${n} w`, lower, " = ", slope);
  }
  input.addEventListener("input", draw);

  const gaps = measured.flatMap(([w, h, slope]) => [Math.abs(value(w) / h - 1), Math.abs(derivative(w) / slope - 1)]);
  const shown = number(Math.max(...gaps));
  const note = text(
    `Solid: y; dashed: dy/dw. Dots: what Paddle computed in ${n} steps, and by BPTT through them; ` +
      `they differ from the formulas by a share of at most ${shown}.`,
    `实线：y；虚线：dy/dw。圆点：飞桨逐步计算 ${n} 步并沿时间反向传播的结果，与公式的相对误差不超过 ${shown}。`,
  );
  const slider = element("label", {}, element("i", {}, "w"), " ", input);
  stage.append(element("div", { class: "controls" }, slider), said, chart, element("p", { class: "note" }, note));
  draw();
};
