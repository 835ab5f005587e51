r"""6.7 Text classification with a bidirectional LSTM (双向 LSTM 完成文本分类; printed section 6.4).

Is a film review positive or negative? Each word becomes a vector, an LSTM reads them in both directions, the mean of
its states over time (preset quick: the maximum) represents the review, and a linear layer decides:
一条影评是正面还是负面？每个词变为向量，LSTM 从两个方向读入，各时刻状态的平均（预设 quick 取最大值）表示影评，由线性层
判断：

.. math:: H_t = [\overrightarrow{H}_t; \overleftarrow{H}_t], \qquad \bar H = \frac{1}{n} \sum_{t \le n} H_t, \qquad
          \text{logits} = \bar H W + b

Any texts with labels can take the reviews' place, Chinese ones too: --corpus FILE.tsv (nndl/dataset/own_reviews.py).
影评可换为任何带标签的文本，中文亦可：--corpus FILE.tsv。

Figures: 6.16, losses and dev accuracy; ours: confusion, accuracy by length and by depth (exercise 6.6), words.
Claims: the model overfits after about 200 steps and reaches about 0.86; padding and word order, see the findings.
"""

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6 import presets
from chapter6 import sec_6_7_corpora as corpora
from chapter6 import sec_6_7_exhibits as exhibits
from chapter6 import sec_6_7_figures as figures
from chapter6 import sec_6_7_findings as findings
from chapter6 import sec_6_7_inspection as inspection
from chapter6.lab import result
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, find_finished, fit, on_all_cores, train_all
from nndl import distributed
from nndl.dataset.batching import make_loader, pad
from nndl.dataset.text import TOKENIZERS, Corpus, Reviews
from nndl.file import replacing
from nndl.op import LSTMCell, masked_max
from nndl.op.backend import choose

import numpy as np
import paddle
from paddle import Tensor, nn

# --- 数据 data ---


def load_corpus(training: Training) -> Corpus:
    """The reviews, in words and in ids, with the vocabulary asked for. Raises NotPreparedError or DataError."""
    # 影评, 按规则分为三部分   the reviews, and the rule that splits them: nndl/dataset/imdb.py, own_reviews.py
    corpus = corpora.load(training.corpus, training.tokenizer, training.data, training.data_mark)
    # 词表只来自训练集, 不含罕见词   the vocabulary is that of train alone, without its rare words
    return corpus.limit(training.vocab_size, training.min_freq)


EXAMPLES, KEPT = ("Not bad at all!", "The unpadded plot was dull, yet the cast was great."), 8  # 各保留 8 个词   tokens


