"""A notebook written for the book, in its style, runs on this nndl."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import nndl
from nndl import Accuracy, RunnerV3, plot_training_loss, plot_training_loss_acc
from nndl.error import SettingError
from nndl.paddle_versions import is_before

import matplotlib.pyplot as plt
import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.io import DataLoader, Dataset

# --- what a reader has written: a dataset, an SRN, a model ---


class DigitSumDataset(Dataset):
    def __init__(self, data):
        self.data = data

    def __getitem__(self, idx):
        digits, label = self.data[idx]
        return paddle.to_tensor(digits, dtype="int64"), paddle.to_tensor(label, dtype="int64")

    def __len__(self):
        return len(self.data)


class SRN(nn.Layer):
    def __init__(self, input_size, hidden_size, W_attr=None, U_attr=None, b_attr=None):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = self.create_parameter(shape=[input_size, hidden_size], dtype="float32", attr=W_attr)
        self.U = self.create_parameter(shape=[hidden_size, hidden_size], dtype="float32", attr=U_attr)
        self.b = self.create_parameter(shape=[1, hidden_size], dtype="float32", attr=b_attr)

    def forward(self, inputs, hidden_state=None):
        batch_size, seq_len, _ = inputs.shape
        if hidden_state is None:
            hidden_state = paddle.zeros([batch_size, self.hidden_size])
        for step in range(seq_len):
            step_input = inputs[:, step, :]
            hidden_state = nn.functional.tanh(
                paddle.matmul(step_input, self.W) + paddle.matmul(hidden_state, self.U) + self.b
            )
        return hidden_state


class Model(nn.Layer):
    def __init__(self, model, num_digits, input_size, hidden_size, num_classes):
        super().__init__()
        self.embedding = nn.Embedding(num_digits, input_size)
        self.rnn_model = model
        self.linear = nn.Linear(hidden_size, num_classes)

    def forward(self, inputs):
        return self.linear(self.rnn_model(self.embedding(inputs)))


def digits(count, length=4):
    draw = np.random.default_rng(count)
    return [(list(row), row[0] + row[1]) for row in draw.integers(0, 10, [count, length]).tolist()]


def loaders():
    train, dev, test = (DigitSumDataset(digits(count)) for count in (24, 10, 11))
    return DataLoader(train, batch_size=8), DataLoader(dev, batch_size=8), DataLoader(test, batch_size=8)


def notebook(folder, print_log=None):
    """One training of section 6.2, from the loaders to the figures."""
    paddle.seed(0)
    train_loader, dev_loader, test_loader = loaders()
    model = Model(SRN(8, 8), 10, 8, 8, 19)
    optimizer = paddle.optimizer.Adam(learning_rate=0.01, parameters=model.parameters())
    metric = Accuracy()
    loss_fn = nn.CrossEntropyLoss(reduction="mean")
    runner = RunnerV3(model, optimizer, loss_fn, metric)
    model_save_path = os.path.join(folder, "checkpoints", "best_srn_model_4.pdparams")
    runner.train(
        train_loader,
        dev_loader,
        num_epochs=4,
        eval_steps=3,
        log_steps=5,
        save_path=model_save_path,
        custom_print_log=print_log,
    )
    plot_training_loss_acc(runner, os.path.join(folder, "images", "acc.pdf"), fig_size=(8, 3), sample_step=2)
    plot_training_loss(runner, os.path.join(folder, "images", "6.6.png"), sample_step=2)

    runner.load_model(model_save_path)
    score, loss = runner.evaluate(test_loader)
    for X, _ in test_loader:
        logits = runner.predict(X)
    print(f"[SRN] length:4, Score: {score: .5f}, loss: {loss: .5f}")
    return runner, score, logits


# --- and what it expects ---


def test_the_notebook_runs_from_the_loaders_to_the_figures(tmp_path, capsys):
    runner, score, logits = notebook(tmp_path)
    assert [step for step, _ in runner.train_step_losses] == list(range(12))
    assert len(runner.train_epoch_losses) == 4
    assert [step for step, _ in runner.dev_losses] == [3, 6, 9, 11]
    assert len(runner.dev_scores) == 4
    assert runner.best_score == max(runner.dev_scores)
    assert runner.train_epoch_losses[-1] < runner.train_epoch_losses[0]
    assert score in {hits / 11 for hits in range(12)}
    assert logits.shape == [3, 19]
    said = capsys.readouterr().out
    assert "[Train] epoch: 1/4, step: 5/12, loss: " in said
    assert "[Evaluate]  dev score: " in said
    assert "[SRN] length:4, Score: " in said
    assert np.var(plt.imread(tmp_path / "images" / "6.6.png")[..., :3]) > 0.001
    assert (tmp_path / "images" / "acc.pdf").stat().st_size > 5000


def test_the_best_model_is_that_of_the_best_dev_score(tmp_path):
    runner, _, _ = notebook(tmp_path)
    _, dev_loader, _ = loaders()
    assert runner.evaluate(dev_loader)[0] == runner.best_score


def test_gradient_norms_are_collected_by_custom_print_log(tmp_path):
    W_list, U_list, b_list, parameters = [], [], [], []

    def custom_print_log(runner):
        srn = runner.model.rnn_model
        for values, parameter in ((W_list, srn.W), (U_list, srn.U), (b_list, srn.b)):
            values.append(paddle.norm(parameter.grad, p=2.0).item())
        parameters.append(srn.W.numpy().copy())

    notebook(tmp_path, custom_print_log)
    assert len(W_list) == len(U_list) == len(b_list) == 12
    assert all(value > 0 for value in [*W_list, *U_list, *b_list])

    # the first of them is the gradient at the model as it was made: here once more, by hand
    paddle.seed(0)
    model = Model(SRN(8, 8), 10, 8, 8, 19)
    X, y = next(iter(loaders()[0]))
    nn.functional.cross_entropy(model(X), y).backward()
    np.testing.assert_array_equal(parameters[0], model.rnn_model.W.numpy())
    assert W_list[0] == pytest.approx(paddle.norm(model.rnn_model.W.grad).item(), rel=1e-5)
    assert not np.array_equal(parameters[1], parameters[0])


def test_parameters_set_by_attributes_give_the_hidden_state_of_the_book():
    def assigned(values):
        return paddle.ParamAttr(initializer=nn.initializer.Assign(values))

    W, U, b = assigned([[0.1, 0.2], [0.1, 0.2]]), assigned([[0.0, 0.1], [0.1, 0.0]]), assigned([[0.1, 0.1]])
    inputs = paddle.to_tensor([[[1.0, 0.0], [0.0, 2.0]]])
    theirs = SRN(2, 2, W, U, b)(inputs)
    _, ours = nndl.SRN(2, 2, W_attr=W, U_attr=U, b_attr=b)(inputs)
    # H_1 = tanh([0.2, 0.3]); H_2 = tanh([0.3 + 0.1 H_1[1], 0.5 + 0.1 H_1[0]])
    first = np.tanh([0.2, 0.3])
    second = np.tanh([0.3 + 0.1 * first[1], 0.5 + 0.1 * first[0]])
    np.testing.assert_allclose(theirs.numpy(), [second], rtol=1e-6)
    np.testing.assert_allclose(ours.numpy(), [[second]], rtol=1e-6)


def test_the_books_attributes_by_position_are_refused_in_one_line():
    attribute = paddle.ParamAttr(initializer=nn.initializer.Constant(0.5))
    for layer in (nndl.SRN, nndl.LSTM):
        for arguments in [(attribute,), (attribute, attribute, attribute)]:
            with pytest.raises(SettingError, match=r"^num_layers is a parameter attribute: name it, as in W_attr="):
                layer(2, 2, *arguments)
        with pytest.raises(SettingError, match=r"^num_layers None: "):
            layer(2, 2, None, attribute)
    with pytest.raises(SettingError, match=r"^no argument is called Wi_attr, bc_attr; .* order i, f, c, o"):
        nndl.LSTM(2, 2, Wi_attr=attribute, bc_attr=attribute)
    with pytest.raises(SettingError, match=r"^no argument is called para_attr"):
        nndl.SRN(2, 2, para_attr=attribute)


def test_attributes_of_all_gates_give_the_hidden_state_of_the_book():
    """What the refusal above says to do: the book's four matrices side by side, in the order i, f, c, o."""

    def assigned(values):
        return paddle.ParamAttr(initializer=nn.initializer.Assign(values))

    W, U, b = (np.array(rows) for rows in ([[0.1, 0.2], [0.1, 0.2]], [[0.0, 0.1], [0.1, 0.0]], [[0.1, 0.1]]))
    side_by_side = [assigned(np.tile(part, 4)) for part in (W, U, b)]
    lstm = nndl.LSTM(2, 2, W_attr=side_by_side[0], U_attr=side_by_side[1], b_attr=side_by_side[2])
    _, (H, _) = lstm(paddle.to_tensor([[[1.0, 0.0]]]))
    z = W[0] + b[0]  # of the first and only step, the same for every gate
    gate = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(H.numpy(), [[gate * np.tanh(gate * np.tanh(z))]], rtol=1e-6)


