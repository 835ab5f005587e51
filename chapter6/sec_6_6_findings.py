"""6.6, what was found: a table for each step, the claims, the figures (结论、表与图)."""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import nndl
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same
from chapter6.sec_6_2_findings import accuracy_table
from chapter6.sec_6_3_findings import FIRST, QUANTITY, SHAPE, agree, look_rows

# --- 表 tables: one for each step, each from what the step found ---

CASES = {
    "untrained": Text("untrained", "未训练"),
    "open": Text("untrained, b_f = 3", "未训练，b_f = 3"),
    "trained": Text("trained", "训练后"),
}


def parameters(found: dict[str, Any]) -> Table:
    rows = [
        [f"{r['name']}_i, _f, _c, _o", str(r["shape"]), str(r["fused"]), r["formula"], f"{4 * r['size']:,}"]
        for r in found["rows"]
    ]
    lstm, srn = (f"{found['counted'][name]:,}" for name in ("LSTM", "SRN"))
    return Table(
        Text("1  The parameters: the book's form, and side by side", "1  参数：书中的分开写法与并列写法"),
        [
            Text("parameter", "参数"),
            Text("shape of each", "每个的形状"),
            Text("side by side", "四个并列"),
            Text("formula, each", "每个的公式"),
            Text("numbers, four", "四个共计"),
        ],
        rows,
        Text(
            f"4 (M D + D² + D), counted {lstm}: four times an SRN's M D + D² + D, counted {srn}.",
            f"共 4 (M D + D² + D)，实际 {lstm}；SRN 为 M D + D² + D，实际 {srn}，正好四分之一。",
        ),
    )


EQUATIONS = {
    "I": "I_{t} = σ(X_{t} W_i + H_{b} U_i + b_i)",
    "F": "F_{t} = σ(X_{t} W_f + H_{b} U_f + b_f)",
    "O": "O_{t} = σ(X_{t} W_o + H_{b} U_o + b_o)",
    "C̃": "C̃_{t} = tanh(X_{t} W_c + H_{b} U_c + b_c)",
    "C": "C_{t} = F_{t} ⊙ C_{b} + I_{t} ⊙ C̃_{t}",
    "H": "H_{t} = O_{t} ⊙ tanh(C_{t})",
}


def steps(found: dict[str, Any]) -> Table:
    shown = [row for row in found["rows"] if row["t"] <= 2]
    rows = [{**row, "equation": EQUATIONS[row["equation"]].format(t=row["t"], b=row["t"] - 1)} for row in shown]
    gaps = ", ".join(f"{name} {value:.0e}" for name, value in found["gaps"].items())
    return Table(
        Text("2  Three gates and three states, steps 1 and 2", "2  三个门与三个状态：第 1、2 步"),
        [QUANTITY, SHAPE, FIRST],
        look_rows(rows),
        Text(
            "Gates lie in (0, 1), C̃ and H in (-1, 1), C anywhere. H_0 = C_0 = 0, so F_1 has nothing to keep yet. "
            f"Largest difference from what the operators compute: {gaps}.",
            "门在 (0, 1) 之间，C̃ 与 H 在 (-1, 1) 之间，C 没有界限。H_0 = C_0 = 0，故第 1 步遗忘门没有可留的内容。"
            f"与算子的最大误差：{gaps}。",
        ),
    )


STARTS = {
    "zeros": Text("zeros handed in, instead of nothing", "传入零，而不是不传"),
    "both": Text("read in two halves, H and C handed on", "分两半读，传递 H 与 C"),
    "H": Text("read in two halves, H alone handed on", "分两半读，只传递 H"),
}


def states(found: dict[str, float]) -> Table:
    return Table(
        Text("3  Initial states", "3  初始状态"),
        ["H_0, C_0", Text("change of the last H", "最后的 H 的变化")],
        [[STARTS[name], f"{value:.0e}"] for name, value in found.items()],
        Text(
            "C is the memory: without it the second half does not know the first.",
            "C 才是记忆：丢掉 C，后一半就不知道前一半。",
        ),
    )


