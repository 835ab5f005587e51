"""Addition as characters, what was found: claims, a table, two figures (结论、表与图)."""

from collections.abc import Sequence

import nndl
from chapter6.lab.claim import Claim, mean_and_spread, not_compared
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same

import matplotlib.pyplot as plt

FEEDINGS = {
    "teacher": Text("teacher forcing", "教师强制"),
    "linear": Text("linear", "线性衰减"),
    "exponential": Text("exponential", "指数衰减"),
    "sigmoid": Text("inverse sigmoid", "反 S 形衰减"),
    "free": Text("free running", "自由运行"),
}
SCHEDULED = ("linear", "exponential", "sigmoid")

# --- 结论 claims ---


def claims(record: Record) -> list[Claim]:
    """What courses print of addition, and what the paper says of scheduled sampling."""
    feedings = record.settings["feedings"]
    return [
        _characters_flatter(record),
        _bias_grows(record),
        *(_beats_teacher(record, feeding) for feeding in SCHEDULED if feeding in feedings),
        _free_is_worse(record),
    ]


def _of(record: Record, feeding: str) -> Results:
    return record.results().where(feeding=feeding)


def _share(values: Sequence[float]) -> str:
    return mean_and_spread(values, 3)


def _characters_flatter(record: Record) -> Claim:
    claim = Text(
        "The share of right characters, which courses print, makes more of a model than the share of right sums: of "
        "all that seems wrong by whole answers, it hides more than half",
        "教程给出的字符准确率高估了模型：按整个答案计的错误率中，按字符计时一半以上不再可见",
    )
    results = record.results()
    rows = [
        [(1 - r["test_accuracy"]) / 2 - (1 - r["characters"]["truth"]) for r in results.where(seed=s)]
        for s in record.seeds
    ]
    evidence = [sum(row) / len(row) for row in rows]
    whole = _share(results.each("test_accuracy"))
    characters = _share([r["characters"]["truth"] for r in results])
    measured = Text(
        f"all trainings: whole answers {whole}, characters, fed the truth, {characters}",
        f"所有训练：整个答案 {whole}，字符（输入真实的词）{characters}",
    )
    return Claim("characters_flatter", claim, measured, [evidence])


def _bias_grows(record: Record) -> Claim:
    claim = Text(
        "Once a word is wrong, the following ones go astray (exposure bias): after its first mistake a model trained "
        "by teacher forcing is wrong more often when it is fed its own words than when it is fed the truth",
        "一步写错，后续全偏（曝光偏差）：以教师强制训练的模型，在第一个错误之后，输入自己的词比输入真实的词时错得更多",
    )
    results = [r for r in _of(record, "teacher") if r["after_mistake"]["own"] is not None]
    if not results:
        none = Text("no mistake of a model trained by teacher forcing", "没有教师强制训练的模型的错误")
        return Claim("exposure_bias", claim, none, None)
    own, truth = ([r["after_mistake"][fed] for r in results] for fed in ("own", "truth"))
    measured = Text(
        f"wrong characters after the first mistake: {_share(own)} fed its own words, {_share(truth)} fed the truth",
        f"第一个错误之后的字符错误率：输入自己的词 {_share(own)}，输入真实的词 {_share(truth)}",
    )
    return Claim("exposure_bias", claim, measured, [[a - b for a, b in zip(own, truth, strict=True)]])


def _beats_teacher(record: Record, feeding: str) -> Claim:
    name = FEEDINGS[feeding]
    claim = Text(
        f"Scheduled sampling ({name.en}) writes more sums that are right as a whole than teacher forcing, after as "
        "many steps",
        f"步数相同时，计划采样（{name.zh}）写对的整个答案多于教师强制",
    )
    return _more_right(record, f"{feeding}_helps", claim, feeding, "teacher")


def _free_is_worse(record: Record) -> Claim:
    claim = Text(
        "To feed the model its own words from the first step on is worse than teacher forcing",
        "从第一步起就输入自己的词，不如教师强制",
    )
    return _more_right(record, "free_is_worse", claim, "teacher", "free")


def _more_right(record: Record, id: str, claim: Text, better: str, worse: str) -> Claim:
    ours, theirs = _of(record, better).each("test_accuracy"), _of(record, worse).each("test_accuracy")
    if not (ours and theirs):
        return not_compared(id, claim, same(f"--feedings {better},{worse}"))
    a, b = FEEDINGS[better], FEEDINGS[worse]
    measured = Text(
        f"{a.en} {_share(ours)}, {b.en} {_share(theirs)}",
        f"{a.zh} {_share(ours)}，{b.zh} {_share(theirs)}",
    )
    return Claim(id, claim, measured, [[x - y for x, y in zip(ours, theirs, strict=True)]])


