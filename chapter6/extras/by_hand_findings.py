"""Recurrent networks by hand, what was found: paper against layers, judged, tables and a figure (结论、表与图)."""

from collections.abc import Sequence
from typing import Any

import nndl
from chapter6.extras import by_hand_starts as starts
from chapter6.lab.claim import Claim
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text

import matplotlib.pyplot as plt
import numpy as np

# --- 结论 claims ---

EQUAL = 1e-6
"""What paper and layer may differ by."""


def claims(record: Record) -> list[Claim]:
    """What paper and pencil say, and what the notes say of the initial state."""
    metrics = record.metrics
    first, *_ = orders = metrics["add_only"]["orders"]
    last = [order["outputs"][-1] for order in orders]
    watched = metrics["lstm"]
    gates = [value for w in watched for gate in GATES for value in w[gate]]
    leak = max(min(abs(value), abs(1 - value)) for value in gates)
    rule = max(
        _gap(w[found], w[by_rule])
        for w in watched
        for found, by_rule in (("cell_state", "memory_by_rule"), ("hidden_state", "outputs_by_rule"))
    )
    product, one_hot, bptt = metrics["product"], metrics["one_hot"], metrics["bptt"]
    worst = max(_gap(bptt["hand"][name], bptt["autograd"][name]) for name in bptt["hand"])
    shown = " ".join(short(value) for value in watched[0]["hidden_state"])
    return [
        _equal(
            "add_only",
            Text(
                "all weights 1: (1,1) (1,1) (2,2) gives (4,4) (12,12) (32,32)",
                "权重全为 1：(1,1) (1,1) (2,2) 输出 (4,4) (12,12) (32,32)",
            ),
            _gap(first["outputs"], metrics["add_only"]["paper"]),
        ),
        Claim(
            "order",
            Text("another order of the inputs, another output", "改变序列顺序将改变输出"),
            Text(
                f"the last outputs of the {len(last)} orders: {', '.join(map(_vector, last))}",
                f"{len(last)} 种次序的最后输出：{'、'.join(map(_vector, last))}",
            ),
            len(set(map(tuple, last))) == len(last),
        ),
        _equal("gates", Text("each gate set by hand is 0 or 1", "手工设定的门都是 0 或 1"), leak),
        Claim(
            "rule",
            Text(
                "the LSTM set by hand follows the rule: x2 = 1 adds x1 to the memory, x2 = -1 resets it, "
                "x3 = 1 outputs it",
                "手工设定的 LSTM 遵循规则：x2 = 1 时将 x1 加入记忆，x2 = -1 时清零，x3 = 1 时输出",
            ),
            Text(
                f"largest difference {rule:.0e}; outputs for the sequence of the notes: {shown}",
                f"最大误差 {rule:.0e}；笔记中序列的输出：{shown}",
            ),
            rule < EQUAL,
        ),
        _equal(
            "one_product",
            Text("one product is enough: [X, H] [W; U] = X W + H U", "一次乘积就够：[X, H] [W; U] = X W + H U"),
            _gap(product["one"], product["two"]),
        ),
        _equal(
            "one_hot",
            Text("a product with one-hot vectors is a lookup", "与独热向量相乘即查表"),
            _gap(one_hot["product"], one_hot["lookup"]),
        ),
        _equal("bptt", Text("BPTT by hand gives autograd's gradients", "手算 BPTT 与自动微分的梯度一致"), worst),
        *starts.claims(record),
    ]


def _equal(id: str, claim: Text, gap: float) -> Claim:
    return Claim(id, claim, Text(f"largest difference {gap:.0e}", f"最大误差 {gap:.0e}"), gap < EQUAL)


def _gap(found: Any, expected: Any) -> float:
    """The largest difference, relative where the largest entry is above 1."""
    expected = np.asarray(expected)
    return float(np.abs(found - expected).max() / max(1, np.abs(expected).max()))


# --- 表 tables ---

