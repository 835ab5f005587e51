r"""Translation: encoder, decoder, attention (编码器—解码器与注意力): one sequence in, another of another length out.

An encoder reads, a decoder writes: first [BOS], then always the word it wrote last, until it writes [EOS]
(异步的序列到序列模式). All it knows of the source must reach it somehow. Four ways, in nndl/model/seq2seq.py:
编码器读，解码器写：从 [BOS] 开始，每步读入上一个词，直到写出 [EOS]。解码器如何得知源序列？四种方式：

- "state": the context c, what the encoder knows in the end, is the decoder's first state (语义向量作为初始状态);
- "every": c at every step, too (语义向量参与所有时刻的运算);
- "additive" (Bahdanau): at every step another context, the mean of ALL states of the encoder, weighed by attention;
- "dot" (Luong): the same, with a product for a score, and looked up after the step, not before it.

.. math:: \alpha_{ti} = \mathrm{softmax}_i(e(s, h_i)), \qquad c_t = \sum_i \alpha_{ti} h_i

The offline task is dates, in Chinese and English, to ISO: 二〇二六年十一月二十四日 → 2026-11-24. An answer is right
where ALL its characters are. The held-out days were never seen, in no way of writing. All kinds take the same steps.
默认任务是日期：整个答案全对才算对；验证与测试的日子在训练中从未以任何写法出现；各方式训练步数相同。
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import translation_exhibits as exhibits
from chapter6.extras import translation_figures as figures
from chapter6.extras import translation_findings as findings
from chapter6.extras.cells_compared import class_of, count, make_layer
from chapter6.extras.translation_copying import copy_nearest
from chapter6.extras.translation_writing import AT_ONCE, MEASURES, write
from chapter6.lab import result
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, train_all
from nndl.dataset import dates, tatoeba
from nndl.dataset.pairs import PairLoader, Splits, by_source, collate, encode, vocabularies
from nndl.dataset.reading import tokenize_word
from nndl.dataset.text import PAD, Vocabulary
from nndl.file import replacing
from nndl.metric.bleu import bleu

import numpy as np
from paddle import nn

# --- 数据 data ---


class Data(NamedTuple):
    """Pairs of words, the same as ids, and the two vocabularies."""

    pairs: Splits
    ids: dict[str, list]
    source: Vocabulary
    target: Vocabulary


def load_data(settings: Any, root: Path) -> Data:
    """The pairs; the vocabularies are those of train alone (词表只来自训练集). Raises NotPreparedError or DataError."""
    if settings.corpus == "dates":
        # 日子先分为训练、验证、测试, 再写成文字; 词元是字符   days are divided, then written; a token is a character
        made = dates.make(seed=0, N=settings.examples)
        pairs = {split: [(date.text, date.iso) for date in some] for split, some in made.items()}
    else:
        # 英文词, 汉字; 按英文句子划分   English words, Chinese characters; split by the English sentence
        read = tatoeba.load(root, settings.max_words, script="simplified")
        pairs = {split: [(pair.source, pair.target) for pair in some] for split, some in read.items()}
    source, target = vocabularies(pairs["train"], settings.min_freq)
    return Data(pairs, {split: encode(some, source, target) for split, some in pairs.items()}, source, target)


def follow_into_batch(data: Data) -> dict[str, Any]:
    """A long and a short pair on their way into a batch (从句对到批次)."""
    pairs = sorted(data.pairs["dev"], key=lambda pair: len(pair[0]))
    chosen = [pairs[-1], pairs[0]]
    # 源: 查词表, 补齐到最长   source: ids, padded to the longest
    # 解码器的输入以 [BOS] 开头, 答案以 [EOS] 结尾: 错开一步   fed [BOS] y_1 … y_T, to answer y_1 … y_T [EOS]
    (source, lengths, words), labels = collate(encode(chosen, data.source, data.target))
    return {
        "pairs": [["".join(side) for side in pair] for pair in chosen],
        "source": source.tolist(),
        "lengths": lengths.tolist(),
        "words": words.tolist(),
        "labels": labels.tolist(),
    }


def split(corpus: str, text: str) -> list[str]:
    """The tokens of a source: the characters of a date, the words and marks of an English sentence."""
    return list(text) if corpus == "dates" else tokenize_word(text)


# --- 模型 model ---


def make_model(settings: Any, source_size: int, target_size: int) -> nndl.Seq2Seq:
    """Encoder and decoder of any cell, see nndl/model/seq2seq.py."""
    return nndl.Seq2Seq(
        source_size,
        target_size,
        # 嵌入 M, 隐状态 D (编码器每个方向 D)   embedding M; state D, of each direction of the encoder
        settings.input_size,
        settings.hidden_size,
        # 解码器如何得知源序列   how the decoder learns of the source
        kind=settings.kind,
        make_layer=partial(make_layer, settings.make),
        dropout=settings.dropout,
    )


# --- 训练 training ---


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One model, by the five elements of machine learning (机器学习五要素), fed with the true words (教师强制)."""
    # 1 数据: 长度相近的句对同批   data: pairs of like lengths share a batch
    data = load_data(training, training.data)
    train_loader = PairLoader(data.ids["train"], training.batch_size, "bucket")
    dev_loader, test_loader = (list(PairLoader(data.ids[split], AT_ONCE, "sorted")) for split in ("dev", "test"))
    # 2 模型   model
    model = make_model(training, len(data.source), len(data.target))
    # 3 学习准则: 交叉熵, 不计补齐   criterion: cross entropy, padding left out
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    # 4 优化算法: Adam, 按全局模截断梯度   optimizer: Adam, the gradients clipped by their global norm
    clip = nn.ClipGradByGlobalNorm(training.clip_at)
    optimizer = nndl.Adam(training.learning_rate, parameters=model.parameters(), grad_clip=clip)
    # 5 评价指标: 日期看整个答案的准确率, 译文不只一种, 看困惑度   metric: whole answers; of sentences, the perplexity
    measure = MEASURES[training.corpus]
    runner = nndl.RunnerV3(model, optimizer, criterion, measure.metric(ignore_index=PAD))
    # 回合数由步数而定, 向上取整   as many epochs as the steps take
    epochs, timer = -(-training.steps // len(train_loader)), nndl.StepTimer()
    plan = {"num_epochs": epochs, "eval_steps": training.eval_steps}
    curves = fit(runner, train_loader, dev_loader, folder, **plan, callbacks=[timer])
    # 评价   evaluation on test
    model.eval()
    references = by_source(data.pairs["test"])
    sources = [data.source.encode(words) for words in references]
    longest = 1 + max(len(target) for _, target in data.ids["train"])
    found = {
        name: measure.score(write(model, sources, data.target, width, longest), list(references.values()))
        for name, width in (("greedy", 1), ("beam_search", training.beam))
    }
    score, loss = runner.evaluate(test_loader)
    # 模型离开词表没有意义   without its vocabularies the model is worth nothing
    for name, vocabulary in ((result.VOCABULARY, data.source), (result.TARGET_VOCABULARY, data.target)):
        with replacing(folder / name) as temporary:
            vocabulary.save(temporary)
    return {
        **curves,
        **found,
        f"dev_{measure.kind}": runner.best_score,
        f"test_{measure.kind}": score,
        "test_loss": loss,
        "parameters": count(model),
        "milliseconds": 1000 * timer.seconds / max(1, timer.steps),
        "source_vocabulary": data.source.fingerprint(),
        "target_vocabulary": data.target.fingerprint(),
    }


# --- 注意力看哪里 where attention looks ---

PARTS = {"y": slice(0, 4), "m": slice(5, 7), "d": slice(8, 10)}
"""Where year, month and day stand in the answer, 2026-11-24."""


def where_it_looks(model: nndl.Seq2Seq, data: Data, written: Sequence[dates.Written]) -> dict[str, dict[str, float]]:
    """While it writes the year, how much of its weight lies on the year's characters? And month, and day.

    Returns, for y, m and d, ``share``, the mean weight over the dates given, and ``even``, that of weights all alike.
    """
    shares = {part: {"share": [], "even": []} for part in PARTS}
    for start in range(0, len(written), AT_ONCE):
        some = written[start : start + AT_ONCE]
        inputs, _ = collate(encode([(date.text, date.iso) for date in some], data.source, data.target))
        # α [B, T, S]: 写第 t 个字符时对源的各字符的权重   the weights on the source while character t is written
        alpha = model.weights(inputs).numpy()
        for date, weights in zip(some, alpha, strict=True):
            for part, place in PARTS.items():
                is_part = np.array([letter == part for letter in date.parts])
                shares[part]["share"].append(weights[place, : len(is_part)][:, is_part].sum(axis=1).mean())
                shares[part]["even"].append(is_part.mean())
    return {part: {name: float(np.mean(values)) for name, values in both.items()} for part, both in shares.items()}


def heat(model: nndl.Seq2Seq, data: Data, text: Sequence[str]) -> dict[str, Any]:
    """What a model answers to one source, and what it looked at meanwhile: weights [T][S] (热力图)."""
    ids = data.source.encode(text)
    (answer,) = write(model, [ids], data.target, width=1)
    inputs, _ = collate([(ids, data.target.encode(answer))])
    weights = model.weights(inputs).numpy()[0]
    return {"source": list(text), "answer": [*answer, "[EOS]"], "weights": weights.astype(float).round(4).tolist()}


# --- 实验 experiment ---


def training_of(run: Run, kind: str, seed: int) -> Training:
    """One training: all settings but the list of kinds."""
    values = asdict(run.settings) | {"kind": kind, "seed": seed}
    del values["kinds"]
    root, make = run.data_dir / "tatoeba", class_of(run.settings.cell)
    # 日期由代码生成, 代码已计入   the dates are made by code, which counts anyway
    mark = tatoeba.fingerprint(root) if run.settings.corpus == "tatoeba" else ""
    return Training(train, f"{run.settings.corpus}-{kind}-seed{seed}", values, root, mark, make=make)


def load_model(found: dict[str, Any], data: Data) -> nndl.Seq2Seq:
    """The model that a training left."""
    settings = SimpleNamespace(**found, make=class_of(found["cell"]))
    model = make_model(settings, len(data.source), len(data.target))
    nndl.checkpoint.restore(model, nndl.checkpoint.load(Path(found["folder"]) / result.MODEL), found["folder"])
    model.eval()
    return model


SHOWN = {"dates": ("二〇二六年十一月二十四日", "Nov 24th, 26", "11/24/2026"), "tatoeba": ("I don't like cold coffee.",)}


def check_data(run: Run) -> None:
    """Raise SettingError for a cell without a class; NotPreparedError or DataError for Tatoeba."""
    class_of(run.settings.cell)
    if run.settings.corpus == "tatoeba":
        load_data(run.settings, run.data_dir / "tatoeba")


def copying(data: Data) -> dict[str, float]:
    """What copying the translation of the nearest sentence of train comes to: its ``bleu``, and ``seconds``."""
    references = by_source(data.pairs["test"])
    start = time.perf_counter()
    answers = copy_nearest(*zip(*data.pairs["train"], strict=True), list(references))
    return {"bleu": bleu(answers, list(references.values())), "seconds": time.perf_counter() - start}


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    corpus, data = run.settings.corpus, load_data(run.settings, run.data_dir / "tatoeba")
    batch = follow_into_batch(data)
    results = train_all(run, [training_of(run, kind, seed) for kind in run.settings.kinds for seed in range(run.seeds)])
    looks, maps = [], []
    # 注意力看哪里: 在测试集的日子上   where attention looks, on the days of test
    unseen = dates.make(seed=0, N=1)["test"] if corpus == "dates" else []
    for found in results:
        if found["kind"] in findings.WITH:
            model = load_model(found, data)
            if unseen:
                parts = where_it_looks(model, data, unseen)
                looks.append({"kind": found["kind"], "seed": found["seed"], "parts": parts})
            if found["seed"] == 0:
                maps += [{"kind": found["kind"], **heat(model, data, split(corpus, text))} for text in SHOWN[corpus]]
    found = {"batch": batch, "trainings": results, "looks": looks, "maps": maps}
    return found | ({"copying": copying(data)} if corpus == "tatoeba" else {})


# 结论、表与图   claims, tables and figures: translation_findings.py, translation_figures.py
LESSON = Lesson(experiment, findings.claims, findings.tables, figures.figures, check_data, exhibits=exhibits.exhibits)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "translation", *sys.argv[1:]])
