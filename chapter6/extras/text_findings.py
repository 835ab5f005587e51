"""The text autoencoder, what was found: claims, tables, a figure (结论、表与图)."""

import nndl
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text

import matplotlib.pyplot as plt

SHOWN = 60
"""Pairs of twins in the figure."""
MOST = 0.9
"""What "nearly always" is."""

# --- 结论 claims ---


def claims(record: Record) -> list[Claim]:
    """What the notes say of the order of words."""
    results = record.results()
    whole, words = results.each("test_accuracy"), results.each("words_right")
    codes, bags, untrained = (results.each(f"{kind}_accuracy") for kind in ("code", "bag", "untrained"))
    twins = results.each("twins")
    ratio = [t["codes"] / t["any"] for t in twins]
    return [
        Claim(
            "rebuilds",
            Text(
                f"One vector holds a sentence, its order too: of sentences never seen more than {MOST:.0%} are written "
                "again without a mistake",
                f"一个向量就能存下一句话，包括词序：没见过的句子中，{MOST:.0%} 以上被一字不差地重写",
            ),
            Text(
                f"whole sentences {mean_and_spread(whole, 3)}, words {mean_and_spread(words, 3)}",
                f"整句 {mean_and_spread(whole, 3)}，词 {mean_and_spread(words, 3)}",
            ),
            [[share - MOST for share in whole]],
        ),
        Claim(
            "twins_differ",
            Text(
                "Two sentences of the same words have different codes and the same bag of words",
                "词相同而顺序不同的两句，编码不同，词袋相同",
            ),
            Text(
                f"distance of twins' codes {mean_and_spread(ratio)} of that of any two sentences; of their bags of "
                f"words {max(t['bags'] for t in twins):g}",
                f"孪生句编码的距离为任意两句的 {mean_and_spread(ratio)} 倍；词袋的距离 "
                f"{max(t['bags'] for t in twins):g}",
            ),
            all(t["codes"] > 0 and t["bags"] == 0 for t in twins),
        ),
        Claim(
            "code_tells",
            Text(
                "The code tells who destroys whom, though nobody told the model; the bag of words does not: a linear "
                f"classifier is right on more than {MOST:.0%} of the codes, on bags of words it is at chance",
                f"编码能说明谁消灭谁（虽然没有人告诉过模型），词袋不能：线性分类器在编码上的准确率超过 {MOST:.0%}，"
                "在词袋上与随机猜测相同",
            ),
            Text(
                f"codes {mean_and_spread(codes, 3)}, bags of words {mean_and_spread(bags, 3)}",
                f"编码 {mean_and_spread(codes, 3)}，词袋 {mean_and_spread(bags, 3)}",
            ),
            [[share - MOST for share in codes], [0.55 - share for share in bags]],
        ),
        Claim(
            "training_tells",
            Text(
                "it is the training that makes the code tell: before it, the codes of the same encoder tell less",
                "是训练使编码做到这一点：同一编码器未经训练的编码分得更差",
            ),
            Text(
                f"trained {mean_and_spread(codes, 3)}, untrained {mean_and_spread(untrained, 3)}",
                f"训练后 {mean_and_spread(codes, 3)}，未训练 {mean_and_spread(untrained, 3)}",
            ),
            [[after - before for after, before in zip(codes, untrained, strict=True)]],
        ),
    ]


# --- 表与图 tables and figures ---


def tables(record: Record) -> list[Table]:
    """A row a seed; and the two sentences of the settings."""
    results = record.results()
    header = [
        Text("seed", "种子"),
        Text("whole sentences", "整句"),
        Text("words", "词"),
        Text("classifier on codes", "编码上的分类器"),
        Text("on bags of words", "词袋上的分类器"),
        Text("on untrained codes", "未训练编码上的分类器"),
        Text("seconds", "秒"),
    ]
    shares = ("test_accuracy", "words_right", "code_accuracy", "bag_accuracy", "untrained_accuracy")
    rows = [[str(r["seed"]), *(f"{r[name]:.3f}" for name in shares), f"{r['seconds']:.1f}"] for r in results]
    title = Text("Sentences never seen: shares that are right", "没见过的句子：正确的比例")
    own = results[0]["own"]
    pair = [[record.settings[name], own["rebuilt"][n]] for n, name in enumerate(("first", "second"))]
    apart = own["distance"] / results[0]["twins"]["any"]
    return [
        Table(title, header, rows),
        Table(
            Text("Two sentences, and what is written from their codes (seed 0)", "由编码重写的两个句子（种子 0）"),
            [Text("read", "读入"), Text("written", "写出")],
            pair,
            Text(
                f"Distance of their codes: {apart:.2f} of that of any two sentences. Your own: --first, --second.",
                f"两者编码的距离为任意两句的 {apart:.2f} 倍。换成自己的句子：--first、--second。",
            ),
        ),
    ]


def figures(record: Record) -> dict[str, Drawing]:
    """The codes along the classifier's direction and along their main one, twins joined."""
    plot, points = nndl.plot, record.results()[0]["points"]
    figure, axes = plt.subplots(figsize=(7.0, 4.6))
    for one, other in zip(points[0::2], points[1::2], strict=True):
        axes.plot(*zip(one, other, strict=True), color="0.8", linewidth=0.8, linestyle="-", zorder=1)
    names = (
        plot.both("the good does away with the bad", "好的消灭坏的"),
        plot.both("the bad does away with the good", "坏的消灭好的"),
    )
    for n, (name, look) in enumerate(zip(names, plot.LOOKS, strict=False)):
        axes.plot(*zip(*points[n::2], strict=True), look["marker"], color=look["color"], label=name)
    axes.axvline(0, color="0.35", linewidth=1, linestyle=(0, (1, 2)), label=plot.both("boundary", "分界"))
    axes.set(xlabel=plot.both("logit of the linear classifier", "线性分类器的对数几率"))
    axes.set(ylabel=plot.both("main direction of the codes", "编码的第一主成分"))
    plot.legend(figure)
    return {
        "codes": Drawing(
            figure,
            Text(
                f"The codes of {SHOWN} pairs of test sentences, seed 0: across, what the linear classifier finds; up, "
                "the direction in which they differ most; a line joins two sentences of the same words. Do the twins "
                "lie on two sides, though their bags of words are one point?",
                f"{SHOWN} 对测试句的编码（种子 0）：横轴为线性分类器的输出，纵轴为第一主成分；灰线连接词相同的两句。"
                "词袋完全相同的孪生句，是否分居分界两侧？",
            ),
        )
    }
