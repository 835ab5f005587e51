"""6.1, what was found: what the course says of recurrent networks, judged, and the tables (结论与表)."""

from typing import Any

from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same
from chapter6.sec_6_1_shapes import shape_table
from chapter6.sec_6_1_tasks import DEPARTURE, DESTINATION, NO_SLOT, OF_THE_COURSE

FEED_FORWARD = "feed-forward"

# --- 结论 claims ---

CHANCE = 0.5
"""Of a city's slot: each sentence is judged beside its mirror image, where the same word fills the other slot."""
LEARNED = 0.9
"""A share of whole answers above this counts as a mode learned."""
EQUAL = 1e-5


def claims(record: Record) -> list[Claim]:
    """What the course says."""
    learned = [*_told_apart(record), *_slots(record), *_modes(record)]
    return [_one_hot(record), _shared(record), _unrolled(record), *learned]


def _one_hot(record: Record) -> Claim:
    vectors = record.metrics["vectors"]
    gap = max(abs(a - b) for a, b in zip(vectors["product"], vectors["row"], strict=True))
    return Claim(
        "one_hot",
        Text(
            "an embedding is a one-hot vector times a matrix: one of its rows", "嵌入即独热向量乘以矩阵：取出其中一行"
        ),
        _largest(gap),
        gap < EQUAL,
    )


def _largest(gap: float) -> Text:
    return Text(f"largest difference {gap:.0e}", f"最大误差 {gap:.0e}")


def _shared(record: Record) -> Claim:
    rows = record.metrics["shared"]
    ours = ", ".join(f"L = {row['length']}: {row['recurrent']:,}" for row in rows)
    theirs = ", ".join(f"{row['feed_forward']:,}" for row in rows)
    return Claim(
        "shared_weights",
        Text(
            "the weights are shared over time: the number of parameters does not depend on the length",
            "权重在时间上共享：参数数目与序列长度无关",
        ),
        Text(
            f"{ours}; of a feed-forward layer that reads the whole sequence: {theirs}",
            f"{ours}；一次读入整个序列的前馈层：{theirs}",
        ),
        len({row["recurrent"] for row in rows}) == 1,
    )


def _unrolled(record: Record) -> Claim:
    gap = max(row["gap"] for row in record.metrics["shared"])
    return Claim(
        "unrolled",
        Text(
            "a recurrent network is a deep feed-forward one with the same W, U and b at every step",
            "循环网络展开后是每步使用同样的 W、U、b 的深层前馈网络",
        ),
        _largest(gap),
        gap < EQUAL,
    )


def of_taipei(record: Record, model: str) -> list[list[dict[str, float]]]:
    """What the taggers of a kind say of Taipei: for each seed the probability of each tag, in either sentence."""
    looks = [each for each in record.metrics["looks"] if each["model"] == model]
    return [
        [s["p"][s["words"].index("taipei")] for s in each["sentences"][: len(OF_THE_COURSE)]]
        for each in sorted(looks, key=lambda each: each["seed"])
    ]


def _told_apart(record: Record) -> list[Claim]:
    cell = record.settings["cell"]
    gap = max(abs(a[tag] - b[tag]) for a, b in of_taipei(record, FEED_FORWARD) for tag in a)
    # how much likelier the right slot is than the other, where that is least
    ahead = [min(a[DEPARTURE] - a[DESTINATION], b[DESTINATION] - b[DEPARTURE]) for a, b in of_taipei(record, cell)]
    sentences = " / ".join(OF_THE_COURSE)
    return [
        Claim(
            "same_answer",
            Text(
                f"a feed-forward network without a window says the same of Taipei in both: {sentences}",
                f"没有窗口的前馈网络对两句中的 Taipei 给出同样的答案：{sentences}",
            ),
            _largest(gap),
            gap < EQUAL,
        ),
        Claim(
            "told_apart",
            Text(
                f"the {cell} tells them apart: departure after leave, destination after arrive",
                f"{cell} 能区分：leave 之后为出发地，arrive 之后为目的地",
            ),
            Text(
                f"the right slot's probability less the other's, in the worse of the two: {mean_and_spread(ahead)}",
                f"正确槽与另一槽的概率之差（取两句中较差者）：{mean_and_spread(ahead)}",
            ),
            [ahead],
        ),
    ]


def scores(results: Results, split: str, kind: str) -> list[float]:
    """One score a seed, such as the share of the slots of split "new" that are right."""
    return [result["scores"][split][kind] for result in results]


def taggers(record: Record, model: str) -> Results:
    """The trainings of synchronous mode with this layer."""
    return record.results().where(mode="synchronous", model=model)


