// A string that a network reads with CTC: the input, the probabilities over it, the best path and what it collapses to.
exhibits.spikes = function (stage, data, page) {
  const { text, element } = page;
  const { svg, set, choices } = exhibits.shared;
  const SYMBOLS = "φ0123456789";
  const place = element("div", {});

  function draw({ X, p, spans, wanted }) {
    const T = p.length;
    const w = data.is_image ? 11 : 6;
    const [rows, size] = [X[0].length, data.is_image ? w : 3];
    const [middle, height, path] = [size * rows + 12, 120, 22];
    const H = middle + height + path;
    const values = X.flat();
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const node = svg("svg", {
      class: "spikes",
      width: w * T,
      height: H,
      viewBox: `0 0 ${w * T} ${H}`,
      tabindex: 0,
      role: "application",
      "aria-label": `输入与各步概率，共 ${T} 步 input and probabilities of ${T} steps`,
    });
    spans.forEach(([start, end], i) => {
      const place = { x: w * start, y: 0, width: w * (end - start), height: middle + height };
      node.append(svg("rect", { class: i % 2 ? "span odd" : "span", ...place }));
    });
    X.forEach((column, t) =>
      column.forEach((value, row) => {
        const depth = (value - least) / (most - least || 1);
        // an image is written from above, the mel bands rise from below
        const y = size * (data.is_image ? row : rows - 1 - row);
        const place = { x: w * t, y, width: w, height: size };
        if (depth > 0.02) node.append(svg("rect", { class: "ink", ...place, "fill-opacity": depth.toFixed(2) }));
      }),
    );
    const y = (q) => middle + height * (1 - q);
    for (const q of [1, 0.5, 0]) {
      node.append(svg("line", { class: "grid", x1: 0, x2: w * T, y1: y(q), y2: y(q) }));
      node.append(svg("text", { class: "blank", x: 2, y: y(q) - 2 }, String(q)));
    }
    const curve = (k) =>
      p.map((row, t) => `${t ? "L" : "M"}${(w * (t + 0.5)).toFixed(1)} ${y(row[k]).toFixed(1)}`).join("");
    for (let k = 0; k < SYMBOLS.length; k++) {
      if (k && Math.max(...p.map((row) => row[k])) < 0.02) continue;
      node.append(svg("path", { class: k ? "path digit" : "path blank", d: curve(k) }));
    }
    const best = p.map((row) => row.indexOf(Math.max(...row)));
    best.forEach((k, t) => {
      const look = { class: k ? "digit" : "blank", x: w * (t + 0.5), y: H - 7, "text-anchor": "middle" };
      if (k || w > 8) node.append(svg("text", look, SYMBOLS[k])); // where steps are narrow, φ goes without saying
    });
    const line = svg("line", { class: "arrow", y1: 0, y2: H, visibility: "hidden" });
    node.append(line);

    const said = element("p", { class: "note", role: "status" }, text("point at a step", "把指针移到某一步"));
    let at = 0;
    function go(t) {
      at = Math.max(0, Math.min(T - 1, t));
      set(line, { x1: w * (at + 0.5), x2: w * (at + 0.5), visibility: "visible" });
      const ranked = p[at].map((q, k) => [q, SYMBOLS[k]]).sort((a, b) => b[0] - a[0]);
      const likely = ranked.slice(0, 3).map(([q, symbol]) => `p(${symbol}) = ${q.toFixed(3)}`);
      said.replaceChildren(text(`step ${at + 1}: ${likely.join(", ")}`, `第 ${at + 1} 步：${likely.join("，")}`));
    }
    const follow = (event) => {
      const box = node.getBoundingClientRect();
      go(Math.floor(((event.clientX - box.left) / box.width) * T));
    };
    node.addEventListener("pointermove", follow);
    node.addEventListener("pointerdown", follow);
    node.addEventListener("focus", () => go(at));
    node.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      go(at + step);
    });

    // B(π): first merge equal neighbours, then drop φ
    const merged = best.filter((k, t) => t === 0 || k !== best[t - 1]);
    const spell = (symbols) => symbols.map((k) => SYMBOLS[k]).join("");
    const collapsed = spell(merged.filter((k) => k !== 0));
    const lines = [
      [text("best path", "最佳路径"), spell(best)],
      [text("merged", "合并重复"), spell(merged)],
      [text("without φ", "去掉 φ"), collapsed || "–"],
      [text("wanted", "标签"), `${wanted} ${collapsed === wanted ? "✓" : "✗"}`],
    ];
    const row = ([name, value]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value));
    const list = element("table", { class: "path" }, element("tbody", {}, ...lines.map(row)));
    place.replaceChildren(element("div", { class: "scroll" }, node), said, element("div", { class: "scroll" }, list));
  }

  const labels = data.strings.map(({ direction, wanted }) =>
    text(`${direction.en}: ${wanted}`, `${direction.zh}：${wanted}`),
  );
  const which = choices(page, labels, (i) => draw(data.strings[i]));
  stage.append(which.node, place);
  which.press(0);
};
