r"""6.1 Recurrent networks and the modes of their use (循环神经网络及应用模式).

A network that reads each word by itself must give Taipei the same slot in both of these; a recurrent one need not:
逐词处理的前馈网络对下面两句中的 Taipei 只能给出同样的槽；循环网络则能区分：

    leave Taipei on November 2nd            arrive Taipei on November 2nd

.. math:: \text{前馈 feed-forward:}\; H_t = \tanh(X_t W + b) \qquad
          \text{循环 recurrent:}\; H_t = \tanh(X_t W + H_{t-1} U + b)

What is new is one term, the connection over time (时间步上的连接), with the same W, U, b at every step (权重共享).
One such layer serves in three modes (应用模式): sequence to class, synchronous and asynchronous sequence to sequence,
each on a task of sec_6_1_tasks.py that is learned in seconds.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, partial
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6 import sec_6_1_figures as figures
from chapter6 import sec_6_1_findings as findings
from chapter6 import sec_6_1_tasks as tasks
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, train_all
from nndl.dataset.batching import pad
from nndl.dataset.reading import TOKENIZERS
from nndl.dataset.text import PAD, SPECIAL, Vocabulary
from nndl.generate import generate
from nndl.model.last_state import last_state

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

# --- 词变成向量 words become vectors ---


def words_as_vectors() -> dict[str, Any]:
    """A word as a one-hot vector (独热向量), as long as the vocabulary, and as an embedding (嵌入), short and dense."""
    vocabulary = Vocabulary.of(Counter("leave taipei on november 2nd".split()))
    V, word = len(vocabulary), vocabulary.index["taipei"]
    E = nndl.Embedding(V, 3).W
    # 独热向量 S 中只有一个 1; SE 就是 E 的一行   in a one-hot vector S stands a single 1; SE is a row of E
    S = F.one_hot(paddle.to_tensor(word), V)
    return {"one_hot": S.tolist(), "product": (S @ E).tolist(), "row": E[word].tolist()}


# --- 权重共享 weights are shared over time ---


def count(layer: nn.Layer) -> int:
    """The number of parameters."""
    return sum(int(parameter.size) for parameter in layer.parameters())


def shared_weights(M: int = 8, D: int = 16, lengths: Sequence[int] = (5, 10, 20, 40)) -> list[dict[str, Any]]:
    """One SRN on sequences of several lengths, and a feed-forward layer from a whole sequence to as many units."""
    srn, found = nndl.SRN(M, D), []
    for L in lengths:
        X, H = paddle.randn([1, L, M]), paddle.zeros([1, D])
        # 按时间展开: 每一步都是同样的 W, U, b   unrolled in time: at every step the same W, U and b
        for t in range(L):
            H = paddle.tanh(X[:, t] @ srn.W + H @ srn.U + srn.b)
        _, states = srn(X)
        # 前馈网络读入整个序列: L·M 个输入, L·D 个单元   a feed-forward layer that reads all at once
        at_once, gap = nn.Linear(L * M, L * D), float((H - states[0]).abs().max())
        found.append({"length": L, "gap": gap, "recurrent": count(srn), "feed_forward": count(at_once)})
    return found


# --- 模型 models: one layer, three modes ---


class FeedForward(nn.Layer):
    """A layer without memory: X float [B, L, M] to H float [B, L, D], and no state."""

    def __init__(self, M: int, D: int) -> None:
        super().__init__()
        self.linear, self.output_size = nn.Linear(M, D), D

    def forward(self, X: Tensor) -> tuple[Tensor, None]:
        # H_t = tanh(X_t W + b), 缺少 H_{t-1} U   H_{t-1} U is missing
        return paddle.tanh(self.linear(X)), None


# H_t = tanh(X_t W + H_{t-1} U + b), 以及带门控的单元   and cells with gates; equations in nndl/op/cell.py
LAYERS = {"feed-forward": FeedForward, "SRN": nndl.SRN, "GRU": nndl.GRU, "LSTM": nndl.LSTM}


class Classifier(nn.Layer):
    """Sequence to class (序列到类别): words int64 [B, L] to scores float [B, C]."""

    def __init__(self, layer: nn.Layer, words: int, M: int, C: int) -> None:
        super().__init__()
        self.embedding, self.layer, self.linear = nndl.Embedding(words, M), layer, nn.Linear(layer.output_size, C)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        ids, lengths = inputs
        # Y = H_L V + c, 只用最后的状态, 它读过整个序列   the last state alone, which has read the whole sequence
        H = last_state(self.layer, self.layer(self.embedding(ids), sequence_length=lengths))
        return self.linear(H)


class Tagger(nn.Layer):
    """Synchronous sequence to sequence (同步的序列到序列): words int64 [B, L] to scores of their tags [B, L, C]."""

    def __init__(self, layer: nn.Layer, words: int, M: int, C: int) -> None:
        super().__init__()
        self.embedding, self.layer, self.linear = nndl.Embedding(words, M), layer, nn.Linear(layer.output_size, C)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        ids, _ = inputs
        # Y_t = H_t V + c, 每一步的状态都给出输出   every step's state gives an output
        H, _ = self.layer(self.embedding(ids))
        return self.linear(H)


class Translator(nn.Layer):
    """Asynchronous sequence to sequence (异步的序列到序列): words read [B, L] to scores of words written [B, T, C]."""

    def __init__(self, encoder: nn.Layer, decoder: nn.Layer, read: int, written: int, M: int) -> None:
        super().__init__()
        self.encoder, self.decoder, self.linear = encoder, decoder, nn.Linear(decoder.output_size, written)
        self.read, self.written = nndl.Embedding(read, M), nndl.Embedding(written, M)

    def encode(self, ids: Tensor, lengths: Tensor) -> Any:
        # H'_0 = H_L, 编码器最后的状态是解码器最初的状态   the encoder's last state is the decoder's first
        _, state = self.encoder(self.read(ids), sequence_length=lengths)
        return state

    def forward(self, inputs: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        ids, lengths, before = inputs
        # H'_t = f(Y_{t-1}, H'_{t-1}), 教师强制: Y_{t-1} 是正确的词   teacher forcing: Y_{t-1} is the right word
        H, _ = self.decoder(self.written(before), self.encode(ids, lengths))
        return self.linear(H)

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        # 应用时 Y_{t-1} 是自己写出的词   in use, Y_{t-1} is the word that it wrote itself
        H, state = self.decoder(self.written(ids.unsqueeze(1)), state)
        return self.linear(H[:, 0]), state


# --- 数据 data ---

SPLITS = {"class": tasks.opinion_splits, "synchronous": tasks.flight_splits, "asynchronous": tasks.numeral_splits}
"""The modes, and the task of each."""
BOS, EOS = "[BOS]", "[EOS]"
MOST_WRITTEN = 6  # 四位数字与 [EOS], 再多一步   four digits and [EOS], and one step more, to see who does not stop


def padded(rows: Iterable[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Rows of ids, filled up with [PAD], as one tensor [B, L], and their lengths [B] (补齐)."""
    rows = list(rows)
    ids, lengths = pad(rows, max(map(len, rows)))
    return paddle.to_tensor(ids), paddle.to_tensor(lengths)


