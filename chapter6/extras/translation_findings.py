"""Translation, what was found: what the courses say of attention, judged, and the tables (结论与表)."""

from collections.abc import Sequence
from statistics import fmean

from chapter6.lab.claim import Claim, mean_and_spread, not_compared
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
SCORES = {
    "dates": Text("whole answers right", "整个答案全对的比例"),
    "tatoeba": Text("BLEU of greedy translations", "贪心译文的 BLEU"),
}
AS_GOOD = {"dates": 0.02, "tatoeba": 1.0}
"""By how much the scores of two kinds may differ that are as good."""
SLIGHTLY = {"dates": 0.005, "tatoeba": 0.5}
"""How much of a score beam search may lose and be as good."""


def claims(record: Record) -> list[Claim]:
    """What the courses and the papers say."""
    both = [_behind(record), _alike(record), _beam(record), _at_once(record)]
    if record.settings["corpus"] == "tatoeba":
        return [*both, _copying(record)]
    return [
        *(_learned(record, kind) for kind in WITH),
        *both,
        _looks_where_it_should(record),
        _teacher_forcing_tells(record),
    ]


def by_kind(record: Record, name: str, kinds: Sequence[str]) -> dict[str, list[float]]:
    """One value a seed, for each of these kinds; nothing where one was not trained."""
    found = {kind: record.results().where(kind=kind).each(name) for kind in kinds}
    return found if all(found.values()) else {}


def _shown(record: Record, values: dict[str, list[float]]) -> str:
    digits = 3 if record.settings["corpus"] == "dates" else 1
    return ", ".join(f"{kind} {mean_and_spread(each, digits)}" for kind, each in values.items())


def _claim(record: Record, id: str, claim: Text, found: dict[str, list[float]], rows: list[list[float]]) -> Claim:
    """A claim on the scores; nothing to decide it by where a kind is missing."""
    if not found:
        return not_compared(id, claim, Text("more of --kinds", "更多 --kinds"))
    score, shown = SCORES[record.settings["corpus"]], _shown(record, found)
    return Claim(id, claim, Text(f"{score.en}: {shown}", f"{score.zh}：{shown}"), rows)


def _learned(record: Record, kind: str) -> Claim:
    found, name = by_kind(record, "greedy", [kind]), NAMES[kind]
    claim = Text(
        f"with {name.en} the model writes at least {LEARNED:.0%} of the dates of days never seen without a mistake",
        f"{name.zh}：对从未见过的日子，至少 {LEARNED:.0%} 的答案全对",
    )
    return _claim(record, f"learned_{kind}", claim, found, [[a - LEARNED for a in each] for each in found.values()])


def _behind(record: Record) -> Claim:
    found = by_kind(record, "greedy", WITHOUT + WITH)
    claim = Text(
        "after as many steps, the models that must squeeze the source into one vector are behind both kinds of "
        "attention",
        "训练步数相同时，把源序列压缩成一个向量的模型落后于两种注意力",
    )
    pairs = [(a, b) for a in WITH for b in WITHOUT] if found else []
    rows = [[x - y for x, y in zip(found[a], found[b], strict=True)] for a, b in pairs]
    return _claim(record, "attention_helps", claim, found, rows)


def _alike(record: Record) -> Claim:
    found, margin = by_kind(record, "greedy", WITH), AS_GOOD[record.settings["corpus"]]
    claim = Text(
        f"the two kinds of attention are as good, within {margin} of each other",
        f"两种注意力不相上下，相差不超过 {margin}",
    )
    differences = [a - b for a, b in zip(*found.values(), strict=True)]
    rows = [[margin + sign * difference for difference in differences] for sign in (1, -1)]
    return _claim(record, "as_good", claim, found, rows)