GATES = {
    "input_gate": Text("input gate I", "输入门 I"),
    "forget_gate": Text("forget gate F", "遗忘门 F"),
    "output_gate": Text("output gate O", "输出门 O"),
}
OPEN_WHERE = {"input_gate": "x2 = 1", "forget_gate": "x2 ≠ -1", "output_gate": "x3 = 1"}
EQUATIONS = {
    "H_1": "H_1 = tanh(X_1 W + H_0 U + b)",
    "H_2": "H_2 = tanh(X_2 W + H_1 U + b)",
    "L": "L = ½ Σ (H_2 - Y)²",
    "dH_2": "∂L/∂H_2 = H_2 - Y",
    "delta_2": "δ_2 = ∂L/∂H_2 ⊙ (1 - H_2²)",
    "dH_1": "∂L/∂H_1 = δ_2 Uᵀ",
    "delta_1": "δ_1 = ∂L/∂H_1 ⊙ (1 - H_1²)",
    "dW": "∂L/∂W = X_1ᵀ δ_1 + X_2ᵀ δ_2",
    "dU": "∂L/∂U = H_0ᵀ δ_1 + H_1ᵀ δ_2",
    "db": "∂L/∂b = δ_1 + δ_2",
}


def tables(record: Record) -> list[Table]:
    """The numbers of the report."""
    metrics = record.metrics
    return [
        order_table(metrics["add_only"]["orders"]),
        *map(lstm_table, metrics["lstm"]),
        product_table(metrics["product"]),
        one_hot_table(metrics["one_hot"]),
        bptt_table(metrics["bptt"]),
        starts.table(record),
    ]


def order_table(orders: Sequence[dict[str, Any]]) -> Table:
    rows = [[" ".join(map(_vector, order[name])) for name in ("inputs", "hidden", "outputs")] for order in orders]
    header = [Text("inputs X", "输入 X"), Text("hidden H", "隐状态 H"), Text("outputs Y", "输出 Y")]
    note = Text(
        "The sum of the inputs is the same in each row: what only counts words would see no difference.",
        "各行输入之和相同：只统计词频的模型看不出区别。",
    )
    title = Text("An RNN that only adds: every order of its inputs", "只做加法的 RNN：输入的各种次序")
    return Table(title, header, rows, note)


def lstm_table(watched: dict[str, Any]) -> Table:
    """Every gate and state, a row a step, and in words what happens."""
    columns = [watched[name] for name in (*GATES, "candidate", "cell_state", "hidden_state")]
    rows = [
        [",".join(map(short, x)), *map(short, values), _what_happens(*x)]
        for x, *values in zip(watched["inputs"], *columns, strict=True)
    ]
    note = Text(
        "I, F, O: input, forget and output gate, 1 open, 0 closed (an open forget gate keeps); C̃: candidate; "
        "C_t = F C_{t-1} + I C̃: memory; H = O C_t: output. Rule: x2 = 1 adds x1, x2 = -1 resets, x3 = 1 outputs.",
        "I、F、O：输入门、遗忘门、输出门，1 为打开，0 为关闭（遗忘门打开则记住）；C̃：候选状态；"
        "C_t = F C_{t-1} + I C̃：记忆；H = O C_t：输出。规则：x2 = 1 加入 x1，x2 = -1 清零，x3 = 1 输出。",
    )
    title = Text(f"An LSTM set by hand reads {_sequence(watched)}", f"手工设定的 LSTM 读入 {_sequence(watched)}")
    return Table(title, ["x1,x2,x3", "I", "F", "O", "C̃", "C", "H", Text("what happens", "动作")], rows, note)


def _what_happens(x1: float, x2: float, x3: float) -> Text:
    en, zh = {1: (f"adds {short(x1)}", f"加 {short(x1)}"), -1: ("resets", "清零"), 0: ("keeps", "保持")}[int(x2)]
    return Text(f"{en}, outputs", f"{zh}，输出") if x3 else Text(en, zh)


def product_table(product: dict[str, Any]) -> Table:
    rows = [
        [name, str(row), *(f"{value:.4f}" for value in values[row])]
        for row in range(len(product["one"]))
        for name, values in (("X W + H U", product["two"]), ("[X, H] [W; U]", product["one"]))
    ]
    header = [Text("computed as", "算式"), Text("sequence", "序列"), *map(str, range(len(product["one"][0])))]
    note = Text(
        "X [3, 1], W [1, 4], H [3, 4], U [4, 4], drawn from N(0, 1): two products, or one of [3, 5] and [5, 4].",
        "X [3, 1]、W [1, 4]、H [3, 4]、U [4, 4] 取自 N(0, 1)：两次乘积，或 [3, 5] 与 [5, 4] 的一次乘积。",
    )
    return Table(Text("Two products are one", "两次乘积合为一次"), header, rows, note)


