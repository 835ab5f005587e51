r"""Gradients, the remedies (梯度消失与梯度爆炸的应对办法): each on and off on the same task, by seeds.

The task is DigitSum of section 6.2, where a plain SRN learns something and forgets much: what helps it, what hurts?
任务为 6.2 节的数字求和，普通 SRN 能学到一些，也忘掉不少：什么对它有帮助，什么有害？

Activation, initialisation, weight decay, normalisation, residual connections, gates: one change each. Clipping, where
gradients explode: gradient_explosion.py. How far back the gradient goes: gradient_truncation.py. Part of the lesson
``gradients``, see gradient_lab.py.
"""

from functools import partial
from pathlib import Path
from typing import Any

import nndl
from chapter6.extras.gradient_explosion import directions, exploding
from chapter6.extras.gradient_training import learn, make_batches, make_model, make_trainings, with_adam
from chapter6.extras.gradient_truncation import truncated
from chapter6.lab.lesson import Run
from chapter6.lab.training import Training, train_all
from chapter6.presets import EXPLOSION
from nndl.op import BatchNormSRNCell, LayerNormSRNCell, Recurrent, ResidualSRNCell, SRNCell

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Assign, Constant, Normal, Orthogonal
from paddle.regularizer import L1Decay, L2Decay

# --- 应对办法 remedies ---

LAYERS = {
    # 对照   what the others are compared with: H_t = tanh(X_t W + H_{t-1} U + b), Xavier
    "none": nndl.SRN,
    # 激活函数   activation: 导数不超过 1, 1, 1/4   whose derivative is at most 1 (tanh), 1 (ReLU), 1/4 (sigmoid)
    "relu": partial(Recurrent, partial(SRNCell, activation="relu")),
    "sigmoid": partial(Recurrent, partial(SRNCell, activation="sigmoid")),
    # 初始化   initialisation: W, U ~ .01 N(0, 1); W, U ~ N(0, 1/n); U 正交   orthogonal; U = I
    "small": lambda M, D: nndl.SRN(M, D, W_attr=Normal(0, 0.01), U_attr=Normal(0, 0.01), b_attr=Constant(0)),
    "scaled": lambda M, D: nndl.SRN(M, D, W_attr=Normal(0, M**-0.5), U_attr=Normal(0, D**-0.5), b_attr=Constant(0)),
    "orthogonal": lambda M, D: nndl.SRN(M, D, U_attr=Orthogonal()),
    "identity": lambda M, D: nndl.SRN(M, D, U_attr=Assign(np.eye(D))),
    # 归一化   normalisation, at every step: over the batch, over the units
    "batch_norm": partial(Recurrent, BatchNormSRNCell),
    "layer_norm": partial(Recurrent, LayerNormSRNCell),
    # 残差连接   residual: H_t = H_{t-1} + tanh(X_t W + H_{t-1} U + b)
    "residual": partial(Recurrent, ResidualSRNCell),
    # 门控   gates
    "LSTM": nndl.LSTM,
    "GRU": nndl.GRU,
}


def make_optimizer(training: Training, parameters: list[Tensor]) -> paddle.optimizer.Optimizer:
    """Adam; with weight decay (权重衰减), whose gradient is added to that of the loss.

    It works against exploding; but where U is small all that was seen fades within few steps: Pascanu et al. (2013).
    它抑制梯度爆炸，但 U 变小后，见过的一切几步之内就消退。
    """
    if training.l1:  # g <- g + λ sign(w)
        return paddle.optimizer.Adam(training.learning_rate, parameters=parameters, weight_decay=L1Decay(training.l1))
    if training.l2:  # g <- g + λ w
        return paddle.optimizer.Adam(training.learning_rate, parameters=parameters, weight_decay=L2Decay(training.l2))
    return nndl.Adam(training.learning_rate, parameters=parameters)


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One remedy on DigitSum."""
    loaders, model = make_batches(training), make_model(LAYERS[training.layer], training)
    if training.remedy == "zeros":
        # 全部参数为 0, 包括嵌入层和分类层   every parameter, of embedding and classifier too
        for parameter in model.parameters():
            parameter.set_value(paddle.zeros_like(parameter))
    optimizer = make_optimizer(training, model.parameters())
    result = learn(training, folder, loaders, model, nn.CrossEntropyLoss(), optimizer)
    # 批归一化在评价时用训练中的滑动平均; 若改用测试批自身的统计量?   batch normalisation is evaluated with running
    # averages of the training; with the statistics of the test batch itself?
    model.train()
    with paddle.no_grad():
        ((X, y),) = loaders[2]
        batch_accuracy = (model(X).argmax(axis=-1) == y).astype("float32").mean().item()
    return result | {"batch_accuracy": batch_accuracy, "singular_value": singular_value(model.rnn_model)}


def singular_value(layer: nn.Layer) -> float | None:
    """The largest one of U (最大奇异值): what a step can multiply a gradient by; None where U is of several gates."""
    U = layer.cells[0].U.numpy().astype("float64")
    return float(np.linalg.norm(np.nan_to_num(U), 2)) if U.shape[0] == U.shape[1] else None


# --- 实验 experiment ---


def experiment(run: Run) -> dict[str, Any]:
    """All trainings of the four parts at once; those that section 6.4 has done serve again."""
    parts = {"trainings": remedies(run), "truncated": truncated(run)} | exploding(run)
    trained = [run.out / "6.4" / preset / "checkpoints" for preset in EXPLOSION]
    wanted = [training for part in parts.values() for training in part]
    results = iter(train_all(run, wanted, also_in=trained, may_diverge=True))
    return {name: [next(results) for _ in part] for name, part in parts.items()} | {"directions": directions(run)}


def remedies(run: Run) -> list[Training]:
    """Every remedy by itself, with every seed."""
    plain = with_adam(run.settings) | {"layer": "none", "l1": 0.0, "l2": 0.0}
    changes = {name: {"layer": name} for name in LAYERS} | {"zeros": {}}
    changes |= {f"L1 {strength:g}": {"l1": strength} for strength in run.settings.l1}
    changes |= {f"L2 {strength:g}": {"l2": strength} for strength in run.settings.l2}
    return make_trainings(run, train, {name: plain | change | {"remedy": name} for name, change in changes.items()})