def order(found: dict[str, Any]) -> Table:
    ranked = sorted(found["orders"].items(), key=lambda item: item[1])
    shapes = ", ".join(f"{name} {shape}" for name, shape in found["shapes"].items())
    return Table(
        Text("4  The order of the parts in paddle.nn.LSTM", "4  paddle.nn.LSTM 中四部分的次序"),
        [Text("order", "次序"), Text("difference of the last H", "最后的 H 之差")],
        [[" ".join(name), f"{value:.0e}"] for name, value in ranked[:4]],
        Text(
            f"The best 4 of 24 orders; i input, f forget, c candidate, o output. {shapes}: transposed, and two biases, "
            "of which only the sum matters (here b/4 and 3b/4).",
            f"24 种次序中误差最小的 4 种；i 输入门，f 遗忘门，c 候选状态，o 输出门。{shapes}："
            "权重是转置的，两个偏置只有和起作用（此处各取 b/4 与 3b/4）。",
        ),
    )


def two_units(found: dict[str, Any]) -> Table:
    rows = [
        [str(t), str(digit), *(f"{row[name][unit]:.{places}f}" for name, unit, places in SHOWN)]
        for t, (digit, row) in enumerate(zip(found["digits"], found["rows"], strict=True), start=1)
    ]
    right = ", ".join(f"L={length}: {value:.2f}" for length, value in found["accuracies"].items())
    return Table(
        Text("5  Two units set by hand: 0 counts, 1 adds", "5  手工设定的两个单元：0 计步，1 求和"),
        [Text("step", "步"), Text("digit", "数字"), *(name + "₀₁"[unit] for name, unit, _ in SHOWN)],
        rows,
        Text(
            f"Unit 1 adds digit / 1000 while I₁ is open; F and O are always 1. The answer: {found['prediction']}. "
            f"Accuracy on all examples: {right}.",
            f"I₁ 打开时，单元 1 累加“数字 / 1000”；F 与 O 恒为 1。回答：{found['prediction']}。"
            f"全部样本的准确率：{right}。",
        ),
    )


SHOWN = (("C", 0, 0), ("H", 0, 3), ("I", 1, 3), ("C̃", 1, 3), ("C", 1, 3))
"""Letter, unit, decimals."""