class Data:
    """The examples of a mode, and the words that are read and written in train (词表)."""

    def __init__(self, mode: str, examples: int) -> None:
        self.mode, self.splits = mode, SPLITS[mode](examples)
        read, written = zip(*self.splits["train"], strict=True)
        marks = (*SPECIAL, BOS, EOS) if mode == "asynchronous" else SPECIAL
        self.read = Vocabulary.of(Counter(chain(*read)))
        self.written = Vocabulary.of(Counter(chain(*written)), marks)

    def batch(self, examples: Sequence[tasks.Example]) -> tuple[tuple[Tensor, ...], Tensor]:
        """X and y of examples; y is int64 [B, 1], [B, L] or [B, T]: what is written is one word, L or any number."""
        words, answers = zip(*examples, strict=True)
        ids, lengths = padded(map(self.read.encode, words))
        if self.mode != "asynchronous":
            return (ids, lengths), padded(map(self.written.encode, answers))[0]
        # [BOS] 1 0 5 是输入, 1 0 5 [EOS] 是目标: 何时结束也由网络决定
        # [BOS] 1 0 5 is fed, 1 0 5 [EOS] is to be said: the network decides when to stop, too
        before, _ = padded(self.written.encode([BOS, *answer]) for answer in answers)
        after, _ = padded(self.written.encode([*answer, EOS]) for answer in answers)
        return (ids, lengths, before), after


make_data = cache(Data)  # 每个进程只生成一次   made once a process

# --- 训练 training ---