def custom_print_log_of_the_book(lists):
    """Looks for the parameters by name, as the book's does, and keeps 0 where it finds none."""

    def custom_print_log(runner):
        norms = dict.fromkeys(lists, 0)
        for name, parameter in runner.model.named_parameters():
            for each in lists:
                if name == f"rnn_model.{each}":
                    norms[each] = paddle.norm(parameter.grad, p=2).item()
        for each, values in lists.items():
            values.append(norms[each])

    return custom_print_log


@pytest.mark.parametrize("layer", [nndl.SRN, nndl.LSTM])
def test_the_books_names_find_the_parameters_of_our_digit_model(layer):
    paddle.seed(0)
    model = nndl.Model_RNN4SeqClass(layer(8, 8), 10, 8, 8, 19)
    optimizer = paddle.optimizer.SGD(0.1, parameters=model.parameters())
    lists, recorder = {"W": [], "U": [], "b": []}, nndl.GradientNormRecorder()
    runner = RunnerV3(model, optimizer, nn.CrossEntropyLoss(), Accuracy())
    runner.train(
        loaders()[0], num_epochs=1, log_steps=0, custom_print_log=custom_print_log_of_the_book(lists),
        callbacks=[recorder],
    )  # fmt: skip
    for name, values in lists.items():
        assert all(values)
        assert values == pytest.approx(recorder.norms[f"rnn_model.{name}"], rel=1e-5)
        assert getattr(model.rnn_model, name) is getattr(model.rnn_model.cells[0], name)
    assert len(model.parameters()) == len({id(p) for p in model.parameters()}) == 6
    assert len(optimizer._parameter_list) == 6


