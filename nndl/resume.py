"""The whole state of a training: what :class:`nndl.RunnerV3` writes so that an interrupted training can go on.

It is looked at from all sides before anything is put into place, for a file can hold anything: then either all of
the runner is in the state that was written, or nothing of it has changed.
"""

import copy
import math
import random
import re
from collections import defaultdict
from itertools import pairwise
from os import PathLike
from typing import TYPE_CHECKING, Any

from nndl import checkpoint
from nndl.error import CheckpointError, SettingError
from nndl.metric import lower_is_better

import numpy as np
import paddle

if TYPE_CHECKING:
    from nndl.runner import RunnerV3

HISTORY = ("train_step_losses", "train_epoch_losses", "dev_losses", "dev_scores")
FIELDS = {
    "model", "optimizer", "optimizer_class", "history", "best_score", "lower_is_better", "owns_save_path", "step",
    "steps_per_epoch", "random", "random_at_epoch_start",
}  # fmt: skip
_SCHEDULE = "LR_Scheduler"  # Paddle's name of it in an optimizer's state


def state_of(runner: "RunnerV3") -> dict[str, Any]:
    """All that the rest of the training depends on.

    Raises:
        SettingError: the optimizer has a state that cannot be written down.
    """
    return {
        "model": {name: tensor.numpy() for name, tensor in runner.model.state_dict().items()},
        "optimizer": _optimizer_state(runner),
        "optimizer_class": type(runner.optimizer).__name__,
        "history": {name: list(getattr(runner, name)) for name in HISTORY},
        "best_score": runner.best_score,
        "lower_is_better": lower_is_better(runner.metric),
        "owns_save_path": runner._owns_save_path,
        "step": (runner._first_step, runner.global_step),
        "steps_per_epoch": runner._steps_per_epoch,
        "random": random_state(),
        "random_at_epoch_start": runner._random_at_epoch_start,
    }


def restore(runner: "RunnerV3", path: str | PathLike, num_epochs: int, steps_per_epoch: int) -> None:
    """Put a runner into the state that :func:`state_of` found, or leave it and the random numbers as they are.

    Args:
        num_epochs, steps_per_epoch: of the training that is to go on from there.

    Raises:
        CheckpointError: no such file, a damaged one, or one that does not hold the state of such a training.
    """
    state = checkpoint.load(path)
    if not isinstance(state, dict) or state.keys() != FIELDS:
        raise CheckpointError(f"{path}: holds no training to go on with; choose another checkpoint_path")
    parameters = checkpoint.fitted(runner.model, state["model"], path)
    try:
        first_step, step = _steps(state["step"])
        history = _history(state["history"], step)
        is_like = type(state["steps_per_epoch"]) is int and state["steps_per_epoch"] == steps_per_epoch
        _require(is_like, f"its epochs are not of {steps_per_epoch} steps, as those of this training are")
        had, wanted = step - first_step, num_epochs * steps_per_epoch
        _require(had <= wanted, f"it has taken {had} steps already, and num_epochs {num_epochs} asks for {wanted}")
        lower = lower_is_better(runner.metric)
        sense = f"its metric is not one of which {'lower' if lower else 'higher'} is better, as this training's is"
        _require(state["lower_is_better"] is lower, sense)
        best_score = _best_score(state["best_score"], history["dev_scores"])
        optimizer = _fitted_optimizer_state(runner, state["optimizer"], state["optimizer_class"])
        for moment in ("random", "random_at_epoch_start"):
            _check_random_state(state[moment])
        _require(type(state["owns_save_path"]) is bool, "owns_save_path is neither true nor false")
    except _Fault as fault:
        raise CheckpointError(f"{path}: {fault}; choose another checkpoint_path, or remove it to start anew") from None
    runner.model.set_state_dict(parameters)
    runner.optimizer.set_state_dict(optimizer)
    for name, values in history.items():
        setattr(runner, name, values)
    runner.best_score = best_score
    runner._first_step, runner.global_step = first_step, step
    runner._owns_save_path = state["owns_save_path"]
    set_random_state(state["random"])
    runner._random_at_epoch_start = state["random_at_epoch_start"]


class _Fault(Exception):
    """What is wrong with a state, in words."""


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise _Fault(otherwise)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_dict(value: Any, keys: Any) -> bool:
    return isinstance(value, dict) and value.keys() == set(keys)


# --- the history ---


