"""What section 6.7 found (文本分类实验的结论): verdicts and tables, from the record alone."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same

BOOK_TURN = 200 * 128 / 25_000
"""When the dev loss of the book's model turns up, in epochs: after 200 steps of 128 reviews, of 25,000."""
SAME = 1e-5
"""How far two computations of the same logits may differ."""
SMALL = Text("the small synthetic corpus", "小型合成语料")
CORPORA = {"imdb": same("IMDB"), "small": SMALL, "own": Text("the reader's own corpus", "自备语料")}

# --- 结论 claims ---


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record, and two of ours: padding and word order."""
    results = of_first_depth(record)
    judged = {"imdb": _book_claims, "small": _small_claims, "own": _own_claims}[record.metrics["corpus"]]
    return [*judged(results), padding_claim(record.metrics["padding"]), word_order_claim(record.results("word_order"))]


def _book_claims(results: Results) -> list[Claim]:
    saturation = saturation_claim(results, [at_book_turn(result) for result in results])
    return [turn_claim(results), overfitting_claim(results), saturation, accuracy_claim(results)]


RISE, LEARNED = 0.05, 0.75
"""On the small corpus: what a dev loss that turned has risen by, and a test accuracy far above guessing."""


def _small_claims(results: Results) -> list[Claim]:
    """The book's claims as the small corpus can show them: its accuracy is its own."""
    accuracies = results.each("test_accuracy")
    learned = Claim(
        "accuracy",
        Text(
            f"the LSTM learns the task (test accuracy at least {LEARNED})",
            f"LSTM 学会了这一任务（测试准确率不低于 {LEARNED}）",
        ),
        same(mean_and_spread(accuracies, 3)),
        [[accuracy - LEARNED for accuracy in accuracies]],
    )
    return [*_turning_claims(results), learned]


def _own_claims(results: Results) -> list[Claim]:
    """Of the reader's corpus nobody knows what can be reached: the claim is that more than guessing is."""
    accuracies, counts = results.each("test_accuracy"), [sum(row) for row in results[0]["confusion"]]
    share = max(counts) / sum(counts)
    learned = Claim(
        "accuracy",
        Text(
            "the LSTM is right more often than who always says the most frequent label",
            "LSTM 的测试准确率高于一律回答最常见标签",
        ),
        Text(
            f"test accuracy {mean_and_spread(accuracies, 3)} against {share:.3f}",
            f"测试准确率 {mean_and_spread(accuracies, 3)}，最常见标签占 {share:.3f}",
        ),
        [[accuracy - share for accuracy in accuracies]],
    )
    return [*_turning_claims(results), learned]


def _turning_claims(results: Results) -> list[Claim]:
    """The book's about overfitting, on a corpus that turns where it turns."""
    lowest = [min(range(len(r["dev_losses"])), key=lambda i, r=r: r["dev_losses"][i][1]) for r in results]
    at = [(r, r["dev_losses"][i]) for r, i in zip(results, lowest, strict=True)]
    rise = [r["dev_losses"][-1][1] - loss for r, (_, loss) in at]
    fall = [train_loss(r, step) - train_loss(r, r["step_losses"][-1][0]) for r, (step, _) in at]
    turns = [turn(result) for result in results]
    shown, change = mean_and_spread(turns), f"{mean_and_spread(rise)}, {mean_and_spread([-f for f in fall])}"
    return [
        Claim(
            "turn",
            Text("the dev loss turns up within the training", "验证集损失在训练中途回升"),
            Text(f"lowest after {shown} of {results[0]['epochs']} epochs", f"在 {shown} 回合后最低"),
            [[0.9 * results[0]["epochs"] - turn for turn in turns]],
        ),
        Claim(
            "overfitting",
            Text(
                f"from there the train loss falls while the dev loss rises, by more than {RISE} (overfitting)",
                f"此后训练损失继续下降而验证集损失上升超过 {RISE}（过拟合）",
            ),
            Text(f"change of dev, of train: {change}", f"验证集与训练集的变化：{change}"),
            [[value - RISE for value in rise], fall],
        ),
        saturation_claim(results, lowest),
    ]


