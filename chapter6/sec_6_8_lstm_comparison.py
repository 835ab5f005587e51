r"""6.8 One's own LSTM against Paddle's (自定义 LSTM 与飞桨 LSTM 对比; printed section 6.5).

The chapter ends with the remark that Paddle's LSTM trains much faster than one's own. Here is why, and how far one's
own can be taken: a ladder of five operators with the same weights and the same results. An LSTM of M inputs and D units
needs, for B sequences of L steps, one product for all inputs and one a step for the states,

.. math:: [B L, M] \times [M, 4D] \qquad \text{and} \qquad L \text{ times} \quad [B, D] \times [D, 4D],

and in the backward pass twice as much. That is the floor; what lies above it is the cost of many small operators.

Figures (ours): time against steps, time against hidden size, memory against steps.
Claims: every rung agrees with Paddle's layer; Paddle's is faster than the stepwise one, and trains to the same
accuracy in less time; the operator around oneDNN is faster than Paddle's; memory grows linearly with the steps.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, isnan, log, nan
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from chapter6 import claim, comparison, ladder
from chapter6.claim import Claim, mean_and_spread
from chapter6.ladder import FLOOR, RUNGS
from chapter6.section import Record, Run, Section, table
from chapter6.settings import check_size, setting
from chapter6.text_experiment import BOOK, CORPORA, TextSettings, Training, choose_corpus, text_settings, train_all
from chapter6.training import select
from nndl.error import SettingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SECTION = Section(
    number="6.8",
    printed="6.5",
    title="One's own LSTM against Paddle's",
    title_zh="自定义 LSTM 与飞桨 LSTM 对比",
    shows="five ways to compute an LSTM, from the book's to oneDNN's: agreement, time, memory, training on reviews",
    shows_zh="计算 LSTM 的五种方式，从书中写法到 oneDNN：结果一致性、耗时、内存、影评训练",
)
SEEDS = 2

IN_TRAINING = ("stepwise", "onednn", "paddle")
"""The rungs that train on reviews."""
_COLORS = dict(zip((*RUNGS, FLOOR), ("#f19ec2", "#e4007f", "#7b3294", "#008837", "#000000", "#999999"), strict=True))
LINEAR = 0.2
"""How far the memory of a step may change along the lengths and still count as linear."""
SAME_ACCURACY = 0.02


@dataclass(frozen=True)
class Settings(TextSettings):
    """What is timed, and, for the training on reviews, the settings of section 6.7."""

    direction: str = setting("forward", "direction of the LSTM", choices=("forward", "bidirectional"))
    corpus: str = setting("auto", "IMDB where it is prepared (auto), imdb or small", choices=("auto", *CORPORA))
    shapes: str = setting("8x20x32 32x64x128", "what is timed: B x L x D, separated by blanks (批大小×步数×隐状态大小)")
    steps: tuple[int, ...] = setting(
        (16, 32, 64, 128),
        "numbers of steps (步数) of the figures, separated by commas",
        least=1,
        most=10_000,
        count=(2, 20),
        each_once=True,
    )
    sizes: tuple[int, ...] = setting(
        (16, 32, 64, 128),
        "hidden sizes D of the figure, separated by commas",
        least=1,
        most=4096,
        count=(2, 20),
        each_once=True,
    )
    repeats: int = setting(5, "measurements of each time; the median is shown", least=2, most=1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backend != "auto":
            raise SettingError(f"backend {self.backend}: expected auto, for this section compares all of them")
        shapes = parse_shapes(self.shapes)
        if not shapes or len(set(shapes)) < len(shapes):
            raise SettingError(
                f"shapes {self.shapes[:80]!r}: expected such as '8x20x32 32x64x128', B x L x D, each once"
            )
        for shape in [*shapes, *self.by_steps(), *self.by_size()]:
            check_size(*shape)

    def by_steps(self) -> list[tuple[int, int, int]]:
        """The shapes of the figures against steps: B of the first shape, the second of the sizes."""
        return [(parse_shapes(self.shapes)[0][0], steps, self.sizes[1]) for steps in self.steps]

    def by_size(self) -> list[tuple[int, int, int]]:
        """The shapes of the figure against sizes: B of the first shape, the last but one of the steps."""
        return [(parse_shapes(self.shapes)[0][0], self.steps[-2], size) for size in self.sizes]


def parse_shapes(text: str) -> list[tuple[int, int, int]]:
    """(B, L, D) of each, such as "8x20x32 32x64x128"; empty where one of them is none."""
    found = [re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})", part) for part in text.split()[:101]]
    shapes = [tuple(map(int, match.groups())) for match in found if match]
    return shapes if len(shapes) == len(found) <= 100 else []  # type: ignore[return-value]


PRESETS = {
    "quick": Settings(train_reviews=2500),
    "book": Settings(
        **vars(replace(BOOK, direction="forward")),
        corpus="imdb",
        shapes="8x10x32 8x35x32 128x256x256",
        steps=(64, 128, 256, 512, 1024),
        sizes=(32, 64, 128, 256, 512),
        repeats=7,
    ),
}


def run(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    settings, rungs = run.settings, ladder.available()
    if missing := [name for name in RUNGS if name not in rungs]:
        print(f"[{run.number}] not on this machine 本机没有: {', '.join(missing)}")
    own = [name for name in rungs if name != "paddle"]
    return {
        "rungs": rungs,
        "parity": {name: _parity(name) for name in own},
        "shapes": [ladder.measure(rungs, *shape, settings.repeats) for shape in parse_shapes(settings.shapes)],
        "by_steps": [ladder.measure(rungs, *shape, settings.repeats) for shape in settings.by_steps()],
        "by_size": [ladder.measure(rungs, *shape, settings.repeats) for shape in settings.by_size()],
        "corpus": (corpus := choose_corpus(run)),
        "trainings": train_all(run, _trainings(run, rungs, corpus)),
    }


def _parity(backend: str) -> dict[str, dict[str, float]]:
    """See :func:`chapter6.comparison.parity`; oneDNN knows no double precision."""
    dtypes = ["float32"] if backend == "onednn" else list(comparison.PARITY)
    return {dtype: comparison.parity("LSTM", dtype, backend) for dtype in dtypes}


def _trainings(run: Run, rungs: Sequence[str], corpus: str) -> list[Training]:
    settings = text_settings(vars(run.settings))
    return [
        Training(replace(settings, backend=name), corpus, 1, seed, run.data_dir)
        for name in IN_TRAINING
        if name in rungs
        for seed in range(run.seeds)
    ]


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record, and ours."""
    metrics = record.metrics
    return [
        _parity_claim(metrics["parity"]),
        _faster_claim(
            metrics["shapes"],
            "paddle_faster",
            "Paddle's LSTM is faster than the stepwise one, at every shape",
            "各种规模下飞桨 LSTM 都比逐步计算快",
            slow="stepwise",
            fast="paddle",
        ),
        _same_accuracy_claim(metrics["trainings"]),
        _trains_faster_claim(metrics["trainings"]),
        _faster_claim(
            metrics["shapes"],
            "onednn_faster",
            "one's own operator, around oneDNN, is faster than Paddle's LSTM, at every shape",
            "各种规模下，自己封装 oneDNN 的算子都比飞桨 LSTM 快",
            slow="paddle",
            fast="onednn",
        ),
        _memory_claim(metrics["by_steps"]),
    ]


