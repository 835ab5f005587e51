r"""Recognition with CTC: many to many, with a shorter output (多对多，输出较短：连接时序分类).

A strip of handwritten digits has some sixty columns, a spoken string some hundred frames; its labels are three to five
digits. Nobody says which column belongs to which digit, and to mark it by hand would cost more than the labels did. The
answer of the course: one more symbol, the blank φ, and train on ALL alignments at once:
一条手写数字约有六十列，一段语音约有一百帧，标签却只有三至五个数字，且没有人标出哪一列属于哪个数字。课程给出的办法：增加
一个表示"空"的符号 φ，训练时穷举所有的对齐方式：

.. math:: p(y \mid X) = \sum_{\pi:\, B(\pi) = y} \; \prod_t p_t(\pi_t), \qquad \text{loss} = -\log p(y \mid X)

Figures: all alignments of a small example; the posterior over a strip, which spikes (尖峰); error against steps.
Claims: the sum over the alignments is exp(-loss); beam search can find what the best path cannot; label error; spikes.
"""

import sys
from dataclasses import asdict
from itertools import pairwise, product
from math import exp, prod
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import ctc_exhibits as exhibits
from chapter6.extras import ctc_figures as figures
from chapter6.extras import ctc_findings as findings
from chapter6.extras.cells_compared import class_of, count, make_layer
from chapter6.extras.presets.ctc import Ctc
from chapter6.lab import result
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, train_all
from nndl.ctc import BLANK, best_path, collapse, prefix_beam
from nndl.dataset import audio, digit_strips, spoken_digits
from nndl.dataset.unaligned import NUM_DIGITS, Example, collate, make_loader, written

import numpy as np
import paddle
from paddle import nn

# --- 空白与折叠: 穷举一个小例子的所有对齐 the blank, collapsing, and all alignments of a small example ---

# 三步, 每步 φ, a, b 的概率   three steps, and at each the probabilities of φ, a and b
P = [[0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.3, 0.1, 0.6]]
SYMBOLS, WANTED = "φab", [1, 2]  # 要输出 ab   "ab" is wanted


def spell(symbols: Any) -> str:
    """Symbols of the example as it writes them, such as "aφb"."""
    return "".join(SYMBOLS[s] for s in symbols)


def enumerate_alignments() -> dict[str, Any]:
    """Every path of three symbols that collapses to "ab", its probability, and their sum, found in three ways."""
    alignments = []
    for path in product(range(3), repeat=3):  # 3³ = 27 条路径   paths
        # B(π): 先合并相邻的重复, 再去掉 φ   first merge equal neighbours, then drop φ: B(aφb) = B(aab) = ab
        if collapse(path) == WANTED:
            # 路径的概率是各步概率之积   a path's probability is the product over its steps: Π_t p_t(π_t)
            alignments.append((spell(path), prod(p[s] for p, s in zip(P, path, strict=True))))
    # 损失: 飞桨由 logits 计算, 内含 softmax, 而 softmax(log p) = p   Paddle's loss takes logits: softmax(log p) = p
    logits, y = paddle.to_tensor([np.log(P).tolist()]), paddle.to_tensor([WANTED], dtype="int32")
    loss = float(nndl.CTCLoss()((logits, [3]), (y, [2])))
    return {
        "alignments": alignments,
        "sum": sum(p for _, p in alignments),
        "forward": forward(P, WANTED),
        "exp_of_loss": exp(-loss),
    }


def forward(p: Any, y: list[int]) -> float:
    r"""The same sum without enumerating: the forward algorithm (前向算法), T · (2U + 1) numbers in the place of V^T.

    .. math:: \alpha_t(s) = p_t(z_s)\,\big(\alpha_{t-1}(s) + \alpha_{t-1}(s-1)
              + [z_s \ne \varphi,\, z_s \ne z_{s-2}]\,\alpha_{t-1}(s-2)\big)
    """
    # 标签之间及两端插入 φ: z = φ a φ b φ   a blank between all labels and at both ends
    z = [BLANK, *(symbol for label in y for symbol in (label, BLANK))]
    # 从第一个 φ 或第一个标签开始   a path begins with the first blank or the first label
    alpha = [p[0][symbol] if s < 2 else 0.0 for s, symbol in enumerate(z)]
    for row in p[1:]:
        # 停留, 前进一格, 或越过 φ (两侧标签不同时)   stay, go on by one, or skip a φ, where the labels beside it differ
        stay, step = alpha, [0.0, *alpha[:-1]]
        skip = [alpha[s - 2] if s > 1 and z[s] not in (BLANK, z[s - 2]) else 0.0 for s in range(len(z))]
        alpha = [row[symbol] * (a + b + c) for symbol, a, b, c in zip(z, stay, step, skip, strict=True)]
    # 以最后的标签或最后的 φ 结束   it ends with the last label or the last blank
    return sum(alpha[-2:])


