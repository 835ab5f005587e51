// The gate explorer: an LSTM and an SRN of the reader's own read the digits that are typed, here in the browser.
exhibits.gates = function (stage, data, page) {
  const { text, element } = page;
  const { number, heatMap } = exhibits.shared;
  const { input_size: M, hidden_size: D, num_classes: classes } = data;

  // --- the models ---

  // float32, little-endian, in base64; from here on every number is a double
  function floats(base64) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return Array.from(new Float32Array(bytes.buffer));
  }
  function weights(of) {
    return Object.fromEntries(Object.entries(of).map(([name, base64]) => [name, floats(base64)]));
  }
  const LSTM = weights(data.lstm.weights);
  const SRN = weights(data.srn.weights);

  const sigma = (z) => 1 / (1 + Math.exp(-z));
  const units = (of) => Array.from({ length: D }, (_, k) => of(k));

  // x A, where the rows of A, of n numbers each, stand one after another
  function times(x, A, n) {
    const y = new Array(n).fill(0);
    x.forEach((x_i, i) => {
      for (let j = 0; j < n; j++) y[j] += x_i * A[i * n + j];
    });
    return y;
  }

  function softmax(z) {
    const largest = Math.max(...z);
    const powers = z.map((each) => Math.exp(each - largest));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((each) => each / sum);
  }

  // The last hidden state decides: softmax(H_L V + c)
  function probabilities(H, { V, c }) {
    return softmax(times(H, V, classes).map((z, n) => z + c[n]));
  }

  function readLSTM(digits) {
    const { E, W, U, b } = LSTM;
    let H = units(() => 0);
    let C = units(() => 0);
    const steps = digits.map((digit) => {
      const X = E.slice(digit * M, (digit + 1) * M);
      // the four gates stand side by side: X_t [W_i W_f W_c W_o] and H_{t-1} [U_i U_f U_c U_o]
      const [XW, HU, before] = [times(X, W, 4 * D), times(H, U, 4 * D), C];
      const z = (gate) => units((k) => XW[gate * D + k] + HU[gate * D + k] + b[gate * D + k]);
      // I_t = σ(X_t W_i + H_{t-1} U_i + b_i), F_t = σ(X_t W_f + H_{t-1} U_f + b_f)
      const I = z(0).map(sigma);
      const F = z(1).map(sigma);
      // C̃_t = tanh(X_t W_c + H_{t-1} U_c + b_c)
      const candidate = z(2).map(Math.tanh);
      // O_t = σ(X_t W_o + H_{t-1} U_o + b_o)
      const O = z(3).map(sigma);
      // C_t = F_t ⊙ C_{t-1} + I_t ⊙ C̃_t
      C = units((k) => F[k] * before[k] + I[k] * candidate[k]);
      // H_t = O_t ⊙ tanh(C_t)
      H = units((k) => O[k] * Math.tanh(C[k]));
      const states = { input_gate: I, forget_gate: F, output_gate: O, candidate, cell_state: C, hidden_state: H };
      return { XW, HU, before, ...states };
    });
    return { steps, probabilities: probabilities(H, LSTM) };
  }

  function readSRN(digits) {
    const { E, W, U, b } = SRN;
    let H = units(() => 0);
    const steps = digits.map((digit) => {
      const [XW, HU] = [times(E.slice(digit * M, (digit + 1) * M), W, D), times(H, U, D)];
      // H_t = tanh(X_t W + H_{t-1} U + b)
      H = units((k) => Math.tanh(XW[k] + HU[k] + b[k]));
      return { XW, HU, hidden_state: H };
    });
    return { steps, probabilities: probabilities(H, SRN) };
  }

  stage.compute = (digits) => ({ lstm: readLSTM(digits), srn: readSRN(digits) });

  // --- one number, taken apart ---

  // "F_{3}" becomes an italic F with a lower 3.
  function math(words) {
    return words.split(/(\p{L}\p{M}?_\{.*?\})/u).flatMap((part) => {
      const [, letter, index] = part.match(/^(.+)_\{(.*)\}$/u) ?? [];
      return letter ? [element("i", {}, letter), element("sub", {}, index)] : [part];
    });
  }
  const signed = (x) => (x < 0 ? ` − ${number(-x)}` : ` + ${number(x)}`);
  const bracketed = (x) => (x < 0 ? `(${number(x)})` : number(x));

  // F_3[k] = σ(X_3 W_f + H_2 U_f + b_f) = σ(0.41 − 0.20 + 0.03) = σ(0.24) = 0.56; t counts from 1
  function gate(letter, name, f, t, k, { XW, HU }, { b }, place) {
    const [x, h, bias] = [XW, HU, b].map((share) => share[place * D + k]);
    const symbols = `X_{${t}}W_{${name}} + H_{${t - 1}}U_{${name}} + b_{${name}}`;
    const numbers = `${number(x)}${signed(h)}${signed(bias)}`;
    return `${letter}_{${t}}[${k}] = ${f}(${symbols}) = ${f}(${numbers}) = ${f}(${number(x + h + bias)}) = `;
  }

  // For each state its equation with the numbers of unit k at step t filled in, up to the value.
  function equationsOfLSTM(t, k) {
    const step = now.lstm.steps[t - 1];
    const [I, F, O] = [step.input_gate[k], step.forget_gate[k], step.output_gate[k]];
    const [candidate, C] = [step.candidate[k], step.cell_state[k]];
    const kept = `${number(F)} × ${bracketed(step.before[k])}`;
    const added = `${number(I)} × ${bracketed(candidate)}`;
    return {
      input_gate: gate("I", "i", "σ", t, k, step, LSTM, 0),
      forget_gate: gate("F", "f", "σ", t, k, step, LSTM, 1),
      output_gate: gate("O", "o", "σ", t, k, step, LSTM, 3),
      candidate: gate("C̃", "c", "tanh", t, k, step, LSTM, 2),
      cell_state: `C_{${t}}[${k}] = F_{${t}}C_{${t - 1}} + I_{${t}}C̃_{${t}} = ${kept} + ${added} = `,
      hidden_state: `H_{${t}}[${k}] = O_{${t}} tanh(C_{${t}}) = ${number(O)} × tanh(${number(C)}) = `,
    };
  }
  function equationsOfSRN(t, k) {
    return { hidden_state: gate("H", "", "tanh", t, k, now.srn.steps[t - 1], SRN, 0) };
  }

  // --- what is seen ---

  const PANELS = [
    ["lstm", "input_gate", "LSTM: input gate", "LSTM：输入门", "I", 1],
    ["lstm", "forget_gate", "LSTM: forget gate", "LSTM：遗忘门", "F", 1],
    ["lstm", "output_gate", "LSTM: output gate", "LSTM：输出门", "O", 1],
    ["lstm", "candidate", "LSTM: candidate state", "LSTM：候选状态", "C̃", 1],
    ["lstm", "cell_state", "LSTM: cell state", "LSTM：内部状态", "C", 5],
    ["lstm", "hidden_state", "LSTM: hidden state", "LSTM：隐状态", "H", 1],
    ["srn", "hidden_state", "SRN: hidden state", "SRN：隐状态", "H", 1],
  ];
  let [digits, now, heats] = [[], null, []];
  let [t, k] = [2, 0]; // the step, from 1 on, and the unit that are looked at

  const kind = { type: "text", inputmode: "numeric", autocomplete: "off", spellcheck: "false" };
  const field = element("input", { ...kind, "aria-label": "数字 digits" });
  const said = element("p", { class: "note", role: "status" });
  const answers = element("div", { class: "answers" });
  const maps = element("div", { class: "maps" });
  const equations = element("div", { class: "equations", "aria-live": "polite" });

  function panel(width, [model, state, en, zh, letter, limit]) {
    const heat = heatMap({
      label: `${zh} ${en}`,
      values: units((k) => now[model].steps.map((step) => step[state][k])),
      limit,
      cell: [width, Math.max(3, Math.min(8, 160 / D))],
      columns: digits.map(String),
      pick: (unit, column) => look(model, state, column + 1, unit),
    });
    heats.push(heat);
    const range = element("small", {}, state.endsWith("gate") ? "0 … 1" : `−${limit} … ${limit}`);
    const label = element("p", { class: "label" }, text(en, zh), " ", element("i", {}, letter), range);
    return element("div", { class: "map" }, label, element("div", { class: "scroll" }, heat.node));
  }

  function look(model, chosen, ...where) {
    [t, k] = where;
    for (const heat of heats) heat.mark(k, t - 1);
    const digit = digits[t - 1];
    const title = text(`step ${t}, digit ${digit}, unit ${k}`, `第 ${t} 步，数字 ${digit}，单元 ${k}`);
    const lines = Object.entries(model === "lstm" ? equationsOfLSTM(t, k) : equationsOfSRN(t, k));
    equations.replaceChildren(
      element("p", { class: "note" }, title),
      ...lines.map(([state, words]) => {
        const value = element("b", {}, number(now[model].steps[t - 1][state][k]));
        return element("p", { class: state === chosen ? "equation chosen" : "equation" }, ...math(words), value);
      }),
    );
  }

  function answer(name, { test_accuracy }, p) {
    const [best, right] = [p.indexOf(Math.max(...p)), digits[0] + digits[1]];
    const [first, true_] = [p[best].toFixed(3), p[right].toFixed(3)];
    const said =
      best === right
        ? text(`${name}: ${best}, right; probability ${first}`, `${name}：${best}，正确，概率 ${first}`)
        : text(
            `${name}: ${best}, wrong; probability ${first}, that of ${right} ${true_}`,
            `${name}：${best}，错误，概率 ${first}，而 ${right} 的概率为 ${true_}`,
          );
    const score = test_accuracy.toFixed(2);
    const trained = element("small", {}, text(`test accuracy ${score}`, `测试准确率 ${score}`));
    const bars = p.map((share, n) => {
      const level = element("span", { class: "level" });
      level.style.height = `${(100 * share).toFixed(2)}%`;
      const look = { class: n === right ? "column right" : "column", title: `${n}: ${share.toFixed(4)}` };
      return element("span", look, element("span", { class: "well" }, level), String(n));
    });
    const label = element("p", { class: "label" }, said, trained);
    return element(
      "div",
      { class: "answer" },
      label,
      element("div", { class: "bars", "aria-hidden": "true" }, ...bars),
    );
  }

  function read() {
    // a digit as a Chinese keyboard may write it counts as well
    const typed = [...field.value.normalize("NFKC")].filter((each) => each.trim());
    const all = typed.filter((each) => each >= "0" && each <= "9").map(Number);
    digits = all.slice(0, data.most);
    if (digits.length < 2) {
      said.replaceChildren(
        text("Two digits at least: the answer is their sum.", "至少两个数字：答案是前两个数字之和。"),
      );
      for (const part of [answers, maps, equations]) part.replaceChildren();
      return;
    }
    const sum = `${digits[0]} + ${digits[1]} = ${digits[0] + digits[1]}`;
    const [L, others, more] = [digits.length, typed.length - all.length, all.length - digits.length];
    const left = others ? text(` (without ${others} that are no digits)`, `（略去 ${others} 个非数字字符）`) : "";
    const cut = more ? text(` (only the first ${data.most} are read)`, `（只读前 ${data.most} 个数字）`) : "";
    said.replaceChildren(text(`${sum}; L = ${L}`, `${sum}；L = ${L}`), left, cut);
    now = stage.compute(digits);
    answers.replaceChildren(
      ...["lstm", "srn"].map((each) => answer(each.toUpperCase(), data[each], now[each].probabilities)),
    );
    const width = Math.max(6, Math.min(18, Math.floor(190 / L)));
    heats = [];
    maps.style.setProperty("--map", `${width * L + 8}px`);
    maps.replaceChildren(...PANELS.map((each) => panel(width, each)));
    look("lstm", "cell_state", Math.min(t, L), k);
  }

  // --- does it agree with Python? ---

  function agreement() {
    const gaps = readLSTM(data.check.digits).steps.flatMap((step, n) =>
      ["cell_state", "hidden_state"].flatMap((state) =>
        step[state].map((x, k) => Math.abs(x - data.check[state][n][k])),
      ),
    );
    const largest = Math.max(...gaps);
    return largest < 1e-4
      ? text(
          "Computed in the browser from the weights of your models. " +
            `C and H of the run's digits differ from Python's by at most ${number(largest)}.`,
          `由你训练的模型权重在浏览器中算出。对运行时的数字，C 与 H 同 Python 的结果最多相差 ${number(largest)}。`,
        )
      : text(
          `C and H of the run's digits differ from Python's by ${number(largest)}: ` +
            "the model was trained with other equations than those of this page.",
          `对运行时的数字，C 与 H 同 Python 的结果相差 ${number(largest)}：训练所用的公式与此页不同。`,
        );
  }

  const zeros = "67" + "0".repeat(data.length - 2);
  const ones = "94" + "1".repeat(data.length - 2);
  const examples = [...new Set([data.check.digits.join(""), zeros, ones])].map((each) => {
    const button = element("button", { type: "button" }, each);
    button.addEventListener("click", () => {
      field.value = each;
      read();
    });
    return button;
  });
  field.value = data.check.digits.join("");
  field.addEventListener("input", read);
  const controls = element(
    "div",
    { class: "controls" },
    element("label", {}, text("digits", "数字"), " ", field),
    ...examples,
  );
  stage.append(controls, said, answers, maps, equations, element("p", { class: "note" }, agreement()));
  read();
};