def one_hot_table(one_hot: dict[str, Any]) -> Table:
    rows = [
        [str(digit), " ".join(map(str, vector)), *(" ".join(f"{value:.4f}" for value in row) for row in rows)]
        for digit, vector, *rows in zip(*(one_hot[n] for n in ("digits", "one_hot", "product", "lookup")), strict=True)
    ]
    header = [
        Text("digit", "数字"),
        Text("one-hot S'", "独热 S'"),
        Text("product S' E", "乘积 S' E"),
        Text("row of E", "E 的行"),
    ]
    return Table(Text("A one-hot product is a lookup", "独热乘积即查表"), header, rows)


def bptt_table(bptt: dict[str, Any]) -> Table:
    """A row for each row of a matrix; the equation stands beside the first."""
    rows = []
    for name, equation in EQUATIONS.items():
        for row, (ours, theirs) in enumerate(zip(bptt["hand"][name], bptt["autograd"][name], strict=True)):
            rows.append(["" if row else equation, *(" ".join(f"{v:8.5f}" for v in of) for of in (ours, theirs))])
    shrink = np.linalg.norm(bptt["hand"]["delta_1"]) / np.linalg.norm(bptt["hand"]["delta_2"])
    header = [Text("equation", "公式"), Text("by hand", "手算"), Text("autograd", "自动微分")]
    given = ", ".join(f"{name} = {' '.join(map(_vector, value))}" for name, value in bptt["given"].items())
    note = Text(
        f"{given}. Going one step back, through U and tanh, leaves {shrink:.0%} of δ: so gradients vanish.",
        f"{given}。经 U 与 tanh 退回一步，δ 只剩 {shrink:.0%}：梯度就这样消失。",
    )
    return Table(Text("BPTT of two steps", "两步的 BPTT"), header, rows, note)


def short(value: float) -> str:
    """A number without what is less than can be seen, such as the leak of a closed gate."""
    return f"{round(value, 4) + 0:.10g}"


def _vector(values: Sequence[float]) -> str:
    return f"({', '.join(map(short, values))})"


def _sequence(watched: dict[str, Any]) -> str:
    return " ".join(",".join(map(short, x)) for x in watched["inputs"])


# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """The LSTM set by hand at work, on the reader's sequence; accuracy from each initial state."""
    return {"lstm": draw_lstm(record.metrics["lstm"][-1]), "starts": starts.draw(record)}


def draw_lstm(watched: dict[str, Any]) -> Drawing:
    """Above the gates, open or closed, below the memory after each step and what is output of it."""
    plot, steps = nndl.plot, range(len(watched["inputs"]))
    names = ["\n".join(map(short, x)) for x in watched["inputs"]]
    column = max(0.6, 0.11 * max(map(len, "\n".join(names).split())))  # inches, for the longest number
    size = (max(6.4, column * len(steps) + 2.6), 4.6)
    figure, (above, below) = plt.subplots(2, 1, figsize=size, sharex=True, height_ratios=(2, 3))
    colors = figure.colorbar(plot.heat_map(above, [watched[gate] for gate in GATES]), ax=above, ticks=(0, 1))
    colors.ax.set_yticklabels([plot.both("0 closed", "关"), plot.both("1 open", "开")])
    above.set_yticks(range(len(GATES)), [f"{plot.both(*name)}\n{OPEN_WHERE[gate]}" for gate, name in GATES.items()])
    memory, look = watched["cell_state"], plot.LOOKS[0]
    below.step(steps, memory, where="mid", **look, label=plot.both("memory C", "记忆 C"))
    below.fill_between(steps, memory, step="mid", color=look["color"], alpha=0.18, linewidth=0)
    output = {"color": "black", "clip_on": False, "zorder": 3, "label": plot.both("output H", "输出 H")}
    below.plot(steps, watched["hidden_state"], "D", **output)
    below.axhline(0, color="black", linewidth=0.8)
    below.set_xticks(steps, names)
    below.set_xlabel(plot.both("x1, x2, x3 of each step", "每步的 x1、x2、x3"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Every step from left to right; beside each gate stands where the rule wants it open. What does the memory "
            "do where the input gate opens, where the forget gate closes? What is output where the output gate is "
            "open? In between the memory stays as it is, whatever x1 is.",
            "从左到右为各步；各门旁标出按规则应打开的条件。输入门打开、遗忘门关闭时记忆如何变化？输出门打开时输出什么？"
            "其间无论 x1 为何值，记忆都保持不变。",
        ),
    )
