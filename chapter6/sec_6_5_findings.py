"""6.5, what was found: the claims of the book, judged, the tables and the figures (结论、表与图)."""

from itertools import pairwise
from math import log
from statistics import fmean

import nndl
from chapter6.lab import measure
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from chapter6.sec_6_2_findings import SPLITS, accuracies, accuracy_table, by_length, draw_losses, falls_claim
from nndl.dataset import digit_sum

# --- 结论 claims ---

TINY = 1e-12
"""A gate that is stuck does not change at all, and 0 has no logarithm."""


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record."""
    results, lengths = record.results(), record.settings["lengths"]
    example = record.metrics["example"]
    gap = max(abs(a - b) for a, b in zip(example["paper"], example["lstm"], strict=True))
    return [
        Claim(
            "example",
            Text("an LSTM with hand-set gates keeps a number", "手工设定门的 LSTM 能保持一个数"),
            Text(f"largest difference {gap:.1e}", f"最大误差 {gap:.1e}"),
            gap < 1e-6,
        ),
        measure.parity_claim("LSTM", record.metrics["parity"]),
        measure.speed_claim("LSTM", record.metrics["speed"]),
        *_better_claims(results, lengths),
        falls_claim("LSTM", results, lengths),
        _gate_claim(
            record,
            "gates_zeros",
            Text(
                "the gates react alike to the zeros (they change less from 0 to 0 than when another digit comes)",
                "各门对 0 的反应相近（0 到 0 的变化小于其他数字到来时的变化）",
            ),
            ("input_gate", "forget_gate", "output_gate"),
        ),
        _gate_claim(
            record,
            "forget_gate",
            Text(
                "the forget gate changes when the 1 comes (more than from 0 to 0)",
                "数字 1 到来时遗忘门发生变化（大于 0 到 0 的变化）",
            ),
            ("forget_gate",),
        ),
    ]


def _better_claims(results: Results, lengths: list[int]) -> list[Claim]:
    """Test accuracy of LSTM minus SRN, seed by seed, at every length, and on average over the lengths."""
    lstm, srn = (accuracies(results, model, lengths) for model in ("LSTM", "SRN"))
    differences = {n: [a - b for a, b in zip(lstm[n], srn[n], strict=True)] for n in lengths}
    averages = [fmean(of_seed) for of_seed in zip(*differences.values(), strict=True)]
    measured = Text("test accuracy, LSTM minus SRN: ", "测试准确率之差（LSTM 减 SRN）：")
    return [
        Claim(
            "lstm_better",
            Text("LSTM is better than SRN at every length", "各长度上 LSTM 都优于 SRN"),
            Text(*(words + by_length(differences).en for words in measured)),
            list(differences.values()),
        ),
        Claim(
            "lstm_better_on_average",
            Text("LSTM is better than SRN, on average over the lengths", "对各长度取平均，LSTM 优于 SRN"),
            Text(*(words + mean_and_spread(averages) for words in measured)),
            [averages],
        ),
    ]


def _gate_claim(record: Record, id: str, statement: Text, gates: tuple[str, ...]) -> Claim:
    """Whether these gates change more when a digit comes than from zero to zero; one ratio a seed."""
    quiet, news = _zeros_and_news(record.settings["digits"])
    if not quiet or not news:
        why = Text("these digits are not zeros with another digit in between", "这些数字不是中间夹有其他数字的 0")
        return Claim(id, statement, why, None)
    at_zero, at_news = (
        [fmean(_change(watched[gate], t) for gate in gates for t in times) for watched in record.metrics["gates"]]
        for times in (quiet, news)
    )
    zero, new = mean_and_spread(at_zero, 3), mean_and_spread(at_news, 3)
    return Claim(
        id,
        statement,
        Text(
            f"mean change of a unit: {zero} from 0 to 0, {new} at the digit",
            f"单元的平均变化：0 到 0 {zero}，该数字处 {new}",
        ),
        [[log(max(b, TINY) / max(a, TINY)) for a, b in zip(at_zero, at_news, strict=True)]],
    )


def _change(states: list[list[float]], t: int) -> float:
    """The mean change of a unit from step t-1 to step t."""
    return fmean(abs(now - before) for now, before in zip(states[t], states[t - 1], strict=True))


def _zeros_and_news(digits: list[int]) -> tuple[list[int], list[int]]:
    """The steps at which a zero follows a zero, and those at which another digit does; not the first three steps."""
    after_zero = [(t, digit) for t, (before, digit) in enumerate(pairwise(digits), start=1) if t > 2 and before == 0]
    return [t for t, digit in after_zero if digit == 0], [t for t, digit in after_zero if digit != 0]


# --- 表 tables ---


def tables(record: Record) -> list[Table]:
    """The numbers of the report."""
    digits, watched = record.settings["digits"], record.metrics["gates"]
    rows = [[str(w["seed"]), str(w["prediction"]), str(digits[0] + digits[1])] for w in watched]
    shown, length = " ".join(map(str, digits)), watched[0]["length"]
    return [
        accuracy_table(record.results(), ["SRN", "LSTM"], record.settings["lengths"]),
        Table(
            Text(
                f"Figure 6.13: {shown}, LSTM trained at L = {length}",
                f"图 6.13：{shown}，在 L = {length} 上训练的 LSTM",
            ),
            [Text("seed", "种子"), Text("predicted", "预测"), Text("right", "正确答案")],
            rows,
        ),
        measure.speed_table(record.metrics["speed"]),
    ]


# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """Figures 6.11, 6.12 and 6.13."""
    return {"6.11": draw_losses(record, "LSTM"), "6.12": _draw_accuracy(record), "6.13": _draw_gates(record)}


def _draw_accuracy(record: Record) -> Drawing:
    """Figure 6.12: SRN against LSTM, accuracy against length."""
    plot, lengths = nndl.plot, record.settings["lengths"]
    figure, panels = plot.panels(2, size=(4.6, 3.6))
    for axes, split in zip(panels, ("dev", "test"), strict=True):
        for place, model in enumerate(("LSTM", "SRN")):
            x, values = plot.apart(lengths, place, 2), accuracies(record.results(), model, lengths, split)
            plot.points(axes, x, list(values.values()), plot.LOOKS[place], model, "deviation")
        plot.accuracy_axis(axes)
        axes.set(
            title=plot.both(*SPLITS[split]), xlabel=plot.both("sequence length", "序列长度") + " L", xticks=lengths
        )
        plot.reference(axes, 1 / digit_sum.NUM_CLASSES, plot.both("guessing", "随机猜测"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Does the LSTM remember further back than the SRN, and does it fall as well? Mean ± standard deviation.",
            "LSTM 是否比 SRN 记得更久？其准确率是否同样下降？均值 ± 标准差。",
        ),
    )


PANELS = {
    "input_gate": (Text("input gate I", "输入门 I"), 1.0, False),
    "forget_gate": (Text("forget gate F", "遗忘门 F"), 1.0, False),
    "output_gate": (Text("output gate O", "输出门 O"), 1.0, False),
    "candidate": (Text("candidate C̃", "候选状态 C̃"), 1.0, True),
    "cell_state": (Text("cell state C", "内部状态 C"), 5.0, True),
    "hidden_state": (Text("hidden state H", "隐状态 H"), 1.0, True),
}
"""Title, largest value and whether it has a sign, of each panel of figure 6.13; C is drawn to the book's ±5."""