def of_first_depth(record: Record) -> Results:
    """The trainings that claims and figures are about, one a seed."""
    return record.results().where(num_layers=record.settings["num_layers"][0])


def turn_claim(results: Results) -> Claim:
    turns = [turn(result) for result in results]
    return Claim(
        "turn",
        Text(
            "the dev loss turns up after about 200 of the book's steps, one epoch (between 0.5 and 1.5 epochs)",
            "验证集损失约在书中 200 步（约一回合）后回升（0.5 至 1.5 回合之间）",
        ),
        Text(f"lowest after {mean_and_spread(turns)} epochs", f"在 {mean_and_spread(turns)} 回合后最低"),
        [[turn - 0.5 for turn in turns], [1.5 - turn for turn in turns]],
    )


def turn(result: dict[str, Any]) -> float:
    """When the dev loss is lowest, in epochs."""
    step, _ = min(result["dev_losses"], key=lambda point: point[1])
    return (step + 1) / result["steps_per_epoch"]


def overfitting_claim(results: Results) -> Claim:
    """From the book's turn to the end: dev loss up, train loss down."""
    dev, train = [], []
    for result in results:
        step, loss = result["dev_losses"][at_book_turn(result)]
        dev.append(result["dev_losses"][-1][1] - loss)
        train.append(train_loss(result, result["step_losses"][-1][0]) - train_loss(result, step))
    return Claim(
        "overfitting",
        Text(
            "from there to the end the train loss falls while the dev loss rises (overfitting)",
            "此后训练损失继续下降而验证集损失上升（过拟合）",
        ),
        Text(
            f"change from epoch 1 to the end: train {mean_and_spread(train)}, dev {mean_and_spread(dev)}",
            f"从第 1 回合到结束的变化：训练 {mean_and_spread(train)}，验证 {mean_and_spread(dev)}",
        ),
        [dev, [-change for change in train]],
    )


def at_book_turn(result: dict[str, Any]) -> int:
    """The dev evaluation nearest to where the book's model turned: its index."""
    turn = BOOK_TURN * result["steps_per_epoch"]
    steps = [step for step, _ in result["dev_losses"]]
    return min(range(len(steps)), key=lambda i: abs(steps[i] - turn))


