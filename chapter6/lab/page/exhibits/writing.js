// What a language model wrote, in several ways to choose the next character; what it repeats is marked.
exhibits.writing = function (stage, data, page) {
  const { text, element } = page;
  const { choices } = exhibits.shared;
  const place = element("pre", { class: "written", tabindex: 0 });
  const said = element("p", { class: "note", role: "status" });

  // For each character, whether it ends, or stands in, a run of `run` characters that had been written before.
  function repeated(characters, run) {
    const [marks, seen] = [characters.map(() => false), new Set()];
    let count = 0;
    for (let t = 0; t + run <= characters.length; t++) {
      const piece = characters.slice(t, t + run).join("");
      if (seen.has(piece)) {
        count++;
        marks.fill(true, t, t + run);
      }
      seen.add(piece);
    }
    return { marks, share: count / Math.max(1, characters.length - run + 1) };
  }

  function show(i) {
    const characters = [...data.texts[i].text];
    const { marks, share } = repeated(characters, data.run);
    const pieces = [element("span", { class: "prefix" }, data.prefix)];
    for (let t = 0; t < characters.length;) {
      let end = t;
      while (end < characters.length && marks[end] === marks[t]) end++;
      pieces.push(element(marks[t] ? "mark" : "span", {}, characters.slice(t, end).join("")));
      t = end;
    }
    place.replaceChildren(...pieces);
    said.replaceChildren(
      text(
        `${Math.round(100 * share)} % of the runs of ${data.run} characters had been written before`,
        `连续 ${data.run} 个字符的片段中有 ${Math.round(100 * share)}% 是此前写过的`,
      ),
    );
  }

  const which = choices(
    page,
    data.texts.map(({ way }) => text(way.en, way.zh)),
    show,
  );
  stage.append(which.node, place, said);
  which.press(0);
};
