"""6.1, the figures: the five shapes, the slots, a sentence tagged by both networks, the losses (图)."""

from collections.abc import Sequence
from math import log
from statistics import fmean

import nndl
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.text import Text
from chapter6.sec_6_1_findings import (
    CHANCE,
    FEED_FORWARD,
    MODES,
    TAGS,
    likeliest,
    scores,
    sentences,
    taggers,
)
from chapter6.sec_6_1_shapes import SHAPES
from chapter6.sec_6_1_tasks import NO_SLOT

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """Shapes, slots, sentences, losses."""
    return {
        "shapes": _shapes(),
        "slots": _slots(record),
        "sentences": _sentences(record),
        "losses": _losses(record),
    }


def _shapes() -> Drawing:
    """The five shapes, each unrolled in time."""
    plot = nndl.plot
    figure, panels = plot.panels(len(SHAPES), columns=5, size=(2.6, 2.6), share_x=False)
    longest = max(len(shape.reads) for shape in SHAPES)
    for axes, shape in zip(panels, SHAPES, strict=True):
        plot.unrolled(axes, shape.reads, shape.says)
        axes.set_xlim(-longest / 2, longest / 2)
        axes.set_title(plot.both(shape.name.en, f"{shape.name.zh}\n"))
    return Drawing(
        figure,
        Text(
            "Time runs to the right; at every step the same layer. What is read (below) and said (above) is the mode: "
            "only the last state is used, every state, or the states after the whole has been read.",
            "时间向右，每一步都是同一层。读入（下）与输出（上）的方式决定应用模式："
            "只用最后的状态，用每一步的状态，或在读完之后才输出。",
        ),
    )


def _slots(record: Record) -> Drawing:
    """The share of cities in the right slot: known, new, and four in a sentence."""
    plot, cell = nndl.plot, record.settings["cell"]
    names = {
        "test": ("known cities", "见过的城市"),
        "new": ("new cities", "未见过的城市"),
        "longer": ("four cities", "四个城市"),
    }
    figure, (axes,) = plot.panels(1, size=(6.4, 3.2))
    for place, model in enumerate((cell, FEED_FORWARD)):
        groups = [scores(taggers(record, model), split, "slots") for split in names]
        x, look = plot.apart(range(len(names)), place, 2), {**plot.LOOKS[place], "linestyle": ""}
        plot.points(axes, x, groups, look, _name(model))
    plot.reference(axes, CHANCE, plot.both("chance", "随机水平"))
    plot.accuracy_axis(axes)
    axes.set(xticks=range(len(names)), xticklabels=[plot.both(*name) for name in names.values()], xlim=(-0.4, 2.4))
    axes.set_ylabel(plot.both("slots that are right", "槽的准确率"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Does a network know which city is left and which is reached? A feed-forward one sees the city alone, and "
            "of each pair of mirrored sentences it has one right. Mean and range over the seeds.",
            "网络是否知道离开哪座城市、到达哪座城市？前馈网络只看到城市本身，互为镜像的两句中只能答对一句。"
            "均值与各种子的范围。",
        ),
    )


COLORS = {tag: nndl.plot.LOOKS[n]["color"] for tag, n in zip(TAGS, (1, 2, 0, 4), strict=True)}


MOST_IN_A_LINE, MOST_LETTERS = 9, 14


def _sentences(record: Record) -> Drawing:
    """The sentences of the course, and the reader's own: each word with its slot, by both networks."""
    plot, models = nndl.plot, (FEED_FORWARD, record.settings["cell"])
    lines = []
    for both in zip(*(sentences(record, model) for model in models), strict=True):
        for first in range(0, len(both[0]["words"]), MOST_IN_A_LINE):
            end = first + MOST_IN_A_LINE
            names = [*zip(both[0]["words"][first:end], both[0]["unknown"][first:end], strict=True)]
            lines.append((names, [sentence["p"][first:end] for sentence in both]))
    widest = max(len(names) for names, _ in lines)
    figure, panels = plot.panels(len(lines), columns=1, size=(1.1 * widest + 1.5, 1.15))
    for axes, (names, tagged) in zip(panels, lines, strict=True):
        axes.axis("off")
        axes.set(xlim=(-1.7, widest - 0.5), ylim=(2.6, -0.6))
        for column, (word, is_unknown) in enumerate(names):
            word = word if len(word) <= MOST_LETTERS else f"{word[: MOST_LETTERS - 1]}…"
            look = {"ha": "center", "va": "center", "weight": "bold", "parse_math": False}
            axes.text(column, 0, f"{word} ?" if is_unknown else word, **look)
        for row, (model, tags) in enumerate(zip(models, tagged, strict=True), start=1):
            axes.text(-0.6, row, _name(model), ha="right", va="center")
            _tags(axes, row, tags)
    return Drawing(
        figure,
        Text(
            "Each word (bold; with a question mark: unknown) and the slot that each network gives it, O for none. Look "
            "at the cities: only what stands before tells whether one is left or reached. Last, your own sentence. "
            "First seed.",
            "每个词（粗体；带问号的是未知词）及两个网络给出的槽，O 表示没有，departure 为出发地，"
            "destination 为目的地，date 为日期。请看城市：只有前面的词才能说明是离开"
            "还是到达。最后是你自己的句子。第一个种子。",
        ),
    )


def _name(model: str) -> str:
    return nndl.plot.both("feed-forward", "前馈") if model == FEED_FORWARD else model


def _tags(axes: Axes, row: int, tags: Sequence[dict[str, float]]) -> None:
    """A row of boxes, each with the likeliest tag of a word."""
    for column, p in enumerate(tags):
        tag = likeliest(p)
        look = {"facecolor": (COLORS[tag], 0.08 if tag == NO_SLOT else 0.35), "edgecolor": "white"}
        axes.add_patch(Rectangle((column - 0.5, row - 0.42), 1, 0.84, **look))
        axes.text(column, row, tag, ha="center", va="center", fontsize="small")


def _losses(record: Record) -> Drawing:
    """The losses of train and dev: the three modes, and the feed-forward tagger."""
    plot, cell = nndl.plot, record.settings["cell"]
    wanted = [("synchronous", FEED_FORWARD), *((mode, cell) for mode in ("synchronous", "class", "asynchronous"))]
    share = fmean(scores(taggers(record, cell), "test", "share"))
    figure, panels = plot.panels(len(wanted), columns=2, size=(4.6, 3.0))
    for axes, (mode, model) in zip(panels, wanted, strict=True):
        results = record.results().where(mode=mode, model=model)
        for split, name in (("train", ("train", "训练集")), ("dev", ("dev", "验证集"))):
            plot.band(axes, results.each(f"{split}_losses"), plot.SPLITS[split], plot.both(*name))
        if mode == "synchronous":
            plot.reference(axes, share * log(2), plot.both("ln 2 a city", "每个城市 ln 2"))
        axes.set(title=f"{plot.both(*MODES[mode])}\n{_name(model)}", xlabel=plot.both("step", "步数"))
        axes.set_ylabel(plot.both("loss", "损失"))
    for axes in panels:
        plot.log_axis(axes, 1e-4)
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "One layer learns all three modes. The feed-forward tagger stays where it cannot know: a city is in one of "
            f"two slots, which costs ln 2, and cities are {share:.0%} of the words (dotted). Line: mean over the "
            "seeds; band: their range.",
            "同一层能学会三种模式。前馈网络停在它无从知道之处：城市是两个槽之一，代价为 ln 2，"
            f"而城市占全部词的 {share:.0%}（点线）。线为各种子的均值，带为其范围。",
        ),
    )