def _draw_gates(record: Record) -> Drawing:
    """Figure 6.13: digits across, units down; in all panels in the order of their forget gate at the last digit."""
    plot, digits, watched = nndl.plot, record.settings["digits"], record.metrics["gates"][0]
    order = sorted(range(len(watched["forget_gate"][0])), key=lambda unit: watched["forget_gate"][-1][unit])
    shown = {name: panel for name, panel in PANELS.items() if name in watched}
    size = (max(3.0, 0.3 * len(digits)), 3.6)
    figure, panels = plot.panels(len(shown), size=size)
    news = [t for t, digit in enumerate(digits) if t < 2 or digit]
    for axes, (name, (title, limit, signed)) in zip(panels, shown.items(), strict=True):
        rows = [[step[unit] for step in watched[name]] for unit in order]
        figure.colorbar(plot.heat_map(axes, rows, limit, signed), ax=axes)
        plot.mark_columns(axes, digits, news)
        # 行号不是单元的编号   the number of a row is not that of a unit
        axes.set(title=plot.both(*title), yticks=[])
        axes.set(xlabel=plot.both("digit", "数字"), ylabel=plot.both("unit, sorted", "排序后的单元"))
    prediction, total = watched["prediction"], f"{digits[0]} + {digits[1]} = {digits[0] + digits[1]}"
    figure.suptitle(f"{total}, {plot.both('predicted', '预测')} {prediction}")
    return Drawing(
        figure,
        Text(
            f"An LSTM trained at L = {watched['length']} (seed {watched['seed']}) reads the digits; framed: those that "
            "are news. A row is a unit, the same in all panels; above are those whose forget gate is least at the last "
            "digit. (Pointed ends of a scale: values beyond it have its last colour.) Do the gates stand still in the "
            "zeros, and change at the framed digits?",
            f"在 L = {watched['length']} 上训练的 LSTM（种子 {watched['seed']}）逐个读入数字；有框的是新出现的数字。"
            "每行一个单元，各图次序相同，最后一个数字处遗忘门最小者在上。（色条尖端：超出范围的值取端点颜色。）"
            "读到 0 时各门是否几乎不变？读到有框的数字时是否变化？",
        ),
    )
