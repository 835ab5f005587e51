"""Translation, what was found: what the courses say of attention, judged, and the tables (结论与表)."""

from collections.abc import Sequence
from statistics import fmean

from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text

NAMES = {
    "state": Text("context as first state", "语义向量作初始状态"),
    "every": Text("context at every step", "语义向量参与每一步"),
    "additive": Text("additive attention (Bahdanau)", "加性注意力（Bahdanau）"),
    "dot": Text("dot attention (Luong)", "乘性注意力（Luong）"),
}
WITH, WITHOUT = ("additive", "dot"), ("state", "every")
PARTS = {"y": Text("year", "年"), "m": Text("month", "月"), "d": Text("day", "日")}

# --- 结论 claims ---

LEARNED = 0.99
"""The share of whole answers from which dates count as learned."""
AS_GOOD = 0.02
"""The share of whole answers by which two kinds may differ that are as good."""
SLIGHTLY = 0.005
"""The share of whole answers that beam search may lose and be as good."""


def claims(record: Record) -> list[Claim]:
    """What the courses and the papers say."""
    return [
        _learned(record),
        _behind(record),
        _alike(record),
        _looks_where_it_should(record),
        _beam(record),
        _teacher_forcing_tells(record),
        _at_once(record),
    ]


def by_kind(record: Record, name: str, kinds: Sequence[str]) -> dict[str, list[float]]:
    """One value a seed, for each of these kinds; nothing where one was not trained."""
    found = {kind: record.results().where(kind=kind).each(name) for kind in kinds}
    return found if all(found.values()) else {}


def _shown(values: dict[str, list[float]], digits: int = 3) -> str:
    return ", ".join(f"{kind} {mean_and_spread(each, digits)}" for kind, each in values.items())


def _claim(id: str, claim: Text, found: dict[str, list[float]], evidence: list, note: Text | None = None) -> Claim:
    """A claim on whole answers of test; nothing to decide it by where a kind is missing."""
    if not found:
        return Claim(id, claim, Text("not compared here; it takes all kinds", "此次未比较；需要全部方式"), None)
    shown = _shown(found)
    more = note or Text("", "")
    measured = Text(f"whole answers right: {shown}{more.en}", f"整个答案全对的比例：{shown}{more.zh}")
    return Claim(id, claim, measured, evidence)


def _learned(record: Record) -> Claim:
    found = by_kind(record, "test_accuracy", WITH)
    claim = Text(
        f"with attention the model writes at least {LEARNED:.0%} of the dates of days never seen without a mistake",
        f"有注意力的模型对从未见过的日子，至少 {LEARNED:.0%} 的答案全对",
    )
    return _claim("learned", claim, found, [[a - LEARNED for a in each] for each in found.values()])


def _behind(record: Record) -> Claim:
    found = by_kind(record, "test_accuracy", WITH + WITHOUT)
    claim = Text(
        "after as many steps, the models that must squeeze the source into one vector are behind both kinds of "
        "attention",
        "训练步数相同时，把源序列压缩成一个向量的模型落后于两种注意力",
    )
    pairs = [(a, b) for a in WITH for b in WITHOUT] if found else []
    rows = [[x - y for x, y in zip(found[a], found[b], strict=True)] for a, b in pairs]
    return _claim("attention_helps", claim, found, rows)


def _alike(record: Record) -> Claim:
    found = by_kind(record, "test_accuracy", WITH)
    claim = Text(
        f"the two kinds of attention are as good, within {AS_GOOD} of each other",
        f"两种注意力不相上下，相差不超过 {AS_GOOD}",
    )
    differences = [a - b for a, b in zip(*found.values(), strict=True)]
    return _claim("as_good", claim, found, [[AS_GOOD + sign * d for d in differences] for sign in (1, -1)])


def _looks_where_it_should(record: Record) -> Claim:
    claim = Text(
        "attention looks where it should: while year, month and day are written, more of the weight lies on the "
        "characters that tell them than if it were spread evenly",
        "注意力看的是该看的地方：写年、月、日时，权重在相应字符上的份额高于均匀分配",
    )
    looks = record.metrics["looks"]
    if not looks:
        return Claim("looks", claim, Text("no attention here", "此次没有注意力模型"), None)
    rows, en, zh = [], [], []
    for kind in dict.fromkeys(look["kind"] for look in looks):
        parts = [look["parts"] for look in looks if look["kind"] == kind]
        for part, name in PARTS.items():
            shares, even = [p[part]["share"] for p in parts], parts[0][part]["even"]
            rows.append([share - p[part]["even"] for share, p in zip(shares, parts, strict=True)])
            en.append(f"{kind} {name.en} {mean_and_spread(shares)} ({even:.2f})")
            zh.append(f"{kind} {name.zh} {mean_and_spread(shares)}（{even:.2f}）")
    measured = Text(
        f"share of the weight, in brackets if spread evenly: {', '.join(en)}",
        f"权重份额，括号内为均匀分配时：{'，'.join(zh)}",
    )
    return Claim("looks", claim, measured, rows)


