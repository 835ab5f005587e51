"""Slot filling, the figures (图): F1, what the test set can tell apart, and a sentence with its slots."""

from typing import Any

import nndl
from chapter6.extras.slot_findings import best_model, counts_of, interval, models_of
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.text import Text
from nndl.dataset.tags import slots


def figures(record: Record) -> dict[str, Drawing]:
    """F1 and sentence; and the differences, of several models."""
    drawn = {"f1": draw_f1(record), "sentence": draw_sentence(record.metrics["sentences"][0])}
    return drawn | ({"apart": draw_apart(record)} if len(models_of(record)) > 1 else {})


def draw_f1(record: Record) -> Drawing:
    """F1 of each model, a bar; a dot a seed."""
    names = models_of(record)
    figure, (axes,) = nndl.plot.panels(1, size=(6.4, 0.4 * len(names) + 1.2))
    groups = [[100 * value for value in record.results().where(model=name).each("test_f1")] for name in names]
    nndl.plot.bars(axes, names, groups)
    axes.set(xlim=(0, 100), xlabel=nndl.plot.both("F1 of chunks on test, %", "测试集上块的 F1，%"))
    return Drawing(
        figure,
        Text(
            "How much does memory help, and how much a window? F1 of chunks on test of each model; a dot a seed.",
            "记忆有多大帮助，窗口有多大帮助？各模型在测试集上块的 F1；每个点为一个种子。",
        ),
    )


def draw_apart(record: Record) -> Drawing:
    """The difference of each model's F1 to the best one's, with the interval that the test sentences leave open."""
    best, names = best_model(record), models_of(record)
    reference = counts_of(record.results().where(model=best))
    figure, (axes,) = nndl.plot.panels(1, size=(6.4, 0.36 * len(names) + 1.2))
    for row, name in enumerate(names):
        difference, low, high = interval(counts_of(record.results().where(model=name)), reference)
        look = nndl.plot.LOOKS[0] if low <= 0 <= high else nndl.plot.LOOKS[1]
        ends = [[difference - low], [high - difference]]
        axes.errorbar([difference], [row], xerr=ends, color=look["color"], marker=look["marker"], linestyle="none")
    axes.axvline(0, color="0.35", linewidth=1, linestyle=(0, (1, 2)))
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x")
    axes.set_xscale("symlog", linthresh=2)
    ticks = [-50, -20, -10, -5, -2, -1, 0, 1, 2]
    left, right = axes.get_xlim()  # ticks beyond them would widen it
    axes.set_xticks(ticks, map(str, ticks))
    axes.set_xlim(left, right)
    axes.minorticks_off()
    axes.set_xlabel(nndl.plot.both(f"F1 less that of {best}", f"F1 与 {best} 之差"))
    return Drawing(
        figure,
        Text(
            f"Which models does the test set tell apart from {best}, the best on dev? Difference of F1 with its 95 % "
            "interval (paired bootstrap over the sentences); a pink circle, whose interval reaches 0: not told apart. "
            "Below −2 the axis is logarithmic.",
            f"测试集能把哪些模型与验证集上最好的 {best} 区分开？F1 之差及其 95 % 区间（对测试句成对自助抽样）；"
            "粉色圆点的区间含 0：分不出。−2 以下为对数坐标。",
        ),
    )


def color_of(kind: str, kinds: list[str]) -> str:
    """The colour of a kind of slot; beyond the sixth they come again."""
    return nndl.plot.LOOKS[kinds.index(kind) % len(nndl.plot.LOOKS)]["color"]


def draw_sentence(sentence: dict[str, Any]) -> Drawing:
    """A sentence of test: a row of bars for the true slots, and one for what each model finds; wrong ones hatched."""
    rows = {nndl.plot.both("true", "真实"): sentence["true"], **sentence["tags"]}
    true = slots(sentence["true"])
    found = {name: slots(tags) for name, tags in rows.items()}
    kinds = list(dict.fromkeys(slot.kind for each in found.values() for slot in each))
    words = sentence["words"]
    figure, (axes,) = nndl.plot.panels(1, size=(0.62 * len(words) + 2, 0.32 * len(rows) + 1.6))
    for row, each in enumerate(found.values()):
        for slot in each:
            wrong = {} if slot in true else {"hatch": "////", "edgecolor": "white"}
            place = {"left": slot.start - 0.45, "height": 0.7}
            axes.barh(row, slot.end - slot.start - 0.1, color=color_of(slot.kind, kinds), **place, **wrong)
    for kind in kinds:
        axes.plot([], [], "-", color=color_of(kind, kinds), linewidth=8, solid_capstyle="butt", label=kind)
    axes.set_xticks(range(len(words)), words, rotation=0 if max(map(len, words)) < 3 else 40, ha="center")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_xlim(-0.5, len(words) - 0.5)
    axes.invert_yaxis()
    axes.grid(visible=False)
    figure.legend(loc="outside lower center", ncols=3)  # names such as arrive_date.date_relative are long
    return Drawing(
        figure,
        Text(
            "Whose memory serves? A sentence of test that some models get right and others do not: its true slots, and "
            "those that each finds (its best seed); what is hatched is wrong in kind, begin or end.",
            "谁的记忆有用？测试集中的一句，有的模型全对，有的出错：上行为真实的槽位，其下为各模型（最好的种子）找到的；"
            "斜线表示种类、起点或终点有误。",
        ),
    )