# --- 解码 decoding ---


def decode_by_hand() -> dict[str, Any]:
    """Two steps, φ .6 and a .4 at each: the likeliest path is no path of the likeliest labelling."""
    p = [[0.6, 0.4], [0.6, 0.4]]
    labellings: dict[str, float] = {}
    for path in product(range(2), repeat=2):
        # φφ .36 折叠为空; aφ, φa 各 .24 与 aa .16 都折叠为 a, 共 .64   three paths, none the likeliest, make a likelier
        y = spell(collapse(path))
        labellings[y] = labellings.get(y, 0.0) + p[0][path[0]] * p[1][path[1]]
    logits = np.log(p)
    (found, log_p), *_ = prefix_beam(logits)
    # 最佳路径: 每步取概率最大的符号   the best path takes the likeliest symbol of each step
    return {
        "labellings": labellings,
        "best_path": spell(best_path(logits)),
        "prefix_beam": spell(found),
        "probability": exp(log_p),
    }


# --- 数据 data ---

NUM_FEATURES = {"strips": digit_strips.HEIGHT, "fsdd": audio.NUM_MELS}


def make_examples(training: Training) -> dict[str, list[Example]]:
    """The strings of train, dev and test; of spoken digits also those of a speaker who is in none of these."""
    sizes = {"train": training.strings, "dev": training.held_out, "test": training.held_out}
    if training.corpus == "strips":
        # 三个部分的图像互不相同   the three parts are made of different images
        return {split: digit_strips.make(split, N, tuple(training.digits), training.seed) for split, N in sizes.items()}
    recordings = spoken_digits.load(training.data)
    # 每个种子留出一位说话人, 训练时从未听到   each seed leaves out one speaker, never heard in training
    seen = [who for who in range(len(spoken_digits.SPEAKERS)) if who != training.left_out]
    parts = {split: (split, N, seen) for split, N in sizes.items()}
    parts["left_out"] = ("test", training.held_out, [training.left_out])
    return {
        name: spoken_digits.make(recordings[split], N, tuple(training.digits), who, _random(training.seed, name))
        for name, (split, N, who) in parts.items()
    }


def _random(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode()])


# --- 模型 model ---


def make_model(settings: Any, cell: Any) -> nn.Layer:
    """A recurrent layer over the columns or frames, then the scores of φ and ten digits: [B, T, M] → [B, T, 11].

    Args:
        settings: a training, or a result.
        cell: a class of cells.
    """
    layer = make_layer(
        cell,
        NUM_FEATURES[settings.corpus],
        settings.hidden_size,
        num_layers=settings.num_layers,
        # 双向: 每一步都知道左右两侧   bidirectional: every step knows what is on both sides
        direction=settings.direction,
        dropout=settings.dropout,
    )
    return nndl.Recogniser(layer, NUM_DIGITS, settings.dropout)