def edges(found: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for case, name in CASES.items():
        of_case = [edge for edge in found if edge["case"] == case]
        forget = mean_and_spread([fmean(edge["forget"]) for edge in of_case])
        rows.append([name, str(len(of_case)), forget, *(_spread([edge[way][0] for edge in of_case]) for way in WAYS)])
    length = len(found[0]["forget"])
    return Table(
        Text(f"6  The direct edge, over {length} steps", f"6  直连边：跨越 {length} 步"),
        [Text("models", "模型"), Text("how many", "个数"), Text("mean forget gate", "遗忘门均值"), *WAYS.values()],
        rows,
        Text(
            f"‖∂C_{length}/∂C_0‖ along the edge alone, and by all ways; of the SRN ‖∂H_{length}/∂H_0‖. Frobenius norms "
            "over √D: 1 where all arrives.",
            f"‖∂C_{length}/∂C_0‖：只沿直连边，以及沿所有路径；SRN 为 ‖∂H_{length}/∂H_0‖。均为 Frobenius 范数除以 √D，"
            "1 表示全部到达。",
        ),
    )


WAYS = {
    "direct": Text("LSTM, direct edge", "LSTM 直连边"),
    "whole": Text("LSTM, all ways", "LSTM 所有路径"),
    "srn": same("SRN"),
}


def _spread(values: Sequence[float]) -> str:
    """Geometric things: the range, in two digits."""
    low, high = f"{min(values):.1e}", f"{max(values):.1e}"
    return low if low == high else f"{low} … {high}"


STEPS: tuple[Callable[[Any], Table], ...] = (parameters, steps, states, order, two_units, edges)
"""Each is the table of what the record keeps under its name."""


def tables(record: Record) -> list[Table]:
    """The numbers of the report, step by step."""
    return [
        *(table(record.metrics[table.__name__]) for table in STEPS),
        accuracy_table(record.results(), ["SRN", "LSTM"], record.settings["lengths"]),
    ]


# --- 结论 claims ---

CLEARLY = 1e-3
"""A difference that is none of rounding."""


def claims(record: Record) -> list[Claim]:
    """What is computed by hand is what the operators compute; and how far the direct edge carries."""
    found = record.metrics
    low, high = min(found["two_units"]["accuracies"].values()), max(found["two_units"]["accuracies"].values())
    lengths = ", ".join(found["two_units"]["accuracies"])
    size = sum(row["size"] for row in found["parameters"]["rows"])
    counted, starts, orders = found["parameters"]["counted"], found["states"], found["order"]["orders"]
    equal = [name for name, value in orders.items() if value < CLEARLY]
    return [
        Claim(
            "parameters",
            Text(
                "an LSTM has 4 (M D + D² + D) parameters, four times an SRN's",
                "LSTM 有 4 (M D + D² + D) 个参数，是 SRN 的四倍",
            ),
            same(f"{counted['LSTM']:,} = 4 × {size:,}"),
            counted["LSTM"] == 4 * size == 4 * counted["SRN"],
        ),
        agree(
            "steps",
            Text(
                "the book's form gives what nndl.LSTM (recorded) and paddle.nn.LSTM give",
                "书中的写法与 nndl.LSTM（逐步记录）、paddle.nn.LSTM 的结果相同",
            ),
            max(found["steps"]["gaps"].values()),
        ),
        Claim(
            "states",
            Text(
                "the state is a pair (H, C): two halves are the whole where both are handed on, not with H alone",
                "状态是一对 (H, C)：两者都传递，分段读与整段读结果相同；只传 H 则不同",
            ),
            Text(
                f"difference {max(starts['zeros'], starts['both']):.0e} with both, {starts['H']:.0e} with H alone",
                f"两者都传误差 {max(starts['zeros'], starts['both']):.0e}，只传 H 误差 {starts['H']:.0e}",
            ),
            max(starts["zeros"], starts["both"]) < 1e-5 and starts["H"] > CLEARLY,
        ),
        Claim(
            "order",
            Text(
                "of the 24 orders of the parts only i, f, c̃, o is Paddle's",
                "四部分的 24 种次序中，只有 i、f、c̃、o 与飞桨一致",
            ),
            Text(f"the same numbers with: {', '.join(equal)}", f"结果相同的次序：{'、'.join(equal)}"),
            equal == ["ifco"],
        ),
        Claim(
            "two_units",
            Text(
                "two units set by hand name the sum in every example, at every length",
                "手工设定的两个单元在各长度的全部样本上都能给出正确的和",
            ),
            Text(
                f"accuracy {low:.2f} to {high:.2f}, L = {lengths}",
                f"准确率 {low:.2f} 至 {high:.2f}，L = {lengths}",
            ),
            low == 1.0,
        ),
        agree(
            "direct_edge",
            Text(
                "along the direct edge ∂C_L/∂C_t is the product of the forget gates",
                "沿直连边，∂C_L/∂C_t 等于各步遗忘门之积",
            ),
            max(edge["gap_gates"] for edge in found["edges"]),
        ),
        agree(
            "srn_chain",
            Text(
                "of an SRN ∂H_L/∂H_t is a product of matrices, Uᵀ and 1 - H² at each step",
                "SRN 的 ∂H_L/∂H_t 是矩阵之积：每步乘 Uᵀ 与 1 - H²",
            ),
            max(edge["gap_chain"] for edge in found["edges"]),
        ),
        _edge_claim(
            record,
            "untrained_forgets",
            Text(
                "untrained, half-open forget gates let less through than an SRN",
                "未训练时，半开的遗忘门传过的梯度少于 SRN",
            ),
            ("untrained", "srn"),
            ("untrained", "direct"),
        ),
        _edge_claim(
            record,
            "open_gates",
            Text(
                "forget gates opened by b_f = 3 let more through than an SRN",
                "用 b_f = 3 打开遗忘门，传过的梯度多于 SRN",
            ),
            ("open", "direct"),
            ("open", "srn"),
        ),
        _edge_claim(
            record,
            "training_opens",
            Text("training opens the edge: more arrives than before it", "训练打开了直连边：传到的多于训练之前"),
            ("trained", "direct"),
            ("untrained", "direct"),
        ),
    ]


def _edge_claim(record: Record, id: str, statement: Text, more: tuple[str, str], less: tuple[str, str]) -> Claim:
    """Over the whole sequence more arrives in one case than in another, seed by seed."""
    a, b = (
        {edge["seed"]: edge[way][0] for edge in record.metrics["edges"] if edge["case"] == case}
        for case, way in (more, less)
    )
    seeds = a.keys() & b.keys()
    measured = f"{_spread([a[seed] for seed in seeds])} > {_spread([b[seed] for seed in seeds])}"
    return Claim(id, statement, same(measured), [[a[seed] - b[seed] for seed in sorted(seeds)]])


# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """The gates of the two units; how far the direct edge reaches."""
    return {"two_units": _draw_two_units(record), "edge": _draw_edge(record)}


NAMES = {
    "I": Text("input gate I", "输入门 I"),
    "F": Text("forget gate F", "遗忘门 F"),
    "C̃": Text("candidate C̃", "候选状态 C̃"),
    "C": Text("cell state C", "内部状态 C"),
}


def _draw_two_units(record: Record) -> Drawing:
    """Of each unit a line: what its gates do at every digit."""
    plot, digits, found = nndl.plot, record.settings["digits"], record.metrics["two_units"]["rows"]
    figure, panels = plot.panels(2, size=(max(3.6, 0.4 * len(digits)), 3.2))
    units = Text("unit 0 counts: C / L", "单元 0 计步：C / L"), Text("unit 1 adds: C / 0.018", "单元 1 求和：C / 0.018")
    for unit, (axes, title) in enumerate(zip(panels, units, strict=True)):
        scale = (len(digits), 0.018)[unit]
        for look, name in zip(plot.LOOKS, ("I", "F", "C"), strict=False):
            values = [row[name][unit] / (scale if name == "C" else 1) for row in found]
            axes.plot(range(len(digits)), values, **look, label=plot.both(*NAMES[name]))
        axes.set(title=plot.both(*title), xlabel=plot.both("digit", "数字"), ylim=(-0.05, 1.1))
        axes.set_xticks(range(len(digits)), map(str, digits))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "An LSTM of two units, set by hand. Left the counter, which always writes; right the sum, whose input gate "
            "closes when the counter has come to two. Both forget gates stay open, so nothing is lost in the zeros.",
            "手工设定的两个单元。左：计步单元始终写入；右：求和单元，计步到二时输入门关闭。"
            "两个遗忘门一直打开，因此读到后面的 0 时什么也不会丢。",
        ),
    )


def _draw_edge(record: Record) -> Drawing:
    plot, found = nndl.plot, record.metrics["edges"]
    figure, panels = plot.panels(len(CASES), size=(3.8, 3.4))
    for axes, (case, title) in zip(panels, CASES.items(), strict=True):
        of_case = [edge for edge in found if edge["case"] == case]
        for look, (way, name) in zip(plot.LOOKS, WAYS.items(), strict=False):
            plot.band(axes, [list(enumerate([*edge[way], 1.0])) for edge in of_case], look, plot.both(*name))
        axes.set(title=plot.both(*title), xlabel=plot.both("from step", "起始步") + " t", yscale="log")
        axes.set(ylabel=plot.both("what arrives at the last", "传到最后一步的份额"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "How much of a change of the memory at step t arrives at the last step: along C's direct edge alone (the "
            "product of the forget gates), by all ways, and in an SRN. What decides how steeply the edge falls? Line: "
            "mean over the seeds; band: their range.",
            "第 t 步记忆的变化有多少传到最后一步：只沿 C 的直连边（遗忘门之积）、沿所有路径、以及 SRN 中。"
            "直连边下降的快慢由什么决定？线为各种子的均值，带为其范围。",
        ),
    )
