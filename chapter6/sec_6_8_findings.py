"""6.8, what was found: the claims of the book and ours, judged, the tables and the figures (结论、表与图)."""

from collections.abc import Callable, Sequence
from math import exp, isnan, log, nan
from statistics import fmean, median
from typing import Any

import nndl
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.measure import PARITY, ratios
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same
from chapter6.sec_6_7_findings import CORPORA
from chapter6.sec_6_8_ladder import FLOOR, RUNGS

import numpy as np

# --- 结论 claims ---

LINEAR = 0.2
"""How far the memory of a step may change along the lengths and still count as linear."""
SAME_ACCURACY = 0.02
MUCH_FASTER = 1.5
Point = dict[str, Any]
"""What was measured at one shape, see :func:`chapter6.sec_6_8_ladder.measure`."""


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record, and ours."""
    metrics, results, machine = record.metrics, record.results(), record.machine
    return [
        parity_claim(metrics["parity"]),
        faster_claim(
            "paddle_faster",
            Text(
                f"on {machine}, Paddle's LSTM is faster than the stepwise one, at every shape",
                f"在 {machine} 上，各种规模下飞桨 LSTM 都比逐步计算快",
            ),
            metrics["shapes"],
            slow="stepwise",
            fast="paddle",
        ),
        same_accuracy_claim(results),
        trains_faster_claim(results, machine),
        faster_claim(
            "native_faster",
            Text(
                f"on {machine}, one's own operator in C++ is faster than Paddle's LSTM, at every shape",
                f"在 {machine} 上，各种规模下自编的 C++ 算子都比飞桨 LSTM 快",
            ),
            metrics["shapes"],
            slow="paddle",
            fast="native",
        ),
        memory_claim(metrics["by_steps"]),
    ]


def parity_claim(parity: dict[str, dict[str, dict[str, float]]]) -> Claim:
    worst = [
        (name, dtype, max(differences.values()))
        for name, by_dtype in parity.items()
        for dtype, differences in by_dtype.items()
    ]
    measured = ", ".join(f"{name} {dtype} {value:.0e}" for name, dtype, value in worst)
    return Claim(
        "parity",
        Text(
            "all rungs and Paddle's LSTM give the same outputs, states and gradients from the same weights",
            "相同权重下，各级算子与飞桨 LSTM 的输出、状态和梯度相同",
        ),
        Text(f"largest difference: {measured}", f"最大误差：{measured}"),
        all(value <= PARITY[dtype] for _, dtype, value in worst),
    )


def faster_claim(id: str, statement: Text, points: Sequence[Point], slow: str, fast: str) -> Claim:
    """Forward and backward at every shape, decided over the repeats."""
    if any(fast not in point["both"] for point in points):
        return Claim(id, statement, Text(f"there is no {fast} on this machine", f"本机没有 {fast}"), None)
    logs = [[log(ratio) for ratio in ratios(point["both"], slow, to=fast)] for point in points]
    times = [(name_of(point), exp(median(values))) for point, values in zip(points, logs, strict=True)]
    measured = Text(
        ", ".join(f"{name}: {ratio:.2f} times" for name, ratio in times),
        "，".join(f"{name}：{ratio:.2f} 倍" for name, ratio in times),
    )
    return Claim(id, statement, measured, logs)


def name_of(point: Point) -> str:
    B, L, D = point["shape"]
    return f"B={B} L={L} D={D}"


def same_accuracy_claim(results: Results) -> Claim:
    of = by_rung(results, "test_accuracy")
    differences = [abs(a - b) for a, b in zip(of["stepwise"], of["paddle"], strict=True)]
    return Claim(
        "same_accuracy",
        Text(
            f"one's own LSTM reaches the accuracy of Paddle's (they differ by less than {SAME_ACCURACY})",
            f"自定义 LSTM 与飞桨 LSTM 的准确率相当（相差小于 {SAME_ACCURACY}）",
        ),
        same(", ".join(f"{name} {mean_and_spread(values, 3)}" for name, values in of.items())),
        [[SAME_ACCURACY - difference for difference in differences]],
    )


def trains_faster_claim(results: Results, machine: str) -> Claim:
    of = by_rung(results, "epoch_seconds")
    logs = [log(own / paddles) for own, paddles in zip(of["stepwise"], of["paddle"], strict=True)]
    measured = ", ".join(f"{name} {mean_and_spread(values, 1)}" for name, values in of.items())
    return Claim(
        "trains_faster",
        Text(
            f"on {machine}, Paddle's LSTM trains much faster than the stepwise one (at least {MUCH_FASTER} times)",
            f"在 {machine} 上，飞桨 LSTM 的训练比逐步计算的自定义 LSTM 快得多（{MUCH_FASTER} 倍以上）",
        ),
        Text(f"seconds an epoch: {measured}", f"每回合秒数：{measured}"),
        [[value - log(MUCH_FASTER) for value in logs]],
    )


def by_rung(results: Results, name: str) -> dict[str, list[float]]:
    """For each rung that trained one value a seed."""
    return {rung: results.where(backend=rung).each(name) for rung in dict.fromkeys(results.each("backend"))}


def memory_claim(points: Sequence[Point]) -> Claim:
    """The bytes of one more step, between the first two lengths and between the last two."""
    first, second, *_ = points
    *_, last_but_one, last = points
    growth = {}
    for name in first["memory"]:
        at_first = bytes_per_step(first, second, name)  # 0: a few steps fit into what is there anyway
        growth[name] = bytes_per_step(last_but_one, last, name) / at_first if at_first else nan
    unknown = any(map(isnan, growth.values()))
    measured = ", ".join(f"{name} {ratio:.2f}" for name, ratio in growth.items())
    return Claim(
        "memory",
        Text(
            f"memory grows linearly with the number of steps (a step costs the same, within {LINEAR:.0%})",
            f"内存随时间步数线性增长（每步开销变化不超过 {LINEAR:.0%}）",
        ),
        Text(f"last step against first: {measured}", f"最后一步与第一步之比：{measured}"),
        None if unknown else all(abs(ratio - 1) <= LINEAR for ratio in growth.values()),
    )


def bytes_per_step(shorter: Point, longer: Point, name: str) -> float:
    (_, L, _), (_, longer_L, _) = shorter["shape"], longer["shape"]
    return (longer["memory"][name] - shorter["memory"][name]) / (longer_L - L)


# --- 表 tables ---

RUNG = Text("rung", "计算方式")


def tables(record: Record) -> list[Table]:
    """The numbers of the report: the ladder, agreement, time and memory at each shape, training."""
    metrics = record.metrics
    return [
        Table(
            Text("The ladder", "阶梯"), [RUNG, Text("what it does", "做法")], [[n, RUNGS[n]] for n in metrics["rungs"]]
        ),
        parity_table(metrics["parity"]),
        *(shape_table(point, record.settings["repeats"]) for point in metrics["shapes"]),
        training_table(record),
    ]


def parity_table(parity: dict[str, dict[str, dict[str, float]]]) -> Table:
    kinds = {"outputs": Text("outputs", "输出"), "state": Text("states", "状态"), "gradient": Text("gradients", "梯度")}
    rows = [
        [name, dtype, *(f"{max(v for n, v in found.items() if n.startswith(kind)):.0e}" for kind in kinds)]
        for name, by_dtype in parity.items()
        for dtype, found in by_dtype.items()
    ]
    return Table(
        Text("Largest relative difference from Paddle's LSTM", "与飞桨 LSTM 的最大相对误差"),
        [RUNG, Text("dtype", "数据类型"), *kinds.values()],
        rows,
        Text("Two layers, both directions, sequences of different lengths.", "两层，双向，序列长度不同。"),
    )


def shape_table(point: Point, repeats: int) -> Table:
    both, rows = point["both"], []
    for name in both:
        against = [f"{median(ratios(both, name, to=other)):.2f}" for other in ("paddle", FLOOR)]
        memory = f"{point['memory'][name] / 1e6:.1f}" if name in point["memory"] else ""
        rows.append([name, _times(point["forward"][name]), _times(both[name]), *against, memory])
    header = [
        RUNG,
        Text("forward", "前向"),
        Text("with backward", "前向与反向"),
        "/ paddle",
        f"/ {FLOOR}",
        Text("memory", "内存"),
    ]
    note = Text(
        f"Medians of {repeats} measurements, with their range. `{FLOOR}`: the matrix products alone, by Paddle; the "
        "floor for all that is made of Paddle's operators (native has products of its own).",
        f"{repeats} 次测量的中位数及范围。`{FLOOR}`：仅矩阵乘，飞桨算子组合的下限（native 自带矩阵乘，不受其限）。",
    )
    title = Text(f"{name_of(point)}: milliseconds, and MB at the peak", f"{name_of(point)}：毫秒，峰值内存（MB）")
    return Table(title, header, rows, note)


def _times(values: Sequence[float]) -> str:
    digits = 2 if median(values) < 10 else 0
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def training_table(record: Record) -> Table:
    accuracies, seconds = (by_rung(record.results(), name) for name in ("test_accuracy", "epoch_seconds"))
    paddles = fmean(seconds["paddle"])
    rows = [
        [name, mean_and_spread(values, 3), mean_and_spread(seconds[name], 1), f"{fmean(seconds[name]) / paddles:.2f}"]
        for name, values in accuracies.items()
    ]
    corpus, direction = CORPORA[record.metrics["corpus"]], record.settings["direction"]
    directions = {"forward": "单向", "bidirectional": "双向"}
    return Table(
        Text(
            f"Training on reviews: {corpus.en}, {direction} LSTM",
            f"影评训练：{corpus.zh}，{directions[direction]} LSTM",
        ),
        [RUNG, Text("test accuracy", "测试准确率"), Text("seconds an epoch", "每回合秒数"), "/ paddle"],
        rows,
    )


# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """Time against steps and against hidden size, and memory against steps."""
    by_steps, by_size = record.metrics["by_steps"], record.metrics["by_size"]
    return {
        "steps": draw(by_steps, "L", times_of, TIME, CAPTIONS["steps"]),
        "size": draw(by_size, "D", times_of, TIME, CAPTIONS["size"]),
        "memory": draw(by_steps, "L", megabytes_of, MEMORY, CAPTIONS["memory"]),
    }


CAPTIONS = {
    "steps": Text(
        f"How far above the matrix products alone (`{FLOOR}`, by Paddle) does each rung stay as the sequence grows? "
        "What computes with Paddle's products should not go below, unless the machine is busy; native may, for its "
        "products are its own. Line: median of the repeats; band: their range.",
        f"序列变长时，各种计算方式比仅矩阵乘（`{FLOOR}`，由飞桨计算）慢多少？用飞桨作矩阵乘的不应低于它，除非机器繁忙；"
        "native 自带矩阵乘，可能更低。线为中位数，带为各次测量的范围。",
    ),
    "size": Text(
        "How far apart are the rungs with few units, how far with many? The overhead of calling operators does not "
        "depend on the number of units, the products grow with it. Line: median of the repeats; band: their range.",
        "单元少时各种计算方式相差多少，单元多时呢？调用算子的开销与单元数无关，矩阵乘则随之增大。"
        "线为中位数，带为各次测量的范围。",
    ),
    "memory": Text(
        "What the backward pass needs of the forward pass is kept for every step: does twice the length take twice the "
        "memory, and which rung keeps most?",
        "反向传播需要的前向结果逐步保留：长度加倍，内存是否加倍？哪种计算方式保留得最多？",
    ),
}
TIME, MEMORY = Text("forward and backward, ms", "前向与反向"), Text("peak memory, MB", "峰值内存")
AXES = {"L": Text("number of steps", "时间步数"), "D": Text("hidden size", "隐状态大小")}


def times_of(point: Point) -> dict[str, list[float]]:
    return point["both"]


def megabytes_of(point: Point) -> dict[str, list[float]]:
    return {name: [size / 1e6] for name, size in point["memory"].items()}


def draw(
    points: Sequence[Point], axis: str, costs_of: Callable[[Point], dict[str, list[float]]], what: Text, caption: Text
) -> Drawing:
    """The cost of every rung against L or D, on logarithmic axes."""
    plot = nndl.plot
    figure, (axes,) = plot.panels(1, size=(6.4, 4.2))
    sizes = [dict(zip("BLD", point["shape"], strict=True)) for point in points]
    x = [size[axis] for size in sizes]
    costs = [costs_of(point) for point in points]
    for name, look in zip((*RUNGS, FLOOR), plot.LOOKS, strict=True):
        if all(name in cost for cost in costs):
            # 每次测量一条曲线   a curve a repeat
            curves = [list(zip(x, values, strict=True)) for values in zip(*(c[name] for c in costs), strict=True)]
            plot.band(axes, curves, look, name, middle=np.median)
    plot.log_log(axes, x)
    others = ", ".join(f"{name} = {value}" for name, value in sizes[0].items() if name != axis)
    axes.set(xlabel=f"{plot.both(*AXES[axis])} {axis}", ylabel=plot.both(*what), title=others)
    plot.legend(figure)
    return Drawing(figure, caption)
