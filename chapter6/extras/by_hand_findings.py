"""Recurrent networks by hand, what was found: paper against layers, judged, and the tables (结论与表)."""

from collections.abc import Iterable, Sequence
from typing import Any

from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same

import numpy as np

# --- 结论 claims ---

EQUAL = 1e-6
"""What paper and layer may differ by."""
MARGIN = 0.05
"""A test accuracy that differs by less is as good."""
STARTS = {
    "zero": Text("zero", "零"),
    "fixed": Text("random once", "随机一次"),
    "random": Text("random", "随机"),
    "learned": Text("learned", "学得"),
}
"""The initial states: random ones are drawn anew for each sequence, or once for good."""


def claims(record: Record) -> list[Claim]:
    """What paper and pencil say, and what the notes say of the initial state."""
    return [*_claims_by_hand(record.metrics), *_claims_of_starts(record)]


def _claims_by_hand(metrics: dict[str, Any]) -> list[Claim]:
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
        _equal("one_product", same("[X, H] [W; U] = X W + H U"), _gap(product["one"], product["two"])),
        _equal(
            "one_hot",
            Text("a product with one-hot vectors is a lookup", "与独热向量相乘即查表"),
            _gap(one_hot["product"], one_hot["lookup"]),
        ),
        _equal(
            "bptt",
            Text("BPTT by hand gives autograd's gradients", "手算 BPTT 与自动微分的梯度一致"),
            worst,
        ),
    ]


def _equal(id: str, claim: Text, gap: float) -> Claim:
    return Claim(id, claim, Text(f"largest difference {gap:.0e}", f"最大误差 {gap:.0e}"), gap < EQUAL)


def _gap(found: Any, expected: Any) -> float:
    """The largest difference, relative where the largest entry is above 1."""
    expected = np.asarray(expected)
    return float(np.abs(found - expected).max() / max(1, np.abs(expected).max()))


def _claims_of_starts(record: Record) -> list[Claim]:
    """Of each: the id, the claim, two cases (trained from, started from), and what is added to the first's accuracy."""
    own = {start: (start, start) for start in STARTS}
    wanted: list[tuple[str, Text, tuple[str, str], tuple[str, str], float]] = [
        (
            "start_matters",
            Text(
                "the choice of the initial state matters: what learned from H_0 = 0 does worse from a random one",
                "初始状态的选择很重要：从 H_0 = 0 学得的网络，换成随机初始状态就变差",
            ),
            own["zero"],
            ("zero", "random"),
            0,
        ),
        (
            "random_helps",
            Text(
                "H is initialised with random values, which is very important: an SRN learns more so than from 0",
                "H 以随机值初始化非常重要：SRN 这样比从 0 开始学得更好",
            ),
            own["random"],
            own["zero"],
            0,
        ),
        (
            "fixed_helps",
            Text("so it does from random values that are drawn only once", "只随机取一次的初始状态也使 SRN 学得更好"),
            own["fixed"],
            own["zero"],
            0,
        ),
        (
            "learned_helps",
            Text(
                f"an initial state that is learned is better than 0, by more than {MARGIN}",
                f"学得的初始状态比 0 高 {MARGIN} 以上",
            ),
            own["learned"],
            own["zero"],
            -MARGIN,
        ),
        (
            "forgets",
            Text(
                "trained from random states, an SRN does not mind where it starts: from 0 it is as good "
                f"(at most {MARGIN} lower)",
                f"用随机初始状态训练的 SRN 不在乎起点：从 0 开始也一样好（至多低 {MARGIN}）",
            ),
            ("random", "zero"),
            own["random"],
            MARGIN,
        ),
    ]
    return [_better(record, *each) for each in wanted]


