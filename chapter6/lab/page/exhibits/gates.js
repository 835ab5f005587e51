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

  const sub = (letter, index, k) => [element("i", {}, letter), element("sub", {}, index), `[${k}]`];
  const signed = (x) => (x < 0 ? ` − ${number(-x)}` : ` + ${number(x)}`);
  const bracketed = (x) => (x < 0 ? `(${number(x)})` : number(x));

  // F_3[k] = σ(X_3 W_f + H_2 U_f + b_f) = σ(0.41 − 0.20 + 0.03) = σ(0.24) = 0.56
  function gateLine(letter, name, f, t, k, step, weight, gate, value) {
    const [x, h, bias] = [step.XW[gate * D + k], step.HU[gate * D + k], weight.b[gate * D + k]];
    const symbols = [element("i", {}, "X"), element("sub", {}, t + 1), element("i", {}, "W"), element("sub", {}, name)];
    symbols.push(" + ", element("i", {}, "H"), element("sub", {}, t), element("i", {}, "U"), element("sub", {}, name));
    symbols.push(" + ", element("i", {}, "b"), element("sub", {}, name));
    const numbers = `${number(x)}${signed(h)}${signed(bias)}`;
    return [...sub(letter, t + 1, k), ` = ${f}(`, ...symbols, `) = ${f}(${numbers}) = ${f}(${number(x + h + bias)}) = `, element("b", {}, number(value))];
  }

  function linesOfLSTM(t, k) {
    const s = now.lstm.steps[t];
    const [I, F, O, c, C, H] = PANELS.map(([name]) => s[name][k]);
    const [i, before] = [element, s.before[k]];
    return [
      ["input_gate", gateLine("I", "i", "σ", t, k, s, LSTM, 0, I)],
      ["forget_gate", gateLine("F", "f", "σ", t, k, s, LSTM, 1, F)],
      ["output_gate", gateLine("O", "o", "σ", t, k, s, LSTM, 3, O)],
      ["candidate", gateLine("C̃", "c", "tanh", t, k, s, LSTM, 2, c)],
      [
        "cell_state",
        [...sub("C", t + 1, k), " = ", i("i", {}, "F"), i("sub", {}, t + 1), i("i", {}, "C"), i("sub", {}, t), " + ", i("i", {}, "I"), i("sub", {}, t + 1), i("i", {}, "C̃"), i("sub", {}, t + 1),
          ` = ${number(F)} × ${bracketed(before)} + ${number(I)} × ${bracketed(c)} = `, i("b", {}, number(C))],
      ],
      [
        "hidden_state",
        [...sub("H", t + 1, k), " = ", i("i", {}, "O"), i("sub", {}, t + 1), " tanh(", i("i", {}, "C"), i("sub", {}, t + 1), `) = ${number(O)} × tanh(${number(C)}) = `, i("b", {}, number(H))],
      ],
    ];
  }

  function linesOfSRN(t, k) {
    const s = now.srn.steps[t];
    return [["srn", gateLine("H", "", "tanh", t, k, s, SRN, 0, s.hidden_state[k])]];
  }

  // --- what is seen ---

  const PANELS = [
    ["input_gate", "input gate", "输入门", "I", 1],
    ["forget_gate", "forget gate", "遗忘门", "F", 1],
    ["output_gate", "output gate", "输出门", "O", 1],
    ["candidate", "candidate state", "候选状态", "C̃", 1],
    ["cell_state", "cell state", "内部状态", "C", 5],
    ["hidden_state", "hidden state", "隐状态", "H", 1],
  ];
  let now;
  let digits = [];
  let at = [0, 0]; // step and unit

  const field = element("input", { type: "text", inputmode: "numeric", autocomplete: "off", spellcheck: "false", maxlength: data.most, "aria-label": "数字 digits" });
  const said = element("p", { class: "note", role: "status" });
  const answers = element("div", { class: "answers" });
  const maps = element("div", { class: "maps" });
  const equations = element("div", { class: "equations", "aria-live": "polite" });
  let drawn = {};

  const widthOfStep = () => Math.max(7, Math.min(20, Math.floor(200 / digits.length)));

  function panel(model, name, title, letter, limit) {
    const steps = now[model].steps;
    const w = widthOfStep();
    const values = units((k) => steps.map((step) => step[name][k]));
    const id = model === "srn" ? "srn" : name;
    const pick = (k, t) => look(id, t, k);
    drawn[id] = heatMap({ label: `${title.zh} ${title.en}`, values, limit, cell: [w, Math.max(3, Math.min(8, 160 / D))], columns: digits.map(String), pick });
    const range = name.endsWith("gate") ? "0 … 1" : `−${limit} … ${limit}`;
    const heading = element("p", { class: "label" }, text(title.en, title.zh), " ", element("i", {}, letter), element("small", {}, range));
    return element("div", { class: "map" }, heading, element("div", { class: "scroll" }, drawn[id].node));
  }

  function look(id, t, k) {
    at = [t, k];
    for (const other of Object.values(drawn)) other.mark(k, t);
    const lines = id === "srn" ? linesOfSRN(t, k) : linesOfLSTM(t, k);
    const where = element("p", { class: "note" }, text(`step ${t + 1}, digit ${digits[t]}, unit ${k}`, `第 ${t + 1} 步，数字 ${digits[t]}，单元 ${k}`));
    equations.replaceChildren(where, ...lines.map(([name, line]) => element("p", { class: name === id ? "equation chosen" : "equation" }, ...line)));
  }

  function answer(name, found, p) {
    const best = p.indexOf(Math.max(...p));
    const right = digits[0] + digits[1];
    const en = `${name}: ${best}, probability ${p[best].toFixed(3)}, ${best === right ? "right" : `the right ${right} has ${p[right].toFixed(3)}`}`;
    const zh = `${name}：${best}，概率 ${p[best].toFixed(3)}，${best === right ? "正确" : `正确答案 ${right} 的概率为 ${p[right].toFixed(3)}`}`;
    const bars = p.map((each, n) => {
      const bar = element("span", { class: "level" });
      bar.style.height = `${(100 * each).toFixed(2)}%`;
      const column = element("span", { class: n === right ? "column right" : "column", title: `${n}: ${each.toFixed(4)}` }, element("span", { class: "well" }, bar), String(n));
      return column;
    });
    const trained = text(`test accuracy ${found.test_accuracy.toFixed(2)}`, `测试准确率 ${found.test_accuracy.toFixed(2)}`);
    return element("div", { class: "answer" }, element("p", { class: "label" }, text(en, zh), element("small", {}, trained)), element("div", { class: "bars", "aria-hidden": "true" }, ...bars));
  }

  function read() {
    const typed = [...field.value.replace(/[０-９]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))];
    digits = typed.filter((each) => each >= "0" && each <= "9").map(Number);
    const others = typed.filter((each) => each.trim() && !(each >= "0" && each <= "9")).length;
    drawn = {};
    if (digits.length < 2) {
      said.replaceChildren(text("Two digits at least: their sum is the answer.", "至少两个数字：答案是前两个数字之和。"));
      for (const part of [answers, maps, equations]) part.replaceChildren();
      return;
    }
    const [first, second] = digits;
    const left = others ? [` (${others} characters that are no digits are left out)`, `（略去 ${others} 个非数字字符）`] : ["", ""];
    said.replaceChildren(text(`${first} + ${second} = ${first + second}; L = ${digits.length}${left[0]}`, `${first} + ${second} = ${first + second}；L = ${digits.length}${left[1]}`));
    now = stage.compute(digits);
    answers.replaceChildren(answer("LSTM", data.lstm, now.lstm.probabilities), answer("SRN", data.srn, now.srn.probabilities));
    maps.style.setProperty("--map", `${widthOfStep() * digits.length + 8}px`);
    maps.replaceChildren(
      ...PANELS.map(([name, en, zh, letter, limit]) => panel("lstm", name, { en: `LSTM: ${en}`, zh: `LSTM：${zh}` }, letter, limit)),
      panel("srn", "hidden_state", { en: "SRN: hidden state", zh: "SRN：隐状态" }, "H", 1),
    );
    look("cell_state", Math.min(at[0], digits.length - 1), at[1]);
  }

  // --- does it agree with Python? ---

  function agreement() {
    const { digits, hidden_state, cell_state } = data.check;
    const gaps = readLSTM(digits).steps.flatMap((step, t) =>
      units((k) => Math.max(Math.abs(step.hidden_state[k] - hidden_state[t][k]), Math.abs(step.cell_state[k] - cell_state[t][k]))),
    );
    const largest = Math.max(...gaps);
    const shown = number(largest);
    return largest < 1e-4
      ? text(`Computed here from the weights of your models; C and H of the run's digits differ from Python's by at most ${shown}.`, `此处由你训练的模型权重在浏览器中算出；对运行时的数字，C 与 H 同 Python 的结果最多相差 ${shown}。`)
      : text(`C and H of the run's digits differ from Python's by ${shown}: the model was trained with other equations than those of this page.`, `对运行时的数字，C 与 H 同 Python 的结果相差 ${shown}：训练所用的公式与此页不同。`);
  }

  const shown = [...new Set([data.check.digits.join(""), "67" + "0".repeat(data.length - 2), "94" + "1".repeat(data.length - 2)])];
  const choices = shown.map((each) => {
    const button = element("button", { type: "button" }, each);
    button.addEventListener("click", () => {
      field.value = each;
      read();
    });
    return button;
  });
  field.value = shown[0];
  field.addEventListener("input", read);
  const label = element("label", {}, text("digits", "数字"), " ", field);
  stage.append(element("div", { class: "controls" }, label, ...choices), said, answers, maps, equations, element("p", { class: "note" }, agreement()));
  read();
};