def _slots(record: Record) -> list[Claim]:
    cell = record.settings["cell"]
    ours, theirs = taggers(record, cell), taggers(record, FEED_FORWARD)
    at_chance = [score for split in ("test", "new") for score in scores(theirs, split, "slots")]
    known, new, longer = (scores(ours, split, "slots") for split in ("test", "new", "longer"))
    tokens = mean_and_spread(theirs.each("test_accuracy"))
    return [
        Claim(
            "at_chance",
            Text(
                f"the feed-forward network stays at chance, {CHANCE}, on the slot of a city, known or new",
                f"前馈网络在城市的槽上（无论城市是否见过）停留在随机水平 {CHANCE}",
            ),
            Text(
                f"slots {mean_and_spread(at_chance)}; of all words it tags {tokens} right, which hides it",
                f"槽 {mean_and_spread(at_chance)}；按全部词计准确率为 {tokens}，掩盖了这一点",
            ),
            all(score <= CHANCE + EQUAL for score in at_chance),
        ),
        Claim(
            "above_chance",
            Text(
                f"the {cell} does not: more than {LEARNED} of the slots are right, of known and of new cities",
                f"{cell} 则不然：见过与未见过的城市，槽的准确率都高于 {LEARNED}",
            ),
            Text(
                f"known {mean_and_spread(known)}, new {mean_and_spread(new)}",
                f"见过的城市 {mean_and_spread(known)}，未见过的 {mean_and_spread(new)}",
            ),
            [[score - LEARNED for score in found] for found in (known, new)],
        ),
        Claim(
            "longer",
            Text(
                f"what it learned on one and two cities serves at lengths it never saw: four cities, above {LEARNED}",
                f"在含一两个城市的句子上学到的可用于从未见过的长度：四个城市，高于 {LEARNED}",
            ),
            same(mean_and_spread(longer)),
            [[score - LEARNED for score in longer]],
        ),
    ]


MODES = {
    "class": Text("sequence to class", "序列到类别"),
    "synchronous": Text("synchronous sequence to sequence", "同步的序列到序列"),
    "asynchronous": Text("asynchronous sequence to sequence", "异步的序列到序列"),
}


def _modes(record: Record) -> list[Claim]:
    cell, found = record.settings["cell"], []
    for mode, name in MODES.items():
        whole = scores(record.results().where(mode=mode, model=cell), "test", "whole")
        found.append(
            Claim(
                f"mode_{mode}",
                Text(
                    f"{name.en}: the {cell} learns it, above {LEARNED} of whole answers right on new examples",
                    f"{name.zh}：{cell} 能学会，新样本上整个答案正确的比例高于 {LEARNED}",
                ),
                same(mean_and_spread(whole)),
                [[score - LEARNED for score in whole]],
            )
        )
    return found


# --- 表 tables ---

TAGS = {
    NO_SLOT: same(NO_SLOT),
    DEPARTURE: Text("departure", "出发地"),
    DESTINATION: Text("destination", "目的地"),
    "date": Text("date", "日期"),
}
NAMES = {**TAGS, "positive": Text("positive", "正面"), "negative": Text("negative", "负面")}
"""Of the words of answers, in both languages; a digit is its own name."""


def tables(record: Record) -> list[Table]:
    """The numbers of the report."""
    return [
        _vector_table(record),
        _weight_table(record),
        _taipei_table(record),
        _tagger_table(record),
        _mode_table(record),
        _example_table(record),
        _sentence_table(record),
        shape_table(),
    ]


def _vector_table(record: Record) -> Table:
    vectors = record.metrics["vectors"]
    names = {
        "one_hot": Text("one-hot vector S", "独热向量 S"),
        "product": Text("S E", "S E"),
        "row": Text("row of E, the embedding", "E 中的一行，即嵌入"),
    }
    rows = [[name, ", ".join(f"{value:.2g}" for value in vectors[key])] for key, name in names.items()]
    note = Text(
        "Seven words here; tens of thousands in use, where an embedding has some hundred numbers.",
        "这里词表只有七个词；实际有数万个词，嵌入则只有几百维。",
    )
    return Table(Text("A word as a vector", "词的向量表示"), [Text("Taipei as", "Taipei"), ""], rows, note)


def _weight_table(record: Record) -> Table:
    rows = [
        [str(row["length"]), f"{row['recurrent']:,}", f"{row['feed_forward']:,}", f"{row['gap']:.0e}"]
        for row in record.metrics["shared"]
    ]
    header = [
        "L",
        Text("SRN, parameters", "SRN 参数数目"),
        Text("feed-forward on the whole sequence", "读入整个序列的前馈层"),
        Text("SRN unrolled by hand: difference", "手工展开的 SRN：误差"),
    ]
    return Table(Text("Weights shared over time", "权重共享"), header, rows)


def _taipei_table(record: Record) -> Table:
    rows = []
    for n, sentence in enumerate(OF_THE_COURSE):
        for model in (FEED_FORWARD, record.settings["cell"]):
            p = [of_seed[n] for of_seed in of_taipei(record, model)]
            cells = [mean_and_spread([each[slot] for each in p]) for slot in (DEPARTURE, DESTINATION)]
            rows.append([same(sentence), _name(model), *cells])
    header = [Text("sentence", "句子"), Text("model", "模型"), TAGS[DEPARTURE], TAGS[DESTINATION]]
    return Table(Text("The probability of Taipei's slots", "Taipei 属于各槽的概率"), header, rows)


