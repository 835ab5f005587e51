r"""Slot filling: a tag for each word, synchronous sequence to sequence (槽位填充: 同步的序列到序列; notes 001).

"arrive Taipei on November 2nd", "leave Taipei on November 2nd": is Taipei where the journey ends, or where it begins?
A network that sees a word alone cannot know; one that remembers the words before it can:
"台北"是目的地还是出发地？只看一个词的前馈网络无从判断；记得前文的循环网络可以：

.. math:: X_t = [e_{t-r}; \dots; e_{t+r}], \qquad H_t = f(X_t, H_{t-1}), \qquad \text{logits}_t = H_t W + b

Twelve models differ in f, in the window 2r + 1 and in the direction alone. They are chosen on dev, epoch by epoch, by
the F1 of chunks (块的 F1): a slot counts if its kind, its first and its last word are right. The share of right tags
(词级准确率) says little: of ATIS' words 63 % belong to no slot.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import slot_exhibits as exhibits
from chapter6.extras import slot_figures as figures
from chapter6.extras import slot_findings as findings
from chapter6.extras import slot_inspection as inspection
from chapter6.extras.cells_compared import class_of, count, make_layer
from chapter6.extras.presets.slots import NO_CELL
from chapter6.lab import result
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, train_all
from nndl.dataset import flights, slots
from nndl.dataset.tagged import Example, collate, encode, make_loader, tag_names, vocabulary_of
from nndl.dataset.tags import PAD, Sentence
from nndl.dataset.text import Vocabulary
from nndl.file import replacing
from nndl.metric.chunks import f1

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

# --- 数据 data ---


def load_corpus(name: str, folder: Path) -> dict[str, list[Sentence]]:
    """The sentences of train, dev and test. Raises NotPreparedError or DataError."""
    return flights.load(name) if name in flights.LANGUAGES else slots.load(name, folder)


def follow_into_batch(sentences: Sequence[Sentence], vocabulary: Vocabulary, names: Sequence[str]) -> dict[str, Any]:
    """Two sentences on their way into a batch: words, ids, tags, one length (从句子到批次)."""
    # 词 → 编号: 大写变小写, 数字变 0, 罕见词变 [UNK]; 标记 → 编号
    # words to ids: lower case, digits to 0 (5:30 and 7:45 are one word), a rare word to [UNK]; tags to ids
    examples = encode(sentences, vocabulary, names)
    # 补齐到同样长度: [PAD] 的编号都是 0   pad both to one length, with 0
    (ids, lengths), tags = collate(examples, max(len(words) for words, _ in sentences))
    return {
        "words": [list(words) for words, _ in sentences],
        "tags": [list(tags) for _, tags in sentences],
        "ids": ids.tolist(),
        "tag_ids": tags.tolist(),
        "lengths": lengths.tolist(),
    }


# --- 模型 models ---


class FeedForward(nn.Layer):
    """A hidden layer that sees one step alone, H_t = tanh(X_t W + b); called as a recurrent layer is (前馈网络)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden, self.output_size = nn.Linear(input_size, hidden_size), hidden_size

    def forward(self, X: Tensor, sequence_length: Tensor) -> tuple[Tensor, None]:
        # 没有 H_{t-1}: 每一步只看自己的 X_t   there is no H_{t-1}
        return F.tanh(self.hidden(X)), None


class Model(NamedTuple):
    """What a model's name stands for: its cell, and how many words it sees at a time, in which direction."""

    cell: str
    window: int = 1
    direction: str = "forward"
    num_layers: int = 1


FEED_FORWARD = "feed-forward"
MODELS = {
    # 前馈: 只看一个词   feed-forward: sees one word, or, with a window, its two neighbours on either side as well
    "feed-forward": Model(FEED_FORWARD),
    "feed-forward-5": Model(FEED_FORWARD, window=5),
    # Elman 网络, 即 SRN   反馈隐状态 the hidden state is fed back
    "Elman": Model("SRN"),
    "Elman-5": Model("SRN", window=5),
    # Jordan 网络   反馈输出 the output is fed back
    "Jordan": Model("Jordan"),
    # 深   "当然，它可以深…" of course it can be deep
    "DeepElman": Model("SRN", num_layers=2),
    # 双向   both directions: what comes after a word, too
    "BiElman": Model("SRN", direction="bidirectional"),
    # 门控   gates
    "GRU": Model("GRU"),
    "LSTM": Model("LSTM"),
    "BiLSTM": Model("LSTM", direction="bidirectional"),
    "BiLSTM-3": Model("LSTM", window=3, direction="bidirectional"),
    "BiGRU-3": Model("GRU", window=3, direction="bidirectional"),
}


