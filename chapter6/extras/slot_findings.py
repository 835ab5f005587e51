"""Slot filling, what was found: what the notes say, judged; how far a test set can tell models apart (结论与表)."""

from collections.abc import Sequence
from functools import cache
from itertools import chain

from chapter6.lab.claim import Claim, mean_and_spread, not_compared
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same
from nndl.dataset.tags import slots
from nndl.metric.chunks import f1

import numpy as np

# --- 结论 claims ---

TELLS = 75
"""A share of cities whose role is found that is half way between guessing and all, in hundredths."""
COMPARED = (
    ("window", "Elman-5", "Elman", "a context window helps the Elman network", "上下文窗口对 Elman 网络有帮助"),
    ("jordan", "Jordan", "Elman", "the Jordan network is better than the Elman network", "Jordan 网络有更好的表现"),
    ("deep", "DeepElman", "Elman", "of course it can be deep: two layers are better", "当然它可以深：两层更好"),
    ("both_ways", "BiElman", "Elman", "both directions are better than one (Elman)", "双向优于单向（Elman）"),
    ("both_ways_lstm", "BiLSTM", "LSTM", "both directions are better than one (LSTM)", "双向优于单向（LSTM）"),
    ("lstm", "LSTM", "Elman", "the LSTM is better than the Elman network", "LSTM 优于 Elman 网络"),
    ("gru", "GRU", "Elman", "the GRU is better than the Elman network", "GRU 优于 Elman 网络"),
    ("both", "BiLSTM-3", "BiLSTM", "the BiLSTM, too, gains by a window", "窗口对双向 LSTM 也有帮助"),
)
"""Name of a claim, the model that is said to be better, the other, the claim."""


def claims(record: Record) -> list[Claim]:
    """What the notes and the publications say."""
    return [
        _forgetful(record),
        *(_better(record, name, ours, other, Text(en, zh)) for name, ours, other, en, zh in COMPARED),
        _unknown_words(record),
    ]


def _forgetful(record: Record) -> Claim:
    claim = Text(
        "a feed-forward network that sees one word cannot tell origin from destination, a recurrent one can "
        f"(share of cities, origins and destinations weighing the same; the line is {TELLS} %, guessing finds 50 %)",
        "只看一个词的前馈网络分不清出发地与目的地，循环网络可以"
        f"（城市判对的比例，两种角色权重相同；以 {TELLS} % 为界，随机猜测为 50 %）",
    )
    blind, recurrent = (_cities(record.results().where(model=name)) for name in ("feed-forward", "Elman"))
    if not (blind and recurrent):
        needed = Text(
            "--models feed-forward,Elman, on flights or ATIS", "--models feed-forward,Elman，语料 flights 或 ATIS"
        )
        return not_compared("forgetful", claim, needed)
    shown = f"feed-forward {percent(blind)} %, Elman {percent(recurrent)} %"
    evidence = [[TELLS - 100 * share for share in blind], [100 * share - TELLS for share in recurrent]]
    return Claim("forgetful", claim, same(shown), evidence)


def _cities(results: Results) -> list[float]:
    """For each seed the mean of the shares of origins, and of destinations, taken for what they are; [] without any."""
    shares = []
    for roles in results.each("roles"):
        if not all(map(sum, roles)):
            return []
        shares.append(sum(row[i] / sum(row) for i, row in enumerate(roles)) / 2)
    return shares


def _better(record: Record, name: str, ours: str, other: str, claim: Text) -> Claim:
    """That one model's F1 is above another's, seed by seed; beside it what the test set itself can tell."""
    pair = [record.results().where(model=each) for each in (ours, other)]
    if not all(pair):
        return not_compared(name, claim, same(f"--models {ours},{other}"))
    scores = [results.each("test_f1") for results in pair]
    shown = ", ".join(f"{m} {percent(values)}" for m, values in zip((ours, other), scores, strict=True))
    difference, low, high = interval(*map(counts_of, pair))
    measured = Text(
        f"F1 {shown}; difference {difference:+.2f}, by the test sentences between {low:+.2f} and {high:+.2f}",
        f"F1 {shown}；差 {difference:+.2f}，由测试句估计在 {low:+.2f} 与 {high:+.2f} 之间",
    )
    return Claim(name, claim, measured, [[a - b for a, b in zip(*scores, strict=True)]])


