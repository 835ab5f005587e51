"""6.2, what was found: the claims of the book, judged, the tables and the figures (结论、表与图)."""

from collections.abc import Sequence
from statistics import fmean

import nndl
from chapter6.lab import claim, measure
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same
from nndl.dataset import digit_sum

import numpy as np

# --- 结论 claims ---

NEAR_ZERO = 0.1
"""A training loss under this counts as "goes to 0"; guessing among 19 classes costs ln 19 = 2.94."""


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record."""
    example = record.metrics["example"]
    gap = float(np.abs(np.subtract(example["paper"], example["srn"])).max())
    results, lengths = record.results(), record.settings["lengths"]
    train, dev = (final_losses(results, lengths, split) for split in ("train", "dev"))
    return [
        Claim(
            "example",
            Text("the SRN with hand-set weights gives what paper and pencil give", "手工设定权重的 SRN 与笔算结果一致"),
            Text(f"largest difference {gap:.1e}", f"最大误差 {gap:.1e}"),
            gap < 1e-6,
        ),
        measure.parity_claim("SRN", record.metrics["parity"]),
        measure.speed_claim("SRN", record.metrics["speed"]),
        Claim(
            "training_loss",
            Text(
                f"the training loss goes to 0 at every length (below {NEAR_ZERO} in the last tenth of the training)",
                f"各长度上训练损失都趋于 0（最后十分之一的训练中低于 {NEAR_ZERO}）",
            ),
            by_length(train),
            [[NEAR_ZERO - loss for loss in of_seeds] for of_seeds in train.values()],
        ),
        Claim(
            "dev_loss",
            Text("the dev loss at the end of training grows with the length", "训练结束时的验证集损失随序列长度增大"),
            by_length(dev),
            [slopes(dev)],
        ),
        falls_claim("SRN", results, lengths),
    ]


def falls_claim(model: str, results: Results, lengths: Sequence[int]) -> Claim:
    """Dev and test accuracy fall as the length grows: a negative slope in every seed's points."""
    dev, test = (accuracies(results, model, lengths, split) for split in ("dev", "test"))
    fall = [[-slope for slope in slopes(values)] for values in (dev, test)]
    measured = by_length(test)
    if all(fall):
        change = [f"{-10 * fmean(of_split):+.2f}" for of_split in fall]
        slope = Text(
            f"; slope for 10 more digits: dev {change[0]}, test {change[1]}",
            f"；每增加 10 个数字的变化：验证集 {change[0]}，测试集 {change[1]}",
        )
    else:
        slope = Text("; it takes two lengths to decide", "；至少两个长度才能判定")
    return Claim(
        "accuracy_falls",
        Text(
            f"{model}: dev and test accuracy fall as the length grows",
            f"{model} 在验证集和测试集上的准确率随长度增加而下降",
        ),
        Text(
            f"test: {measured.en}{slope.en}",
            f"测试集：{measured.zh}{slope.zh}",
        ),
        fall,
    )


def accuracies(results: Results, model: str, lengths: Sequence[int], split: str = "test") -> dict[int, list[float]]:
    """For each length one accuracy a seed."""
    return {length: results.where(model=model, length=length).each(f"{split}_accuracy") for length in lengths}


def final_losses(results: Results, lengths: Sequence[int], split: str) -> dict[int, list[float]]:
    """For each length one loss a seed: the median of the last tenth, so that a spike at the very end counts little."""
    return {
        length: [claim.last_tenth(loss for _, loss in r[f"{split}_losses"]) for r in results.where(length=length)]
        for length in lengths
    }


def slopes(values: dict[int, list[float]]) -> list[float]:
    """For each seed the slope of its values over the lengths; nothing where there is but one."""
    if len(values) < 2:
        return []
    return [claim.slope(list(values), of_one_seed) for of_one_seed in zip(*values.values(), strict=True)]


def by_length(values: dict[int, list[float]]) -> Text:
    """Mean and spread for each length, on one line."""
    return same(", ".join(f"L={length}: {mean_and_spread(of_seeds)}" for length, of_seeds in values.items()))


# --- 表 tables ---


def tables(record: Record) -> list[Table]:
    """The numbers of the report."""
    return [
        accuracy_table(record.results(), ["SRN"], record.settings["lengths"]),
        measure.speed_table(record.metrics["speed"]),
    ]


def accuracy_table(results: Results, models: Sequence[str], lengths: Sequence[int]) -> Table:
    """Dev and test accuracy for each length, mean and standard deviation over seeds."""
    columns = [(model, split) for model in models for split in ("dev", "test")]
    found = [accuracies(results, model, lengths, split) for model, split in columns]
    names = [Text(*(f"{model} {name}" for name in SPLITS[split])) for model, split in columns]
    rows = [[str(length), *(mean_and_spread(values[length]) for values in found)] for length in lengths]
    return Table(Text("Accuracy", "准确率"), ["L", *names], rows)


SPLITS = {"train": Text("train", "训练集"), "dev": Text("dev", "验证集"), "test": Text("test", "测试集")}


# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """Figures 6.6 and 6.7."""
    return {"6.6": draw_losses(record, "SRN"), "6.7": _draw_accuracy(record)}


def draw_losses(record: Record, model: str) -> Drawing:
    """Figures 6.6 and 6.11: the losses of train and dev, one panel a length, on one scale."""
    plot, lengths = nndl.plot, record.settings["lengths"]
    figure, panels = plot.panels(len(lengths))
    for axes, length in zip(panels, lengths, strict=True):
        results = record.results().where(model=model, length=length)
        for split in ("train", "dev"):
            plot.band(axes, results.each(f"{split}_losses"), plot.SPLITS[split], plot.both(*SPLITS[split]))
        axes.set(title=f"L = {length}", xlabel=plot.both("step", "步数"), ylabel=plot.both("loss", "损失"))
    panels[0].set_ylim(0)
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            f"{model}: does the training loss go to 0? Where does the dev loss stay meanwhile, or does it even rise "
            "again? The gap is what was learned and does not carry over to new examples: does it grow with the length? "
            "Line: mean over the seeds; band: their range.",
            f"{model}：训练损失是否趋于 0？此时验证集损失停在何处，是否甚至回升？两者之差即学到却不能泛化的部分："
            "它是否随长度增大？线为各种子的均值，带为其范围。",
        ),
    )


def _draw_accuracy(record: Record) -> Drawing:
    """Figure 6.7: accuracy against length."""
    plot, lengths = nndl.plot, record.settings["lengths"]
    figure, (axes,) = plot.panels(1, size=(5.2, 3.6))
    for place, split in enumerate(("dev", "test")):
        x, values = plot.apart(lengths, place, 2), accuracies(record.results(), "SRN", lengths, split)
        plot.points(axes, x, list(values.values()), plot.SPLITS[split], plot.both(*SPLITS[split]), "deviation")
    plot.accuracy_axis(axes)
    axes.set(xlabel=plot.both("sequence length", "序列长度") + " L", xticks=lengths)
    plot.reference(axes, 1 / digit_sum.NUM_CLASSES, plot.both("guessing", "随机猜测"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "How much of its beginning does the SRN remember as the sequence grows? Mean ± standard deviation.",
            "序列变长时，SRN 还记得多少开头？均值 ± 各种子的标准差。",
        ),
    )
