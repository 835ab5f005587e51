"""Quoted numbers, what was found: what is behind each, where it is printed, a figure (结论、表与图)."""

import math

import nndl
from chapter6.extras.language_findings import by_heart
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same

import matplotlib.pyplot as plt

QUOTED_ADDING, SIXTH = 0.1767, 1 / 6
MUCH_WORSE = 10
"""How many times higher a perplexity is that is quite another number."""
BLEU_APART = 10
"""Points of BLEU that are more than luck."""

PLACES = {
    "adding": "locuslab/TCN, adding_problem; Le et al. 2015",
    "addition": "Keras, examples/addition_rnn.py",
    "perplexity": "d2l-zh, rnn-scratch",
    "bleu": "d2l-zh, seq2seq",
    "last_output": "yunjey/pytorch-tutorial #174; graykode/nlp-tutorial #47",
    "clipping": "nndl/practice-in-paddle, chap6",
    "padding": "Keras, lstm_seq2seq",
    "both_ways": "d2l-zh, bi-rnn; pytorch/examples #618",
    "explodes": "labml, lstm",
}
"""Where each is printed, asked about or warned of, seen in November 2026."""

# --- 结论 claims ---


def claims(record: Record) -> list[Claim]:
    """What is behind each number."""
    found = record.metrics
    bleu, last, clip, outside = (found[name] for name in ("bleu", "last_output", "clipping", "outside"))
    addition, heart = record.results("addition"), record.results("heart")
    characters = [each["truth"] for each in addition.each("characters")]
    whole = addition.each("whole_own")
    known, unread, _ = zip(*map(by_heart, heart), strict=True)
    seen, honest = (record.results("bidirectional").each(f"{name}_perplexity") for name in ("test", "honest"))
    forward = record.results("forward").each("honest_perplexity")
    grown = [norms[-1] for norms in found["exploding"]]
    distance = record.settings["distance"]
    return [
        Claim(
            "adding",
            Text(
                f"adding problem: the {QUOTED_ADDING} of who always answers 1 is 1/6 = {SIXTH:.4f}",
                f"加法问题：始终回答 1 的误差不是 {QUOTED_ADDING}，而是 1/6 = {SIXTH:.4f}",
            ),
            same(mean_and_spread(found["adding"], 4)),
            [[abs(value - QUOTED_ADDING) - abs(value - SIXTH) for value in found["adding"]]],
        ),
        Claim(
            "addition",
            Text(
                "addition: the accuracy by character is that of a model fed the truth; fewer whole sums are right",
                "字符加法：按字符计的准确率是输入真实的词时测得的；整个答案正确的更少",
            ),
            Text(
                f"characters {mean_and_spread(characters, 3)}, whole sums {mean_and_spread(whole, 3)}",
                f"字符 {mean_and_spread(characters, 3)}，整个答案 {mean_and_spread(whole, 3)}",
            ),
            [[a - b for a, b in zip(characters, whole, strict=True)]],
        ),
        Claim(
            "perplexity",
            Text(
                f"a perplexity near 1 is that of text learnt by heart; on text never read it is at least {MUCH_WORSE} "
                "times as high",
                f"接近 1 的困惑度测在背下来的文本上；在从未读过的文本上至少高 {MUCH_WORSE} 倍",
            ),
            Text(
                f"{mean_and_spread(known)}; {mean_and_spread(unread, 0)}",
                f"{mean_and_spread(known)}；{mean_and_spread(unread, 0)}",
            ),
            [[math.log(b / a / MUCH_WORSE) for a, b in zip(known, unread, strict=True)]],
        ),
        Claim(
            "bleu",
            Text(
                f"a BLEU near 1 is that of sentences learnt by heart; on others it is more than {BLEU_APART} points "
                "lower",
                f"接近 1 的 BLEU 测在训练用的句子上；在其他句子上低 {BLEU_APART} 分以上",
            ),
            Text(
                f"learnt {mean_and_spread(bleu['train'], 1)}, others {mean_and_spread(bleu['test'], 1)} of 100",
                f"训练过的 {mean_and_spread(bleu['train'], 1)}，其他 {mean_and_spread(bleu['test'], 1)}（满分 100）",
            ),
            [[a - b - BLEU_APART for a, b in zip(bleu["train"], bleu["test"], strict=True)]],
        ),
        Claim(
            "last_output",
            Text(
                "outputs[:, -1] of a bidirectional layer has read one word in reverse; the last state has read all",
                "双向层的 outputs[:, -1]，反向部分只读了一个词；反向的最后状态才读完全部",
            ),
            Text(
                f"all words but the last changed: {last['reverse']:g} of it changes, the state by {last['state']:.2f}",
                f"改变除最后一词外的所有词：反向部分的变化为 {last['reverse']:g}，最后状态的变化为 {last['state']:.2f}",
            ),
            last["reverse"] == 0 and last["state"] > 0.01 and last["forward"] > 0.01,
        ),
        Claim(
            "clipping",
            Text(
                "ClipGradByNorm(5) bounds each parameter by itself: all together may be longer, and point elsewhere",
                "ClipGradByNorm(5) 分别限制每个参数：全部参数的梯度合起来可以更长，方向也会改变",
            ),
            Text(
                f"norms 3, 4, 12, together 13: {clip['norm']:.2f}, cosine {clip['norm_cosine']:.2f}; by global norm "
                f"{clip['global']:.2f}, cosine {clip['global_cosine']:.2f}",
                f"模为 3、4、12，合计 13：截断后 {clip['norm']:.2f}，余弦 {clip['norm_cosine']:.2f}；按全局模截断 "
                f"{clip['global']:.2f}，余弦 {clip['global_cosine']:.2f}",
            ),
            clip["norm"] > 5.01 and clip["norm_cosine"] < 0.999 and abs(clip["global"] - 5) < 1e-4,
        ),
        Claim(
            "padding",
            Text(
                "accuracy that counts the padding flatters: who tags every word O finds no slot at all",
                "把补齐也算在内的准确率偏高：每个词都标 O 的“模型”一个槽位也找不到",
            ),
            Text(
                f"with padding {outside['with_padding']:.2f}, words {outside['words']:.2f}, F1 {outside['f1']:.2f}",
                f"含补齐 {outside['with_padding']:.2f}，只计词 {outside['words']:.2f}，F1 {outside['f1']:.2f}",
            ),
            outside["with_padding"] > outside["words"] + 0.01 and outside["f1"] == 0,
        ),
        Claim(
            "both_ways",
            Text(
                "a bidirectional network as a language model sees its target: given the past alone, it is worse than "
                "one that reads forward",
                "用双向网络作语言模型，它看得到答案；只给它过去的字符时，它不如单向的模型",
            ),
            Text(
                f"perplexity on text never read {mean_and_spread(seen)}; given the past alone "
                f"{mean_and_spread(honest, 1)}, forward {mean_and_spread(forward, 1)}",
                f"从未读过的文本上的困惑度 {mean_and_spread(seen)}；只给过去时 {mean_and_spread(honest, 1)}，"
                f"单向 {mean_and_spread(forward, 1)}",
            ),
            [
                [math.log(f / s) for f, s in zip(forward, seen, strict=True)],
                [math.log(h / f) for h, f in zip(honest, forward, strict=True)],
            ],
        ),
        Claim(
            "explodes",
            Text(
                f"an LSTM, too, explodes: with large U its gradient grows over {distance} steps",
                f"LSTM 也会梯度爆炸：U 较大时，梯度经过 {distance} 步而增长",
            ),
            Text(
                f"to {min(grown):.0e} … {max(grown):.0e} times (U orthogonal, times 8)",
                f"增长到 {min(grown):.0e} … {max(grown):.0e} 倍（U 为正交矩阵的 8 倍）",
            ),
            [[math.log10(value) for value in grown]],
        ),
    ]