def _copying(record: Record) -> Claim:
    kinds, copied = record.settings["kinds"], record.metrics["copying"]["bleu"]
    found = by_kind(record, "beam_search", kinds)
    best = max(found, key=lambda kind: fmean(found[kind]))
    claim = Text(
        "the best of the networks translates better than copying does: the translation of the nearest sentence of "
        "train, word for word",
        "最好的网络优于抄袭：照抄训练集中最接近的句子的译文",
    )
    shown, width = _shown(record, found), record.settings["beam"]
    measured = Text(
        f"BLEU with a beam of {width}: {shown}; copied {copied:.1f}",
        f"束宽 {width} 的 BLEU：{shown}；照抄 {copied:.1f}",
    )
    return Claim("copying", claim, measured, [[bleu - copied for bleu in found[best]]])


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
    kinds, margin = record.settings["kinds"], SLIGHTLY[record.settings["corpus"]]
    greedy, beam = by_kind(record, "greedy", kinds), by_kind(record, "beam_search", kinds)
    claim = Text(
        f"beam search is as good as greedy search, or better (its score at most {margin} lower)",
        f"束搜索不差于贪心搜索（得分至多低 {margin}）",
    )
    rows = [[b - g + margin for g, b in zip(greedy[kind], beam[kind], strict=True)] for kind in kinds]
    width = record.settings["beam"]
    measured = Text(
        f"greedy: {_shown(record, greedy)}; beam of {width}: {_shown(record, beam)}",
        f"贪心：{_shown(record, greedy)}；束宽 {width}：{_shown(record, beam)}",
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
        return _claim(record, "at_once", claim, {}, [])
    shown = ", ".join(f"{kind} {mean_and_spread(each, 0)}" for kind, each in found.items())
    measured = Text(f"milliseconds a training step: {shown}", f"每个训练步的毫秒数：{shown}")
    rows = [[a / 2 - d for a, d in zip(found["additive"], found["dot"], strict=True)]]
    return Claim("at_once", claim, measured, rows)


# --- 表 tables ---


def tables(record: Record) -> list[Table]:
    """Whole answers, parameters and time of each kind; where attention looks."""
    return [_answers(record), *([_looks(record)] if record.metrics["looks"] else [])]


def _answers(record: Record) -> Table:
    is_dates, rows = record.settings["corpus"] == "dates", []
    for kind in record.settings["kinds"]:
        results = record.results().where(kind=kind)
        scores = [mean_and_spread(results.each(name), 3 if is_dates else 1) for name in ("greedy", "beam_search")]
        perplexity = [] if is_dates else [mean_and_spread(results.each("test_perplexity"), 1)]
        times = f"{fmean(results.each('milliseconds')):.0f}", f"{fmean(results.each('seconds')):.0f}"
        rows.append([NAMES[kind], f"{results[0]['parameters']:,}", *scores, *perplexity, *times])
    if not is_dates:
        copied = record.metrics["copying"]
        name = Text("copied from the nearest sentence", "照抄最近一句的译文")
        rows.append([name, "", f"{copied['bleu']:.1f}", "", "", "", f"{copied['seconds']:.0f}"])
    header = [
        Text("the decoder learns of the source by", "解码器获知源序列的方式"),
        Text("parameters", "参数"),
        Text("greedy", "贪心"),
        Text(f"beam of {record.settings['beam']}", f"束宽 {record.settings['beam']}"),
        *([] if is_dates else [Text("perplexity", "困惑度")]),
        Text("ms a step", "每步毫秒"),
        Text("seconds", "秒"),
    ]
    steps = record.results()[0]["train_losses"][-1][0] + 1
    if is_dates:
        title = Text("Whole answers right on test", "测试集上整个答案全对的比例")
        en, zh = "the days of test were seen in no way of writing", "测试集的日子从未以任何写法出现过"
    else:
        title = Text("BLEU on test, characters for words", "测试集 BLEU，以字为词元")
        en = "the English of test is not in train; of all sentences, smoothed (exp) only where no n-gram is right"
        zh = "测试集的英文不在训练集中；语料级，仅在没有任何 n-gram 正确时平滑（exp）"
    note = Text(f"All kinds take {steps} steps; {en}.", f"各方式训练 {steps} 步；{zh}。")
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
