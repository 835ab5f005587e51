r"""audit: numbers that are often quoted, and what is behind them (常被引用的数字，背后是什么).

Courses, tutorials and READMEs hand on a number, and the reader believes it, for it was measured. It was; but on
training text, by character, with the padding, or with the answer in view. Each is made again here, in small, beside
the number that the reader believed to see. Where each is printed: ``PLACES`` in quoted_findings.py.
教程中的数字确实是测出来的，但可能测在训练文本上、按字符计、把补齐也算在内，或者让模型看到了答案。这里逐一小规模重现，
并列出读者以为自己看到的那个数字。

Claims: one a number, on what is behind it.
"""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import gradient_lab, language_model, translation_attention
from chapter6.extras import quoted_findings as findings
from chapter6.extras.addition_by_characters import train_sums
from chapter6.extras.cells_compared import class_of
from chapter6.extras.language_variants import memorised_of
from chapter6.extras.presets.addition import ADDITION
from chapter6.extras.presets.language import LANGUAGE
from chapter6.extras.presets.translation import TRANSLATION
from chapter6.extras.translation_writing import write
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, train_all
from nndl.dataset import books, flights, long_memory
from nndl.dataset.characters import Characters, Windows
from nndl.dataset.pairs import by_source
from nndl.dataset.tagged import encode, make_loader, tag_names, vocabulary_of
from nndl.metric.bleu import bleu

import numpy as np
import paddle
from paddle import Tensor, nn

# --- 不用训练就能看清的 what takes no training ---


def always_the_mean(seed: int, N: int) -> float:
    """The adding problem: the mean squared error of who always answers 1, the mean (加法问题：始终回答均值)."""
    _, y = long_memory.adding(seed, N, T=10)
    # (0,1) 上两个均匀数之和的方差   the variance of the sum of two numbers from U(0, 1): 2 · 1/12 = 1/6
    return float(np.mean((y - 1.0) ** 2))


def last_output() -> dict[str, float]:
    """``outputs[:, -1]`` of a bidirectional layer: what is left of it when all words but the last are others?

    Returns the largest change of its forward half, of its reverse half, and of the last state of the reverse
    direction, which stands at the first word and has read them all (反向的最后状态在第一个词处).
    """
    nndl.runtime.seed_everything(0)
    layer, D = nndl.LSTM(8, 16, direction="bidirectional"), 16
    X, other = paddle.randn([4, 10, 8]), paddle.randn([4, 10, 8])
    # 只有最后一个词相同   the last word alone is the same
    other[:, -1] = X[:, -1]
    (outputs, (H, _)), (outputs2, (H2, _)) = layer(X), layer(other)
    change = (outputs - outputs2)[:, -1].abs()
    return {
        "forward": change[:, :D].max().item(),
        "reverse": change[:, D:].max().item(),
        "state": (H - H2)[1].abs().max().item(),
    }


CLIP_AT = 5.0


def clipping() -> dict[str, float]:
    r"""Three gradients of norms 3, 4 and 12, together 13, clipped at 5 by Paddle's two ways (两种按模截断).

    .. math:: \hat g_k = g_k \min(1, c / \|g_k\|) \quad\text{against}\quad
              \hat g_k = g_k \min(1, c / \textstyle\sqrt{\sum_j \|g_j\|^2})

    Returns, for each, the norm of all together afterwards, and the cosine with the direction before.
    """
    gradients = [paddle.zeros([4]) for _ in range(3)]
    for gradient, norm in zip(gradients, (3.0, 4.0, 12.0), strict=True):
        gradient[0] = norm
    pairs = [(paddle.create_parameter([4], "float32"), gradient) for gradient in gradients]
    found = {}
    for name, clip in (("norm", nn.ClipGradByNorm(CLIP_AT)), ("global", nn.ClipGradByGlobalNorm(CLIP_AT))):
        before, after = (paddle.concat([g for _, g in some]) for some in (pairs, clip(pairs)))
        found[name] = after.norm().item()
        found[f"{name}_cosine"] = ((before * after).sum() / (before.norm() * after.norm())).item()
    return found


def always_outside() -> dict[str, float]:
    """Who tags every word O: accuracy with the padding (补齐也算在内), accuracy of the words, F1 of the slots."""
    corpus = flights.load("flights")
    names = tag_names(corpus)
    examples = encode(corpus["test"], vocabulary_of(corpus["train"]), names)
    right, words, f1 = [], [], nndl.ChunkF1(names)
    # 批大小 32, 次序打乱, 补齐到批内最长   B = 32, shuffled, padded to the longest of the batch
    for _, labels in make_loader(examples, 32, "shuffle"):
        answer = np.full(labels.shape, names.index("O"))
        # 常见写法: 补齐处也"预测正确"   as it is often done: at the padding the answer counts as right
        is_padding = labels.numpy() == 0
        right.append((labels.numpy() == answer) | is_padding)
        words.append((labels.numpy() == answer)[~is_padding])
        f1.update(np.eye(len(names), dtype="float32")[answer], labels)
    with_padding, of_words = (float(np.concatenate([a.ravel() for a in some]).mean()) for some in (right, words))
    return {"with_padding": with_padding, "words": of_words, "f1": f1.accumulate()}


def exploding(seed: int, distance: int) -> list[float]:
    """The gradient norm of an LSTM 0, 1, ... steps back, with an orthogonal U eight times as large."""
    cells = gradient_lab.make_cells(distance)
    return gradient_lab.measure(cells, "LSTM open", "orthogonal", 8, distance, seed)["norms"]


# --- 看到答案的语言模型 a language model that sees its target ---