# --- 表与图 tables and figures ---


def tables(record: Record) -> list[Table]:
    """What is quoted, where, and what was found here."""
    claimed = {claim.id: claim for claim in claims(record)}
    quoted = {
        "adding": Text("0.1767, error of the trivial answer", "0.1767，平凡答案的误差"),
        "addition": Text("99 % accuracy", "准确率 99 %"),
        "perplexity": Text("perplexity 1.0", "困惑度 1.0"),
        "bleu": same("BLEU 1.0"),
        "last_output": Text("outputs[:, -1] holds the sentence", "outputs[:, -1] 表示整句"),
        "clipping": Text("clipped by norm at 5", "按模截断到 5"),
        "padding": Text("accuracy 0.877", "准确率 0.877"),
        "both_ways": Text("a bidirectional language model", "双向语言模型"),
        "explodes": Text("LSTM cures vanishing and exploding", "LSTM 既不消失也不爆炸"),
    }
    header = [Text("quoted", "常见说法"), Text("where, for one", "出处之一"), Text("found here", "这里的结果")]
    rows = [[quoted[name], PLACES[name], claimed[name].measured] for name in quoted]
    return [Table(Text("What is behind the numbers", "数字背后"), header, rows)]


def figures(record: Record) -> dict[str, Drawing]:
    """Each number that is quoted, and the one that the reader believed to see."""
    plot, bleu, outside = nndl.plot, record.metrics["bleu"], record.metrics["outside"]
    addition, heart = record.results("addition"), record.results("heart")
    both_ways = record.results("bidirectional")
    known, unread, _ = zip(*map(by_heart, heart), strict=True)
    by_character = [each["truth"] for each in addition.each("characters")]
    shares = [
        (plot.both("addition", "字符加法"), by_character, addition.each("whole_own")),
        ("BLEU", [value / 100 for value in bleu["train"]], [value / 100 for value in bleu["test"]]),
        (plot.both("tagging every word O", "全标 O"), [outside["with_padding"]], [outside["f1"]]),
    ]
    perplexities = [
        (plot.both("learnt by heart", "背诵"), known, unread),
        (plot.both("both directions", "双向"), both_ways.each("test_perplexity"), both_ways.each("honest_perplexity")),
    ]
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.2))
    labels = plot.both("as quoted", "常见说法"), plot.both("what the reader wants to know", "读者想知道的")
    for axes, pairs in zip(panels, (shares, perplexities), strict=True):
        names, quoted, wanted = zip(*pairs, strict=True)
        for place, (values, look, label) in enumerate(
            zip((quoted, wanted), (plot.LOOKS[1], plot.LOOKS[0]), labels, strict=True)
        ):
            unjoined = look | {"linestyle": "none"}
            plot.points(axes, plot.apart(range(len(names)), place, 2), values, unjoined, label)
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.5, len(names) - 0.5)
    panels[0].set(ylabel=plot.both("accuracy, BLEU, F1", "准确率、BLEU、F1"), ylim=(-0.04, 1.04))
    panels[1].set(ylabel=plot.both("perplexity", "困惑度"), yscale="log")
    plot.legend(figure)
    return {
        "quoted": Drawing(
            figure,
            Text(
                "The number as it is often quoted, and what the reader believes to see in it. Left: higher is better; "
                "right: lower is. How far apart are they? Mean and range over the seeds.",
                "常见说法中的数字，与读者以为自己看到的那个。左图越高越好，右图越低越好：两者相差多少？点为均值，线段为各种子的范围。",
            ),
        )
    }