def train_loss(result: dict[str, Any], around: float) -> float:
    """The mean training loss of the twentieth of the training around this step."""
    width = max(1, len(result["step_losses"]) // 40)
    return fmean(loss for step, loss in result["step_losses"] if abs(step - around) <= width)


def saturation_claim(results: Results, turns: Sequence[int]) -> Claim:
    """What the accuracy gains after the turn, the number of an evaluation for each training."""
    claim = Text(
        "the dev accuracy saturates about there (it gains less than 0.02 afterwards)",
        "验证集准确率约在此处饱和（此后提高不到 0.02）",
    )
    if results[0]["keep"] == "loss":
        measured = Text("not followed with --keep loss: the score is the loss", "--keep loss 时评价的是损失，未记录")
        return Claim("saturation", claim, measured, None)
    gains = [max(r["dev_scores"]) - max(r["dev_scores"][: i + 1]) for r, i in zip(results, turns, strict=True)]
    measured = Text(f"gain {mean_and_spread(gains, 3)}", f"提高 {mean_and_spread(gains, 3)}")
    return Claim("saturation", claim, measured, [[0.02 - gain for gain in gains]])


def accuracy_claim(results: Results) -> Claim:
    accuracies = results.each("test_accuracy")
    return Claim(
        "accuracy",
        Text("the test accuracy reaches about 0.86 (at least 0.85)", "测试集准确率达到约 0.86（不低于 0.85）"),
        same(mean_and_spread(accuracies, 3)),
        [[accuracy - 0.85 for accuracy in accuracies]],
    )


def padding_claim(padding: dict[str, float]) -> Claim:
    worst = max(padding[name] for name in ("forward", "reverse", "logits"))
    untold = padding["logits_without_length"]
    return Claim(
        "padding",
        Text(
            "padding changes no prediction: a review alone, in a longer batch, padded by hand, in both directions",
            "补齐不影响预测：单独、放入更长的批、手工补齐，两个方向结果相同",
        ),
        Text(
            f"largest difference {worst:.0e} (allowed {SAME:.0e}); without sequence_length it would be {untold:.0e}",
            f"最大误差 {worst:.0e}（允许 {SAME:.0e}）；若不给出 sequence_length 则为 {untold:.0e}",
        ),
        worst <= SAME,
    )


def word_order_claim(results: Results) -> Claim:
    lstm, bag = (results.where(num_layers=depth).each("test_accuracy") for depth in (1, 0))
    return Claim(
        "word_order",
        Text(
            "word order matters: on the small corpus the LSTM beats a bag of words by more than 0.1",
            "词序重要：在小型语料上 LSTM 比词袋模型高 0.1 以上",
        ),
        Text(
            f"test accuracy {mean_and_spread(lstm)} against {mean_and_spread(bag)}",
            f"测试集准确率 {mean_and_spread(lstm)}，词袋 {mean_and_spread(bag)}",
        ),
        [[a - b - 0.1 for a, b in zip(lstm, bag, strict=True)]],
    )


# --- 表 tables ---


def tables(record: Record) -> list[Table]:
    """The numbers of the report."""
    return [
        sizes_table(record),
        batch_table(record),
        shapes_table(record),
        accuracy_table(record),
        loss_table(record),
        word_order_table(record),
    ]


def sizes_table(record: Record) -> Table:
    """How many reviews bear each label, and how far chance moves an accuracy on so many."""
    sizes, name = record.metrics["sizes"], corpus_name(record)
    rows: list[list[Text | str]] = [[label, *(f"{n:,}" for n in of.values())] for label, of in sizes.items()]
    tested = sum(of["test"] for of in sizes.values())
    # 两倍标准差, 以 p = 1/2 为上限   twice the standard deviation of a share p of N: 2 √(p (1 − p) / N) ≤ 1 / √N
    chance = tested**-0.5
    note = Text(
        f"An accuracy on {tested:,} reviews of test moves by chance by up to ±{chance:.3f} (twice its standard "
        "deviation): smaller differences say nothing about other reviews.",
        f"测试集有 {tested:,} 条，准确率的偶然波动可达 ±{chance:.3f}（两倍标准差），更小的差异不足以推及其他影评。",
    )
    header = [Text("label", "标签"), Text("train", "训练集"), Text("dev", "验证集"), Text("test", "测试集")]
    return Table(Text(f"Reviews: {name.en}", f"影评：{name.zh}"), header, rows, note)


def corpus_name(record: Record) -> Text:
    """What it is called in a title; the reader's own by its file."""
    name = record.metrics["corpus"]
    return same(Path(record.settings["corpus"]).name) if name == "own" else CORPORA[name]


def batch_table(record: Record) -> Table:
    batch = record.metrics["batch"]
    rows = [
        [" ".join(words), " ".join(map(str, ids)), " ".join(map(str, row)), str(length)]
        for words, ids, row, length in zip(*(batch[name] for name in ("words", "ids", "batch", "lengths")), strict=True)
    ]
    header = [
        Text("words", "词"),
        Text("ids", "编号"),
        Text("row of the batch", "批次中的一行"),
        Text("length", "长度"),
    ]
    note = Text(
        "1 is [UNK], a word that the vocabulary does not have; 0 is [PAD]; a review longer than a row is truncated.",
        "1 为 [UNK]，即词表外的词；0 为 [PAD]；比一行长的影评被截断。",
    )
    return Table(Text("Two reviews on their way into a batch", "从影评到批次"), header, rows, note)


def shapes_table(record: Record) -> Table:
    model = record.metrics["model"]
    rows = [[name, " × ".join(map(str, shape))] for name, shape in model["shapes"].items()]
    note = Text(
        f"B = 2, M = 4, D = 3; the pooling by its equation differs from the model's by {model['difference']:.0e}.",
        f"B = 2，M = 4，D = 3；按公式计算的汇聚与模型相差 {model['difference']:.0e}。",
    )
    return Table(Text("This batch through the model", "批次经过模型各层"), ["", Text("shape", "形状")], rows, note)


HEADER = [
    Text("model", "模型"),
    Text("dev", "验证集"),
    Text("test", "测试集"),
    Text("ensemble", "集成"),
    Text("seconds", "秒"),
]


def accuracy_table(record: Record) -> Table:
    results, direction, every = record.results(), record.settings["direction"], record.settings["eval_steps"]
    rows = [_row(_lstm(direction, depth), results.where(num_layers=depth)) for depth in record.settings["num_layers"]]
    words, steps = results[0]["vocabulary_size"], results[0]["steps_per_epoch"]
    note = Text(
        f"Vocabulary {words:,}; an epoch has {steps} steps; the dev set is evaluated every {every} steps and at the "
        "end (the book: every 10). Ensemble: test accuracy of the sum of the seeds' logits; seconds: of a training.",
        f"词表 {words:,}；一回合 {steps} 步；每 {every} 步及结束时评价验证集（书中每 10 步）。"
        "集成：各种子对数几率之和的测试准确率；秒：每次训练用时。",
    )
    corpus = corpus_name(record)
    return Table(Text(f"Accuracy: {corpus.en}", f"准确率：{corpus.zh}"), HEADER, rows, note)


def loss_table(record: Record) -> Table:
    """What the accuracy does not show: the model that is best by accuracy is not the one that is best by loss."""
    header = [
        Text("model", "模型"),
        Text("lowest dev loss", "最低验证损失"),
        Text("test loss of the model kept", "所保留模型的测试损失"),
    ]
    rows = []
    for (name, *_), depth in zip(accuracy_table(record).rows, record.settings["num_layers"], strict=True):
        results = record.results().where(num_layers=depth)
        lowest = [min(loss for _, loss in losses) for losses in results.each("dev_losses")]
        rows.append([name, mean_and_spread(lowest, 3), mean_and_spread(results.each("test_loss"), 3)])
    note = Text(
        "By accuracy, as in the book, a model may be kept from after the dev loss has turned: its loss is then above "
        "the lowest, for it is surer, and a wrong answer costs more. `--keep loss` keeps that of the lowest dev loss "
        "(early stopping).",
        "书中按准确率保留模型，可能选中验证集损失回升之后的：其损失高于最低值，因为它更自信，一旦答错代价更大。"
        "`--keep loss` 则保留验证集损失最低的模型（提前停止）。",
    )
    return Table(Text("Cross entropy: how sure is the model?", "交叉熵：模型有多自信？"), header, rows, note)


def word_order_table(record: Record) -> Table:
    results = record.results("word_order")
    names = {1: _lstm("bidirectional", 1), 0: Text("bag of words", "词袋")}
    rows = [_row(name, results.where(num_layers=depth)) for depth, name in names.items()]
    title = Text(f"Does word order matter? {SMALL.en}", f"词序是否重要？{SMALL.zh}")
    reviews, epochs = results[0]["train_reviews"], results[0]["epochs"]
    note = Text(f"Trained on {reviews:,} reviews, {epochs} epochs.", f"用 {reviews:,} 条影评训练 {epochs} 回合。")
    return Table(title, HEADER, rows, note)


def _lstm(direction: str, depth: int) -> Text:
    kind = {"forward": "单向", "bidirectional": "双向"}[direction]
    return Text(f"{direction} LSTM, {depth} layer{'s' * (depth > 1)}", f"{kind} LSTM，{depth} 层")


def _row(name: Text, results: Results) -> list[Text | str]:
    # 集成: 各种子的对数几率之差相加   ensemble: right if each margin, added up over the seeds, is above zero
    reviews = zip(*results.each("margins"), strict=True)
    together = fmean(all(sum(other) > 0 for other in zip(*margins, strict=True)) for margins in reviews)
    accuracies = [mean_and_spread(results.each(f"{split}_accuracy"), 3) for split in ("dev", "test")]
    return [name, *accuracies, f"{together:.3f}", f"{fmean(results.each('seconds')):.0f}"]
