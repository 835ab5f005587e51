"""The figures of translation (翻译的图): accuracy against steps, and what attention looks at; from the record alone."""

import nndl
from chapter6.extras.translation_findings import NAMES
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.text import Text

MOST_MAPS = 2
"""Sources side by side."""


def figures(record: Record) -> dict[str, Drawing]:
    """Dev accuracy against steps; and, where there is attention, heat maps."""
    return {"steps": _steps(record)} | ({"attention": _attention(record)} if record.metrics["maps"] else {})


def _steps(record: Record) -> Drawing:
    plot = nndl.plot
    figure, (axes,) = plot.panels(1, size=(7.0, 3.6))
    for look, kind in zip(plot.LOOKS, record.settings["kinds"], strict=False):
        plot.band(axes, record.results().where(kind=kind).dev_curves(), look, plot.both(*NAMES[kind]))
    if record.settings["corpus"] == "dates":
        plot.accuracy_axis(axes)
        what = Text("whole answers right", "整个答案全对的比例")
    else:
        plot.plain_log(axes)
        what = Text("perplexity", "困惑度")
    axes.set(
        xlabel=plot.both("training step", "训练步数"), ylabel=plot.both(f"{what.en} (dev)", f"{what.zh}（验证集）")
    )
    axes.set_xlim(left=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    en = (
        f"On dev, against training steps: {what.en}; the band is the range over the seeds. How many steps does a model "
        "need that must squeeze the source into one vector?"
    )
    zh = f"验证集上的{what.zh}随训练步数的变化，色带为各种子的范围。把源序列压缩成一个向量的模型需要多少步？"
    return Drawing(figure, Text(en, zh))


def _attention(record: Record) -> Drawing:
    import matplotlib.pyplot as plt

    plot = nndl.plot
    # 没有中文字体时只画英文的   without a Chinese font those in English alone
    maps = [each for each in record.metrics["maps"] if plot.chinese_font() or "".join(each["source"]).isascii()]
    kinds = list(dict.fromkeys(each["kind"] for each in maps))
    by_kind = [[each for each in maps if each["kind"] == kind][:MOST_MAPS] for kind in kinds]
    widths = [len(each["source"]) for each in by_kind[0]]
    tallest = [max(len(each["answer"]) for each in row) for row in by_kind]
    figure, grid = plt.subplots(
        len(kinds),
        len(widths),
        figsize=(1.5 + 0.34 * sum(max(width, 6) for width in widths), sum(0.27 * height + 0.9 for height in tallest)),
        width_ratios=[max(width, 6) for width in widths],
        squeeze=False,
    )
    for row, panels in zip(by_kind, grid, strict=True):
        for each, axes in zip(row, panels, strict=True):
            image = plot.heat_map(axes, each["weights"])
            axes.set_xticks(range(len(each["source"])), each["source"])
            axes.set_yticks(range(len(each["answer"])), each["answer"])
            axes.tick_params(length=0, labelsize="small")
        panels[0].set_title(plot.both(*NAMES[row[0]["kind"]]), loc="left")
        panels[0].set_ylabel(plot.both("written", "写出"))
    for axes in grid[-1]:
        axes.set_xlabel(plot.both("read", "读入"))
    figure.colorbar(image, ax=grid, label=plot.both("weight", "权重"), shrink=0.6)
    en = (
        "What the decoder looks at while it writes each character of a row: its weights on the characters it reads, "
        "after training (seed 0). Does the darkest place of a row tell what is written there?"
    )
    zh = "解码器写出每一行的字符时看哪里：对读入各字符的权重（训练之后，种子 0）。每行最深处是否正是所写内容的来源？"
    return Drawing(figure, Text(en, zh))
