"""6.3, what was found: a table for each step, the claims, the figures (结论、表与图)."""

from collections.abc import Callable, Sequence
from math import log
from typing import Any

import nndl
from chapter6.lab import claim
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same
from chapter6.sec_6_2_findings import draw_losses
from nndl.dataset import digit_sum

import matplotlib.pyplot as plt
import numpy as np

# --- 表 tables: one for each step, each from what the step found ---

GUESSING = log(digit_sum.NUM_CLASSES)
"""The loss of who guesses among the sums 0 to 18."""
QUANTITY = Text("quantity", "量")
SHAPE = Text("shape", "形状")
FIRST = Text("first numbers", "前几个数")


def numbers(values: Sequence[float]) -> str:
    """Numbers side by side, whole ones as they are."""
    return "  ".join(f"{value:.4f}" if isinstance(value, float) else str(value) for value in values)


def look_rows(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Equation, shape and first numbers of each."""
    return [[row["equation"], str(row["shape"]), numbers(row["values"])] for row in rows]


def difference(value: float) -> Text:
    """What stands below a table that compares two computations."""
    return Text(f"Largest difference: {value:.0e}.", f"最大误差：{value:.0e}。")


def batch(found: dict[str, Any]) -> Table:
    X, y = found["shapes"]
    return Table(
        Text(f"1  A batch: X {X}, y {y}, int64", f"1  一个批次：X {X}，y {y}，int64"),
        [Text("digits X", "数字 X"), Text("sum of the first two, y", "前两个数字之和 y")],
        [
            [" ".join(map(str, digits)), str(total)]
            for digits, total in zip(found["digits"], found["sums"], strict=True)
        ],
        Text(
            "[B, L]: B sequences of L digits. The first line is the example whose numbers are shown from here on.",
            "[B, L]：B 个序列，各 L 个数字。以下各步显示的是第一行这个样本的数值。",
        ),
    )


def embedding(found: dict[str, Any]) -> Table:
    note = difference(found["gap"])
    return Table(
        Text("2  Embedding: by lookup and by one-hot", "2  嵌入层：查表与 one-hot"),
        [QUANTITY, SHAPE, FIRST],
        look_rows(found["rows"]),
        Text(
            f"E[X] takes rows of E (here that of the first digit); S' E multiplies by rows with a single 1. {note.en}",
            f"E[X] 直接取 E 的行（此处为第一个数字的那一行）；S' E 用只含一个 1 的行去乘。{note.zh}",
        ),
    )


TERMS = {"XW": "X_{t} W", "HU": "H_{b} U", "Z": "Z_{t} = X_{t} W + H_{b} U + b", "H": "H_{t} = tanh(Z_{t})"}


def steps(found: dict[str, Any]) -> Table:
    last = max(row["t"] for row in found["rows"])
    shown = [row for row in found["rows"] if row["t"] in (1, 2, last)]
    rows = [{**row, "equation": TERMS[row["equation"]].format(t=row["t"], b=row["t"] - 1)} for row in shown]
    gaps = ", ".join(f"{name} {value:.0e}" for name, value in found["gaps"].items())
    return Table(
        Text(f"3  The SRN, steps 1, 2 and {last} of {last}", f"3  SRN 层：第 1、2、{last} 步（共 {last} 步）"),
        [QUANTITY, SHAPE, FIRST],
        look_rows(rows),
        Text(
            f"H_0 = 0, so H_0 U = 0. At every step the same W, U, b (shared weights). H_{last} stands for the whole "
            f"sequence. Largest difference from what the operators compute: {gaps}.",
            f"H_0 = 0，故 H_0 U = 0。各步使用同一组 W、U、b（权重共享）。H_{last} 代表整个序列。"
            f"与算子的最大误差：{gaps}。",
        ),
    )


def derivation(found: dict[str, Any]) -> Table:
    rows = [[line["name"], line["how"], numbers(line["paper"]), numbers(line["steps"])] for line in found["lines"]]
    return Table(
        Text("4  On paper: two units, two steps", "4  手动推导：两个单元，两步"),
        [QUANTITY, Text("how", "算式"), Text("on paper", "笔算"), Text("by step()", "step()")],
        rows,
        Text(
            "X = ((1, 0), (0, 2)), W = ((.1, .2), (.1, .2)), U = ((0, .1), (.1, 0)), b = (.1, .1), H_0 = 0.",
            "X = ((1, 0), (0, 2))，W = ((.1, .2), (.1, .2))，U = ((0, .1), (.1, 0))，b = (.1, .1)，H_0 = 0。",
        ),
    )


def output(found: dict[str, Any]) -> Table:
    loss, guessing = f"{found['loss']:.4f}", f"{GUESSING:.4f}"
    return Table(
        Text("5  Linear layer, softmax, cross entropy", "5  线性层、softmax、交叉熵"),
        [QUANTITY, SHAPE, FIRST],
        look_rows(found["rows"]),
        Text(
            f"The loss, the mean of -log P_y over the batch, is {loss}; guessing among 19 classes: ln 19 = {guessing}.",
            f"损失是整个批次 -log P_y 的均值：{loss}；在 19 类中随机猜测的损失为 ln 19 = {guessing}。",
        ),
    )


def parameters(found: dict[str, Any]) -> Table:
    rows = [[row["name"], str(row["shape"]), row["formula"], f"{row['size']:,}"] for row in found["rows"]]
    total = sum(row["size"] for row in found["rows"])
    return Table(
        Text(
            "6  The model: embedding E, SRN W, U, b, linear layer V, c",
            "6  模型汇总：嵌入层 E，SRN 层 W、U、b，线性层 V、c",
        ),
        [Text("parameter", "参数"), SHAPE, Text("formula", "公式"), Text("numbers", "参数量")],
        rows,
        Text(
            f"By formula {total:,}, counted {found['counted']:,}; L is in none: a longer sequence needs no more.",
            f"按公式 {total:,}，实际 {found['counted']:,}；公式中没有 L：序列更长，参数并不增加。",
        ),
    )


def gradients(found: dict[str, Any]) -> Table:
    delta = [f"{value:.1e}" for value in found["delta"]]
    return Table(
        Text("7  Backward: the gradients by hand", "7  反向传播：手算各参数的梯度"),
        [QUANTITY, SHAPE, FIRST, Text("difference from backward()", "与 backward() 的误差")],
        [[*cells, f"{row['gap']:.0e}"] for cells, row in zip(look_rows(found["rows"]), found["rows"], strict=True)],
        Text(
            f"‖δ_t‖ from the first step to the last: {'  '.join(delta)}. What reaches the first steps is what they "
            "learn from (section 6.4).",
            f"‖δ_t‖ 从第一步到最后一步：{'  '.join(delta)}。传到开头的梯度决定开头能学到多少（见 6.4 节）。",
        ),
    )


def update(found: dict[str, Any]) -> Table:
    rows = [
        [
            str(row["t"]),
            f"{row['loss']:.4f}",
            *(f"{row[n]:.2e}" for n in "gmv"),
            *(f"{row[n]:.6f}" for n in ("ours", "theirs")),
        ]
        for row in found["rows"]
    ]
    note = difference(found["gap"])
    return Table(
        Text("8  Adam: one number, the first of b, in three steps", "8  Adam：b 的第一个数，连续更新三步"),
        [
            Text("step", "步"),
            Text("loss before", "更新前损失"),
            Text("gradient g", "梯度 g"),
            "m",
            "v",
            Text("by equation", "按公式"),
            Text("by optimizer", "优化器"),
        ],
        rows,
        Text(
            f"At step 1 every number moves by the learning rate, up or down. Over all parameters: {note.en}",
            f"第 1 步中每个数都移动一个学习率的距离，只是方向不同。全部参数：{note.zh}",
        ),
    )


def learned(record: Record) -> Table:
    """The trainings, and the example, of each seed."""
    digits, rows = record.settings["digits"], []
    for result, found in zip(record.results(), record.metrics["answers"], strict=True):
        P = found["probabilities"][-1]
        best = sorted(range(len(P)), key=P.__getitem__, reverse=True)[:3]
        first, last = result["train_losses"][0][1], claim.last_tenth(loss for _, loss in result["train_losses"])
        accuracies = [f"{result[f'{split}_accuracy']:.2f}" for split in ("dev", "test")]
        answers = "  ".join(f"{k} ({P[k]:.2f})" for k in best)
        rows.append([str(found["seed"]), f"{first:.2f}", f"{last:.3f}", *accuracies, answers])
    shown, total = " ".join(map(str, digits)), digits[0] + digits[1]
    return Table(
        Text(f"9  Trained; then {shown}, the sum is {total}", f"9  训练之后；细看 {shown}，正确答案 {total}"),
        [
            Text("seed", "种子"),
            Text("loss, first epoch", "首回合损失"),
            Text("last epochs", "末尾损失"),
            Text("dev accuracy", "验证集准确率"),
            Text("test accuracy", "测试集准确率"),
            Text("answers (probability)", "回答（概率）"),
        ],
        rows,
    )


STEPS: tuple[Callable[[Any], Table], ...] = (
    batch, embedding, steps, derivation, output, parameters, gradients, update,
)  # fmt: skip
"""Each is the table of what the record keeps under its name."""


def tables(record: Record) -> list[Table]:
    """The numbers of the report, step by step."""
    return [*(table(record.metrics[table.__name__]) for table in STEPS), learned(record)]


# --- 结论 claims ---

EQUAL = 1e-5
"""What two computations in single precision may differ by."""


def agree(id: str, statement: Text, value: float, least: float = EQUAL) -> Claim:
    """Two computations give the same numbers."""
    return Claim(id, statement, Text(f"largest difference {value:.0e}", f"最大误差 {value:.0e}"), value <= least)


def claims(record: Record) -> list[Claim]:
    """What is computed by hand is what the operators compute."""
    found = record.metrics
    lines, sizes = found["derivation"]["lines"], found["parameters"]
    paper = {line["name"]: line["paper"] for line in lines}
    by_operator = np.abs(np.subtract([paper["H_1"], paper["H_2"]], found["derivation"]["operator"])).max()
    by_step = max(np.abs(np.subtract(line["paper"], line["steps"])).max() for line in lines)
    total = sum(row["size"] for row in sizes["rows"])
    fall = [GUESSING - claim.last_tenth(loss for _, loss in r["train_losses"]) for r in record.results()]
    return [
        agree(
            "lookup",
            Text("lookup and the one-hot product are the same", "查表与 one-hot 乘积的结果相同"),
            found["embedding"]["gap"],
        ),
        agree(
            "steps",
            Text(
                "the steps written out give what nndl.SRN and paddle.nn.SimpleRNN give",
                "逐步写出的 SRN 与 nndl.SRN、paddle.nn.SimpleRNN 的结果相同",
            ),
            max(found["steps"]["gaps"].values()),
        ),
        agree(
            "derivation",
            Text("paper, step() and operator agree", "笔算、step() 与算子三者一致"),
            float(max(by_operator, by_step)),
        ),
        agree(
            "cross_entropy",
            Text("the loss by hand is that of nn.CrossEntropyLoss", "手算的损失与 nn.CrossEntropyLoss 相同"),
            abs(found["output"]["loss"] - found["output"]["paddle"]),
        ),
        Claim(
            "parameters",
            Text("the formulas give the number of parameters", "参数量与公式一致"),
            same(f"{total:,} = {sizes['counted']:,}"),
            total == sizes["counted"],
        ),
        agree(
            "gradients",
            Text("all gradients by hand are those of backward()", "手算的全部梯度与 backward() 相同"),
            max(row["gap"] for row in found["gradients"]["rows"]),
        ),
        agree(
            "update",
            Text(
                "Adam's equations give the optimizer's parameters, three steps long",
                "按 Adam 公式更新三步，参数与优化器的结果相同",
            ),
            found["update"]["gap"],
        ),
        Claim(
            "loss_falls",
            Text("training takes the loss below that of guessing, ln 19", "训练使损失低于随机猜测的 ln 19"),
            Text(
                f"ln 19 minus the training loss at the end: {mean_and_spread(fall)}",
                f"ln 19 减去末尾的训练损失：{mean_and_spread(fall)}",
            ),
            [fall],
        ),
    ]


# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """The derivation unrolled; hidden states of the batch; losses; one answer, step by step."""
    return {
        "unrolled": _draw_unrolled(record),
        "hidden": _draw_hidden(record),
        "losses": draw_losses(record, "SRN"),
        "answer": _draw_answer(record),
    }


def _draw_unrolled(record: Record) -> Drawing:
    found = {line["name"]: line["paper"] for line in record.metrics["derivation"]["lines"]}
    figure, axes = plt.subplots(figsize=(5.2, 3.0))
    states = [f"({', '.join(f'{value:.3f}' for value in found[name])})" for name in ("H_1", "H_2")]
    nndl.plot.unrolled(axes, ["(1, 0)", "(0, 2)"], states)
    axes.set_xlim(-1.2, 1.2)
    return Drawing(
        figure,
        Text(
            "The SRN on paper, unrolled: below what it reads, above the numbers of its two units. One arrow leads from "
            "step to step: H_1 U. W, U and b are the same in both steps.",
            "笔算的 SRN 按时间展开：下方为输入，上方为两个单元的数值。"
            "步与步之间只有一条箭头：H_1 U。两步的 W、U、b 相同。",
        ),
    )


def _draw_hidden(record: Record) -> Drawing:
    plot, hidden = nndl.plot, record.metrics["steps"]["hidden"]
    figure, panels = plot.panels(len(hidden), size=(max(3.0, 0.25 * len(hidden[0])), 3.2), share_x=False)
    for axes, H, digits in zip(panels, hidden, record.metrics["batch"]["digits"], strict=False):
        image = plot.heat_map(axes, np.transpose(H), 1.0, signed=True)
        plot.mark_columns(axes, digits, (0, 1))
        axes.set(xlabel=plot.both("digit", "数字"), ylabel=plot.both("unit", "单元"), yticks=[])
    figure.colorbar(image, ax=panels)
    return Drawing(
        figure,
        Text(
            "Hidden states of three examples of the batch, before any training: a column a step, a row a unit; "
            "framed are the two digits whose sum is asked for. How long do the columns still differ after them?",
            "训练之前，批次中三个样本的隐状态：一列一步，一行一个单元；有框的是要求和的两个数字。其后各列的差别还能保持多久？",
        ),
    )


def _draw_answer(record: Record) -> Drawing:
    plot, digits, found = nndl.plot, record.settings["digits"], record.metrics["answers"][0]
    figure, (left, right) = plt.subplots(1, 2, figsize=(max(7.0, 0.7 * len(digits)), 3.8))
    figure.colorbar(plot.heat_map(left, np.transpose(found["hidden"]), 1.0, signed=True), ax=left)
    figure.colorbar(plot.heat_map(right, np.transpose(found["probabilities"])), ax=right)
    left.set(title=plot.both("hidden state H", "隐状态 H"), ylabel=plot.both("unit", "单元"), yticks=[])
    right.set(
        title=plot.both("answer", "回答"), ylabel=plot.both("sum", "和"), yticks=range(0, digit_sum.NUM_CLASSES, 3)
    )
    for axes in (left, right):
        plot.mark_columns(axes, digits, (0, 1))
        axes.set(xlabel=plot.both("digit", "数字"))
    total = f"{digits[0]} + {digits[1]} = {digits[0] + digits[1]}"
    figure.suptitle(total)
    return Drawing(
        figure,
        Text(
            f"The trained model (seed {found['seed']}) reads {total}. Left its hidden states; right the probabilities "
            "if it had to answer after each step. It was trained to answer at the last step alone: does the right sum "
            "come in sight only there?",
            f"训练好的模型（种子 {found['seed']}）读入 {total}。左：隐状态；右：假如每一步都要回答，各个和的概率。"
            "训练只要求最后一步作答：正确答案是否到最后才出现？",
        ),
    )