def model_of(found: dict[str, Any]) -> Model:
    """What a result says of its model."""
    return Model(*(found[name] for name in Model._fields))


def layer_of(cell: str) -> Any:
    """What makes a layer of such cells, or of none. Raises SettingError for a cell without a class."""
    return FeedForward if cell == FEED_FORWARD else class_of(cell)


def make_model(settings: Any, cell: Any, num_words: int, num_tags: int) -> nn.Layer:
    """Embedding → window → layer → linear layer.

    Args:
        settings: a training, or another that has its values.
        cell: a class of cells, or :class:`FeedForward`.
        num_words, num_tags: the special ones among them.
    """
    M, D = settings.window * settings.input_size, settings.hidden_size
    if cell is FeedForward:
        layer = FeedForward(M, D)
    else:
        layer = make_layer(cell, M, D, num_layers=settings.num_layers, direction=settings.direction)
    return nndl.Tagger(
        num_words,
        num_tags,
        settings.input_size,
        layer,
        window=settings.window,
        # 丢弃; 词丢弃使 [UNK] 得到训练   dropout; by word dropout [UNK] is trained
        dropout=settings.dropout,
        word_dropout=settings.word_dropout,
    )


# --- 训练 training ---


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One model, by the five elements of machine learning (机器学习五要素)."""
    # 1 数据: 词表只来自训练集   data; the vocabulary is that of train alone
    corpus = load_corpus(training.corpus, training.data)
    vocabulary, names = vocabulary_of(corpus["train"], training.min_freq), tag_names(corpus)
    examples = {split: encode(sentences, vocabulary, names) for split, sentences in corpus.items()}
    # 长度相近的句子同批   sentences of like length share a batch
    train_loader = make_loader(examples["train"], training.batch_size, "bucket")
    dev_loader = list(make_loader(examples["dev"], inspection.AT_ONCE, "sorted"))
    # 2 模型   model
    model = make_model(training, training.make, len(vocabulary), len(names))
    # 3 学习准则: 每个词的交叉熵, 补齐不计   criterion: the cross entropy of each word, padding left out
    criterion = nn.CrossEntropyLoss(ignore_index=names.index(PAD))
    # 4 优化算法: Adam, 学习率按余弦降到 0   optimizer: Adam, its learning rate falls to 0 along a cosine
    steps = training.epochs * len(train_loader)
    rate = paddle.optimizer.lr.CosineAnnealingDecay(training.learning_rate, T_max=steps)
    optimizer = nndl.Adam(rate, parameters=model.parameters())
    # 5 评价指标: 块的 F1   metric: the F1 of chunks
    runner = nndl.RunnerV3(model, optimizer, criterion, nndl.ChunkF1(names))
    # 每回合后在验证集上评价, 保留最好的   evaluated on dev after each epoch; the best is kept
    plan = {"num_epochs": training.epochs, "eval_steps": len(train_loader)}
    curves = fit(runner, train_loader, dev_loader, folder, **plan, callbacks=[nndl.LearningRateSchedule(rate)])
    # 模型离开词表没有意义   without its vocabulary the model is worth nothing
    with replacing(folder / result.VOCABULARY) as temporary:
        vocabulary.save(temporary)
    return {
        **curves,
        **evaluate(inspection.tag(runner, examples["test"]), examples["test"], names),
        "dev_f1": runner.best_score,
        "vocabulary": vocabulary.fingerprint(),
        "tags": names,
        "parameters": count(model),
    }


# --- 评价 evaluation ---

ROLES = (("from_city", "fromloc.city_name"), ("to_city", "toloc.city_name"))
"""The kinds of slot that are an origin, and a destination, in the generated sentences and in ATIS (出发地、目的地)."""


def role_of(name: str) -> int:
    """Of a tag: 0 for an origin, 1 for a destination, 2 for anything else."""
    return next((role for role, kinds in enumerate(ROLES) if name[2:] in kinds), 2)


def evaluate(predicted: Sequence[np.ndarray], examples: Sequence[Example], names: Sequence[str]) -> dict[str, Any]:
    """How good tags are.

    Returns ``test_f1``; ``counts``, for each sentence the chunks that are right, predicted and true;
    ``token_accuracy``, the share of right tags; and ``roles`` [2][3], of the cities that are origins, and of those
    that are destinations, how many are taken for origins, destinations, or anything else.
    """
    true = [tags for _, tags in examples]
    metric = nndl.ChunkF1(names)
    counts = np.concatenate([metric.count(p[None], t[None]) for p, t in zip(predicted, true, strict=True)])
    # 所有句子的词, 接成一列   the words of all sentences in one row
    p, t = np.concatenate(predicted), np.concatenate(true)
    # 城市的第一个词: 真实的与预测的角色   the first word of each city: its true and its predicted role
    role, is_first = np.array([role_of(name) for name in names]), metric.begins[t]
    roles = np.zeros((3, 3), dtype=int)
    np.add.at(roles, (role[t[is_first]], role[p[is_first]]), 1)
    return {
        "test_f1": f1(counts),
        "counts": counts.tolist(),
        "token_accuracy": float(np.mean(p == t)),
        "roles": roles[:2].tolist(),
    }


# --- 实验 experiment ---


def check_data(run: Run) -> None:
    """Raise NotPreparedError or DataError for a corpus, SettingError for a cell that a run would stumble over."""
    if run.settings.cell != NO_CELL:
        class_of(run.settings.cell)
    if run.settings.corpus in slots.SOURCES:
        slots.SOURCES[run.settings.corpus].fingerprint(run.data_dir / run.settings.corpus)


def training_of(run: Run, name: str, model: Model, seed: int) -> Training:
    """One training; what it is set by, and its name."""
    settings = run.settings
    recipe = {key: value for key, value in asdict(settings).items() if key != "models"}
    values = {**recipe, "model": name, **model._asdict(), "seed": seed}
    root = run.data_dir / settings.corpus
    # 生成的语料由代码决定, 代码已计入   generated sentences are made by code, which counts anyway
    mark = slots.SOURCES[settings.corpus].fingerprint(root) if settings.corpus in slots.SOURCES else ""
    title = f"{settings.corpus}-{name}-seed{seed}"
    return Training(train, title, values, root, mark, make=layer_of(model.cell))


def load_runner(found: dict[str, Any], num_words: int) -> nndl.RunnerV3:
    """The model that a training left, ready to tag."""
    model = make_model(SimpleNamespace(**found), layer_of(found["cell"]), num_words, len(found["tags"]))
    runner = nndl.RunnerV3(model, None, None, None)
    runner.load_model(Path(found["folder"]) / result.MODEL)
    return runner


def experiment(run: Run) -> dict[str, Any]:
    """Every model with every seed; then a look at what they say."""
    models = {name: MODELS[name] for name in run.settings.models}
    if run.settings.cell != NO_CELL:
        models[run.settings.cell] = Model(run.settings.cell)
    wanted = [training_of(run, name, model, seed) for name, model in models.items() for seed in range(run.seeds)]
    results = train_all(run, wanted)
    # 观察验证集上最好的种子   look at the seed that is best on dev
    corpus = load_corpus(run.settings.corpus, run.data_dir / run.settings.corpus)
    vocabulary, names = vocabulary_of(corpus["train"], run.settings.min_freq), tag_names(corpus)
    best = [max(results.where(model=name), key=lambda found: found["dev_f1"]) for name in models]
    runners = {found["model"]: load_runner(found, len(vocabulary)) for found in best}
    return {
        "trainings": results,
        "batch": follow_into_batch(corpus["train"][:2], vocabulary, names),
        **inspection.look(runners, run.settings.corpus, corpus["test"], vocabulary, names),
    }


# 结论与表   claims and tables: slot_findings.py; 图   figures: slot_figures.py
LESSON = Lesson(experiment, findings.claims, findings.tables, figures.figures, check_data, exhibits=exhibits.exhibits)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "slots", *sys.argv[1:]])
