r"""A language model of characters: what comes next? (字符级语言模型与文本生成).

A recurrent network reads a text character by character and says, after each, how likely every next one is. It is
judged by its perplexity (困惑度) on text that it has NEVER read, beside that on what it was trained on, and beside
what plain counting of 1 to 5 characters (n 元语法) reaches. Then it writes.
循环网络逐字符读入文本，每读一个便给出下一个字符的概率。评价用它**从未读过**的文本上的困惑度，与训练文本上的困惑度、
与只会计数的 1 至 5 元语法对照。最后让它写作。

.. math:: \text{perplexity} = \exp\Bigl(-\frac 1 T \sum_t \log p(x_t \mid x_{<t})\Bigr)

Perplexity 1: it knows every next character; V: it guesses among all V. A network that a counter of five letters beats
has shown nothing.
困惑度为 1：下一个字符总能说中；为 V：在 V 个字符中乱猜。若不如只数五个字母的计数器，网络就什么也没有证明。
"""

import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import language_exhibits as exhibits
from chapter6.extras import language_figures as figures
from chapter6.extras import language_findings as findings
from chapter6.extras import language_inspection as inspection
from chapter6.extras.cells_compared import class_of, count, make_layer
from chapter6.extras.language_variants import compared_of, memorised_of, model_of, name_of
from chapter6.extras.language_writing import WAYS, continue_text, encode
from chapter6.lab import progress, result
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.text import Text
from chapter6.lab.training import Training, fit, train_all
from nndl.dataset import books
from nndl.dataset.characters import Characters, Windows, in_order, joined
from nndl.dataset.text import UNK, Vocabulary
from nndl.file import replacing
from nndl.model.language import LanguageModel

import numpy as np
import paddle
from paddle import nn

# --- 数据 data ---


def find_text(run: Run) -> tuple[str, Path, str]:
    """Which text, where it is, and the mark of its content. Raises NotPreparedError, DataError."""
    name, root = run.settings.corpus, run.data_dir / run.settings.corpus
    if run.settings.text:
        path = Path(run.settings.text).absolute()
        return "text", path, books.mark_of_text(books.read_text(path))
    if name == "python":
        return name, root, books.mark_of_text(books.documentation())
    return name, root, books.BOOKS[name].fingerprint(root)


def load_text(corpus: str, place: Path) -> dict[str, str]:
    """Train, dev and test: what is held out is never learnt from (留出的文本从不参与训练)."""
    if corpus == "text":
        return books.split_text(books.read_text(place), str(place))
    if corpus == "python":
        return books.split_text(books.documentation(), "Python's documentation")
    return books.load(corpus, place)


def load_characters(training: Training) -> Characters:
    """The text in ids; the vocabulary is that of train alone (词表只来自训练集)."""
    texts = load_text(training.corpus, training.data)
    if training.memorised:
        texts["train"] = texts["train"][: training.memorised]
    return Characters.of(texts)


AT_ONCE, WRITTEN = 256, 200
"""Characters evaluated at a time (the state is carried on, so their number changes no result); characters written."""


def for_evaluation(characters: Characters, split: str) -> list:
    """A held-out text from its beginning to its end; or as much of train, to compare."""
    held_out = characters.ids[split if split != "train" else "test"]
    return in_order(characters.ids[split][: len(held_out)], AT_ONCE)


# --- 模型 model ---


def make_model(settings: Any, cell: Any, V: int) -> LanguageModel:
    """Embedding (or one-hot) → recurrent layer → linear layer (嵌入或独热 → 循环层 → 线性层).

    Args:
        settings: a training; ``input_size`` M, ``hidden_size`` D, ``num_layers``, ``dropout``, ``inputs``.
        cell: a class of cells, see cells_compared.py.
        V: the number of characters.
    """
    # 独热向量 x_t [V], 或嵌入 e_t = x_t E [M]   a one-hot vector, or its embedding
    M = V if settings.inputs == "one-hot" else settings.input_size
    # H_t = f(e_t, H_{t-1})
    layer = make_layer(cell, M, settings.hidden_size, num_layers=settings.num_layers, dropout=settings.dropout)
    # p(x_{t+1} | x_1 ... x_t) = softmax(H_t V + c): nndl/model/language.py
    return LanguageModel(layer, V, embedding=settings.inputs != "one-hot", dropout=settings.dropout)


# --- 训练 training ---