def _better(record: Record, id: str, claim: Text, one: tuple[str, str], other: tuple[str, str], add: float) -> Claim:
    """One case has a higher test accuracy than another, at every length."""
    evidence, shown = [], []
    for length in record.settings["lengths"]:
        a, b = (accuracies(record, length, *case) for case in (one, other))
        evidence.append([x - y + add for x, y in zip(a, b, strict=True)])
        shown.append(f"L={length}: {mean_and_spread(a)} / {mean_and_spread(b)}")
    en, zh = (f"{a} / {b}" for a, b in zip(arrow(*one), arrow(*other), strict=True))
    measured = ", ".join(shown)
    return Claim(id, claim, Text(f"test accuracy, {en}: {measured}", f"测试准确率，{zh}：{measured}"), evidence)


def arrow(trained: str, start: str) -> Text:
    """Such as "zero → random": trained from the one, started from the other."""
    return Text(*(f"{a} → {b}" for a, b in zip(STARTS[trained], STARTS[start], strict=True)))


def accuracies(record: Record, length: int, trained: str, start: str) -> list[float]:
    """One test accuracy a seed, of models trained from one initial state and started from another."""
    return record.results("starts").where(length=length, trained=trained, start=start).each("accuracy")


# --- 表 tables ---

GATES = {
    "input_gate": Text("input gate I", "输入门 I"),
    "forget_gate": Text("forget gate F", "遗忘门 F"),
    "output_gate": Text("output gate O", "输出门 O"),
}
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
        start_table(record),
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
        "C = F C + I C̃: memory; H = O C: output. Rule: x2 = 1 adds x1, x2 = -1 resets, x3 = 1 outputs.",
        "I、F、O：输入门、遗忘门、输出门，1 为打开，0 为关闭（遗忘门打开则记住）；C̃：候选状态；"
        "C = F C + I C̃：记忆；H = O C：输出。规则：x2 = 1 加入 x1，x2 = -1 清零，x3 = 1 输出。",
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
    note = Text(
        "X = ((1, 0), (0, 2)), H_0 = (.5, -.5), Y = (0, 1), W = ((.1, .2), (.1, .2)), U = ((0, .1), (.1, 0)), "
        f"b = (.1, .1). Going one step back, through U and tanh, leaves {shrink:.0%} of δ: so gradients vanish.",
        "X = ((1, 0), (0, 2))，H_0 = (.5, -.5)，Y = (0, 1)，W = ((.1, .2), (.1, .2))，U = ((0, .1), (.1, 0))，"
        f"b = (.1, .1)。经 U 与 tanh 退回一步，δ 只剩 {shrink:.0%}：梯度就这样消失。",
    )
    return Table(Text("BPTT of two steps", "两步的 BPTT"), header, rows, note)


def start_table(record: Record) -> Table:
    """Test accuracy: a row a pair of initial states, a column a length."""
    lengths = record.settings["lengths"]
    rows = [
        [STARTS[trained], STARTS[start], *(mean_and_spread(accuracies(record, n, trained, start)) for n in lengths)]
        for trained, start in cases(record)
    ]
    header = [Text("trained from H_0", "训练时的 H_0"), Text("started from", "测试时的 H_0")]
    title = Text("Does the initial state matter? Test accuracy of SRNs", "初始状态重要吗？SRN 的测试准确率")
    note = Text(
        "Random: from N(0, 1) for each unit, anew for each sequence and step of the training; random once: drawn when "
        "the network is made; learned: a parameter, 0 at first.",
        "随机：每个单元取自 N(0, 1)，每个序列、每步训练重取；随机一次：建立网络时取定；学得：作为参数训练，初值为 0。",
    )
    return Table(title, [*header, *(f"L = {n}" for n in lengths)], rows, note)


def cases(record: Record) -> Iterable[tuple[str, str]]:
    """The pairs (trained from, started from), in their order."""
    return dict.fromkeys((case["trained"], case["start"]) for case in record.results("starts"))


def short(value: float) -> str:
    """A number without what is less than can be seen, such as the leak of a closed gate."""
    return f"{round(value, 4) + 0:.10g}"


def _vector(values: Sequence[float]) -> str:
    return f"({', '.join(map(short, values))})"


def _sequence(watched: dict[str, Any]) -> str:
    return " ".join(",".join(map(short, x)) for x in watched["inputs"])
