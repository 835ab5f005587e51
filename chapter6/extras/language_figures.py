"""The figures of the language model (语言模型的图), from the record alone."""

import nndl
from chapter6.extras.language_findings import called, compared, different, models, size_of
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.text import Text, same


def figures(record: Record) -> dict[str, Drawing]:
    """Curves, bars, the vectors of the characters."""
    return {"curves": draw_curves(record), "bars": draw_bars(record), "characters": draw_vectors(record)}


def draw_curves(record: Record) -> Drawing:
    """Perplexity against steps, on the training text and on dev: of the model, and of one that learns by heart."""
    plot = nndl.plot
    figure, panels = plot.panels(2, size=(4.8, 3.4), share_x=False)
    learnt = f"{record.settings['memorised']:,}"
    titles = plot.both("the model", "模型"), plot.both(f"{learnt} characters by heart", f"背下 {learnt} 个字符")
    for axes, title, results in zip(panels, titles, (models(record), record.results("memorised")), strict=True):
        plot.band(axes, results.each("train_curve"), plot.SPLITS["train"], plot.both("train", "训练集"))
        plot.band(axes, results.dev_curves(), plot.SPLITS["dev"], plot.both("dev", "验证集"))
        axes.set(title=title, xlabel=plot.both("step", "步数"))
    plot.reference(panels[0], record.metrics["counted"]["test"][-1], plot.both("5-grams, on test", "5 元语法，测试集"))
    for axes in panels:
        plot.plain_log(axes)
    panels[0].set_ylabel(plot.both("perplexity", "困惑度"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Left: does what is learnt hold for text never read? Right: learning a little by heart, the training "
            "perplexity goes towards 1, which courses print, while that of held-out text turns up. Line: mean over the "
            "seeds; band: their range. The training curve is with dropout, if any, and of weights that still change.",
            "左：学到的对没读过的文本是否有效？右：背诵一小段时，训练困惑度趋于 1（教程中印出的就是它），"
            "留出文本的困惑度却掉头上升。线为各种子的均值，带为其范围。训练曲线含丢弃（若有），且计算时权重仍在变化。",
        ),
    )


def draw_bars(record: Record) -> Drawing:
    """Perplexity on test: counting, the model, the smaller ones."""
    plot, bars = nndl.plot, {}
    for n, perplexity in enumerate(record.metrics["counted"]["test"], start=1):
        bars[plot.both(f"{n}-grams", f"{n} 元语法")] = [perplexity]
    name = plot.both(f"the model: {size_of(models(record))}", "模型")
    bars = {name: models(record).each("test_perplexity"), **dict(reversed(bars.items()))}
    for name in different(record):
        results = compared(record, name)
        what = same(size_of(results)) if name == "first" else called(name)
        bars[plot.both(f"smaller: {what.en}", f"较小：{what.zh}")] = results.each("test_perplexity")
    figure, (axes,) = plot.panels(1, size=(7.2, 0.34 * len(bars) + 1.2))
    plot.bars(axes, list(bars), list(bars.values()))
    axes.set_xlabel(plot.both("perplexity per character, on test", "测试集上每字符困惑度"))
    return Drawing(
        figure,
        Text(
            "Which models beat a counter of five characters on text never read? A dot a seed.",
            "在从未读过的文本上，哪些模型胜过只数五个字符的计数器？每点一个种子。",
        ),
    )


def draw_vectors(record: Record) -> Drawing:
    """The characters where their vectors are, in the two directions of the largest variance."""
    plot, vectors = nndl.plot, record.metrics["vectors"]
    figure, (axes,) = plot.panels(1, size=(6.4, 4.8))
    plot.draw_characters(axes, vectors["characters"], vectors["at"])
    axes.set(xlabel=plot.both("first principal component", "第一主成分"))
    axes.set(ylabel=plot.both("second", "第二主成分"))
    axes.margins(0.06)
    return Drawing(
        figure,
        Text(
            "Do characters that are used alike stand together (vowels pink, other letters blue, digits gold)? The "
            f"{len(vectors['characters'])} most frequent ones, by the vectors that the best seed learnt; "
            f"these two directions have {vectors['share']:.0%} of the variance.",
            "用法相近的字符是否相邻（元音粉色，其他字母蓝色，数字金色）？最常见的 "
            f"{len(vectors['characters'])} 个，用最好的种子学到的向量；这两个方向占方差的 {vectors['share']:.0%}。",
        ),
    )