def make_model(values: Any, data: Data) -> nn.Layer:
    """The model of a mode, with the layer that ``values["model"]`` names."""
    M, read, written = values["input_size"], len(data.read), len(data.written)
    layer = partial(LAYERS[values["model"]], M, values["hidden_size"])
    if data.mode == "asynchronous":
        return Translator(layer(), layer(), read, written, M)
    return {"class": Classifier, "synchronous": Tagger}[data.mode](layer(), read, M, written)


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One model, by the five elements of machine learning (机器学习五要素)."""
    # 1 数据   data: 训练集的各批次; 验证集一批   the batches of train, and dev in one
    data = make_data(training.mode, training.examples)
    examples, B = data.splits["train"], training.batch_size
    batches = [data.batch(examples[first : first + B]) for first in range(0, len(examples), B)]
    # 2 模型   model
    model = make_model(training.values, data)
    # 3 学习准则   criterion: 交叉熵, 不计补齐   cross-entropy, padding left out
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    # 4 优化算法   optimizer: Adam
    optimizer = nndl.Adam(training.learning_rate, parameters=model.parameters())
    # 5 评价指标   metric: 每个词的准确率   accuracy, of each word that is written
    runner = nndl.RunnerV3(model, optimizer, criterion, nndl.Accuracy(ignore_index=PAD))
    plan = {"num_epochs": training.epochs, "eval_steps": training.eval_steps}
    curves = fit(runner, batches, [data.batch(data.splits["dev"])], folder, **plan)
    # 评价: 训练集中没有的样本; 整个答案都对才算对   on examples that are not in train: is the whole answer right?
    accuracy, _ = runner.evaluate([data.batch(data.splits["test"])])
    answers = {split: answer(model, data, some) for split, some in data.splits.items() if split in tasks.TESTS}
    scores = {split: tasks.score(data.splits[split], found) for split, found in answers.items()}
    shown = [(*example, found) for example, found in zip(data.splits["test"][:4], answers["test"], strict=False)]
    curves |= {"dev_accuracy": runner.best_score, "test_accuracy": accuracy}
    return curves | {"parameters": count(model), "scores": scores, "shown": shown}


# --- 应用 in use ---


@paddle.no_grad()
def answer(model: nn.Layer, data: Data, examples: Sequence[tasks.Example]) -> list[list[str]]:
    """What a model says of the words of each example: a class, a tag for each, or other words."""
    model.eval()
    (ids, lengths, *_), _ = data.batch(examples)
    index, words = data.written.index, data.written.words
    if data.mode == "asynchronous":
        # 从 [BOS] 开始, 每次取最可能的词 (贪心), 直到 [EOS]   from [BOS] on the likeliest word each time, until [EOS]
        first = paddle.full([len(ids)], index[BOS], dtype="int64")
        found = generate(model.step, model.encode(ids, lengths), first, MOST_WRITTEN, end=index[EOS])
        return [list(takewhile(EOS.__ne__, (words[i] for i in row))) for row in found]
    found = model((ids, lengths)).argmax(axis=-1).numpy()
    return [[words[i] for i in np.ravel(row)[:length]] for row, length in zip(found, lengths.tolist(), strict=True)]


def look(result: dict[str, Any], sentences: Sequence[str]) -> dict[str, Any]:
    """What a trained tagger says of each word of some sentences: the probability of each tag; and what is unknown."""
    data = make_data(result["mode"], result["examples"])
    runner = nndl.RunnerV3(make_model(result, data), None, None, None)
    runner.load_model(Path(result["folder"]) / "best.pdparams")
    tags = data.written.words[len(SPECIAL) :]
    found = {"model": result["model"], "seed": result["seed"], "sentences": []}
    for words in map(TOKENIZERS["word"], sentences):
        # p = softmax(Y_t)
        scores = runner.predict(padded([data.read.encode(words)]))[0, :, len(SPECIAL) :]
        p = [dict(zip(tags, row, strict=True)) for row in F.softmax(scores).tolist()]
        unknown = [word not in data.read.index for word in words]
        found["sentences"].append({"words": words, "unknown": unknown, "p": p})
    return found


# --- 实验 experiment ---


def trainings(run: Run) -> list[Training]:
    """The three modes, and beside the recurrent tagger the feed-forward one; for each seed (多组训练)."""
    common = ("examples", "epochs", "batch_size", "learning_rate", "input_size", "hidden_size", "eval_steps")
    settings = {setting: getattr(run.settings, setting) for setting in common}
    cell, wanted = run.settings.cell, []
    for mode, model in [
        ("asynchronous", cell),
        ("class", cell),
        ("synchronous", cell),
        ("synchronous", "feed-forward"),
    ]:
        for seed in range(run.seeds):
            values = {"mode": mode, "model": model, "seed": seed, **settings}
            # 数据由代码生成, 代码已计入   the data are made by code, which counts anyway
            wanted.append(Training(train, f"{mode}-{model}-seed{seed}", values, run.data_dir, ""))
    return wanted


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    nndl.runtime.seed_everything(0)
    vectors, shared = words_as_vectors(), shared_weights()
    results = train_all(run, trainings(run))
    # 课程中的两句话, 以及读者自己的句子   the two sentences of the course, and the reader's own
    sentences = [*tasks.OF_THE_COURSE, run.settings.sentence]
    looks = [look(result, sentences) for result in results if result["mode"] == "synchronous"]
    return {"vectors": vectors, "shared": shared, "trainings": results, "looks": looks}


# 结论与表, 图   claims and tables, figures: sec_6_1_findings.py, sec_6_1_figures.py
LESSON = Lesson(experiment, findings.claims, findings.tables, figures.figures)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "6.1", *sys.argv[1:]])
