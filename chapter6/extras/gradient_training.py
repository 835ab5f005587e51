"""Gradients: what the trainings of the remedies share, the task, the model, the steps (公用部分)."""

from pathlib import Path
from typing import Any

import nndl
from chapter6.lab.lesson import Run
from chapter6.lab.training import Training, fit
from chapter6.sec_6_2_srn_memory import find_data, make_loaders
from nndl.dataset import digit_sum

import numpy as np
import paddle
from paddle import Tensor, nn

# --- 训练 training ---


COMMON = ("length", "batch_size", "input_size", "hidden_size", "eval_steps")
"""What every training is set by, whatever else."""


def common(settings: Any) -> dict[str, Any]:
    """Of the settings those that every training has."""
    return {name: getattr(settings, name) for name in COMMON}


def with_adam(settings: Any) -> dict[str, Any]:
    """These, and those of a training on the task of section 6.2."""
    return common(settings) | {"epochs": settings.epochs, "learning_rate": settings.learning_rate}


def make_trainings(run: Run, train: Any, variants: dict[str, dict[str, Any]]) -> list[Training]:
    """A training for each variant, a name and what it is set by, and each seed (多组训练)."""
    return [
        Training(train, f"{name}-seed{seed}", values | {"seed": seed}, *find_data(run, values["length"]))
        for name, values in variants.items()
        for seed in range(run.seeds)
    ]


def make_batches(training: Training) -> tuple[list, list, list]:
    """Those of section 6.2, shuffled once.

    The book's come in the order of the first digit: the mean of such a batch, which batch normalisation takes away,
    would tell it. 书中的批次按首位数字排列，批归一化减去的均值恰好泄露了它，因此打乱一次。
    """
    train_loader, dev_loader, test_loader = make_loaders(training.data, training.batch_size)
    X, y = (paddle.concat(parts) for parts in zip(*train_loader, strict=True))
    parts = paddle.randperm(len(y)).split([len(part) for _, part in train_loader])
    return [(X[part], y[part]) for part in parts], dev_loader, test_loader


def make_model(make_layer: Any, training: Training) -> nndl.Model_RNN4SeqClass:
    """Embedding, recurrent layer, classifier on the last hidden state, as in section 6.2."""
    M, D = training.input_size, training.hidden_size
    return nndl.Model_RNN4SeqClass(make_layer(M, D), digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES)


def learn(
    training: Training,
    folder: Path,
    loaders: tuple[list, list, list],
    model: nn.Layer,
    criterion: nn.Layer,
    optimizer: Any,
    *callbacks: nndl.Callback,
) -> dict[str, Any]:
    """Train, take the best model on dev, evaluate it, as all sections do."""
    train_loader, dev_loader, test_loader = loaders
    runner = nndl.RunnerV3(model, optimizer, criterion, nndl.Accuracy())
    plan = {"num_epochs": training.epochs, "eval_steps": training.eval_steps}
    # 有回调收集数据时, 中断后从头训练   what callbacks gather is no part of a checkpoint
    more = {"callbacks": callbacks, "checkpoint_steps": 0} if callbacks else {}
    curves = fit(runner, train_loader, dev_loader, folder, **plan, **more)
    accuracy, _ = runner.evaluate(test_loader)
    return curves | {"dev_accuracy": runner.best_score, "test_accuracy": accuracy}


# --- 两个梯度 two gradients ---


def flat(gradients: list[Tensor]) -> np.ndarray:
    """All numbers of several gradients, float64, as one vector."""
    return np.concatenate([gradient.numpy().ravel().astype("float64") for gradient in gradients])


def cosine(gradients: list[Tensor], others: list[Tensor]) -> float:
    """Of the angle between two gradients, each of several parameters taken as one vector; 0 where one of them is 0."""
    g, h = flat(gradients), flat(others)
    norms = np.linalg.norm(g) * np.linalg.norm(h)
    return float(g @ h / norms) if norms else 0.0