def _unknown_words(record: Record) -> Claim:
    claim = Text("sentences with an unknown word are harder, for the best model", "对最好的模型，含未知词的句子更难")
    known, unknown = (by_unknown(record, best_model(record), has) for has in (False, True))
    if not (known and unknown):
        return not_compared("unknown", claim, Text("sentences of both kinds", "两种句子"))
    shown = Text(
        f"{best_model(record)}: F1 {percent(unknown)} with, {percent(known)} without",
        f"{best_model(record)}：含未知词 F1 {percent(unknown)}，不含 {percent(known)}",
    )
    return Claim("unknown", claim, shown, [[a - b for a, b in zip(known, unknown, strict=True)]])


# --- 比较 comparison ---

DRAWS, CONFIDENCE = 2000, 95


def models_of(record: Record) -> list[str]:
    """The models, in the order asked for."""
    return list(dict.fromkeys(record.results().each("model")))


def best_model(record: Record) -> str:
    """The one with the highest mean F1 on dev: test chooses nothing."""
    return max(models_of(record), key=lambda name: np.mean(record.results().where(model=name).each("dev_f1")))


def counts_of(results: Results) -> np.ndarray:
    """For each sentence of test the chunks right, predicted and true, of all seeds together: int [S, 3]."""
    return np.sum(results.each("counts"), axis=0)