def _parity_claim(parity: dict[str, dict[str, dict[str, float]]]) -> Claim:
    worst = [
        (name, dtype, max(differences.values()))
        for name, by_dtype in parity.items()
        for dtype, differences in by_dtype.items()
    ]
    return Claim(
        "parity",
        "all rungs and Paddle's LSTM give the same outputs, states and gradients from the same weights",
        "相同权重下，各级算子与飞桨 LSTM 的输出、状态和梯度相同",
        "largest difference: " + ", ".join(f"{name} {dtype} {value:.0e}" for name, dtype, value in worst),
        claim.check(all(value <= comparison.PARITY[dtype] for _, dtype, value in worst)),
    )


def _faster_claim(
    points: Sequence[dict[str, Any]], id: str, statement: str, statement_zh: str, slow: str, fast: str
) -> Claim:
    """Forward and backward at every shape, decided over the repeats."""
    if fast not in points[0]["both"]:
        return Claim(id, statement, statement_zh, f"there is no {fast} on this machine 本机没有", claim.OPEN)
    logs = [[log(ratio) for ratio in ladder.ratios(point["both"], slow, to=fast)] for point in points]
    measured = ", ".join(
        f"{_name(point)}: {exp(median(values)):.2f} times" for point, values in zip(points, logs, strict=True)
    )
    return Claim(id, statement, statement_zh, measured, claim.judge_every(logs))