# --- 表与图 tables and figures ---


def tables(record: Record) -> list[Table]:
    """A row for each way of feeding; and some sums that went wrong."""
    rows = []
    for feeding in record.settings["feedings"]:
        results = _of(record, feeding)
        fed = [_share([r["characters"][by] for r in results]) for by in ("truth", "own")]
        seconds = f"{sum(results.each('seconds')) / len(results):.1f}"
        rows.append([FEEDINGS[feeding], _share(results.each("test_accuracy")), *fed, seconds])
    header = [
        Text("fed in training", "训练时的输入"),
        Text("whole answers", "整个答案"),
        Text("characters, fed the truth", "字符（输入真实的词）"),
        Text("characters, fed its own words", "字符（输入自己的词）"),
        Text("seconds", "秒"),
    ]
    digits, steps = record.settings["digits"], record.results()[0]["steps_taken"]
    title = Text(
        f"Sums of numbers up to {digits} digits, test accuracy after {steps:,} steps",
        f"至多 {digits} 位数的加法：{steps:,} 步后的测试准确率",
    )
    note = Text(
        "An answer whose first mistake is at t is wrong whatever it is fed after t: so whole answers are the same with "
        "either.",
        "第一个错误出现在 t 的答案，此后输入什么都已是错的：因此整个答案的准确率与输入无关。",
    )
    wrong = [
        [a["truth"], a["own"]]
        for r in record.results().where(feeding=record.settings["feedings"][0], seed=0)
        for a in r["answers"]
    ]
    found = [Table(title, header, rows, note)]
    if wrong:
        whose = FEEDINGS[record.settings["feedings"][0]]
        found.append(
            Table(
                Text(f"Sums that went wrong ({whose.en}, seed 0)", f"算错的和（{whose.zh}，种子 0）"),
                [Text("true", "正确"), Text("written", "写出")],
                wrong,
            )
        )
    return found


def figures(record: Record) -> dict[str, Drawing]:
    """Accuracy against steps, and error against position."""
    return {"sums": _draw_learning(record), "positions": _draw_positions(record)}


def _draw_learning(record: Record) -> Drawing:
    plot = nndl.plot
    figure, axes = plt.subplots(figsize=(7.0, 3.8))
    for feeding, look in zip(record.settings["feedings"], plot.LOOKS, strict=False):
        results = _of(record, feeding)
        plot.band(axes, results.dev_curves(), look, plot.both(FEEDINGS[feeding].en, FEEDINGS[feeding].zh))
    plot.accuracy_axis(axes)
    axes.set(xlabel=plot.both("step", "步数"), ylabel=plot.both("whole answers right", "整个答案的准确率"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Whole sums that are right on the dev set, by what training feeds the decoder: which way learns fastest, "
            "and which ends highest? Line: mean; band: range of the seeds.",
            "验证集上整个答案的准确率，按训练时解码器的输入区分：哪种学得最快，哪种最终最高？"
            "线为均值，带为各种子的范围。",
        ),
    )


def _draw_positions(record: Record) -> Drawing:
    plot, feedings = nndl.plot, record.settings["feedings"]
    figure, panels = plot.panels(len(feedings), size=(3.6, 3.0))
    names = {"truth": plot.both("fed the truth", "输入真实的词"), "own": plot.both("fed its own words", "输入自己的词")}
    for axes, feeding in zip(panels, feedings, strict=True):
        for place, (fed, name) in enumerate(names.items()):
            by_seed = [r["errors"][fed] for r in _of(record, feeding)]
            x = plot.apart(range(1, len(by_seed[0]) + 1), place, 2)
            plot.points(axes, x, list(zip(*by_seed, strict=True)), plot.LOOKS[place], name)
        axes.set(title=plot.both(FEEDINGS[feeding].en, FEEDINGS[feeding].zh), xlabel=plot.both("position", "位置"))
        axes.set_xticks(range(1, len(by_seed[0]) + 1))
    panels[0].set_ylim(0, None)
    panels[0].set_ylabel(plot.both("share wrong", "错误率"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "The share of wrong characters at each position of the answer, the end of it included, a panel for each "
            "way of feeding in training: how far apart are the two, and where? Their distance is the exposure bias. "
            "Mean and range of the seeds.",
            "答案各位置（包括结束符）的字符错误率，每幅图为训练时的一种输入：两者在何处、相差多少？"
            "其差即曝光偏差。均值与各种子的范围。",
        ),
    )