def interval(ours: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """The difference of two F1 in hundredths, and between what it lies with 95 %, had the sentences been others.

    Paired bootstrap (Koehn, 2004): sentences are drawn anew, with replacement, as many as there are; both models are
    judged on the same ones.

    Args:
        ours, other: of each sentence chunks right, predicted and true, int [S, 3].
    """

    def scores(counts: np.ndarray) -> np.ndarray:
        right, predicted, true = (_drawn(len(ours)) @ counts).T
        return 200 * right / np.maximum(predicted + true, 1)

    tail = (100 - CONFIDENCE) / 2
    low, high = np.percentile(scores(ours) - scores(other), [tail, 100 - tail])
    return 100 * (f1(ours) - f1(other)), float(low), float(high)


@cache
def _drawn(S: int) -> np.ndarray:
    """How often each of S sentences is drawn, float [DRAWS, S]."""
    return np.random.default_rng(0).multinomial(S, np.full(S, 1 / S), size=DRAWS).astype(float)


def by_unknown(record: Record, name: str, has_unknown: bool) -> list[float]:
    """For each seed the F1 on the sentences of test with an unknown word, or without; [] where there are none."""
    chosen = np.array(record.metrics["unknown"]) == has_unknown
    every = record.results().where(model=name).each("counts")
    return [f1(np.array(counts)[chosen]) for counts in every] if chosen.any() else []


def percent(values: Sequence[float]) -> str:
    """Mean and spread in hundredths; a dash without any."""
    return mean_and_spread([100 * value for value in values]) if values else "–"


# --- 表 tables ---

PUBLISHED = (
    ("CRF", "92.94", "Mesnil et al. 2015"),
    (Text("Jordan, with a window", "Jordan，带窗口"), "94.29", "Mesnil et al. 2015"),
    (Text("Elman, with a window", "Elman，带窗口"), "94.98", "Mesnil et al. 2015"),
    ("BiLSTM", "95.08", "shubham8111/Joint-NLU"),
    ("encoder-labeler LSTM", "95.66", "arXiv 1601.01530"),
    ("JointBERT", "95.59", "monologg/JointBERT"),
)
"""F1 on ATIS as printed elsewhere, of one seed each."""


def tables(record: Record) -> list[Table]:
    """Scores, where they come from, what the models say of the notes' sentences, and what others published."""
    found = [
        table_of_scores(record),
        table_of_details(record),
        table_of_examples(record),
        table_of_batch(record.metrics["batch"]),
    ]
    return [*found, table_of_published()] if record.settings["corpus"] == "atis" else found


def table_of_scores(record: Record) -> Table:
    best, rows = best_model(record), []
    reference = counts_of(record.results().where(model=best))
    for name in models_of(record):
        results = record.results().where(model=name)
        difference, low, high = interval(counts_of(results), reference)
        verdict: Text | str = Text("not told apart", "分不出") if low <= 0 <= high else Text("apart", "可区分")
        against = "" if name == best else f"{difference:+.2f} [{low:+.2f}, {high:+.2f}]"
        scores = [percent(results.each(key)) for key in ("dev_f1", "test_f1", "token_accuracy")]
        seconds = f"{np.mean(results.each('seconds')):.1f}"
        rows.append([name, f"{results[0]['parameters']:,}", *scores, against, "" if name == best else verdict, seconds])
    outside = f"{100 * record.metrics['outside']:.2f}"
    rows.append([Text("O everywhere", "全答 O"), "", "", "0.00", outside, "", "", ""])
    header = [
        Text("model", "模型"),
        Text("parameters", "参数"),
        Text("dev F1", "验证集 F1"),
        Text("test F1", "测试集 F1"),
    ]
    header += [Text("right tags %", "标记准确率 %"), Text("against the best", "与最好者之差"), Text("verdict", "判断")]
    return Table(
        Text(f"F1 of chunks, {record.settings['corpus']}", f"块的 F1，{record.settings['corpus']}"),
        [*header, Text("seconds", "秒")],
        rows,
        Text(
            f"In hundredths. The best, on dev, is {best}. Brackets: a 95 % interval of the difference on test, had the "
            f"{len(reference)} sentences been others (paired bootstrap, seeds together); models whose interval holds 0 "
            "cannot be ranked by this test set. Right tags flatter: see the last row, which finds no slot.",
            f"单位为百分之一。验证集上最好的是 {best}。方括号：若换一批测试句（共 {len(reference)} 句），"
            "差值的 95 % 区间（成对自助法，各种子合并）；区间含 0 者，此测试集无法排出名次。"
            "标记准确率偏高：见末行，它一个槽也没找到。",
        ),
    )


def table_of_details(record: Record) -> Table:
    rows = []
    for name in models_of(record):
        cities = percent(_cities(record.results().where(model=name)))
        rows.append([name, cities, *(percent(by_unknown(record, name, has)) for has in (False, True))])
    unknown = record.metrics["unknown"]
    return Table(
        Text("Where they fail", "错在哪里"),
        [
            Text("model", "模型"),
            Text("cities whose role is found %", "出发地、目的地判对 %"),
            Text("F1, all words known", "F1，词全认识"),
            Text("F1, with unknown words", "F1，含未知词"),
        ],
        rows,
        Text(
            f"Of {len(unknown)} sentences of test {sum(unknown)} hold a word that train has not, or fewer than "
            f"{record.settings['min_freq']} times. Who sees a word alone takes an unknown city for no city "
            "at all: so its share of cities can lie below that of guessing.",
            f"{len(unknown)} 个测试句中，{sum(unknown)} 句含有训练集中没有、"
            f"或出现不足 {record.settings['min_freq']} 次的词。只看一个词的网络会把未知的城市当作普通词，"
            "因此判对城市的比例可低于随机猜测。",
        ),
    )


def table_of_examples(record: Record) -> Table:
    examples = record.metrics["examples"]
    between = "" if all(len(word) == 1 for word in chain(*examples["words"])) else " "
    header = [between.join(words) for words in examples["words"]]
    rows = []
    for name, tags in examples["tags"].items():
        rows.append([name, *(marked(*pair, between) for pair in zip(examples["words"], tags, strict=True))])
    return Table(Text("The two sentences of the notes", "笔记中的两句话"), [Text("model", "模型"), *header], rows)


def marked(words: Sequence[str], tags: Sequence[str], between: str = " ") -> str:
    """A sentence with its slots in brackets.

    >>> marked(["leave", "New", "York"], ["O", "B-from_city", "I-from_city"])
    'leave [from_city: New York]'
    """
    parts, at = [], 0
    for kind, start, end in slots(tags):
        parts += [*words[at:start], f"[{kind}: {between.join(words[start:end])}]"]
        at = end
    return between.join([*parts, *words[at:]])


def table_of_batch(batch: dict) -> Table:
    rows = []
    for key in ("words", "ids", "tags", "tag_ids"):
        rows.append([same(key), *(" ".join(map(str, row)) for row in batch[key])])
    rows.append([Text("length", "长度"), *map(str, batch["lengths"])])
    header = [Text("step", "步骤"), Text("first sentence of train", "训练集第一句"), Text("second", "第二句")]
    note = Text(
        "Ids: 0 is [PAD], 1 is [UNK]; of tags 0 is [PAD], 1 is O.",
        "编号：0 为 [PAD]，1 为 [UNK]；标记 0 为 [PAD]，1 为 O。",
    )
    return Table(Text("From sentences to a batch", "从句子到批次"), header, rows, note)


def table_of_published() -> Table:
    return Table(
        Text("Published on ATIS", "ATIS 上已发表的结果"),
        [Text("model", "模型"), "F1", Text("source", "出处")],
        [list(row) for row in PUBLISHED],
        Text(
            "One seed each. The published Elman figure is one with a window of words: compare it to Elman-5, not to "
            "Elman. On 893 sentences differences of less than about .6 say nothing.",
            "均为单个种子。已发表的 Elman 结果使用了上下文窗口：应与 Elman-5 而不是 Elman 比较。"
            "在 893 个测试句上，约 .6 以内的差别没有意义。",
        ),
    )