def follow_into_batch(corpus: Corpus) -> dict[str, Any]:
    """Two reviews on their way into a batch: words, ids, one length (从影评到批次)."""
    # 自备语料: 取其中一短一长   of the reader's own: a short one and a longer one
    own = sorted(corpus.texts["train"], key=len)
    examples = (own[0], own[len(own) // 2]) if corpus.name == "own" else EXAMPLES
    # 切词: 转小写, 分成词与标点   tokenise: lower case, split into words (and marks)
    words = [TOKENIZERS[corpus.tokenizer](text) for text in examples]
    # 查词表: 表外的词为 [UNK], 编号 1   each word's id; a word that is not in the vocabulary becomes [UNK], id 1
    ids = [corpus.vocabulary.encode(tokens) for tokens in words]
    # 截断, 再以 [PAD] (编号 0) 补齐   truncate to the first tokens; pad with [PAD], id 0, to the longest of the batch
    batch, lengths = pad(ids, KEPT)
    return {"words": words, "ids": [x.tolist() for x in ids], "batch": batch.tolist(), "lengths": lengths.tolist()}


def make_loaders(corpus: Corpus, training: Training) -> tuple[Any, list]:
    """Batches ((ids int64 [B, L], lengths int64 [B]), labels int64 [B]) of train, drawn anew each epoch, and of dev."""
    train = corpus.reviews["train"].first(training.train_reviews)
    dev = corpus.reviews["dev"].first(training.dev_reviews)
    # 数据并行: 每个进程取每批的一份   data parallel: each process takes its share of every batch
    share = distributed.rank(), distributed.world_size()
    # 分桶: 长度相近的影评同批, 补齐少   "bucket": reviews of like length share a batch, so little is padded
    train_loader = make_loader(train, training.batch_size, training.max_seq_len, training.batching, *share)
    return train_loader, list(make_loader(dev, inspection.AT_ONCE, training.max_seq_len, "sorted"))


# --- 模型 model ---


def make_model(settings: Any, num_layers: int, vocabulary_size: int, num_classes: int = 2) -> nn.Layer:
    """The text model (printed 6.4.3): embedding → LSTM → pooling over time → linear layer.

    Args:
        settings: a training, or settings; ``input_size`` M, ``hidden_size`` D, ``direction`` and so on.
        num_layers: the depth of the LSTM; 0 for the bag of words.
        vocabulary_size: the number of words, [PAD] and [UNK] among them.
        num_classes: C, the number of labels.
    """
    if num_layers == 0:
        return BagOfWords(vocabulary_size, settings.input_size, num_classes)
    return nndl.Model_BiLSTM_FC(
        # 嵌入层   embedding: [B, L] → [B, L, M]
        num_embeddings=vocabulary_size,
        input_size=settings.input_size,
        # 双向 LSTM: [B, L, M] → [B, L, 2D]
        hidden_size=settings.hidden_size,
        num_layers=num_layers,
        direction=settings.direction,
        backend=settings.backend,
        # 汇聚层   pooling over time: [B, L, 2D] → [B, 2D]
        pooling=settings.pooling,
        # 线性层   classifier: [B, 2D] → [B, C]
        num_classes=num_classes,
        # 丢弃   against overfitting: drop numbers, or whole words
        dropout=settings.dropout,
        word_dropout=settings.word_dropout,
    )


class BagOfWords(nn.Layer):
    """The same without an LSTM (词袋): the maximum over all words; it knows which occur, not in which order."""

    def __init__(self, vocabulary_size: int, input_size: int, num_classes: int) -> None:
        super().__init__()
        self.embedding_layer = nn.Embedding(vocabulary_size, input_size, padding_idx=0)
        self.output_layer = nn.Linear(input_size, num_classes)

    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        ids, lengths = inputs
        return self.output_layer(masked_max(self.embedding_layer(ids), lengths))


def follow_through_model(batch: list[list[int]], lengths: list[int], vocabulary_size: int) -> dict[str, Any]:
    """A batch on its way through a small model of the book's form: the shape after each layer (逐层形状)."""
    nndl.runtime.seed_everything(0)
    model = nndl.Model_BiLSTM_FC(vocabulary_size, input_size=4, hidden_size=3)
    ids, n = paddle.to_tensor(batch), paddle.to_tensor(lengths)
    X = model.embedding_layer(ids)
    # 反向的 LSTM 从影评末尾而不是 [PAD] 读起   the reverse LSTM starts at the review's end, not at [PAD]
    H, _ = model.lstm_layer(X, sequence_length=n)
    # 掩码 m_t: 词为 1, 补齐为 0   the mask is 1 for a word, 0 for padding: mean H = Σ_t m_t H_t / n
    mask = (paddle.arange(ids.shape[1]) < n.unsqueeze(-1)).astype(H.dtype).unsqueeze(-1)
    mean = (H * mask).sum(axis=1) / n.unsqueeze(-1).astype(H.dtype)
    logits = model.output_layer(mean)
    layers = {"ids": ids, "embedding": X, "lstm": H, "pooling": mean, "logits": logits}
    difference = float((logits - model((ids, n))).abs().max())
    return {"shapes": {name: list(tensor.shape) for name, tensor in layers.items()}, "difference": difference}


# --- 训练 training ---


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One text model, by the five elements of machine learning (机器学习五要素; printed 6.4.4)."""
    # 1 数据   data
    corpus = load_corpus(training)
    train_loader, dev_loader = make_loaders(corpus, training)
    # 2 模型: 多进程时各有一份, 梯度取平均   model; of several processes each has a copy, the gradients are averaged
    model = make_model(training, training.num_layers, len(corpus.vocabulary), len(corpus.labels))
    model = distributed.distribute(model)
    # 3 学习准则   criterion: 交叉熵   cross entropy
    criterion = nn.CrossEntropyLoss()
    # 4 优化算法   optimizer: Adam; "cosine": 学习率按余弦降到 0   its learning rate falls to 0 along a cosine
    rate, timer = training.learning_rate, nndl.StepTimer()
    callbacks: list[nndl.Callback] = [timer]
    if training.schedule == "cosine":
        rate = paddle.optimizer.lr.CosineAnnealingDecay(rate, T_max=training.epochs * len(train_loader))
        callbacks.append(nndl.LearningRateSchedule(rate))
    optimizer = nndl.Adam(rate, parameters=model.parameters())
    # 5 评价指标   metric: 准确率; 或交叉熵, 越低越好 (提前停止)   accuracy; or cross entropy, as for early stopping
    metric = nndl.Accuracy() if training.keep == "accuracy" else nndl.CrossEntropy()
    runner = nndl.RunnerV3(model, optimizer, criterion, metric)
    # 训练: 即 runner.train, 中断后可继续, 保留验证集上最好的模型   runner.train, resumable; the best on dev is kept
    plan = {"num_epochs": training.epochs, "eval_steps": training.eval_steps, "checkpoint_steps": 100}
    curves = fit(runner, train_loader, dev_loader, folder, **plan, callbacks=callbacks)
    # 评价   evaluation on test
    found = evaluate(runner, corpus.reviews["test"], training.max_seq_len)
    runner.metric = nndl.Accuracy()  # 无论以何为准保留   whatever it was kept for
    dev_accuracy = runner.best_score if training.keep == "accuracy" else runner.evaluate(dev_loader)[0]
    # 模型离开词表没有意义   without its vocabulary the model is worth nothing
    if distributed.rank() == 0:
        with replacing(folder / result.VOCABULARY) as temporary:
            corpus.vocabulary.save(temporary)
    return {
        **curves,
        **found,
        "dev_accuracy": dev_accuracy,
        "step_losses": runner.train_step_losses,
        "steps_per_epoch": len(train_loader),
        "epoch_seconds": timer.seconds / max(1, timer.steps) * len(train_loader),
        "vocabulary": corpus.vocabulary.fingerprint(),
        "vocabulary_size": len(corpus.vocabulary),
        "labels": corpus.labels,
    }


# --- 评价 evaluation ---


def evaluate(runner: nndl.RunnerV3, reviews: Reviews, max_seq_len: int) -> dict[str, Any]:
    """How good a model is on labelled reviews, and where it fails.

    Returns ``test_accuracy``; ``test_loss``; ``confusion`` [C][C], counts by true and predicted class; ``margins``
    [N][C - 1], how far the logit of the right class is above each other; ``by_length``, see :mod:`inspection`.
    """
    logits = inspection.predict(runner, [ids for ids, _ in reviews], max_seq_len)
    labels, predicted = reviews.labels, logits.argmax(axis=1)
    # 交叉熵: 错得越自信, 代价越大   cross entropy: the surer a mistake, the more it costs
    loss = nndl.CrossEntropy()
    loss.update(logits, labels)
    # 混淆矩阵   confusion matrix
    N, C = logits.shape
    confusion = np.zeros((C, C), dtype=int)
    np.add.at(confusion, (labels, predicted), 1)
    is_other = np.arange(C) != labels[:, None]
    margins = (logits[~is_other][:, None] - logits)[is_other].reshape(N, C - 1)
    return {
        "test_accuracy": float(np.mean(predicted == labels)),
        "test_loss": loss.accumulate(),
        "confusion": confusion.tolist(),
        "margins": [[float(f"{margin:.4g}") for margin in row] for row in margins],
        "by_length": inspection.by_length(reviews.lengths, predicted == labels),
    }


# --- 实验 experiment ---


def training_of(run: Run, settings: presets.TextSettings, corpus: str, num_layers: int, seed: int) -> Training:
    """One training; what it is set by, and its name."""
    kind = f"LSTM{num_layers}-{settings.backend}" if num_layers else "bag"
    own = {"corpus": corpus, "num_layers": num_layers, "seed": seed, "processes": distributed.world_size()}
    return Training(train, f"{corpus}-{kind}-seed{seed}", asdict(settings) | own, *corpora.source(run, corpus))


def load_runner(found: dict[str, Any]) -> nndl.RunnerV3:
    """The model that a training left, ready to predict."""
    sizes = found["num_layers"], found["vocabulary_size"], len(found["labels"])
    model = make_model(presets.of_one_training(found), *sizes)
    runner = nndl.RunnerV3(model, None, None, None)
    runner.load_model(Path(found["folder"]) / result.MODEL)
    runner.model.eval()
    return runner


def _less(run: Run) -> dict[str, int]:
    """Who asks for fewer reviews or epochs than the preset has gets fewer in the part on word order, too (相应减少)."""
    usual, asked, own = (vars(s) for s in (run.entry.presets[run.preset], run.settings, presets.WORD_ORDER))
    fewer = [n for n in ("train_reviews", "dev_reviews", "epochs") if asked[n] not in (0, usual[n])]
    return {name: min(own[name], asked[name]) for name in fewer}


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    name, tokenizer = corpora.choose_corpus(run), corpora.choose_tokenizer(run)
    computed = choose(run.settings.backend, LSTMCell)
    settings = presets.of_one_training(vars(run.settings) | {"tokenizer": tokenizer, "backend": computed})
    small = replace(presets.WORD_ORDER, **_less(run), backend=computed)
    seeds, depths = range(run.seeds), run.settings.num_layers
    deep = on_all_cores([training_of(run, settings, name, depth, seed) for depth in depths for seed in seeds])
    # 线程数相同, 相同的训练才不会重复   in as many threads, or a training that is in both would be repeated
    word_order = [
        replace(training_of(run, small, "small", depth, seed), threads=deep[0].threads)
        for depth in (1, 0)
        for seed in seeds
    ]
    find_finished(run, [*deep, *word_order])  # 已损坏的先报告   a damaged one is said before anything is trained
    corpus = load_corpus(deep[0])
    batch = follow_into_batch(corpus)
    shapes = follow_through_model(batch["batch"], batch["lengths"], len(corpus.vocabulary))
    results = train_all(run, deep)
    # 观察验证集上最好的模型   look into the model that is best on dev
    runner = load_runner(max(results[: run.seeds], key=lambda found: found["dev_accuracy"]))
    return {
        "corpus": name,
        "sizes": corpus.sizes(),
        "batch": batch,
        "model": shapes,
        "trainings": results,
        "word_order": train_all(run, word_order),
        "padding": inspection.padding(runner, corpus, settings.max_seq_len),
        "words": inspection.words(runner, corpus, settings.max_seq_len, run.settings.review),
        "left_out": inspection.leave_out(runner, corpus, settings.max_seq_len, run.settings.review),
    }


LESSON = Lesson(
    experiment,
    findings.claims,
    findings.tables,
    figures.figures,
    corpora.check_data,
    data_parallel=True,
    exhibits=exhibits.exhibits,
)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "6.7", *sys.argv[1:]])
