"""The whole state of a training: what :class:`nndl.RunnerV3` writes so that an interrupted training can go on."""

import random
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import paddle

from nndl import checkpoint
from nndl.error import CheckpointError

if TYPE_CHECKING:
    from nndl.runner import RunnerV3

HISTORY = ("train_step_losses", "train_epoch_losses", "dev_losses", "dev_scores")


def state_of(runner: "RunnerV3") -> dict[str, Any]:
    """All that the rest of the training depends on."""
    return {
        "model": {name: tensor.numpy() for name, tensor in runner.model.state_dict().items()},
        "optimizer": _optimizer_state(runner),
        "history": {name: list(getattr(runner, name)) for name in HISTORY},
        "best_score": runner.best_score,
        "owns_save_path": runner._owns_save_path,
        "step": (runner._first_step, runner.global_step),
        "random": random_state(),
        "random_at_epoch_start": runner._random_at_epoch_start,
    }


def restore(runner: "RunnerV3", path: str | PathLike) -> None:
    """Put a runner into the state that :func:`state_of` found. Raises CheckpointError."""
    state = checkpoint.load(path)
    if not isinstance(state, dict) or not {"model", "optimizer", "history", "step", "random"} <= state.keys():
        raise CheckpointError(f"{path}: holds no training to go on with; choose another checkpoint_path")
    checkpoint.restore(runner.model, state["model"], path)
    _set_optimizer_state(runner, state["optimizer"])
    for name in HISTORY:
        setattr(runner, name, state["history"][name])
    runner.best_score = state["best_score"]
    runner._first_step, runner.global_step = state["step"]
    runner._owns_save_path = state["owns_save_path"]
    set_random_state(state["random"])
    runner._random_at_epoch_start = state["random_at_epoch_start"]


def _optimizer_state(runner: "RunnerV3") -> dict[str, Any]:
    """The optimizer's state under the model's own names; Paddle's differ from process to process."""
    structured = {p.name: name for name, p in runner.model.state_dict().items()}
    state = {}
    for key, value in runner.optimizer.state_dict().items():
        owner = max((name for name in structured if key.startswith(f"{name}_")), key=len, default=None)
        if owner is None:  # the learning rate's schedule
            state[key] = value
        else:
            state[f"{structured[owner]}|{key.removeprefix(owner)}"] = value.numpy()
    return state


def _set_optimizer_state(runner: "RunnerV3", state: dict[str, Any]) -> None:
    paddle_name = {name: p.name for name, p in runner.model.state_dict().items()}
    restored = {}
    for key, value in state.items():
        name, bar, suffix = key.partition("|")
        restored[paddle_name[name] + suffix if bar else key] = value
    runner.optimizer.set_state_dict(restored)


def random_state() -> dict[str, Any]:
    """Of Python's, NumPy's and Paddle's generators."""
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "paddle": [s.__getstate__() for s in paddle.get_rng_state()],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put the generators into the state that :func:`random_state` found."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    paddle.set_rng_state([_generator_state(values) for values in state["paddle"]])


def _generator_state(values: tuple) -> Any:
    kind = paddle.base.libpaddle.GeneratorState
    generator_state = kind.__new__(kind)
    generator_state.__setstate__(values)
    return generator_state
