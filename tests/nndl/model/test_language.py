"""A language model: its state in training and in evaluation, one step against many, and a training that goes on."""

import copy
from collections.abc import Callable
from pathlib import Path

import nndl
from nndl import op
from nndl.dataset.characters import Windows, in_order
from nndl.error import DataError, SettingError
from nndl.generate import beam_search, generate
from nndl.model.language import LanguageModel

import numpy as np
import paddle
import pytest
from paddle import nn

V, M, D = 7, 3, 5
IDS = np.random.default_rng(0).integers(0, V, 200)

LAYERS: dict[str, Callable[[], nn.Layer]] = {
    "SRN": lambda: nndl.SRN(M, D),
    "GRU": lambda: nndl.GRU(M, D, 2),
    "LSTM": lambda: nndl.LSTM(M, D, 2),
    "SCRN": lambda: op.Recurrent(op.SCRNCell, M, D),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_text_in_parts_is_the_text(name: str) -> None:
    model = LanguageModel(LAYERS[name](), V)
    model.eval()
    together = model((paddle.to_tensor(IDS[None, :-1]), False))
    for length in (1, 7, 150, 500):
        parts = [model(X) for X, _ in in_order(IDS, length)]
        assert paddle.concat(parts, axis=1).numpy() == pytest.approx(together.numpy(), abs=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_steps_are_the_text_for_any_number_of_sequences(name: str) -> None:
    """B first in the state: each row goes on from its own."""
    model = LanguageModel(LAYERS[name](), V)
    model.eval()
    ids = paddle.to_tensor(IDS[:60].reshape(3, 20))
    logits, _ = model.read(ids)
    last, state = model.begin(ids[:, :10])
    assert last.tolist() == ids[:, 9].tolist()
    for t in range(9, 20):
        found, state = model.step(ids[:, t], state)
        assert found.numpy() == pytest.approx(logits[:, t].numpy(), abs=1e-5)
    first, none = model.begin(ids[:, :1])
    assert (first.tolist(), none) == (ids[:, 0].tolist(), None)


def test_it_generates_and_searches() -> None:
    model = LanguageModel(LAYERS["LSTM"](), V)
    model.eval()
    first, state = model.begin(paddle.to_tensor(IDS[None, :5]))
    assert generate(model.step, state, first, 6).shape == (1, 6)
    found, log_p = beam_search(model.step, state, first, 6, end=0, width=3)
    assert found.shape[0] == 1
    assert log_p[0] < 0


def test_evaluation_disturbs_no_training() -> None:
    """In training the state of the last training batch is carried, whatever was evaluated in between."""
    model = LanguageModel(LAYERS["GRU"](), V)
    first, second = paddle.to_tensor(IDS[:20].reshape(2, 10)), paddle.to_tensor(IDS[20:40].reshape(2, 10))
    model.train()
    model((first, False))
    expected = model((second, True))
    model((first, False))
    model.eval()
    for X, _ in in_order(IDS, 30):
        model(X)
    model.train()
    assert bool((model((second, True)) == expected).all())
    assert not bool((model((second, False)) == expected).all())


def test_the_gradient_stays_within_the_batch() -> None:
    model = LanguageModel(LAYERS["SRN"](), V)
    model((paddle.to_tensor(IDS[None, :10]), False)).sum().backward()
    model.clear_gradients()
    model((paddle.to_tensor(IDS[None, 10:20]), True)).sum().backward()  # would fail beyond a graph that is gone
    rows = model.embedding_layer.W.grad.numpy()
    assert set(np.flatnonzero(np.abs(rows).sum(axis=1))) <= set(IDS[10:20])


def test_one_hot_is_an_embedding_by_the_identity() -> None:
    one_hot = LanguageModel(nndl.SRN(V, D), V, embedding=False)
    trained = LanguageModel(nndl.SRN(V, D), V)
    trained.set_state_dict(one_hot.state_dict() | {"embedding_layer.W": paddle.eye(V)})
    ids = paddle.to_tensor(IDS[None, :20])
    assert one_hot.read(ids)[0].numpy() == pytest.approx(trained.read(ids)[0].numpy(), abs=1e-6)


def test_bad_input() -> None:
    model = LanguageModel(LAYERS["GRU"](), V)
    with pytest.raises(DataError, match=f"index {V}"):
        model((paddle.to_tensor([[V]]), False))
    with pytest.raises(DataError, match=f"index {V}"):
        LanguageModel(nndl.SRN(V, D), V, embedding=False)((paddle.to_tensor([[V]]), False))
    model((paddle.to_tensor([[1]]), False))
    with pytest.raises(SettingError, match="initial state of shape"):
        model((paddle.to_tensor([[1], [2]]), True))
    with pytest.raises(SettingError, match="dropout"):
        LanguageModel(LAYERS["GRU"](), V, dropout=2.0)


def test_a_copy_carries_nothing() -> None:
    model = LanguageModel(LAYERS["GRU"](), V)
    model((paddle.to_tensor([[1]]), False))
    assert copy.deepcopy(model)._carried == {}
    assert model._carried


class StoppedError(Exception):
    """As of a machine that goes down."""


class Stop(nndl.Callback):
    def __init__(self, at: int) -> None:
        self.at = at

    def on_step_end(self, runner: nndl.RunnerV3) -> None:
        if runner.global_step == self.at:
            raise StoppedError


def trained(folder: Path, *callbacks: nndl.Callback) -> nndl.RunnerV3:
    """Two streams, a state that is carried, dropout, evaluations in the midst of an epoch."""
    nndl.runtime.seed_everything(1)
    model = LanguageModel(LAYERS["GRU"](), V, dropout=0.2)
    loader = Windows(IDS, 2, 8)
    runner = nndl.RunnerV3(
        model, nndl.Adam(0.01, parameters=model.parameters()), nn.CrossEntropyLoss(), nndl.Perplexity()
    )
    runner.train(
        loader, in_order(IDS[:50], 20), num_epochs=3, eval_steps=4, log_steps=0, save_path=folder / "best.pdparams",
        callbacks=callbacks, checkpoint_path=folder / "last.pdstate", checkpoint_steps=len(loader),
    )  # fmt: skip
    return runner


@pytest.mark.parametrize("at", [13, 30])
def test_a_resumed_training_ends_with_the_same_numbers(at: int, tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    with pytest.raises(StoppedError):
        trained(tmp_path / "parts", Stop(at))
    again = trained(tmp_path / "parts")
    assert again.train_step_losses == whole.train_step_losses
    assert again.dev_scores == whole.dev_scores


@pytest.mark.parametrize("direction", ["bidirectional", "reverse"])
def test_a_layer_that_reads_what_is_to_be_predicted(direction: str) -> None:
    with pytest.raises(SettingError, match="expected forward"):
        LanguageModel(op.GRU(2, 3, direction=direction), 5)
