"""A language model, what was found: the claims, judged, and the tables (结论与表)."""

from collections.abc import Mapping
from math import log2
from statistics import fmean, median
from typing import Any

from chapter6.extras.language_variants import compared_of, model_of
from chapter6.lab.claim import Claim, mean_and_spread, not_compared
from chapter6.lab.measure import ratios
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same

ORDERS = 5
"""The longest n-grams that are counted."""

# --- 各组训练 the trainings ---


def models(record: Record) -> Results:
    """The trainings of the model itself."""
    return record.results().where(**model_of(record.settings))


def compared(record: Record, name: str) -> Results:
    """Those of one of the smaller models."""
    return record.results().where(**compared_of(record.settings)[name])


def different(record: Record) -> list[str]:
    """The names of the smaller models, each model once."""
    named = compared_of(record.settings)
    return [name for n, name in enumerate(named) if named[name] not in [*named.values()][:n]]


# --- 结论 claims ---

BY_HEART = 1.2
FASTER = 1.5


def claims(record: Record) -> list[Claim]:
    """What courses and notes say of such models."""
    gated = [f"cell {cell}" for cell in ("GRU", "LSTM") if cell in record.settings["cells"]]
    return [
        _beats_counting(record, 3),
        _beats_counting(record, ORDERS),
        _by_heart(record),
        _turns_up(record),
        _lower(
            record,
            "carried",
            ["first"],
            "random",
            Text("carrying the state from batch to batch beats random batches", "状态逐批传递优于随机批次"),
        ),
        _lower(
            record,
            "embedding",
            ["first"],
            "one-hot",
            Text("an embedding beats one-hot vectors", "词嵌入优于独热向量"),
        ),
        _lower(
            record,
            "gates",
            gated,
            "cell SRN" if "SRN" in record.settings["cells"] else "",
            Text("GRU and LSTM beat the SRN", "GRU 与 LSTM 优于 SRN"),
        ),
        _lower(
            record,
            "depth",
            ["deep"],
            "first",
            Text("a second layer lowers the perplexity", "第二层使困惑度更低"),
        ),
        _loops(record),
        _speed(record),
    ]


def _shown(values: list[float]) -> str:
    return mean_and_spread(values, 2)


def _beats_counting(record: Record, n: int) -> Claim:
    counted, found = record.metrics["counted"]["test"][n - 1], models(record).each("test_perplexity")
    return Claim(
        f"beats_{n}_grams",
        Text(
            f"on text never read, the network is less perplexed than a counter of {n} characters",
            f"在从未读过的文本上，网络的困惑度低于只数 {n} 个字符的计数器",
        ),
        Text(
            f"perplexity {_shown(found)}; {n}-grams {counted:.2f}", f"困惑度 {_shown(found)}；{n} 元语法 {counted:.2f}"
        ),
        [[counted - perplexity for perplexity in found]],
    )


def by_heart(result: Mapping[str, Any]) -> tuple[float, float, float]:
    """Of a model that learnt a little by heart: its last training perplexity; on dev the last one, and the lowest."""
    return result["train_curve"][-1][1], result["dev_scores"][-1], min(result["dev_scores"])


def _by_heart(record: Record) -> Claim:
    results, counted = record.results("memorised"), record.metrics["counted"]["test"][1]
    train, dev, _ = zip(*map(by_heart, results), strict=True)
    N = f"{record.settings['memorised']:,}"
    # 没有背下来, 就无从判断   what was not learnt by heart decides nothing
    is_known = max(train) <= BY_HEART
    more = (
        Text("", "")
        if is_known
        else Text("; not by heart yet, see --memorised-epochs", "；尚未背下，见 --memorised-epochs")
    )
    return Claim(
        "by_heart",
        Text(
            f"a training perplexity says nothing: a model that knows {N} characters by heart (at most {BY_HEART} on "
            "them) is worse on text never read than a counter of 2 characters",
            f"训练困惑度什么也说明不了：背下 {N} 个字符（其上困惑度不超过 {BY_HEART}）的模型，"
            "在从未读过的文本上不如只数 2 个字符的计数器",
        ),
        Text(
            f"training {_shown([*train])}, held out {_shown([*dev])}; 2-grams {counted:.2f}{more.en}",
            f"训练 {_shown([*train])}，留出 {_shown([*dev])}；2 元语法 {counted:.2f}{more.zh}",
        ),
        [[perplexity - counted for perplexity in dev]] if is_known else None,
    )


