"""The state before the first step, what was found (初始状态的结论、表与图): the last part of :mod:`by_hand`."""

from collections.abc import Iterable

import nndl
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text

# --- 结论 claims ---

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
    """What the notes say of the initial state, and what else one may ask of it."""
    zero, fixed, random, learned = ((start, start) for start in STARTS)  # (trained from, started from)
    return [
        _better(
            record,
            "start_matters",
            Text(
                "the choice of the initial state matters: what learned from H_0 = 0 does worse from a random one",
                "初始状态的选择很重要：从 H_0 = 0 学得的网络，换成随机初始状态就变差",
            ),
            zero,
            ("zero", "random"),
        ),
        _better(
            record,
            "random_helps",
            Text(
                "H is initialised with random values, which is very important: an SRN learns more so than from 0",
                "H 以随机值初始化非常重要：SRN 这样比从 0 开始学得更好",
            ),
            random,
            zero,
        ),
        _better(
            record,
            "fixed_helps",
            Text("so it does from random values that are drawn only once", "只随机取一次的初始状态也使 SRN 学得更好"),
            fixed,
            zero,
        ),
        _better(
            record,
            "learned_helps",
            Text(
                f"an initial state that is learned is better than 0, by more than {MARGIN}",
                f"学得的初始状态比 0 高 {MARGIN} 以上",
            ),
            learned,
            zero,
            -MARGIN,
        ),
        _better(
            record,
            "forgets",
            Text(
                "trained from random states, an SRN does not mind where it starts: from 0 it is as good "
                f"(at most {MARGIN} lower)",
                f"用随机初始状态训练的 SRN 不在乎起点：从 0 开始也一样好（至多低 {MARGIN}）",
            ),
            ("random", "zero"),
            random,
            MARGIN,
        ),
    ]


def _better(
    record: Record, id: str, claim: Text, one: tuple[str, str], other: tuple[str, str], margin: float = 0
) -> Claim:
    """At every length one case's test accuracy, plus the margin, is above that of the other."""
    evidence, shown = [], []
    for length in record.settings["lengths"]:
        a, b = (accuracies(record, length, *case) for case in (one, other))
        evidence.append([x - y + margin for x, y in zip(a, b, strict=True)])
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


# --- 表与图 table and figure ---


def table(record: Record) -> Table:
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


def draw(record: Record) -> Drawing:
    """Test accuracy: a bar a pair of initial states, a panel a length."""
    plot, lengths = nndl.plot, record.settings["lengths"]
    pairs = list(cases(record))
    names = [plot.both(*arrow(*pair)) for pair in pairs]
    figure, panels = plot.panels(len(lengths), columns=2, size=(6.4, 0.36 * len(pairs) + 1.2))
    for axes, length in zip(panels, lengths, strict=True):
        plot.bars(axes, names, [accuracies(record, length, *pair) for pair in pairs])
        axes.set_title(f"L = {length}")
    plot.accuracy_axis(panels[0], "x")
    return Drawing(
        figure,
        Text(
            "Trained from one initial state → started from another. Does it matter where an SRN starts? Where does "
            "noise at the start cost more: in training, or only in use? Bars: mean test accuracy; dots: seeds.",
            "训练时的初始状态 → 测试时的初始状态。SRN 从何处开始是否重要？初始噪声在训练时还是只在使用时代价更大？"
            "条为测试准确率的均值，点为各种子。",
        ),
    )
