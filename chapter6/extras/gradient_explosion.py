r"""Gradients, exploding: section 6.4 looked into. What clipping does to a gradient's direction, and what saturation is.

.. math:: \text{by value: } g_i \leftarrow \min(\max(g_i, -v), v), \qquad
    \text{by norm: } g \leftarrow g \cdot \min(1, v / \lVert g \rVert)

``ClipGradByNorm`` takes the norm of each parameter by itself, ``ClipGradByGlobalNorm`` that of all (Pascanu et al.,
2013). 按模截断对每个参数分别计算，按全局模截断则把全部参数看作一个向量：只有后者不改变方向。
"""

from pathlib import Path
from typing import Any

import nndl
from chapter6.extras.gradient_training import common, cosine, learn, make_model, make_trainings
from chapter6.lab.lesson import Run
from chapter6.lab.training import Training
from chapter6.presets import EXPLOSION
from chapter6.sec_6_2_srn_memory import find_data, make_loaders
from chapter6.sec_6_4_gradient_explosion import CLIPS
from chapter6.sec_6_4_gradient_explosion import train as train_clipped

import numpy as np
import paddle
from paddle import Tensor, nn

# --- 截断与方向 clipping and the direction ---


def directions(run: Run) -> list[dict[str, Any]]:
    r"""What each kind of clipping makes of one and the same gradient, that of section 6.4's first step.

    Returns, for each seed and kind, the norms by parameter, ``before`` and ``after``, and the ``cosine`` between
    the whole gradient before and after: 1 is the same direction (方向不变).
    """
    settings, found = EXPLOSION["book"], []
    folder, _ = find_data(run, settings.length)
    for seed in range(run.seeds):
        nndl.runtime.seed_everything(seed)
        (X, y), *_ = make_loaders(folder, settings.batch_size)[0]
        model = make_model(nndl.SRN, settings)
        nn.CrossEntropyLoss(reduction="sum")(model(X), y).backward()
        names, parameters = zip(*model.named_parameters(), strict=True)
        before = [p.grad for p in parameters]
        for kind, make in CLIPS.items():
            clip = make(settings.clip_at)
            pairs = [(p, g.clone()) for p, g in zip(parameters, before, strict=True)]
            after = [g for _, g in (clip(pairs) if clip else pairs)]
            norms = {
                when: dict(zip(names, (g.norm().item() for g in gradients), strict=True))
                for when, gradients in (("before", before), ("after", after))
            }
            found.append({"clip": kind, "seed": seed, "cosine": cosine(before, after), **norms})
    return found


# --- 饱和 saturation ---

SATURATED = 0.99
"""There tanh' = 1 - H² < .02: twenty such steps take a gradient times .02^20 = 1e-34, and the powers of U."""
MOMENTS = (0, 1, 2, 5, 20)
"""After how many steps of the training the hidden states are looked at; and at its end."""


class ActivationRecorder(nndl.Callback):
    """The hidden states of one batch at some moments of a training.

    Args:
        X: the batch, int64 [B, L].
        moments: after how many steps.

    Attributes:
        seen: for each moment ``step``; ``saturated``, the share of |H_t| > .99 at each t [L]; and ``example``, the
            hidden states of the first sequence [D][L].
    """

    def __init__(self, X: Tensor, moments: set[int]) -> None:
        self.X, self.moments = X, moments
        self.seen: list[dict[str, Any]] = []

    def on_train_begin(self, runner: nndl.RunnerV3) -> None:
        self.look(runner.model, 0)

    def on_step_end(self, runner: nndl.RunnerV3) -> None:
        self.look(runner.model, runner.global_step + 1)

    @paddle.no_grad()
    def look(self, model: nndl.Model_RNN4SeqClass, step: int) -> None:
        if step not in self.moments:
            return
        outputs, _ = model.rnn_model(model.embedding(self.X))
        H = outputs.numpy()  # [B, L, D]
        saturated = (np.abs(H) > SATURATED).mean(axis=(0, 2))
        self.seen.append({"step": step, "saturated": saturated.tolist(), "example": H[0].T.round(2).tolist()})


def train_saturated(training: Training, folder: Path) -> dict[str, Any]:
    """Section 6.4's training, with a look at the hidden states."""
    loaders, model = make_loaders(training.data, training.batch_size), make_model(nndl.SRN, training)
    clip = CLIPS[training.clip](training.clip_at)
    optimizer = paddle.optimizer.SGD(training.learning_rate, parameters=model.parameters(), grad_clip=clip)
    (X, _), *_ = loaders[0]
    recorder = ActivationRecorder(X, {*MOMENTS, training.epochs * len(loaders[0])})
    result = learn(training, folder, loaders, model, nn.CrossEntropyLoss(reduction="sum"), optimizer, recorder)
    return result | {"activations": recorder.seen}


# --- 实验 experiment ---


def exploding(run: Run) -> dict[str, list[Training]]:
    """Section 6.4's trainings: its gentler setting with each clipping; the book's with a look inside."""
    theirs = EXPLOSION["book"]
    both = common(theirs) | {"clip_at": theirs.clip_at}
    gentle = both | {"epochs": run.settings.gentle_epochs, "learning_rate": theirs.gentle_learning_rate}
    book = both | {"epochs": run.settings.explosion_epochs, "learning_rate": theirs.learning_rate}
    clipped = {f"SRN-lr{theirs.gentle_learning_rate}-clip_{clip}": gentle | {"clip": clip} for clip in CLIPS}
    inside = {f"inside-clip_{clip}": book | {"clip": clip} for clip in ("none", "norm")}
    return {
        "clipped": make_trainings(run, train_clipped, clipped),
        "saturated": make_trainings(run, train_saturated, inside),
    }