def _steps(steps: Any) -> tuple[int, int]:
    is_pair = type(steps) is tuple and len(steps) == 2 and all(type(step) is int for step in steps)
    _require(is_pair and 0 <= steps[0] <= steps[1], "its step is no pair of growing numbers")
    return steps


def _history(history: Any, step: int) -> dict[str, list]:
    _require(_is_dict(history, HISTORY), f"its history is not that of {', '.join(HISTORY)}")
    _require(all(type(values) is list for values in history.values()), "its history is no lists")
    for name in ("train_step_losses", "dev_losses"):
        pairs = history[name]
        is_right = all(type(pair) is tuple and len(pair) == 2 and type(pair[0]) is int for pair in pairs)
        _require(is_right and all(_is_number(loss) for _, loss in pairs), f"{name} are no pairs (step, loss)")
    for name in ("train_epoch_losses", "dev_scores"):
        _require(all(map(_is_number, history[name])), f"{name} are no numbers")
    steps = [number for number, _ in history["train_step_losses"]]
    _require(len(steps) == step and steps == list(range(step)), f"train_step_losses are not those of {step} steps")
    _require(all(math.isfinite(loss) for _, loss in history["train_step_losses"]), "train_step_losses are not finite")
    _require(len(history["train_epoch_losses"]) <= step, "train_epoch_losses are of more epochs than there were steps")
    evaluated = [-1, *(number for number, _ in history["dev_losses"]), step]
    _require(
        all(one < other for one, other in pairwise(evaluated)), f"dev_losses are not of growing steps below {step}"
    )
    _require(len(history["dev_losses"]) == len(history["dev_scores"]), "dev_losses and dev_scores are not as many")
    return history


def _best_score(score: Any, scores: list[float]) -> float:
    _require(_is_number(score), "best_score is no number")
    _require(not scores or repr(score) in map(repr, scores), "best_score is none of the dev_scores")  # NaN is one, too
    return score


# --- the optimizer ---


def _optimizer_state(runner: "RunnerV3") -> dict[str, Any]:
    """The schedule of the learning rate, and for each parameter the kinds of numbers that the optimizer keeps of it.

    Under the model's own names; Paddle's differ from process to process, and from optimizer to optimizer.
    """
    structured = _structured_names(runner.model)
    state: dict[str, Any] = {"schedule": None, "kept": {name: {} for name in structured.values()}}
    for key, value in runner.optimizer.state_dict().items():
        owner = max((name for name in structured if key.startswith(f"{name}_")), key=len, default=None)
        if key == _SCHEDULE:
            state["schedule"] = value
        elif owner is None:
            raise SettingError(
                f"checkpoint_path: the optimizer holds {key}, which belongs to no parameter of the model"
            )
        else:
            state["kept"][structured[owner]][_kind(key, owner)] = np.asarray(value)
    return state


def _structured_names(model: paddle.nn.Layer) -> dict[str, str]:
    """The model's name of each parameter by Paddle's; one of them where the model has it in two places."""
    return {parameter.name: name for name, parameter in model.state_dict().items()}


def _kind(key: str, owner: str) -> str:
    """Such as moment1: without the parameter and the number that Paddle counts on with each further optimizer."""
    return key.removeprefix(f"{owner}_").rpartition("_")[0]


def _fitted_optimizer_state(runner: "RunnerV3", state: Any, class_name: Any) -> dict[str, Any]:
    """The state under Paddle's names, as the runner's optimizer takes it."""
    optimizer, parameters = runner.optimizer, runner.model.state_dict()
    own_class = type(optimizer).__name__
    _require(class_name == own_class, f"not the state of a training with {own_class}")
    _require(_is_dict(state, {"schedule", "kept"}), "its optimizer's state is none")
    names = _structured_names(runner.model).values()
    _require(_is_dict(state["kept"], names), "its optimizer's state is not that of the model's parameters")
    own = optimizer.state_dict()
    fitted = {} if state["schedule"] is None else {_SCHEDULE: state["schedule"]}
    is_like = fitted.keys() == own.keys() & {_SCHEDULE} and (not fitted or _is_like(fitted[_SCHEDULE], own[_SCHEDULE]))
    _require(is_like, "the schedule of its learning rate is another")
    for name, arrays in state["kept"].items():
        _require(isinstance(arrays, dict), f"its optimizer keeps no numbers of {name} by their kinds")
        expected = _kept(optimizer, parameters[name]) if arrays or _has_any(own, parameters[name]) else {}
        is_like = _is_dict(arrays, expected) and all(
            isinstance(array, np.ndarray) and (array.shape, array.dtype) == (like.shape, like.dtype)
            for array, like in ((arrays[kind], expected[kind][1]) for kind in expected)
        )
        _require(is_like, f"its optimizer keeps other numbers of {name} than this one")
        fitted |= {expected[kind][0]: array for kind, array in arrays.items()}
    return fitted


