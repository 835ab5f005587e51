// The words of a review: leave some out, and see what becomes of the decision. Nothing is shown that was not computed.
exhibits.words = function (stage, data, page) {
  const { text, element } = page;
  const { number, choices } = exhibits.shared;

  const sigma = (z) => 1 / (1 + Math.exp(-z));
  let review;
  let out = []; // the numbers of the words left out, ascending

  // The log odds without some words: of none, one or two; null where they were not computed.
  function logOdds(left) {
    if (left.length === 0) return review.whole;
    if (left.length === 1) return review.without[left[0]] ?? null;
    if (left.length === 2 && review.pairs) return review.pairs[left[0]][left[1] - left[0] - 1];
    return null;
  }

  // What word i adds as things stand: s(now) − s(now without i); of a word that is out: s(with i) − s(now).
  function contribution(i) {
    const other = out.includes(i) ? out.filter((each) => each !== i) : [...out, i].sort((a, b) => a - b);
    const [now, then] = [logOdds(out), logOdds(other)];
    if (now === null || then === null) return null;
    return out.includes(i) ? then - now : now - then;
  }

  const said = element("div", { role: "status" });
  const words = element("p", { class: "review" });

  function draw() {
    const now = logOdds(out);
    const added = review.tokens.map((_, i) => contribution(i));
    const strongest = Math.max(1e-9, ...added.filter((each) => each !== null).map(Math.abs));
    [...words.querySelectorAll("button")].forEach((button, i) => {
      const share = added[i] === null ? 0 : added[i] / strongest;
      button.setAttribute("aria-pressed", String(out.includes(i)));
      button.firstChild.className = share < 0 ? "shade below" : "shade above";
      button.firstChild.style.opacity = Math.abs(share).toFixed(3);
      button.title = added[i] === null ? "" : number(added[i], 2);
    });
    // log odds s = log (p / (1 − p)), so p = σ(s)
    const p = now === null ? null : sigma(now);
    const name = review.speaks_for;
    const labelled = review.label ? [text(`; labelled ${review.label}`, `；标注为 ${review.label}`)] : [];
    const whole = sigma(review.whole).toFixed(3);
    const first = element(
      "p",
      { class: "label" },
      text(`whole review: probability of ${name} ${whole}`, `全文：${name} 的概率 ${whole}`),
      ...labelled,
    );
    const bar = element("span", { class: "level" });
    bar.style.width = p === null ? "0" : `${(100 * p).toFixed(1)}%`;
    const ends = element(
      "p",
      { class: "ends" },
      text(review.against.en, review.against.zh),
      element("span", { class: "track", "aria-hidden": "true" }, bar),
      name,
    );
    said.replaceChildren(first, ends, element("p", { class: "note" }, without(p)));
  }

  // What is left out, and what becomes of the probability p, null where nobody knows.
  function without(p) {
    if (!out.length) return text("nothing is left out", "尚未删去词");
    if (p === null) return text("not computed; put a word back", "这种情况未曾计算，请放回一个词");
    const [en, zh] = out.length === 1 ? ["this word", "此词"] : ["these two", "这两个词"];
    const [share, s, name] = [p.toFixed(3), number(logOdds(out), 2), review.speaks_for];
    return text(
      `without ${en}: probability of ${name} ${share} (log odds ${s})`,
      `删去${zh}后：${name} 的概率 ${share}（对数几率 ${s}）`,
    );
  }

  function show(i) {
    review = data.reviews[i];
    out = [];
    words.replaceChildren(
      ...review.tokens.flatMap((token, i) => {
        const button = element(
          "button",
          { type: "button", class: "word" },
          element("span", {}),
          element("span", {}, token),
        );
        button.addEventListener("click", () => {
          out = out.includes(i) ? out.filter((each) => each !== i) : [...out, i].sort((a, b) => a - b);
          draw();
        });
        return [button, " "];
      }),
    );
    draw();
  }

  const which = choices(
    page,
    data.reviews.map((each) => text(each.which.en, each.which.zh)),
    show,
  );
  const back = element("button", { type: "button" }, text("put all words back", "放回所有词"));
  back.addEventListener("click", () => {
    out = [];
    draw();
  });
  stage.append(which.node, said, words, back);
  which.press(0);
};
