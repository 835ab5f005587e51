// w to the power of 1000, the smallest recurrent network: move w, see what comes out, and what the gradient is.
exhibits.powers = function (stage, data, page) {
  const { text, element } = page;
  const { svg, number } = exhibits.shared;
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

  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `w^${n} 与导数，对数轴 w^${n} and its derivative, log axis` });
  for (let power = -4; power <= high; power += 2) {
    const at = y(10 ** power);
    chart.append(svg("line", { class: "grid", x1: left, x2: W - 8, y1: at, y2: at }), svg("text", { x: left - 5, y: at + 4, "text-anchor": "end" }, power ? `1e${number(power, 0)}` : "1"));
  }
  for (const w of [range[0], (range[0] + range[1]) / 2, range[1]]) chart.append(svg("text", { x: x(w), y: H - 6, "text-anchor": w === range[1] ? "end" : "middle" }, w.toFixed(3)));
  const grid = Array.from({ length: 101 }, (_, i) => range[0] + (i * (range[1] - range[0])) / 100);
  for (const [name, f] of [["free", value], ["clipped", derivative]]) {
    chart.append(svg("path", { class: `path ${name}`, d: grid.map((w, i) => `${i ? "L" : "M"}${x(w).toFixed(2)} ${y(f(w)).toFixed(2)}`).join("") }));
  }
  // what Paddle computed, step by step and by back-propagation through the steps
  for (const [w, h, slope] of measured) {
    chart.append(svg("circle", { class: "dot free", cx: x(w), cy: y(h), r: 2.5 }), svg("circle", { class: "dot clipped", cx: x(w), cy: y(slope), r: 2.5 }));
  }
  const marks = { line: svg("line", { class: "arrow", y1: 6, y2: H - bottom }), value: svg("circle", { class: "here", r: 5 }), derivative: svg("circle", { class: "here", r: 5 }) };
  chart.append(...Object.values(marks));

  const input = element("input", { type: "range", min: range[0], max: range[1], step: 0.0001, value: range[1], "aria-label": "w" });
  const said = element("p", { class: "equation chosen", role: "status" });
  function draw() {
    const w = Number(input.value);
    const found = stage.compute(w);
    marks.line.setAttribute("x1", x(w));
    marks.line.setAttribute("x2", x(w));
    for (const [name, v] of [["value", found.y], ["derivative", found.derivative]]) {
      marks[name].setAttribute("cx", x(w));
      marks[name].setAttribute("cy", y(v));
    }
    const raised = element("sup", {}, String(n));
    const slope = element("sup", {}, String(n - 1));
    said.replaceChildren(`w = ${w.toFixed(4)}: y = w`, raised, ` = `, element("b", { class: "free" }, number(found.y)), `, dy/dw = ${n} w`, slope, " = ", element("b", { class: "clipped" }, number(found.derivative)));
  }
  input.addEventListener("input", draw);

  const gaps = measured.flatMap(([w, h, slope]) => [Math.abs(value(w) / h - 1), Math.abs(derivative(w) / slope - 1)]);
  const shown = number(Math.max(...gaps));
  const note = text(`Solid: y; dashed: dy/dw. Dots: what Paddle computed in ${n} steps, and by BPTT through them; they differ from the formulas by a share of at most ${shown}.`, `实线：y；虚线：dy/dw。圆点：飞桨逐步计算 ${n} 步及沿时间反向传播的结果，与公式的相对误差不超过 ${shown}。`);
  stage.append(element("div", { class: "controls" }, element("label", {}, element("i", {}, "w"), " ", input)), said, chart, element("p", { class: "note" }, note));
  draw();
};