def _name(model: str) -> Text:
    return Text("feed-forward", "前馈") if model == FEED_FORWARD else same(model)


def _tagger_table(record: Record) -> Table:
    rows = []
    for model in (FEED_FORWARD, record.settings["cell"]):
        results = taggers(record, model)
        columns = [scores(results, split, "slots") for split in ("test", "new", "longer")]
        columns = [results.each("test_accuracy"), *columns, scores(results, "test", "whole")]
        rows.append([_name(model), f"{results[0]['parameters']:,}", *map(mean_and_spread, columns)])
    header = [
        Text("model", "模型"),
        Text("parameters", "参数"),
        Text("all words", "全部词"),
        Text("slots, known cities", "槽，见过的城市"),
        Text("slots, new cities", "槽，未见过的城市"),
        Text("slots, four cities", "槽，四个城市"),
        Text("whole sentences", "整句"),
    ]
    note = Text(
        f"Chance on a slot is {CHANCE}, by construction: of two sentences that mirror each other a network that sees "
        "the word alone has one right at most. Accuracy over all words, most of which fill no slot, hides that.",
        f"槽的随机水平由数据构造决定，为 {CHANCE}：互为镜像的两句中，只看到词本身的网络至多答对一句。"
        "多数词不属于任何槽，因此按全部词计的准确率掩盖了这一点。",
    )
    return Table(Text("Tagging, share that is right", "标注的准确率"), header, rows, note)


def _mode_table(record: Record) -> Table:
    rows = []
    for mode, name in MODES.items():
        results = record.results().where(mode=mode, model=record.settings["cell"])
        whole, words = scores(results, "test", "whole"), results.each("test_accuracy")
        rows.append([name, f"{results[0]['parameters']:,}", mean_and_spread(whole), mean_and_spread(words)])
    header = [Text("mode", "模式"), Text("parameters", "参数")]
    header += [Text("whole answers", "整个答案"), Text("words, given the ones before", "逐词（给定前文）")]
    return Table(
        Text(f"One {record.settings['cell']}, three modes: share right on new examples", "三种模式在新样本上的准确率"),
        header,
        rows,
    )


def _example_table(record: Record) -> Table:
    rows = []
    for mode, name in MODES.items():
        [result] = record.results().where(mode=mode, model=record.settings["cell"], seed=record.seeds[0])
        shown = result["shown"]
        # a number stands there twice, in Chinese and in English; any other example once
        chinese, english = (shown[::2], shown[1::2]) if mode == "asynchronous" else (shown, shown)
        for zh, en in zip(chinese, english, strict=True):
            right, said = (Text(_in_words(en[k]).en, _in_words(zh[k]).zh) for k in (1, 2))
            rows.append([name, Text(" ".join(en[0]), ("" if zh is not en else " ").join(zh[0])), said, right])
    header = [Text("mode", "模式"), Text("reads", "读入"), Text("says", "输出"), Text("right", "正确答案")]
    return Table(Text("The first of the new examples", "最前面的几个新样本"), header, rows)


def _in_words(answer: list[str]) -> Text:
    names = [NAMES.get(word, same(word)) for word in answer]
    return Text(" ".join(name.en for name in names), " ".join(name.zh for name in names))


def sentences(record: Record, model: str) -> list[dict[str, Any]]:
    """What the first tagger of a kind says of each sentence, the reader's last: words, which are unknown, "p"."""
    looks = [each for each in record.metrics["looks"] if each["model"] == model]
    return min(looks, key=lambda each: each["seed"])["sentences"]


def likeliest(p: dict[str, float]) -> str:
    """The likeliest tag."""
    return max(p, key=lambda tag: p[tag])


def _sentence_table(record: Record) -> Table:
    cell = record.settings["cell"]
    ours, theirs = (sentences(record, model)[-1] for model in (cell, FEED_FORWARD))
    rows = []
    for word, is_unknown, *both in zip(ours["words"], ours["unknown"], theirs["p"], ours["p"], strict=True):
        cells = [Text(*(f"{name} {p[tag]:.2f}" for name in TAGS[tag])) for p, tag in ((p, likeliest(p)) for p in both)]
        rows.append([word, *cells, Text("unknown", "未知词") if is_unknown else ""])
    header = [Text("word", "词"), Text("feed-forward", "前馈"), cell, ""]
    note = Text(
        "The likeliest tag and its probability, of the first seed. An unknown word is in no sentence of train: both "
        'read it as [UNK]. A sentence of your own: --sentence "we would like to leave Oslo"',
        "第一个种子给出的最可能的标签及其概率。未知词未在训练集中出现，两个网络都把它读作 [UNK]。"
        '换成自己的句子：--sentence "we would like to leave Oslo"',
    )
    return Table(Text("Your sentence, word by word", "逐词标注你的句子"), header, rows, note)