def _turns_up(record: Record) -> Claim:
    _, last, lowest = zip(*map(by_heart, record.results("memorised")), strict=True)
    return Claim(
        "turns_up",
        Text(
            "while it learns them by heart, its held-out perplexity falls, and rises again (overfitting)",
            "背诵过程中，留出文本的困惑度先降后升（过拟合）",
        ),
        Text(
            f"lowest {_shown([*lowest])}, at the end {_shown([*last])}",
            f"最低 {_shown([*lowest])}，结束时 {_shown([*last])}",
        ),
        [[a - b for a, b in zip(last, lowest, strict=True)]],
    )


def _lower(record: Record, id: str, names: list[str], other: str, claim: Text) -> Claim:
    """That the smaller models of these names are less perplexed on test than another one."""
    if not names or not other:
        return not_compared(id, claim, same("--cells SRN,GRU,LSTM"))
    theirs = compared(record, other).each("test_perplexity")
    rows = {name: compared(record, name).each("test_perplexity") for name in names}
    shown = [*((called(name), values) for name, values in rows.items()), (called(other), theirs)]
    return Claim(
        id,
        claim,
        Text(
            "test perplexity: " + ", ".join(f"{name.en} {_shown(values)}" for name, values in shown),
            "测试困惑度：" + "，".join(f"{name.zh} {_shown(values)}" for name, values in shown),
        ),
        [[b - a for a, b in zip(ours, theirs, strict=True)] for ours in rows.values()],
    )


def called(name: str) -> Text:
    """What a reader calls one of the smaller models."""
    return {
        "first": Text("carried state, embedding", "状态传递、嵌入"),
        "random": Text("random batches", "随机批次"),
        "one-hot": Text("one-hot", "独热向量"),
        "deep": Text("two layers", "两层"),
    }.get(name) or same(name.removeprefix("cell "))


def _loops(record: Record) -> Claim:
    greedy, drawn = ([found[way] for found in record.metrics["loops"]] for way in ("greedy", "temperature 1"))
    return Claim(
        "greedy_loops",
        Text(
            "who always writes the likeliest character repeats himself; who draws does not",
            "总写最可能的字符会反复兜圈，按概率采样则不会",
        ),
        Text(
            f"share of ten-character runs written before: greedy {_shown(greedy)}, drawn {_shown(drawn)}",
            f"重复出现的十字片段占比：贪心 {_shown(greedy)}，采样 {_shown(drawn)}",
        ),
        [[a - b for a, b in zip(greedy, drawn, strict=True)]],
    )


def _speed(record: Record) -> Claim:
    times, claim = (
        record.metrics["speed"],
        Text(
            f"our layer trains the model at least {FASTER} times as fast as Paddle's in its place",
            f"用本项目的循环层训练，速度至少是飞桨层的 {FASTER} 倍",
        ),
    )
    if times is None:
        return Claim("speed", claim, Text("Paddle has no layer of such cells", "飞桨没有这种单元的层"), None)
    faster, size = ratios(times, "paddle", to="ours"), record.settings["batch_size"] * record.settings["length"]
    ours, theirs = (f"{size / median(times[name]) * 1e3:,.0f}" for name in ("ours", "paddle"))
    return Claim(
        "speed",
        claim,
        Text(
            f"{median(faster):.1f} times: {ours} against {theirs} characters a second",
            f"{median(faster):.1f} 倍：每秒 {ours} 与 {theirs} 个字符",
        ),
        [[ratio - FASTER for ratio in faster]],
    )


# --- 表 tables ---


def tables(record: Record) -> list[Table]:
    """The numbers of the report."""
    return [perplexity_table(record), by_heart_table(record), written_table(record)]