def _beam(record: Record) -> Claim:
    kinds = record.settings["kinds"]
    greedy, beam = by_kind(record, "greedy", kinds), by_kind(record, "beam", kinds)
    claim = Text(
        f"beam search finds at least as many right answers as greedy search (at most {SLIGHTLY} fewer)",
        f"束搜索答对的不少于贪心搜索（至多少 {SLIGHTLY}）",
    )
    rows = [[b - g + SLIGHTLY for g, b in zip(greedy[kind], beam[kind], strict=True)] for kind in kinds]
    width = record.settings["beam"]
    measured = Text(
        f"greedy: {_shown(greedy)}; beam of {width}: {_shown(beam)}",
        f"贪心：{_shown(greedy)}；束宽 {width}：{_shown(beam)}",
    )
    return Claim("beam", claim, measured, rows)


def _teacher_forcing_tells(record: Record) -> Claim:
    results = record.results()
    claim = Text(
        "a model fed with the truth answers without a mistake exactly where it does writing freely, greedily",
        "教师强制下全对的答案，恰好就是自由生成（贪心）时全对的答案",
    )
    most = max(abs(r["greedy"] - r["test_accuracy"]) for r in results)
    measured = Text(f"largest difference of the two shares: {most:.4f}", f"两个比例的最大差：{most:.4f}")
    return Claim("teacher_forcing", claim, measured, most < 1e-9)


def _at_once(record: Record) -> Claim:
    found = by_kind(record, "milliseconds", WITH)
    claim = Text(
        "dot attention, which is looked up after the step, trains in at most half the time of additive attention, "
        "before it: with the truth fed, all its steps are computed at once",
        "乘性注意力在每步之后查看，教师强制时各步可一起计算，训练每步用时至多为加性注意力（每步之前查看）的一半",
    )
    if not found:
        return _claim("at_once", claim, {}, [])
    shown = _shown(found, 1)
    measured = Text(f"milliseconds a training step: {shown}", f"每个训练步的毫秒数：{shown}")
    rows = [[a / 2 - d for a, d in zip(found["additive"], found["dot"], strict=True)]]
    return Claim("at_once", claim, measured, rows)


# --- 表 tables ---


def tables(record: Record) -> list[Table]:
    """Whole answers, parameters and time of each kind; where attention looks."""
    return [_answers(record), *([_looks(record)] if record.metrics["looks"] else [])]


def _answers(record: Record) -> Table:
    rows = []
    for kind in record.settings["kinds"]:
        results = record.results().where(kind=kind)
        numbers = [mean_and_spread(results.each(name), 3) for name in ("test_accuracy", "beam")]
        times = f"{fmean(results.each('milliseconds')):.0f}", f"{fmean(results.each('seconds')):.0f}"
        rows.append([NAMES[kind], f"{results[0]['parameters']:,}", *numbers, *times])
    width = record.settings["beam"]
    header = [
        Text("the decoder learns of the source by", "解码器获知源序列的方式"),
        Text("parameters", "参数"),
        Text("greedy", "贪心"),
        Text(f"beam of {width}", f"束宽 {width}"),
        Text("ms a step", "每步毫秒"),
        Text("seconds", "秒"),
    ]
    title = Text("Whole answers right on test", "测试集上整个答案全对的比例")
    steps = record.results()[0]["dev_losses"][-1][0] + 1
    note = Text(
        f"All kinds take {steps} steps; the days of test were seen in no way of writing.",
        f"各方式训练 {steps} 步；测试集的日子从未以任何写法出现过。",
    )
    return Table(title, header, rows, note)


def _looks(record: Record) -> Table:
    rows = []
    for kind in dict.fromkeys(look["kind"] for look in record.metrics["looks"]):
        parts = [look["parts"] for look in record.metrics["looks"] if look["kind"] == kind]
        shares = [mean_and_spread([p[part]["share"] for p in parts]) for part in PARTS]
        rows.append([NAMES[kind], *shares])
    even = [f"{fmean(look['parts'][part]['even'] for look in record.metrics['looks']):.2f}" for part in PARTS]
    rows.append([Text("spread evenly", "均匀分配"), *even])
    title = Text(
        "Share of the weight on the characters that tell what is written", "写某一部分时权重在相应字符上的份额"
    )
    return Table(title, [Text("attention", "注意力"), *PARTS.values()], rows)
