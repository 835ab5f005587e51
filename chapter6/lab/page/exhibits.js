// What several exhibits need: nodes of SVG, numbers as text, a heat map that the keyboard can walk through.
exhibits.shared = (function () {
  function svg(tag, attributes, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    set(node, attributes);
    node.append(...children);
    return node;
  }
  function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  }

  // A number for a reader: three decimals, or a power of ten where these would hide it; a real minus sign.
  function number(x, digits = 3) {
    if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x < 0 ? "−∞" : "∞";
    const size = Math.abs(x);
    const plain = size === 0 || (size >= 0.5 * 10 ** -digits && size < 1e5);
    if (plain) return x.toFixed(digits).replace("-", "−");
    const [mantissa, power] = x.toExponential(2).split("e");
    const raised = String(Number(power)).replace(/./g, (each) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(each)]);
    return `${mantissa.replace("-", "−")}×10${raised}`;
  }

  // About how many pixels a text of 11 pixels takes: a Chinese character twice as many as a Latin one.
  const widthOf = (words) => [...words].reduce((sum, each) => sum + (each < "\u1100" ? 7 : 12), 0);

  // A heat map of values [rows][columns], each between -limit and limit: the deeper the colour the larger, the accent
  // above zero, the second colour below. `pick(row, column)` is called for the cell under the pointer, or under the
  // cursor that the arrow keys move. Returns {node, mark(row, column)}.
  function heatMap({ label, values, limit, cell, rows = [], columns = [], pick }) {
    const [w, h] = cell;
    const left = rows.length ? 8 + Math.max(...rows.map(widthOf)) : 1;
    const top = columns.length ? 17 : 1;
    const width = left + w * values[0].length + 1;
    const height = top + h * values.length + 1;
    const size = { width, height, viewBox: `0 0 ${width} ${height}` };
    const node = svg("svg", { class: "heat", ...size, tabindex: 0, role: "application", "aria-label": label });
    columns.forEach((each, c) => {
      const text = svg("text", { x: left + w * (c + 0.5), y: 12, "text-anchor": "middle" }, each);
      text.style.fontSize = `${Math.min(11, 1.6 * w)}px`; // so that digits over narrow cells stay apart
      node.append(text);
    });
    rows.forEach((each, r) => {
      node.append(svg("text", { x: left - 4, y: top + h * (r + 0.5) + 4, "text-anchor": "end" }, each));
    });
    values.forEach((row, r) =>
      row.forEach((value, c) => {
        const depth = Math.min(1, Math.abs(value) / limit);
        const look = { class: value < 0 ? "below" : "above", "fill-opacity": depth.toFixed(3) };
        node.append(svg("rect", { x: left + w * c, y: top + h * r, width: w, height: h, ...look }));
      }),
    );
    const all = { x: left, y: top, width: w * values[0].length, height: h * values.length };
    node.append(svg("rect", { class: "edge", ...all }));
    const cursor = svg("rect", { class: "cursor", width: w, height: h, visibility: "hidden" });
    node.append(cursor);

    let [row, column] = [0, 0];
    function mark(r, c) {
      [row, column] = [r, c];
      set(cursor, { x: left + w * c, y: top + h * r, visibility: "visible" });
    }
    function go(r, c) {
      const at = [within(r, values.length), within(c, values[0].length)];
      mark(...at);
      pick(...at);
    }
    function point(event) {
      const box = node.getBoundingClientRect();
      go(Math.floor((event.clientY - box.top - top) / h), Math.floor((event.clientX - box.left - left) / w));
    }
    node.addEventListener("pointermove", point);
    node.addEventListener("pointerdown", point);
    node.addEventListener("focus", () => go(row, column));
    node.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      go(row + step[0], column + step[1]);
    });
    return { node, mark };
  }

  const within = (i, length) => Math.max(0, Math.min(length - 1, i));

  // Buttons of which one is pressed; `choose(i)` is called for it. Returns {node, press(i)}.
  function choices(page, labels, choose) {
    const buttons = labels.map((label, i) => {
      const button = page.element("button", { type: "button" }, label);
      button.addEventListener("click", () => press(i));
      return button;
    });
    function press(i) {
      buttons.forEach((button, n) => button.setAttribute("aria-pressed", String(n === i)));
      choose(i);
    }
    return { node: page.element("div", { class: "controls" }, ...buttons), press };
  }

  return { svg, set, number, widthOf, heatMap, choices };
})();
