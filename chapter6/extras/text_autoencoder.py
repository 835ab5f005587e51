r"""A sequence autoencoder of text: a sentence to a code, the code to the sentence (文本的序列自编码器).

To understand a sentence is not to know its words alone. Two of the same words (notes of H.-Y. Lee's course):
理解一个句子，不能忽视词的顺序。词完全相同的两句（李宏毅课程）：

- white blood cells destroying an infection (positive 正面);
- an infection destroying white blood cells (negative 负面).

An encoder reads the sentence and leaves one vector, the code; a decoder that is given nothing else must write the
sentence again. Nobody tells the model which sentence is good news; it must keep the order to be able to repeat it.
编码器读完句子只留下一个向量，即编码；解码器仅凭它重写原句。没有人告诉模型哪句是好消息，但要重写，就必须记住词序。

.. math:: c = \mathrm{encoder}(x_1 \dots x_L), \qquad s_0 = \tanh(W_0 c + b_0), \qquad s_t = f([x_{t-1}; c], s_{t-1})

Does the code tell who destroys whom? A linear classifier on the codes, and the same on bags of words, of sentences
that neither has seen. 编码能否说明谁消灭谁？在编码上与在词袋上各训练一个线性分类器，用都没见过的句子检验。
"""

import sys
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import text_findings as findings
from chapter6.extras.cells_compared import class_of, make_layer
from chapter6.extras.presets.autoencoder import HELD_OUT
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, train_all
from nndl.dataset import twins
from nndl.dataset.pairs import EOS, PairLoader, collate, encode, until_end, vocabularies
from nndl.dataset.text import PAD
from nndl.error import SettingError
from nndl.generate import generate, greedy
from nndl.metric.whole import WholeAccuracy
from nndl.model.seq2seq import Seq2Seq
from nndl.needed import needed

import numpy as np
import paddle
from paddle import nn

# --- 数据 data ---

DATA_SEED = 0  # 各种子的句子相同   every seed has the same sentences


def make_sentences(pairs: int) -> dict[str, list[twins.Sentence]]:
    """The sentences of train, dev and test, twins side by side."""
    return twins.make(DATA_SEED, {"train": pairs, **HELD_OUT})


def make_vocabularies(sentences: dict[str, list[twins.Sentence]]) -> tuple[Any, Any]:
    """Those of what is read and of what is written; the words are the same."""
    return vocabularies([(s.words, s.words) for s in sentences["train"]])


def bags(sentences: list[twins.Sentence], vocabulary: Any) -> np.ndarray:
    """How often each word is in each sentence: the bag of words (词袋), float [N, V]."""
    found = np.zeros([len(sentences), len(vocabulary)])
    for row, sentence in zip(found, sentences, strict=True):
        np.add.at(row, vocabulary.encode(sentence.words), 1)
    return found


# --- 模型 model ---


def make_model(training: Training, source: int, target: int) -> Seq2Seq:
    """Kind "every": what the decoder learns of the sentence is the code c alone, which it is given at every step."""
    M, D = training.input_size, training.hidden_size
    return Seq2Seq(source, target, M, D, "every", lambda M, D, **how: make_layer(training.make, M, D, **how))


@paddle.no_grad()
def code_of(model: Seq2Seq, source: paddle.Tensor, lengths: paddle.Tensor) -> np.ndarray:
    """The code of each sentence, float [B, 2D]: the last states of the encoder's two directions side by side."""
    # c = [h→_L; h←_1]
    c, *_ = model.start(source, lengths)
    return c.squeeze(1).numpy()


def codes_of(model: Seq2Seq, ids: dict[str, Any]) -> dict[str, np.ndarray]:
    """The codes of all sentences of train and test."""
    return {split: code_of(model, *collate(ids[split])[0][:2]) for split in ("train", "test")}


def rebuild(model: Seq2Seq, batch: Any, vocabulary: Any) -> list[list[str]]:
    """What the decoder writes, word by word, from the codes alone."""
    (source, lengths, words), labels = batch
    ids = generate(model.step, model.start(source, lengths), words[:, 0], labels.shape[1], greedy, EOS)
    return [until_end(row, vocabulary) for row in ids]


# --- 训练 training ---