def _same_accuracy_claim(results: Sequence[dict[str, Any]]) -> Claim:
    by_rung = {name: _values(results, name, "test_accuracy") for name in _trained(results)}
    differences = [abs(a - b) for a, b in zip(by_rung["stepwise"], by_rung["paddle"], strict=True)]
    return Claim(
        "same_accuracy",
        f"one's own LSTM reaches the accuracy of Paddle's (they differ by less than {SAME_ACCURACY})",
        f"自定义 LSTM 与飞桨 LSTM 的准确率相当（相差小于 {SAME_ACCURACY}）",
        ", ".join(f"{name} {mean_and_spread(values, 3)}" for name, values in by_rung.items()),
        claim.judge([SAME_ACCURACY - difference for difference in differences]),
    )


def _trains_faster_claim(results: Sequence[dict[str, Any]]) -> Claim:
    by_rung = {name: _values(results, name, "epoch_seconds") for name in _trained(results)}
    logs = [log(own / paddles) for own, paddles in zip(by_rung["stepwise"], by_rung["paddle"], strict=True)]
    return Claim(
        "trains_faster",
        "Paddle's LSTM trains much faster than one's own run step by step (at least 1.5 times)",
        "飞桨 LSTM 的训练比逐步计算的自定义 LSTM 快得多（1.5 倍以上）",
        "seconds an epoch: " + ", ".join(f"{name} {mean_and_spread(values, 1)}" for name, values in by_rung.items()),
        claim.judge([value - log(1.5) for value in logs]),
    )


def _memory_claim(points: Sequence[dict[str, Any]]) -> Claim:
    """The bytes of one more step, between the first two lengths and between the last two."""
    growth = {}
    for name in points[0]["memory"]:
        slopes = [
            (b["memory"][name] - a["memory"][name]) / (b["shape"][1] - a["shape"][1])
            for a, b in ((points[0], points[1]), (points[-2], points[-1]))
        ]
        growth[name] = slopes[1] / slopes[0] if slopes[0] else nan  # a few steps fit into what is there anyway
    return Claim(
        "memory",
        f"memory grows linearly with the number of steps (a step costs the same, within {LINEAR:.0%})",
        f"内存随步数线性增长（每步开销变化不超过 {LINEAR:.0%}）",
        "last step against first: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in growth.items()),
        claim.OPEN
        if any(map(isnan, growth.values()))
        else claim.check(all(abs(ratio - 1) <= LINEAR for ratio in growth.values())),
    )


def _trained(results: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(result["backend"] for result in results))


def _values(results: Sequence[dict[str, Any]], backend: str, name: str) -> list[float]:
    return [result[name] for result in select(results, backend=backend)]


def _name(point: dict[str, Any]) -> str:
    B, L, D = point["shape"]
    return f"B={B} L={L} D={D}"