def test_files_keep_the_names_they_had():
    """A model that was saved by an earlier nndl loads."""
    model = nndl.Model_RNN4SeqClass(nndl.SRN(8, 8), 10, 8, 8, 19)
    names = ["embedding.W", *(f"rnn_model.cells.0.{name}" for name in "WUb"), "linear.weight", "linear.bias"]
    assert list(model.state_dict()) == names


def test_layers_of_several_cells_keep_the_names_apart():
    deep = nndl.Model_RNN4SeqClass(nndl.SRN(8, 8, num_layers=2), 10, 8, 8, 19)
    names = [name for name, _ in deep.named_parameters()]
    assert names == list(deep.state_dict())
    with pytest.raises(AttributeError, match=r"SRN of 2 cells: each has its own, cells\[0\]\.W"):
        _ = deep.rnn_model.W
    with pytest.raises(AttributeError, match="no attribute 'weights'"):
        _ = deep.rnn_model.weights


@pytest.mark.parametrize("name", ["RunnerV1", "RunnerV2", "accuracy", "make_moons", "tools"])
def test_names_of_other_chapters_say_that_this_is_chapter_6(name):
    with pytest.raises(ImportError, match=rf"^{name} is not for chapter 6, which .*nndl.*RunnerV3, Accuracy"):
        exec(f"from nndl import {name}", {})