def train_autoencoder(training: Training, folder: Path) -> dict[str, Any]:
    """One autoencoder, by the five elements of machine learning (机器学习五要素)."""
    # 1 数据: 读入的就是要写出的   data: what is read is what is to be written
    sentences = make_sentences(training.pairs)
    vocabulary = make_vocabularies(sentences)
    ids = {split: encode([(s.words, s.words) for s in some], *vocabulary) for split, some in sentences.items()}
    train_loader = PairLoader(ids["train"], training.batch_size)
    dev_loader, test_loader = ([collate(ids[split])] for split in HELD_OUT)
    # 2 模型   model
    model = make_model(training, *map(len, vocabulary))
    # 对照: 训练之前的编码   for comparison: the codes before any training
    untrained = codes_of(model, ids)
    # 4 优化算法: Adam, 学习率按余弦降到 0, 截断梯度   optimizer: the rate falls to 0 along a cosine; clipped gradients
    epochs = -(-training.steps // len(train_loader))
    rate = paddle.optimizer.lr.CosineAnnealingDecay(training.learning_rate, T_max=epochs * len(train_loader))
    clip = nn.ClipGradByGlobalNorm(training.clip_at)
    optimizer = nndl.Adam(rate, parameters=model.parameters(), grad_clip=clip)
    # 3 学习准则: 每个词的交叉熵, 不计补齐   criterion: the cross entropy of each word, padding left out
    loss = nn.CrossEntropyLoss(ignore_index=PAD)
    # 5 评价指标: 整句的准确率   metric: the accuracy of whole sentences
    runner = nndl.RunnerV3(model, optimizer, loss, WholeAccuracy(ignore_index=PAD))
    callbacks, steps = [nndl.LearningRateSchedule(rate)], training.eval_steps
    curves = fit(runner, train_loader, dev_loader, folder, num_epochs=epochs, eval_steps=steps, callbacks=callbacks)

    # 检验: 全部用没见过的句子   tested on sentences that were never seen
    model.eval()
    test, _ = runner.evaluate(test_loader)
    found = {"dev_accuracy": runner.best_score, "test_accuracy": test}
    # 编码, 词袋, 未训练的编码: 各训练一个线性分类器   codes, bags, untrained codes: a linear classifier on each
    codes = codes_of(model, ids)
    labels = {split: np.array([s.label for s in sentences[split]]) for split in codes}
    words = {split: bags(sentences[split], vocabulary[0]) for split in codes}
    representations = {"code": codes, "bag": words, "untrained": untrained}
    scores = {kind: classify(X, labels["train"]) for kind, X in representations.items()}
    found |= {f"{kind}_accuracy": float(((z > 0) == labels["test"]).mean()) for kind, z in scores.items()}
    # 仅凭编码重写: 整句与逐词   written again from the codes alone: words that are right
    rebuilt = rebuild(model, test_loader[0], vocabulary[1])
    found["words_right"] = share_of_words(rebuilt, [s.words for s in sentences["test"]])
    found["twins"] = twin_distances(codes["test"], words["test"])
    points = np.stack([scores["code"], main_direction(codes["test"])], axis=1)
    found["points"] = points[: 2 * findings.SHOWN].tolist()
    return curves | found | {"own": compare_own(model, training, vocabulary)}


def classify(X: dict[str, np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Logistic regression (逻辑回归) learned on train: its logits on test, float [N], above 0 for label 1."""
    with needed("scikit-learn", "the classifier of codes"):
        from sklearn.linear_model import LogisticRegression

    # z = w·x + b, 线性分类器   a linear classifier
    return LogisticRegression(max_iter=1000).fit(X["train"], labels).decision_function(X["test"])


def share_of_words(rebuilt: list[list[str]], true: list[list[str]]) -> float:
    """The share of words that stand where they should."""
    right = [a == b for ours, theirs in zip(rebuilt, true, strict=True) for a, b in zip(ours, theirs, strict=False)]
    return sum(right) / sum(map(len, true))


def twin_distances(codes: np.ndarray, words: np.ndarray) -> dict[str, float]:
    """The mean distance of twins' codes, that of any two sentences', and that of the twins' bags of words."""
    return {
        "codes": float(np.linalg.norm(codes[0::2] - codes[1::2], axis=1).mean()),
        # 相隔半个测试集的两句, 互不相干   half the test set apart, so they have nothing to do with each other
        "any": float(np.linalg.norm(codes - np.roll(codes, len(codes) // 2, axis=0), axis=1).mean()),
        "bags": float(np.linalg.norm(words[0::2] - words[1::2], axis=1).max()),
    }


def main_direction(codes: np.ndarray) -> np.ndarray:
    """The codes along the direction in which they differ most (第一主成分, PCA): float [N]."""
    centred = codes - codes.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return centred @ directions[0]


def compare_own(model: Seq2Seq, training: Training, vocabulary: tuple[Any, Any]) -> dict[str, Any]:
    """The two sentences of the settings: what becomes of each, and how far apart their codes are."""
    pairs = [(training.first.split(), training.first.split()), (training.second.split(), training.second.split())]
    batch = collate(encode(pairs, *vocabulary))
    codes = code_of(model, *batch[0][:2])
    rebuilt = [" ".join(words) for words in rebuild(model, batch, vocabulary[1])]
    return {"rebuilt": rebuilt, "distance": float(np.linalg.norm(codes[0] - codes[1]))}


# --- 实验 experiment ---

COMMON = (
    *("pairs", "cell", "steps", "batch_size", "learning_rate", "clip_at", "input_size", "hidden_size", "eval_steps"),
    *("first", "second"),
)


def check_data(run: Run) -> None:
    """Raise SettingError for a cell without a class, or a word of the reader's own that no generated sentence holds."""
    class_of(run.settings.cell)
    source, _ = make_vocabularies(make_sentences(run.settings.pairs))
    for name in ("first", "second"):
        if unknown := [word for word in getattr(run.settings, name).split() if word not in source.index]:
            some = ", ".join(source.words[len(source.special) :][:12])
            raise SettingError(f"{name}: the word {unknown[0]!r} is unknown; expected words such as {some}")


def experiment(run: Run) -> dict[str, Any]:
    """One autoencoder a seed."""
    settings = {name: getattr(run.settings, name) for name in COMMON}
    wanted = [
        Training(
            train_autoencoder,
            f"autoencoder-seed{seed}",
            {"seed": seed, **settings},
            run.data_dir,
            "",  # 数据由代码生成, 代码已计入   the data are made by code, which counts anyway
            make=class_of(run.settings.cell),
        )
        for seed in range(run.seeds)
    ]
    return {"trainings": train_all(run, wanted)}


# 结论、表与图   claims, tables and figures: text_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures, check_data)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "autoencoder", *sys.argv[1:]])