def between_evaluations(runner: nndl.RunnerV3) -> list[tuple[int, float]]:
    """At each evaluation: the step, and the training perplexity since the one before (两次评价之间的训练困惑度)."""
    steps, losses = [step for step, _ in runner.dev_losses], [loss for _, loss in runner.train_step_losses]
    parts = np.split(np.array(losses), np.array(steps, dtype=int) + 1)[: len(steps)]
    return [(step, float(np.exp(part.mean()))) for step, part in zip(steps, parts, strict=True)]


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One language model, by the five elements of machine learning (机器学习五要素)."""
    # 1 数据: 每个字符的标签就是下一个字符   data: the label of each character is the next one
    characters = load_characters(training)
    train_loader = Windows(characters.ids["train"], training.batch_size, training.length, training.batching)
    dev_loader = for_evaluation(characters, "dev")
    # 2 模型: 状态从一批传到下一批   model: its state is carried from batch to batch
    model = make_model(training, training.make, len(characters.vocabulary))
    # 3 学习准则: 交叉熵, 即困惑度的对数   criterion: cross entropy, the logarithm of the perplexity
    criterion = nn.CrossEntropyLoss()
    # 4 优化算法: Adam, 截断梯度, 学习率按余弦降到 0   Adam, gradients clipped, the rate falls to 0 along a cosine
    steps = training.epochs * len(train_loader)
    rate = paddle.optimizer.lr.CosineAnnealingDecay(training.learning_rate, T_max=steps)
    clip = nn.ClipGradByGlobalNorm(training.clip_at)
    optimizer = nndl.Adam(rate, parameters=model.parameters(), grad_clip=clip)
    # 5 评价指标: 困惑度, 越低越好   metric: perplexity, lower is better
    runner = nndl.RunnerV3(model, optimizer, criterion, nndl.Perplexity())
    # 训练; 只在回合之间存盘, 那时没有要传递的状态   its state is written between epochs only, when none is carried
    plan = {"num_epochs": training.epochs, "eval_steps": training.eval_steps, "checkpoint_steps": len(train_loader)}
    curves = fit(runner, train_loader, dev_loader, folder, **plan, callbacks=[nndl.LearningRateSchedule(rate)])
    # 评价: 从未读过的文本, 以及同样多的训练文本   evaluate: text never read, and as much of what was read
    test, train = (runner.evaluate(for_evaluation(characters, split))[0] for split in ("test", "train"))
    # 模型离开词表没有意义   without its vocabulary the model is worth nothing
    with replacing(folder / result.VOCABULARY) as temporary:
        characters.vocabulary.save(temporary)
    return {
        **curves,
        "train_curve": between_evaluations(runner),
        "train_perplexity": train,
        "dev_perplexity": runner.best_score,
        "test_perplexity": test,
        "parameters": count(model),
        "vocabulary": characters.vocabulary.fingerprint(),
        "vocabulary_size": len(characters.vocabulary),
    }


def load_model(found: dict[str, Any]) -> tuple[LanguageModel, Vocabulary]:
    """What a training left, ready to write."""
    folder = Path(found["folder"])
    vocabulary = Vocabulary.load(folder / result.VOCABULARY)
    model = make_model(SimpleNamespace(**found), class_of(found["cell"]), len(vocabulary))
    nndl.RunnerV3(model, None, None, None).load_model(folder / result.MODEL)
    model.eval()
    return model, vocabulary


# --- 实验 experiment ---


def characters_of(run: Run) -> Characters:
    """The text that is asked for. Raises NotPreparedError, DataError."""
    corpus, place, _ = find_text(run)
    return Characters.of(load_text(corpus, place))


def prefix_of(run: Run, characters: Characters) -> str:
    """What is continued; the first known characters of the test text where nothing is asked for."""
    words = (characters.vocabulary.words[i] for i in characters.ids["test"] if i != UNK)
    return run.settings.prefix or joined(list(islice(words, 12)))


def check_data(run: Run) -> None:
    """Raise NotPreparedError, DataError or SettingError for what a run would stumble over."""
    s, characters = run.settings, characters_of(run)
    for cell in (s.cell, *s.cells):
        class_of(cell)
    encode(characters.vocabulary, prefix_of(run, characters))
    for values in ({}, memorised_of(vars(s))):
        ids = characters.ids["train"][: values.get("memorised")]
        Windows(ids, values.get("batch_size", s.batch_size), s.length)


def trainings(run: Run, wanted: list[dict[str, Any]]) -> list[Training]:
    """For each model and seed one training; a model that is wanted twice is trained once."""
    corpus, place, mark = find_text(run)
    common = {name: getattr(run.settings, name) for name in ("input_size", "batch_size", "length", "clip_at")}
    made = {}
    for values in wanted:
        for seed in range(run.seeds):
            each = {"corpus": corpus, **common, **values, "seed": seed}
            name = name_of(values)
            made[name, seed] = Training(
                train, f"{corpus}-{name}-seed{seed}", each, place, mark, make=class_of(each["cell"])
            )
    return list(made.values())


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    settings, characters = vars(run.settings), characters_of(run)
    # 先数数   first count
    progress.stage(Text("counting letters", "统计字符"))
    counted = inspection.count_letters(characters)
    # 再训练: 模型本身, 与只差一处的小模型   then train: the model, and smaller ones that differ in one thing
    results = train_all(run, trainings(run, [model_of(settings), *compared_of(settings).values()]))
    # 把一小段背下来, 如教程中的困惑度 1.0   learn a little by heart: where the perplexity of 1.0 of courses comes from
    memorised = train_all(run, trainings(run, [memorised_of(settings)]))
    models = results.where(**model_of(settings))
    best = min(models, key=lambda found: found["dev_perplexity"])
    prefix = prefix_of(run, characters)
    model, vocabulary = load_model(best)
    return {
        "corpus": best["corpus"],
        "sizes": {split: len(text) for split, text in characters.texts.items()},
        "unknown": characters.unknown("test"),
        "counted": counted,
        "trainings": results,
        "memorised": memorised,
        # 让最好的模型写作   let the best model write
        "written": {name: continue_text(model, vocabulary, prefix, WRITTEN, way(0)) for name, way in WAYS.items()},
        "prefix": prefix,
        "loops": [inspection.loops(*load_model(found), prefix) for found in models],
        "vectors": inspection.vectors(model, vocabulary),
        "speed": inspection.compare_speed(model, run.settings.batch_size, run.settings.length),
    }


# 结论、表与图   claims, tables and figures: language_findings.py, language_figures.py
LESSON = Lesson(experiment, findings.claims, findings.tables, figures.figures, check_data, exhibits=exhibits.exhibits)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "language", *sys.argv[1:]])