def numbers(record: Record) -> list[str]:
    """The tables of the report."""
    metrics = record.metrics
    corpora = {"imdb": "IMDB", "small": "the small synthetic corpus 小型合成语料"}
    return [
        "## The ladder 阶梯",
        table(["rung", "what it does"], [[name, RUNGS[name]] for name in metrics["rungs"]]),
        "Largest difference from Paddle's LSTM, two layers, both directions, sequences of different lengths "
        "与飞桨 LSTM 的最大相对误差:",
        _parity_table(metrics["parity"]),
        f"`{FLOOR}`: the matrix products alone, by Paddle; the floor for all that is made of Paddle's operators "
        "(oneDNN's own products may be faster) 仅矩阵乘的耗时. "
        f"Times are medians of {record.settings['repeats']} measurements in milliseconds, with their range "
        "耗时为中位数及范围（毫秒）.",
        *[part for point in metrics["shapes"] for part in (f"### {_name(point)}", _shape_table(point))],
        f"## Training on reviews 影评训练: {corpora[metrics['corpus']]}, {record.settings['direction']} LSTM",
        _training_table(metrics["trainings"]),
    ]


def _parity_table(parity: dict[str, dict[str, dict[str, float]]]) -> str:
    kinds = {"outputs": "outputs 输出", "state": "states 状态", "gradient": "gradients 梯度"}
    rows = [
        [name, dtype, *(f"{max(v for n, v in found.items() if n.startswith(kind)):.0e}" for kind in kinds)]
        for name, by_dtype in parity.items()
        for dtype, found in by_dtype.items()
    ]
    return table(["rung", "dtype", *kinds.values()], rows)


def _shape_table(point: dict[str, Any]) -> str:
    both, rows = point["both"], []
    for name in both:
        against = [f"{median(ladder.ratios(both, name, to=other)):.2f}" for other in ("paddle", FLOOR)]
        memory = f"{point['memory'][name] / 1e6:.1f}" if name in point["memory"] else ""
        rows.append([name, _times(point["forward"][name]), _times(both[name]), *against, memory])
    header = [
        "rung",
        "forward 前向",
        "forward and backward 前向与反向",
        "/ paddle",
        f"/ {FLOOR}",
        "peak memory, MB 峰值内存",
    ]
    return table(header, rows)


def _times(values: Sequence[float]) -> str:
    digits = 2 if median(values) < 10 else 0
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _training_table(results: Sequence[dict[str, Any]]) -> str:
    paddles, rows = fmean(_values(results, "paddle", "epoch_seconds")), []
    for name in _trained(results):
        accuracy, seconds = (_values(results, name, value) for value in ("test_accuracy", "epoch_seconds"))
        rows.append(
            [name, mean_and_spread(accuracy, 3), mean_and_spread(seconds, 1), f"{fmean(seconds) / paddles:.2f}"]
        )
    return table(["rung", "test accuracy 测试准确率", "seconds an epoch 每回合秒数", "/ paddle"], rows)


def figures(record: Record) -> dict[str, "Figure"]:
    """Time against steps and against hidden size, and memory against steps."""
    import matplotlib.pyplot as plt

    metrics, drawn = record.metrics, {}
    panels = {
        "steps": (metrics["by_steps"], 1, "both", "milliseconds, forward and backward", "number of steps L"),
        "size": (metrics["by_size"], 2, "both", "milliseconds, forward and backward", "hidden size D"),
        "memory": (metrics["by_steps"], 1, "memory", "megabytes at the peak", "number of steps L"),
    }
    for name, (points, axis, what, ylabel, xlabel) in panels.items():
        drawn[name], axes = plt.subplots(figsize=(6, 4))
        _draw(axes, points, axis, what)
        B, L, D = points[0]["shape"]
        axes.set(xlabel=xlabel, ylabel=ylabel, title=f"B = {B}, " + (f"D = {D}" if axis == 1 else f"L = {L}"))
        drawn[name].tight_layout()
    return drawn


def _draw(axes: "Axes", points: Sequence[dict[str, Any]], axis: int, what: str) -> None:
    from matplotlib.ticker import LogLocator

    x = [point["shape"][axis] for point in points]
    for name in points[0][what]:
        values = [median(p[what][name]) if what == "both" else p[what][name] / 1e6 for p in points]
        axes.loglog(x, values, "--" if name == FLOOR else "o-", color=_COLORS[name], label=name, markersize=4)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xticks(x, map(str, x))
    axes.minorticks_off()
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    axes.grid(alpha=0.3)


if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", SECTION.number, *sys.argv[1:]])