def _has_any(state: dict[str, Any], parameter: paddle.Tensor) -> bool:
    return any(key.startswith(f"{parameter.name}_") for key in state)


def _kept(optimizer: Any, parameter: paddle.Tensor) -> dict[str, tuple[str, np.ndarray]]:
    """What an optimizer keeps of a parameter once it has made a step: by kind, Paddle's name for it and its like.

    Paddle makes these in the first step only; so they are made here by a copy of the optimizer.
    """
    trial = copy.copy(optimizer)
    trial._accumulators, trial._accumulators_holder, trial._opti_name_list = defaultdict(dict), {}, []
    trial._already_create_accumulator, trial._master_weights = set(), {}
    trial._create_accumulators(paddle.static.default_main_program().global_block(), [parameter])
    kept = {}
    for kind, by_parameter in trial._accumulators.items():
        tensor = by_parameter[parameter.name]
        known = optimizer._accumulators.get(kind, {}).get(parameter.name)
        base, _, number = tensor.name.rpartition("_")
        kept[_kind(tensor.name, parameter.name)] = (
            known.name if known is not None else f"{base}_{int(number) + 1}",
            tensor.numpy(),
        )
    return kept


def _is_like(given: Any, own: Any) -> bool:
    """Whether a schedule's state has the form of another, which may have None for a number that has not come yet."""
    if isinstance(own, dict):
        return _is_dict(given, own) and all(_is_like(given[key], own[key]) for key in own)
    if isinstance(own, list):
        return type(given) is list and len(given) == len(own) and all(map(_is_like, given, own))
    if own is None or _is_number(own):
        return given is None or (_is_number(given) and math.isfinite(given))
    return type(given) is type(own)


# --- the random numbers ---


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
    kind = type(paddle.get_rng_state()[0])
    generator_state = kind.__new__(kind)
    generator_state.__setstate__(values)
    return generator_state


def _check_random_state(state: Any) -> None:
    """None of the three libraries checks all of it; NumPy would read beyond its own numbers."""
    own = random_state()
    _require(_is_dict(state, own), "its random state is not that of Python, NumPy and Paddle")
    _require(_is_python_state(state["python"]), "its random state of Python is none")
    _require(_is_numpy_state(state["numpy"]), "its random state of NumPy is none")
    is_one = type(state["paddle"]) is list and len(state["paddle"]) == len(own["paddle"])
    is_one = is_one and all(map(_is_paddle_state, state["paddle"], own["paddle"]))
    _require(is_one, "its random state of Paddle is none, or that of another device")


def _is_python_state(state: Any) -> bool:
    if not (type(state) is tuple and len(state) == 3 and type(state[1]) is tuple and len(state[1]) == 625):
        return False
    version, words, next_gauss = state
    is_right = version == 3 and all(type(word) is int and 0 <= word < 2**32 for word in words) and words[-1] <= 624
    return is_right and (next_gauss is None or type(next_gauss) is float)


def _is_numpy_state(state: Any) -> bool:
    if not (type(state) is tuple and len(state) == 5 and isinstance(state[1], np.ndarray)):
        return False
    name, words, position, has_gauss, gauss = state
    is_right = name == "MT19937" and words.dtype == "uint32" and words.shape == (624,)
    is_right = is_right and type(position) is int and 0 <= position <= 624
    return is_right and type(has_gauss) is int and has_gauss in (0, 1) and type(gauss) is float


def _is_paddle_state(state: Any, own: tuple) -> bool:
    """(device, seed, offset, text of the generator): its words, and where there is one the place among them."""
    if not (type(state) is tuple and len(state) == 4 and type(state[3]) is list):
        return False
    if not all(type(code) is int and code in range(128) for code in state[3]):
        return False
    words, own_words = ("".join(map(chr, codes)).split(" ") for codes in (state[3], own[3]))
    is_right = state[0] == own[0] and all(type(number) is int and 0 <= number < 2**64 for number in state[1:3])
    is_right = is_right and len(words) == len(own_words) and all(re.fullmatch("[0-9]{1,20}", word) for word in words)
    return is_right and all(int(word) < 2**64 for word in words) and (len(words) < 313 or int(words[312]) <= 312)
