// Sentences with their slots: a row for the truth and one for each model.
exhibits.tags = function (stage, data, page) {
  const { text, element } = page;
  const { choices } = exhibits.shared;
  const place = element("div", { class: "scroll" });

  // The cells of a row: a slot spans its words, every other word has a cell of its own.
  function cells(slots, sentence) {
    const found = [];
    for (let t = 0; t < sentence.words.length; t++) {
      const slot = slots.find((each) => each.start === t);
      if (slot) {
        const sign = slot.right ? "" : "✗ ";
        found.push(
          element(
            "td",
            { colspan: slot.end - slot.start, class: slot.right ? "slot right" : "slot wrong" },
            sign + slot.kind,
          ),
        );
        t = slot.end - 1;
      } else {
        const missed = sentence.true.some((each) => each.start <= t && t < each.end);
        found.push(element("td", { class: missed ? "missed" : "outside" }, missed ? "?" : "·"));
      }
    }
    return found;
  }

  function show(i) {
    const sentence = data.sentences[i];
    const isRight = (slots) => slots.length === sentence.true.length && slots.every((each) => each.right);
    const head = element(
      "tr",
      {},
      element("td", {}),
      ...sentence.words.map((word) => element("th", { scope: "col" }, word)),
    );
    const truth = element(
      "tr",
      { class: "truth" },
      element("th", { scope: "row" }, text("true", "真实")),
      ...cells(sentence.true, sentence),
    );
    const rows = Object.entries(sentence.models).map(([name, slots]) =>
      element("tr", {}, element("th", { scope: "row" }, name, isRight(slots) ? " ✓" : ""), ...cells(slots, sentence)),
    );
    place.replaceChildren(
      element("table", { class: "tags" }, element("thead", {}, head), element("tbody", {}, truth, ...rows)),
    );
  }

  const which = choices(
    page,
    data.sentences.map((_, i) => text(`sentence ${i + 1}`, `第 ${i + 1} 句`)),
    show,
  );
  stage.append(which.node, place);
  which.press(0);
};
