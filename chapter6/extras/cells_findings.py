"""Cells compared, what was found: what the notes say of them, judged, the tables and the figures (结论、表与图)."""

from collections.abc import Callable
from itertools import islice
from statistics import fmean

import nndl
from chapter6.lab.claim import CHINESE, FAILS, HOLDS, OPEN, Claim, judge, mean_and_spread, not_compared
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same

SMALL_GRU = "SmallGRU"
"""The name of the GRU that has as many units as the LSTM."""

# --- 结论 claims ---

AS_GOOD = 0.05
"""How much higher a relative error may be that is as good."""
SOLVED = 0.01
"""The mean squared error under which the adding problem counts as solved."""

TASKS = {"DigitSum": "数字求和", "adding": "加法问题", "copying": "复制任务"}


def claims(record: Record) -> list[Claim]:
    """What the notes and the exercises say."""
    return [
        _less_wrong(
            record,
            "jordan_better",
            "Jordan",
            "SRN",
            Text("the Jordan network is better than the SRN", "Jordan 网络更好"),
        ),
        _less_wrong(
            record,
            "residual_helps",
            "ResidualSRN",
            "SRN",
            Text("a residual connection between hidden states helps the SRN", "隐状态之间的残差连接对 SRN 有帮助"),
        ),
        _less_wrong(
            record,
            "gru_as_good",
            SMALL_GRU,
            "LSTM",
            Text(
                "GRU is as good as LSTM, with fewer parameters (as many units; its relative error at most "
                f"{AS_GOOD} higher)",
                f"GRU 参数较少，却与 LSTM 相当（单元数相同；相对误差至多高 {AS_GOOD}）",
            ),
            margin=AS_GOOD,
        ),
        *(_helps_with_long_dependencies(record, name) for name in ("Clockwork", "SCRN", "IRNN")),
        _adding_is_solved(record),
    ]


def error_of(result: dict) -> float:
    """The test error of one training; where it diverged before its first evaluation, that of the trivial answer."""
    return result["trivial"] if result["test_error"] is None else result["test_error"]


def relative(result: dict) -> float:
    """The test error by that of the trivial answer; 1, nothing learned, too where it is worse than that one."""
    return min(1.0, error_of(result) / result["trivial"])


def of_seeds(results: Results, chosen: Callable[[list[int]], list[int]] = list) -> dict[str, list[float]]:
    """For each task the mean relative error over the lengths that are chosen, one number a seed.

    Args:
        results: of one cell.
        chosen: picks, from the lengths of a task, those that count.
    """
    tasks = {}
    for task in dict.fromkeys(results.each("task")):
        there = results.where(task=task)
        lengths = chosen(sorted(set(there.each("length"))))
        by_length = [map(relative, there.where(length=length)) for length in lengths]
        tasks[task] = [fmean(errors) for errors in zip(*by_length, strict=True)]
    return tasks


def longest(lengths: list[int]) -> list[int]:
    """The longest length alone."""
    return lengths[-1:]


def _helps_with_long_dependencies(record: Record, name: str) -> Claim:
    claim = Text(
        f"{name} helps with long dependencies: at the longest length of each task its error is lower than the SRN's, "
        "on average over the tasks",
        f"{name} 有助于长程依赖：在各任务最长的序列上，其误差平均低于 SRN",
    )
    return _less_wrong(record, f"{name.lower()}_helps", name, "SRN", claim, chosen=longest)


def _less_wrong(
    record: Record,
    id: str,
    name: str,
    other: str,
    claim: Text,
    *,
    chosen: Callable[[list[int]], list[int]] = list,
    margin: float = 0.0,
) -> Claim:
    """That one cell's relative error, the mean over the tasks, is below another's, or at most ``margin`` above."""
    ours, theirs = (record.results().where(model=each) for each in (name, other))
    if not (ours and theirs):
        return not_compared(id, claim, same(f"{name}, {other}"))
    ours, theirs = of_seeds(ours, chosen), of_seeds(theirs, chosen)
    en, zh = _in_numbers(name, ours), _in_numbers(other, theirs)
    measured = Text(
        f"relative error, 1 is nothing learned or worse: {en.en}; {zh.en}",
        f"相对误差（1 表示什么也没学到，或更差）：{en.zh}；{zh.zh}",
    )
    pairs = zip(_means(ours), _means(theirs), strict=True)
    return Claim(id, claim, measured, [[b - a + margin for a, b in pairs]])