class Both(nn.Layer):
    """Embedding, a GRU in this direction, linear layer: the logits of the next character at every step."""

    def __init__(self, V: int, M: int, D: int, direction: str) -> None:
        super().__init__()
        self.embedding_layer = nndl.Embedding(V, M)
        # 双向: 反向在第 t 步已读过 x_{t+1}   bidirectional: at step t the reverse direction has read x_{t+1}
        self.recurrent_layer = nndl.GRU(M, D, direction=direction)
        self.output_layer = nn.Linear(self.recurrent_layer.output_size, V)

    def forward(self, inputs: tuple[Tensor, bool]) -> Tensor:
        ids, _ = inputs
        outputs, _ = self.recurrent_layer(self.embedding_layer(ids))
        return self.output_layer(outputs)


def train_language(training: Training, folder: Path) -> dict[str, Any]:
    """A language model that reads in one direction or in both, by the five elements (机器学习五要素)."""
    # 1 数据: 标签是下一个字符   data: the label is the next character
    characters = Characters.of(language_model.load_text("python", training.data))
    ids, L = characters.ids, 32
    train_loader = list(Windows(ids["train"], 32, L, "random"))[: training.steps]
    dev_loader, test_loader = (list(Windows(ids[split], 32, L)) for split in ("dev", "test"))
    # 2 模型   model
    model = Both(len(characters.vocabulary), training.input_size, training.hidden_size, training.direction)
    # 3, 4, 5 学习准则, 优化算法, 评价指标   criterion, optimizer, metric
    optimizer = nndl.Adam(0.005, parameters=model.parameters(), grad_clip=nn.ClipGradByGlobalNorm(1.0))
    runner = nndl.RunnerV3(model, optimizer, nn.CrossEntropyLoss(), nndl.Perplexity())
    curves = fit(runner, train_loader, dev_loader, folder, num_epochs=1, eval_steps=max(1, training.steps // 4))
    # 照常评价, 在从未读过的文本上: 每一步都给出整段   as usual, on text never read: each step has the whole window
    test, _ = runner.evaluate(test_loader)
    # 只给过去: 每段只评价最后一步, 其后再无可读   the past alone: the last step of a window, nothing is behind it
    honest = nndl.Perplexity()
    model.eval()
    with paddle.no_grad():
        for X, y in test_loader:
            honest.update(model(X)[:, -1], y[:, -1])
    found = {"dev_perplexity": runner.best_score, "test_perplexity": test, "honest_perplexity": honest.accumulate()}
    return curves | found


# --- 背下来的 what was learnt by heart ---


def bleu_of(found: dict[str, Any], split: str) -> float:
    """The BLEU, by characters, of what a model of dates writes for the dates it has learnt, or for others."""
    data = translation_attention.load_data(SimpleNamespace(**found), Path())
    model = translation_attention.load_model(found, data)
    references = by_source(data.pairs[split])
    answers = write(model, [data.source.encode(text) for text in references], data.target, width=1, length=12)
    return bleu(answers, list(references.values()))


# --- 实验 experiment ---


def trainings(run: Run) -> dict[str, list[Training]]:
    """Of each kind one training a seed; the recipes are those of the lessons they come from."""
    s = run.settings
    addition = {name: value for name, value in vars(ADDITION["quick"]).items() if name != "feedings"}
    addition |= {"feeding": "teacher", "steps": s.addition_steps}
    language = vars(LANGUAGE["quick"])
    heart = {name: language[name] for name in ("input_size", "length", "clip_at")} | memorised_of(language)
    heart |= {"corpus": "python", "epochs": s.memorised_epochs}
    dates = {name: value for name, value in vars(TRANSLATION["quick"]).items() if name != "kinds"}
    dates |= {"kind": "additive", "examples": s.dates, "batch_size": 32}
    dates |= {"steps": s.dates_steps, "eval_steps": s.dates_steps}
    reading = {"steps": s.language_steps, "input_size": s.input_size, "hidden_size": s.hidden_size}
    GRU, mark = class_of("GRU"), books.mark_of_text(books.documentation())

    def one(name: str, train: Any, values: dict[str, Any], mark: str = "", make: Any = GRU) -> list[Training]:
        # 数据由代码生成时, 代码已计入   where the data are made by code, that counts anyway
        return [
            Training(train, f"{name}-seed{seed}", values | {"seed": seed}, run.data_dir, mark, make=make)
            for seed in range(run.seeds)
        ]

    return {
        "addition": one("addition", train_sums, addition),
        "heart": one("heart", language_model.train, heart, mark),
        "dates": one("dates", translation_attention.train, dates),
        "forward": one("forward", train_language, reading | {"direction": "forward"}, mark, None),
        "bidirectional": one("bidirectional", train_language, reading | {"direction": "bidirectional"}, mark, None),
    }


def experiment(run: Run) -> dict[str, Any]:
    """All of them, one after another; returns what the record keeps."""
    seeds, wanted = range(run.seeds), trainings(run)
    results = iter(train_all(run, [training for some in wanted.values() for training in some]))
    found = {name: [next(results) for _ in some] for name, some in wanted.items()}
    return {
        "adding": [always_the_mean(seed, run.settings.adding_examples) for seed in seeds],
        "last_output": last_output(),
        "clipping": clipping(),
        "outside": always_outside(),
        "exploding": [exploding(seed, run.settings.distance) for seed in seeds],
        "bleu": {split: [bleu_of(each, split) for each in found["dates"]] for split in ("train", "test")},
        **found,
    }


# 结论、表与图   claims, tables and figures: quoted_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "audit", *sys.argv[1:]])
