"""In a real notebook: the kernel of this interpreter runs cells in the book's style, and one is interrupted."""

import ast
import sys
from pathlib import Path

import nndl

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

IMPORTS = """
import sys
from nndl import RunnerV3, Accuracy, plot_training_loss
import nndl
import paddle
import paddle.nn as nn

print([sys.executable, nndl.__file__])


def train(length, custom_print_log=None):
    paddle.seed(0)
    digits = paddle.randint(0, 10, [24, length])
    data = paddle.io.TensorDataset([digits, digits[:, 0] + digits[:, 1]])
    train_loader, dev_loader = (paddle.io.DataLoader(data, batch_size=8) for _ in range(2))
    model = nndl.Model_RNN4SeqClass(nndl.SRN(8, 8), 10, 8, 8, 19)
    optimizer = paddle.optimizer.Adam(learning_rate=0.01, parameters=model.parameters())
    runner = RunnerV3(model, optimizer, nn.CrossEntropyLoss(), Accuracy())
    runners[length] = runner
    runner.train(train_loader, dev_loader, num_epochs=4, eval_steps=3, log_steps=5,
                 save_path=f"./checkpoints/best_srn_model_{length}.pdparams", custom_print_log=custom_print_log)
    return dev_loader


runners, dev_loaders = {}, {}
"""
TRAIN = """
for length in [5, 6]:
    dev_loaders[length] = train(length)
    plot_training_loss(runners[length], f"./images/6.6_{length}.png", sample_step=2)
"""
INTERRUPTED = """
import signal


def stop(runner):  # what the kernel does when its stop button is pressed
    if runner.global_step == 7:
        signal.raise_signal(signal.SIGINT)


runners.clear()
for length in [5, 6]:
    train(length, stop)
"""
AFTERWARDS = """
(runner,) = runners.values()
runner.load_model("./checkpoints/best_srn_model_5.pdparams")
score, _ = runner.evaluate(dev_loaders[5])
interrupted, steps, evaluations = runner.interrupted, len(runner.train_step_losses), [s for s, _ in runner.dev_losses]
runner.train(dev_loaders[5], num_epochs=1, log_steps=0)
print([interrupted, steps, evaluations, score == runner.best_score, len(runner.train_step_losses)])
"""


def run(cells, folder):
    """The outputs of each cell: what it printed, its warnings, and the name of its error."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=120, allow_errors=True, resources=resources
    ).execute()
    for cell in notebook.cells:
        texts = {"stdout": "", "stderr": ""}
        for output in cell.outputs:
            if output.output_type == "stream":
                texts[output.name] += output.text
        errors = [output.ename for output in cell.outputs if output.output_type == "error"]
        yield texts["stdout"], texts["stderr"], errors


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_notebook_runs_and_a_cell_can_be_interrupted(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this interpreter, whatever the user has
    monkeypatch.setenv("PYTHONPATH", str(Path(nndl.__file__).parents[1]))
    imports, train, interrupted, afterwards = run([IMPORTS, TRAIN, INTERRUPTED, AFTERWARDS], tmp_path)

    said, runtime, errors = imports
    assert errors == []
    assert ast.literal_eval(said) == [sys.executable, nndl.__file__]
    assert f"nndl is {Path(nndl.__file__).parent}" in runtime

    said, _, errors = train
    assert errors == []
    lines = [line for line in said.splitlines() if line.startswith("[")]
    assert [line.partition(", loss")[0] for line in lines if line.startswith("[Train] epoch")][:3] == [
        "[Train] epoch: 0/4, step: 0/12",
        "[Train] epoch: 1/4, step: 5/12",
        "[Train] epoch: 3/4, step: 10/12",
    ]
    assert lines.count("[Train] Training done!") == 2
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == ["6.6_5.png", "6.6_6.png"]

    said, _, errors = interrupted
    assert errors == ["KeyboardInterrupt"]
    assert "[Train] Training interrupted at step 7; the best model so far is kept." in said.splitlines()
    assert "best_srn_model_5.previous.pdparams" in said
    assert "Training done" not in said

    said, _, errors = afterwards
    assert errors == []
    assert ast.literal_eval(said) == [True, 7, [3, 6], True, 10]