def _means(tasks: dict[str, list[float]]) -> list[float]:
    """For each seed the mean over the tasks."""
    return [fmean(errors) for errors in zip(*tasks.values(), strict=True)]


def _in_numbers(name: str, tasks: dict[str, list[float]]) -> Text:
    """Mean and spread over all tasks, and, in brackets, the mean of each."""
    all_tasks = f"{name} {mean_and_spread(_means(tasks))}"
    en = ", ".join(f"{task} {fmean(errors):.2f}" for task, errors in tasks.items())
    zh = "，".join(f"{TASKS[task]} {fmean(errors):.2f}" for task, errors in tasks.items())
    return Text(f"{all_tasks} ({en})", f"{all_tasks}（{zh}）")


def _adding_is_solved(record: Record) -> Claim:
    T = max(record.settings["adding_lengths"])
    claim = Text(
        f"LSTM and GRU solve the adding problem at T = {T} (mean squared error below {SOLVED}), an SRN does not",
        f"LSTM 与 GRU 能解决 T = {T} 的加法问题（均方误差低于 {SOLVED}），SRN 不能",
    )
    results = record.results().where(task="adding", length=T)
    errors = {name: [*map(error_of, results.where(model=name))] for name in ("LSTM", "GRU", "SRN")}
    if not all(errors.values()):
        return not_compared("adding_solved", claim, same("LSTM, GRU, SRN; adding"))
    shown = ", ".join(f"{name} {mean_and_spread(values, 4)}" for name, values in errors.items())
    solved = [[SOLVED - error for error in errors[name]] for name in ("LSTM", "GRU")]
    unsolved = [error - SOLVED for error in errors["SRN"]]
    trivial = results[0]["trivial"]
    measured = Text(f"{shown}; the answer 1: {trivial:.4f}", f"{shown}；总答 1：{trivial:.4f}")
    return Claim("adding_solved", claim, measured, [*solved, unsolved])


# --- 表与图 tables and figures ---


def cells_of(record: Record) -> list[str]:
    """The names of the cells that were compared, in the order asked for; the small GRU last."""
    trained = record.results().each("model")
    return [name for name in (*record.settings["cells"], SMALL_GRU) if name in trained]


ERRORS = {
    "DigitSum": Text("share of wrong answers", "错误率"),
    "adding": Text("mean squared error", "均方误差"),
    "copying": Text("cross-entropy, the mean over all steps", "交叉熵，各步的平均"),
}


def tables(record: Record) -> list[Table]:
    """For each task: hidden size, parameters, test error at each length, seconds and verdict of each cell."""
    return [_table(record, task) for task in record.settings["tasks"]]


VERDICTS = {HOLDS: Text("better", "更好"), FAILS: Text("worse", "更差"), OPEN: Text(OPEN, CHINESE[OPEN])}


def _against_srn(record: Record, name: str, task: str) -> Text | str:
    """Whether a cell's relative error, the mean over the lengths of a task, is below the SRN's."""
    ours, theirs = (of_seeds(record.results().where(model=each, task=task)).get(task) for each in (name, "SRN"))
    if name == "SRN" or not theirs:
        return ""
    return VERDICTS[judge([b - a for a, b in zip(ours, theirs, strict=True)])]