def perplexity_table(record: Record) -> Table:
    """Counting, the model itself, the smaller ones: perplexity on train and on what was held out."""
    counted = record.metrics["counted"]
    # 只看字母频率: 2 的熵次方   by the frequencies of the letters alone: 2 to the power of their entropy
    letters = Text("entropy of the letters", "字母的熵")
    rows: list[list[Text | str]] = [
        [letters, "", "", f"{2 ** counted['entropy']:.2f}", f"{counted['entropy']:.2f}", "", ""]
    ]
    for n, (train, test) in enumerate(zip(counted["train"], counted["test"], strict=True), start=1):
        rows.append([Text(f"{n}-grams", f"{n} 元语法"), f"{train:.2f}", "", f"{test:.2f}", f"{log2(test):.2f}", "", ""])
    rows.append(_row(Text(f"the model: {size_of(models(record))}", f"模型：{size_of(models(record))}"), models(record)))
    for name in different(record):
        results = compared(record, name)
        what = same(size_of(results)) if name == "first" else called(name)
        rows.append(_row(Text(f"smaller: {what.en}", f"较小：{what.zh}"), results))
    header = [
        Text("model", "模型"),
        Text("training text", "训练文本"),
        Text("dev", "验证集"),
        Text("test", "测试集"),
        Text("test, bits", "测试集比特"),
        Text("parameters", "参数"),
        Text("seconds", "秒"),
    ]
    corpus, sizes = called_corpus(record), record.metrics["sizes"]
    words = models(record)[0]["vocabulary_size"]
    en = ", ".join(f"{split} {size:,}" for split, size in sizes.items())
    note = Text(
        f"{corpus.en}: {en} characters, in the test text {record.metrics['unknown']} that are "
        f"[UNK]; {words} different ones. Dev and test were never learnt from; the counter also counts dev. Training "
        "text: as much of its beginning as test has, for the counter what it counted itself. Bits: log2 of the "
        "perplexity. Seconds: of a training. Counting: Witten–Bell smoothing.",
        f"{corpus.zh}：字符数 {en}，测试文本中 [UNK] 有 {record.metrics['unknown']} 个；"
        f"共 {words} 种。验证集与测试集从不参与训练；计数器还数了验证集。训练文本：其开头，与测试集一样长，"
        "计数器在此是自己数过的。比特：困惑度的 log2。秒：一次训练。计数采用 Witten–Bell 平滑。",
    )
    title = Text("Perplexity per character: what was read, and what was not", "每字符困惑度：读过的与没读过的")
    return Table(title, header, rows, note)


def called_corpus(record: Record) -> Text:
    """What was read; each version of Python has another documentation."""
    version = ".".join(record.environment["python"].split(".")[:2])
    return {
        "python": Text(f"Documentation of Python {version}", f"Python {version} 的文档"),
        "timemachine": same("The Time Machine"),
        "tangshi": Text("300 Tang poems", "唐诗三百首"),
        "text": Text("A text of your own", "自己的文本"),
    }[record.metrics["corpus"]]


def size_of(results: Results) -> str:
    """Cell, layers x units."""
    one = results[0]
    return f"{one['cell']} {one['num_layers']} x {one['hidden_size']}"


def _row(name: Text, results: Results) -> list[Text | str]:
    perplexities = [_shown(results.each(f"{split}_perplexity")) for split in ("train", "dev", "test")]
    bits = f"{fmean(map(log2, results.each('test_perplexity'))):.2f}"
    return [name, *perplexities, bits, f"{results[0]['parameters']:,}", f"{fmean(results.each('seconds')):.0f}"]


def by_heart_table(record: Record) -> Table:
    """Of each seed that learns by heart, what it comes to on the training text and on dev."""
    rows = []
    for result in record.results("memorised"):
        train, last, lowest = by_heart(result)
        rows.append([str(result["seed"]), f"{train:.3f}", f"{lowest:.2f}", f"{last:.2f}"])
    header = [
        Text("seed", "种子"),
        Text("training, at the end", "训练，结束时"),
        Text("dev, lowest", "验证集，最低"),
        Text("dev, at the end", "验证集，结束时"),
    ]
    N, epochs = f"{record.settings['memorised']:,}", record.settings["memorised_epochs"]
    title = Text(
        f"{N} characters learnt by heart, {epochs} epochs: perplexity", f"背下 {N} 个字符，{epochs} 回合：困惑度"
    )
    note = Text(
        "The first column is what courses print.",
        "教程中印出的往往只有第一列。",
    )
    return Table(title, header, rows, note)


def written_table(record: Record) -> Table:
    """The same beginning, continued in each way; a line end is shown as ⏎."""
    rows = [[name, _visible(text)] for name, text in record.metrics["written"].items()]
    prefix = _visible(record.metrics["prefix"])
    title = Text("What the model writes", "模型写的")
    note = Text(
        f"After {prefix}, with seed 0; the same seed writes the same. ⏎ is the end of a line. To go on: "
        'python -m chapter6 predict --task language "..."',
        f"接在 {prefix} 之后，种子 0；种子相同，所写相同。⏎ 为换行。继续："
        'python -m chapter6 predict --task language "..."',
    )
    return Table(title, [Text("next character", "选字方式"), Text("text", "文本")], rows, note)


def _visible(text: str) -> str:
    return f"`{text.replace(chr(10), '⏎').replace('`', chr(39))}`"
