"""6.1, the figures: the five shapes, the slots, a sentence tagged by both networks, the losses (图)."""

from typing import Any

import nndl
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.text import Text
from chapter6.sec_6_1_findings import (
    CHANCE,
    FEED_FORWARD,
    MODES,
    SHAPES,
    TAGS,
    likeliest,
    scores,
    taggers,
)

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    return {
        "shapes": _shapes(),
        "slots": _slots(record),
        "sentences": _sentences(record),
        "losses": _losses(record),
    }


def _shapes() -> Drawing:
    """The five shapes, each unrolled in time."""
    plot = nndl.plot
    figure, panels = plot.panels(len(SHAPES), columns=5, size=(2.3, 2.6), share_x=False)
    longest = max(len(shape.reads) for shape in SHAPES)
    for axes, shape in zip(panels, SHAPES, strict=True):
        plot.unrolled(axes, shape.reads, shape.says)
        axes.set_xlim(-longest / 2, longest / 2)
        axes.set_title(plot.both(*shape.name))
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
        "longer": ("four", "四个城市"),
    }
    figure, (axes,) = plot.panels(1, size=(6.4, 3.2))
    for place, model in enumerate((cell, FEED_FORWARD)):
        groups = [scores(taggers(record, model), split, "slots") for split in names]
        label = plot.both("feed-forward", "前馈") if model == FEED_FORWARD else cell
        plot.points(
            axes, plot.apart(range(len(names)), place, 2), groups, {**plot.LOOKS[place], "linestyle": ""}, label
        )
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


def _sentences(record: Record) -> Drawing:
    """The sentences of the course, and the reader's own: each word with its slot, by both networks."""
    plot, cell = nndl.plot, record.settings["cell"]
    of_models = {}
    for model in (FEED_FORWARD, cell):
        looks = [each for each in record.metrics["looks"] if each["model"] == model]
        of_models[model] = min(looks, key=lambda each: each["seed"])["sentences"]
    count = len(of_models[cell])
    widest = max(len(sentence["words"]) for sentence in of_models[cell])
    figure, panels = plot.panels(count, columns=1, size=(max(6.4, 1.15 * widest + 1.3), 1.15))
    for n, axes in enumerate(panels):
        axes.axis("off")
        axes.set(xlim=(-1.3, widest), ylim=(2.6, -0.6))
        for row, (model, sentences) in enumerate(of_models.items(), start=1):
            axes.text(
                -0.6, row, plot.both("feed-forward", "前馈") if model == FEED_FORWARD else cell, ha="right", va="center"
            )
            _tags(axes, row, sentences[n])
        for column, word in enumerate(of_models[cell][n]["words"]):
            axes.text(column, 0, word, ha="center", va="center", weight="bold", parse_math=False)
    return Drawing(
        figure,
        Text(
            "Each word (bold) and the slot that each network gives it; O is none. Look at the city: only what stands "
            "before tells whether it is left or reached. Last, your own sentence. First seed.",
            "每个词（粗体）及两个网络给出的槽，O 表示没有。请看城市：只有前面的词才能说明是离开还是到达。"
            "最后一句是你自己的句子。第一个种子。",
        ),
    )


def _tags(axes: Axes, row: int, sentence: dict[str, Any]) -> None:
    """A row of boxes, each with the likeliest tag of a word."""
    for column, p in enumerate(sentence["p"]):
        tag = likeliest(p)
        look = {"facecolor": (COLORS[tag], 0.08 if tag == "O" else 0.35), "edgecolor": "white"}
        axes.add_patch(Rectangle((column - 0.5, row - 0.42), 1, 0.84, **look))
        axes.text(column, row, tag, ha="center", va="center", fontsize="small")


def _losses(record: Record) -> Drawing:
    """The losses of train and dev: the three modes, and the feed-forward tagger."""
    plot, cell = nndl.plot, record.settings["cell"]
    wanted = [("synchronous", FEED_FORWARD), *((mode, cell) for mode in ("synchronous", "class", "asynchronous"))]
    figure, panels = plot.panels(len(wanted), columns=2)
    for axes, (mode, model) in zip(panels, wanted, strict=True):
        results = record.results().where(mode=mode, model=model)
        for split, name in (("train", ("train", "训练集")), ("dev", ("dev", "验证集"))):
            plot.band(axes, results.each(f"{split}_losses"), plot.SPLITS[split], plot.both(*name))
        label = plot.both("feed-forward", "前馈") if model == FEED_FORWARD else model
        axes.set(title=f"{plot.both(*MODES[mode])}\n{label}", xlabel=plot.both("step", "步数"))
        axes.set_ylabel(plot.both("loss", "损失"))
    panels[0].set_ylim(0)
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "The three modes of one layer go to 0; the feed-forward tagger stays where it cannot know: at ln 2 for "
            "each city, the mean over all words. Line: mean over the seeds; band: their range.",
            "同一层的三种模式都趋于 0；前馈网络停在它无从知道之处：每个城市 ln 2，对全部词取平均。"
            "线为各种子的均值，带为其范围。",
        ),
    )