def _table(record: Record, task: str) -> Table:
    rows, digits = [], 4 if task == "adding" else 2
    for name in cells_of(record):
        results = record.results().where(model=name, task=task)
        by_length = _by_length(results, error_of)
        errors = [mean_and_spread(values, digits) for values in by_length.values()]
        sizes = f"{results[0]['hidden_size']}", f"{results[0]['parameters']:,}"
        rows.append([name, *sizes, *errors, f"{fmean(results.each('seconds')):.1f}", _against_srn(record, name, task)])
    results = record.results().where(task=task)
    trivial = {length: values[0] for length, values in _by_length(results, lambda r: r["trivial"]).items()}
    rows.append([Text("trivial answer", "平凡答案"), "", "", *(f"{v:.{digits}f}" for v in trivial.values()), "", ""])
    lengths = (f"{'L' if task == 'DigitSum' else 'T'} = {length}" for length in trivial)
    header = [Text("cell", "单元"), "D", Text("parameters", "参数"), *lengths, Text("seconds", "秒")]
    header.append(Text("against SRN", "对比 SRN"))
    budget = record.settings["parameters"]
    en, zh = f"Each model has as nearly {budget:,} parameters as it can", f"每个模型的参数数目尽可能接近 {budget:,}"
    if SMALL_GRU in cells_of(record):
        en, zh = f"{en}; {SMALL_GRU} is the GRU with the LSTM's D", f"{zh}；{SMALL_GRU} 是 D 与 LSTM 相同的 GRU"
    title = Text(f"{task}: test error, {ERRORS[task].en}", f"{TASKS[task]}：测试误差，{ERRORS[task].zh}")
    return Table(title, header, rows, Text(f"{en}.", f"{zh}。"))


def _by_length(results: Results, value: Callable[[dict], float]) -> dict[int, list[float]]:
    """For each length, from the shortest on, one value a seed."""
    lengths = sorted(set(results.each("length")))
    return {length: [value(result) for result in results.where(length=length)] for length in lengths}


def figures(record: Record) -> dict[str, Drawing]:
    """Relative error against length, a panel a task; the SRN and at most five other cells a figure."""
    cells = [name for name in record.settings["cells"] if name != "SRN"]
    count = -(-len(cells) // (len(nndl.plot.LOOKS) - 1)) or 1
    rest, drawings = iter(cells), {}
    for number in range(count):
        some = list(islice(rest, len(cells) // count + (number < len(cells) % count)))
        srn = [name for name in record.settings["cells"] if name == "SRN"]
        drawings[f"cells_{number + 1}" if count > 1 else "cells"] = _figure(record, srn + some)
    return drawings


def _figure(record: Record, cells: list[str]) -> Drawing:
    plot, tasks = nndl.plot, record.settings["tasks"]
    looks = [plot.LOOKS[1], plot.LOOKS[0], *plot.LOOKS[2:]]  # the SRN is black, as in figure 6.12
    figure, panels = plot.panels(len(tasks), size=(4.0, 3.4) if len(tasks) > 1 else (7.0, 3.6), share_x=False)
    for axes, task in zip(panels, tasks, strict=True):
        for place, name in enumerate(cells):
            errors = _by_length(record.results().where(model=name, task=task), relative)
            x = plot.apart(list(errors), place, len(cells))
            plot.points(axes, x, list(errors.values()), looks[place], name, "deviation")
        plot.reference(axes, 1.0, plot.both("trivial answer", "平凡答案"))
        letter = "L" if task == "DigitSum" else "T"
        axes.set(title=plot.both(task, TASKS[task]), xlabel=plot.both("length", "长度") + f" {letter}")
        margin = 0.1 * (max(errors) - min(errors)) or 1  # of a single length, too, the points stand together
        axes.set(xticks=list(errors), xlim=(min(errors) - margin, max(errors) + margin))
    panels[0].set_ylim(0, None)
    panels[0].set_ylabel(plot.both("relative test error", "相对测试误差"))
    plot.legend(figure)
    en = (
        "Test error by that of the trivial answer (dotted), against length, all models with as many parameters: which "
        "cell stays low as the sequence grows? Mean ± standard deviation over the seeds."
    )
    zh = (
        "以平凡答案（点线）为单位的测试误差随长度的变化，各模型参数数目相同："
        "序列变长时哪种单元的误差仍低？均值 ± 各种子的标准差。"
    )
    return Drawing(figure, Text(en, zh))
