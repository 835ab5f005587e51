// Attention maps of stored examples; what is read is shown as the decoder sees it while it writes one character.
exhibits.attention = function (stage, data, page) {
  const { text, element } = page;
  const { heatMap, choices, widthOf } = exhibits.shared;
  const place = element("div", { class: "maps" });

  function panel(source, { kind, answer, weights }) {
    const strip = element("p", { class: "strip" });
    const said = element("p", { class: "note", role: "status" });
    const seen = source.map((token) => {
      const shade = element("span", { class: "shade above" });
      const node = element("span", { class: "seen" }, shade, element("span", {}, token));
      strip.append(node);
      return shade;
    });
    const w = Math.max(22, 6 + Math.max(...source.map(widthOf)));
    const map = heatMap({
      label: `注意力权重：${kind.zh} attention weights: ${kind.en}`,
      values: weights,
      limit: 1,
      cell: [w, 22],
      rows: answer,
      columns: source,
      pick(row) {
        weights[row].forEach((weight, s) => (seen[s].style.opacity = weight.toFixed(3)));
        const most = weights[row].indexOf(Math.max(...weights[row]));
        const [written, read, weight] = [answer[row], source[most], weights[row][most].toFixed(3)];
        said.replaceChildren(
          text(
            `writing “${written}” it looks most at “${read}”, number ${most + 1}: ${weight}`,
            `写出“${written}”时最看重第 ${most + 1} 个，即“${read}”：${weight}`,
          ),
        );
      },
    });
    map.node.dispatchEvent(new Event("focus"));
    place.style.setProperty("--map", `${Number(map.node.getAttribute("width")) + 8}px`);
    const label = element(
      "p",
      { class: "label" },
      text(kind.en, kind.zh),
      element("small", {}, joined(answer.slice(0, -1))),
    );
    return element("div", { class: "map" }, label, strip, said, element("div", { class: "scroll" }, map.node));
  }

  // Characters stand side by side, words apart.
  const joined = (tokens) => tokens.join(tokens.some((each) => each.length > 1) ? " " : "");
  const labels = data.examples.map(({ source }) => joined(source));
  const which = choices(page, labels, (i) => {
    place.replaceChildren(...data.examples[i].maps.map((map) => panel(data.examples[i].source, map)));
  });
  stage.append(which.node, place);
  which.press(0);
};
