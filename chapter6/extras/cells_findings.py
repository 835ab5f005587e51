"""Cells compared, what was found: what the exercises ask, judged, the table and the figure (结论、表与图)."""

from itertools import cycle
from statistics import fmean

import nndl
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from chapter6.sec_6_2_findings import accuracies

# --- 结论 claims ---

AS_GOOD = 0.05  # how much lower a test accuracy may be that is as good


def claims(record: Record) -> list[Claim]:
    """What the exercises ask."""
    residual, srn, gru, lstm = (_averages(record, name) for name in ("residual SRN", "SRN", "GRU", "LSTM"))
    return [
        Claim(
            "residual_helps",
            Text("a residual connection between hidden states helps the SRN", "隐状态之间的残差连接对 SRN 有帮助"),
            _against("residual SRN", residual, "SRN", srn),
            [[a - b for a, b in zip(residual, srn, strict=True)]],
        ),
        Claim(
            "gru_as_good",
            Text(
                f"GRU is as good as LSTM, with fewer parameters (its test accuracy at most {AS_GOOD} lower)",
                f"GRU 参数较少，却与 LSTM 相当（测试准确率至多低 {AS_GOOD}）",
            ),
            _against("GRU", gru, "LSTM", lstm),
            [[a - b + AS_GOOD for a, b in zip(gru, lstm, strict=True)]],
        ),
    ]


def _averages(record: Record, name: str) -> list[float]:
    """For each seed the mean test accuracy over the lengths."""
    by_length = accuracies(record.results(), name, record.settings["lengths"])
    return [fmean(of_seed) for of_seed in zip(*by_length.values(), strict=True)]


def _against(name: str, values: list[float], other: str, others: list[float]) -> Text:
    shown = f"{name} {mean_and_spread(values)}, {other} {mean_and_spread(others)}"
    return Text(f"test accuracy, mean over the lengths: {shown}", f"各长度的平均测试准确率：{shown}")


# --- 表与图 tables and figures ---


def cells_of(record: Record) -> list[str]:
    """The names of the cells that were compared."""
    return list(dict.fromkeys(result["model"] for result in record.results()))


def tables(record: Record) -> list[Table]:
    """Accuracy, parameters and time of each cell."""
    lengths, rows = record.settings["lengths"], []
    for name in cells_of(record):
        results = record.results().where(model=name)
        values = map(mean_and_spread, accuracies(results, name, lengths).values())
        rows.append([name, f"{results[0]['parameters']:,}", *values, f"{fmean(results.each('seconds')):.1f}"])
    header = [Text("cell", "单元"), Text("parameters", "参数"), *(f"L = {n}" for n in lengths), Text("seconds", "秒")]
    return [Table(Text("Test accuracy", "测试准确率"), header, rows)]


def figures(record: Record) -> dict[str, Drawing]:
    """Test accuracy against length."""
    plot, lengths = nndl.plot, record.settings["lengths"]
    figure, (axes,) = plot.panels(1, size=(5.2, 3.6))
    cells = cells_of(record)  # LSTM 与 SRN 在先, 样子与图 6.12 相同   LSTM and SRN first, to look as in figure 6.12
    for place, (name, look) in enumerate(zip(cells, cycle(plot.LOOKS), strict=False)):
        x, values = plot.apart(lengths, place, len(cells)), accuracies(record.results(), name, lengths).values()
        plot.points(axes, x, list(values), look, name, "deviation")
    plot.accuracy_axis(axes)
    axes.set(xlabel=plot.both("sequence length", "序列长度") + " L", xticks=lengths)
    plot.legend(figure)
    en = (
        "Test accuracy: which cell is best at each length, which loses least from the first to the last? "
        "Mean ± standard deviation."
    )
    zh = "测试准确率：每个长度上哪种单元最好？从最短到最长，哪种单元下降最少？均值 ± 各种子的标准差。"
    return {"cells": Drawing(figure, Text(en, zh))}