def test_names_of_no_chapter_are_missing_as_in_any_module():
    assert not hasattr(nndl, "no_such_name")
    with pytest.raises(ImportError, match=r"cannot import name 'no_such_name' from 'nndl' \(.*nndl"):
        exec("from nndl import no_such_name", {})


def test_the_models_of_nndl_take_the_readers_srn(tmp_path):
    model = nndl.Model_RNN4SeqClass(SRN(8, 8), 10, 8, 8, 19)
    X, _ = next(iter(loaders()[0]))
    assert model(X).shape == [8, 19]


# --- the text section: ids and lengths ---


def collate_fn(batch, pad_val=0):
    ids, lengths, labels = [], [], []
    longest = max(len(words) for words, _ in batch)
    for words, label in batch:
        ids.append(words + [pad_val] * (longest - len(words)))
        lengths.append(len(words))
        labels.append(label)
    return (paddle.to_tensor(ids), paddle.to_tensor(lengths)), paddle.to_tensor(labels)


class Sentences(Dataset):
    def __init__(self, count):
        draw = np.random.default_rng(count)
        self.examples = [(draw.integers(1, 9, draw.integers(1, 6)).tolist(), i % 2) for i in range(count)]

    def __getitem__(self, idx):
        return self.examples[idx]

    def __len__(self):
        return len(self.examples)


class Model_BiLSTM_FC(nn.Layer):
    def __init__(self):
        super().__init__()
        self.embedding_layer = nn.Embedding(9, 6, padding_idx=0)
        self.lstm_layer = nn.LSTM(6, 5, direction="bidirectional")
        self.average_layer = nndl.AveragePooling()
        self.output_layer = nn.Linear(10, 2)

    def forward(self, inputs):
        input_ids, sequence_length = inputs
        sequence_output, _ = self.lstm_layer(self.embedding_layer(input_ids), sequence_length=sequence_length)
        return self.output_layer(self.average_layer(sequence_output, sequence_length))


def test_the_text_section_runs_with_a_tuple_as_x(tmp_path):
    paddle.seed(0)
    train_loader = DataLoader(
        Sentences(20), batch_size=8, shuffle=True, drop_last=False, collate_fn=partial(collate_fn, pad_val=0)
    )
    test_loader = DataLoader(Sentences(9), batch_size=8, collate_fn=collate_fn)  # its last batch is one example
    model = Model_BiLSTM_FC()
    optimizer = paddle.optimizer.Adam(learning_rate=0.01, beta1=0.9, beta2=0.999, parameters=model.parameters())
    runner = RunnerV3(model, optimizer, nn.CrossEntropyLoss(), Accuracy())
    save_path = f"{tmp_path}/checkpoints/best.pdparams"
    runner.train(train_loader, test_loader, num_epochs=2, log_steps=10, eval_steps=2, save_path=save_path)
    runner.load_model(save_path)
    score, _ = runner.evaluate(test_loader)
    assert score == runner.best_score
    assert len(runner.train_step_losses) == 6
    alone = runner.predict(collate_fn([([3, 4], 1)])[0])
    padded = runner.predict(collate_fn([([3, 4], 1), ([1, 2, 3, 4, 5], 0)])[0])
    np.testing.assert_allclose(alone.numpy(), padded.numpy()[:1], rtol=1e-5, atol=1e-6)


# --- imports in the other order ---


@pytest.mark.skipif(is_before((3, 0)), reason="this Paddle, loaded first, ends the process that draws: its zlib")
def test_the_notebook_runs_with_paddle_imported_first(tmp_path):
    here = Path(__file__)
    done = subprocess.run(
        [sys.executable, "-c", f"import paddle\nimport {here.stem} as book\nbook.notebook({str(tmp_path)!r})"],
        cwd=Path(nndl.__file__).parents[1],
        env=os.environ | {"PYTHONPATH": str(here.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "[SRN] length:4, Score: " in done.stdout
    assert done.stderr.count("nndl runtime: ") == 1
    assert "Paddle was loaded first" in done.stderr
    assert f"nndl is {Path(nndl.__file__).parent}" in done.stderr
    assert (tmp_path / "images" / "6.6.png").exists()