# --- 训练 training ---


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One network, by the five elements of machine learning (机器学习五要素)."""
    # 1 数据: 长度相近的同批   data; what is of like length shares a batch
    examples = make_examples(training)
    train_loader = make_loader(examples["train"], training.batch_size)
    dev_loader = [*make_loader(examples["dev"], 100, "sorted")]
    # 2 模型   model
    model = make_model(training, training.make)
    # 3 学习准则: 所有对齐的概率之和的负对数   criterion: -log of the sum over all alignments
    criterion = nndl.CTCLoss()
    # 4 优化算法: Adam, 学习率按余弦降到 0, 截断梯度   its learning rate falls to 0 along a cosine; clipped gradients
    rate = paddle.optimizer.lr.CosineAnnealingDecay(training.learning_rate, training.epochs * len(train_loader))
    clip = nn.ClipGradByGlobalNorm(training.clip_at)
    optimizer = nndl.Adam(rate, parameters=model.parameters(), grad_clip=clip)
    # 5 评价指标: 标签错误率 = 编辑距离 / 标签数   metric: label error rate, edits by labels; lower is better
    runner = nndl.RunnerV3(model, optimizer, criterion, nndl.LabelErrorRate())
    plan = {"num_epochs": training.epochs, "eval_steps": training.eval_steps}
    curves = fit(runner, train_loader, dev_loader, folder, callbacks=[nndl.LearningRateSchedule(rate)], **plan)
    found = {"dev_error": runner.best_score, **measure(runner, examples["test"], training.beam)}
    if "left_out" in examples:
        found["left_out_error"] = measure(runner, examples["left_out"], training.beam)["test_error"]
    return curves | found | {"parameters": count(model)}


# --- 解码与观察 decoding, and where the network says what ---


def logits_of(runner: nndl.RunnerV3, examples: list[Example]) -> list[np.ndarray]:
    """The scores of each example, float [T, 11]."""
    scores = []
    for first in range(0, len(examples), 100):
        X, lengths = collate(examples[first : first + 100])[0]
        logits, _ = runner.predict((paddle.to_tensor(X), paddle.to_tensor(lengths)))
        scores += [z[:T] for z, T in zip(logits.numpy(), lengths, strict=True)]
    return scores


def measure(runner: nndl.RunnerV3, examples: list[Example], beam: int) -> dict[str, Any]:
    """The label error of both ways to decode, and of the best paths the share of φ and the place of the spikes."""
    greedy, searched = nndl.LabelErrorRate(), nndl.LabelErrorRate()
    blanks, places = [], []
    for z, example in zip(logits_of(runner, examples), examples, strict=True):
        wanted, read = example.labels.tolist(), best_path(z)
        greedy.count(read, wanted)
        searched.count(prefix_beam(z, beam)[0][0], wanted)
        path = z.argmax(axis=-1)
        blanks.append(float((path == BLANK).mean()))
        if read == wanted:  # 读对了才能逐个对应   only then each spike has its digit
            places += places_of_spikes(path, example.spans)
    return {
        "test_error": greedy.accumulate(),
        "beam_error": searched.accumulate(),
        "blank_share": fmean(blanks),
        "spike_place": fmean(places) if places else None,
    }


def places_of_spikes(path: np.ndarray, spans: np.ndarray) -> list[float]:
    """Where within its digit each label is said first: 0 where the digit begins, 1 where it ends (尖峰的位置)."""
    begins = [t for t, (former, now) in enumerate(pairwise([BLANK, *path])) if now not in (BLANK, former)]
    return [(t - start) / (end - start) for t, (start, end) in zip(begins, spans, strict=True)]


SHOWN = 4  # 给读者看的数字串   strings that a reader looks at


def look(found: dict[str, Any], training: Training) -> list[dict[str, Any]]:
    """What a network says over strings that it has never seen, the first of them for the figure."""
    examples, shown = make_examples(training)["test"][:SHOWN], []
    for z, example in zip(logits_of(load_runner(found), examples), examples, strict=True):
        p = np.exp(z - z.max(axis=-1, keepdims=True))
        said = {
            "direction": found["direction"],
            "X": example.X.round(2).tolist(),
            "p": (p / p.sum(axis=-1, keepdims=True)).round(4).tolist(),
            "wanted": written(example.labels),
            "spans": example.spans.tolist(),
            "read": written(best_path(z)),
        }
        shown.append(said)
    return shown


def load_runner(found: dict[str, Any]) -> nndl.RunnerV3:
    """The network that a training left, ready to predict."""
    runner = nndl.RunnerV3(make_model(SimpleNamespace(**found), class_of(found["cell"])), None, None, None)
    runner.load_model(Path(found["folder"]) / result.MODEL)
    return runner


# --- 实验 experiment ---


def check_data(run: Run) -> None:
    """Raise SettingError for a cell without a class; NotPreparedError or DataError for spoken digits."""
    class_of(run.settings.cell)
    if run.settings.corpus == "fsdd":
        spoken_digits.fingerprint(run.data_dir / "fsdd")


def trainings(run: Run) -> list[Training]:
    """One network for each direction and seed."""
    settings: Ctc = run.settings
    values = {name: value for name, value in asdict(settings).items() if name != "directions"}
    root = run.data_dir / "fsdd"
    # 数字条由代码生成, 代码已计入   strips are made by code, which counts anyway
    mark = spoken_digits.fingerprint(root) if settings.corpus == "fsdd" else ""
    wanted = []
    for direction in settings.directions:
        for seed in range(run.seeds):
            own = {"direction": direction, "seed": seed}
            if settings.corpus == "fsdd":
                own["left_out"] = seed % len(spoken_digits.SPEAKERS)
            name = f"{settings.corpus}-{settings.cell}-{direction}-seed{seed}"
            wanted.append(Training(train, name, values | own, root, mark, make=class_of(settings.cell)))
    return wanted


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    alignments, decoding = enumerate_alignments(), decode_by_hand()
    wanted = trainings(run)
    results = train_all(run, wanted)
    # 各方向第一个种子的网络   of each direction the network of the first seed
    shown = [look(found, each) for found, each in zip(results, wanted, strict=True) if each.seed == 0]
    return {"alignments": alignments, "decoding": decoding, "trainings": results, "spikes": shown}


# 结论、表与图   claims, tables and figures: ctc_findings.py, ctc_figures.py
LESSON = Lesson(experiment, findings.claims, findings.tables, figures.figures, check_data, exhibits=exhibits.exhibits)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "ctc", *sys.argv[1:]])
