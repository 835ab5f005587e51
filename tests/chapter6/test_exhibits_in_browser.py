"""The exhibits in a real browser: drawn, played with, and computing what Python does."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nndl
from chapter6 import sec_6_5_exhibits
from chapter6.contents import SECTIONS
from chapter6.extras import gradient_lab, gradient_surface
from chapter6.lab import page, shown
from chapter6.lab import record as records
from chapter6.lab.lesson import Exhibit
from chapter6.lab.record import Record
from chapter6.lab.shown import Shown

import numpy as np
import paddle
import pytest
from browser import NARROW, assert_no_errors, visit
from exhibit_records import DIGITS, HOSTILE, OTHERS, gates, model_of, reviews

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

LEFT, RIGHT, DOWN = "\ue012", "\ue014", "\ue015"
"""Keys, as WebDriver writes them."""
SEQUENCES = ([6, 7], DIGITS, [9, 9, 1, 2, 3, 4, 5, 6, 7, 8] * 4)


def write(out: Path, record: Record, exhibits: list[Exhibit]) -> None:
    path = out / record.section / "quick" / "record.json"
    path.parent.mkdir(parents=True)
    records.save(record, path)
    shown.save(Shown([], [], {}, exhibits), path)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return gates(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def opened(record: Record, browser: "WebDriver", tmp_path_factory: pytest.TempPathFactory) -> "WebDriver":
    """A browser that shows a page of all exhibits."""
    out = tmp_path_factory.mktemp("runs")
    write(out, record, sec_6_5_exhibits.exhibits(record))
    for module, make, _ in OTHERS.values():
        other = make()
        write(out, other, module.exhibits(other))
    visit(browser, page.make(out, SECTIONS))
    return browser


def ask(opened: "WebDriver", kind: str, expression: str, *arguments: Any) -> Any:
    """A value that JavaScript computes; ``stage`` is that of an exhibit."""
    find = f"const stage = document.querySelector('[data-kind={kind}] .stage');"
    return opened.execute_script(f"{find} return {expression};", *arguments)


def test_every_exhibit_is_drawn(opened: "WebDriver") -> None:
    drawn = opened.execute_script(
        "return [...document.querySelectorAll('.exhibit')].map(e => [e.dataset.kind, e.querySelector('.stage')"
        ".textContent.length > 20, e.querySelector('.failed') === null])"
    )
    kinds = ["gates", *(kind for _, _, kinds in OTHERS.values() for kind in kinds)]
    assert sorted(drawn) == sorted([kind, True, True] for kind in kinds)


def test_texts_of_the_data_stay_texts(opened: "WebDriver") -> None:
    assert "taken" not in opened.title
    for kind in ("words", "tags", "attention", "writing"):
        assert HOSTILE in ask(opened, kind, "stage.textContent")


@pytest.mark.parametrize("digits", SEQUENCES, ids=len)
def test_the_gates_are_pythons(digits: list[int], record: Record, opened: "WebDriver") -> None:
    computed = ask(opened, "gates", "stage.compute(arguments[0])", digits)
    for result in record.results().where(seed=1):
        model = model_of(result["model"])
        nndl.RunnerV3(model, None, None, None).load_model(Path(result["folder"]) / "best.pdparams")
        with nndl.op.recording(model.rnn_model.cells[0]) as steps, paddle.no_grad():
            logits = model(paddle.to_tensor([digits]))
        found = computed[result["model"].lower()]
        for state in steps[0]:
            expected = np.stack([step[state].numpy()[0] for step in steps])
            np.testing.assert_allclose([step[state] for step in found["steps"]], expected, rtol=0, atol=1e-5)
            assert expected.std() > 0.01
        expected = paddle.nn.functional.softmax(logits)[0].numpy()
        np.testing.assert_allclose(found["probabilities"], expected, rtol=0, atol=1e-5)


def test_typing_changes_the_gates_and_what_is_no_digit_is_left_out(opened: "WebDriver") -> None:
    typed = (
        "(() => { const field = stage.querySelector('input'); field.value = arguments[0]; "
        "field.dispatchEvent(new Event('input')); return [stage.querySelectorAll('.map').length, "
        "stage.querySelector('.map text:last-of-type')?.textContent, stage.textContent]; })()"
    )
    for value, L in (("67001", 5), ("6a7", 2)):
        panels, last, text = ask(opened, "gates", typed, value)
        assert (panels, last, f"6 + 7 = 13; L = {L}" in text) == (7, value[-1], True)
    _, _, text = ask(opened, "gates", typed, "6 7 " * 21)
    assert "L = 40" in text
    assert "only the first 40" in text
    panels, last, _ = ask(opened, "gates", typed, "6")
    assert (panels, last) == (0, None)
    ask(opened, "gates", typed, "67001000")


def test_the_equation_of_a_cell_is_shown_for_who_uses_the_keyboard(opened: "WebDriver") -> None:
    heat = opened.find_element("css selector", "[data-kind=gates] .heat")
    heat.send_keys(DOWN, DOWN, LEFT, RIGHT)
    chosen = ask(opened, "gates", "stage.querySelector('.equation.chosen').textContent")
    value = ask(opened, "gates", "stage.compute(arguments[0]).lstm.steps[1].input_gate[2]", DIGITS)
    assert chosen.startswith("I2[2] = σ(X2Wi + H1Ui + bi) = σ(")
    assert chosen.endswith(f" = {value:.3f}")


def test_the_error_surface_is_pythons(opened: "WebDriver") -> None:
    rng = np.random.default_rng(0)
    w, b = rng.uniform(*gradient_surface.W_RANGE, 200), rng.uniform(*gradient_surface.B_RANGE, 200)
    points = [paddle.to_tensor(values, stop_gradient=False) for values in (w, b)]
    losses = gradient_surface.loss_of(*points)
    losses.sum().backward()
    pairs = np.stack([w, b], axis=1).tolist()
    found = ask(opened, "wall", "arguments[0].map(([w, b]) => stage.compute(w, b))", pairs)
    np.testing.assert_allclose([each["loss"] for each in found], losses.numpy(), rtol=1e-5, atol=1e-12)
    gradients = np.stack([point.grad.numpy() for point in points], axis=1)
    np.testing.assert_allclose([each["gradient"] for each in found], gradients, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("clip", [None, 0.5])
def test_steps_on_it_are_pythons(clip: float | None, opened: "WebDriver") -> None:
    clipping = clip and paddle.nn.ClipGradByGlobalNorm(clip)
    expected = gradient_surface.path(0.05, clipping, 8)["places"]
    steps = "arguments[0].map((place) => stage.step(place, 0.05, arguments[1] ?? Infinity))"
    assert ask(opened, "wall", steps, expected[:-1], clip) == [pytest.approx(place, abs=1e-5) for place in expected[1:]]


def test_the_paths_that_are_drawn_first_are_pythons(opened: "WebDriver") -> None:
    settings = SECTIONS["gradients"].presets["quick"]
    expected = gradient_surface.paths(settings)
    rows = ask(opened, "wall", "[...stage.querySelectorAll('tbody tr')].map((row) => row.textContent)")
    for row, name in zip(rows, ("free", "clipped"), strict=True):
        w, b = expected[name]["places"][-1]
        assert f"{settings.surface_steps}({w:.3f}, −{-b:.3f})" in row
    assert expected["free"]["places"][-1] != pytest.approx(expected["clipped"]["places"][-1], abs=0.1)


def test_the_powers_are_pythons(opened: "WebDriver") -> None:
    weights = np.linspace(0.99, 1.01, 21).tolist()
    expected = gradient_lab.powers(weights)
    found = ask(opened, "powers", "arguments[0].map((w) => stage.compute(w))", weights)
    assert [each["y"] for each in found] == pytest.approx(expected["y"], rel=1e-9)
    assert [each["derivative"] for each in found] == pytest.approx(expected["derivative"], rel=1e-9)


def test_a_word_left_out_shows_what_was_computed_and_nothing_else(opened: "WebDriver") -> None:
    words = reviews().metrics["left_out"][0]
    probability = "(s => 1 / (1 + Math.exp(-s)))"
    click = "[...stage.querySelectorAll('.word')][arguments[0]].click()"
    status = "stage.querySelector('[role=status]').textContent"
    for i, s in ((0, words["without"][0]), (2, words["pairs"][0][1])):
        ask(opened, "words", click, i)
        expected = ask(opened, "words", f"{probability}(arguments[0]).toFixed(3)", s)
        assert expected in ask(opened, "words", status)
    ask(opened, "words", click, 1)
    assert "未曾计算" in ask(opened, "words", status)


def test_slots_that_are_wrong_or_missed_are_marked(opened: "WebDriver") -> None:
    cells = "[...stage.querySelectorAll('tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent))"
    _, right, wrong = ask(opened, "tags", cells)
    assert right == ["right ✓", "·", "to_city", "day"]
    assert wrong == ["wrong", "✗ day", "✗ to_city", "?", "?"]


def test_the_best_path_is_collapsed(opened: "WebDriver") -> None:
    rows = ask(opened, "spikes", "[...stage.querySelectorAll('table td')].map((cell) => cell.textContent)")
    assert rows == ["φ33φ3φ", "φ3φ3φ", "33", "33 ✓"]


def test_arrow_keys_walk_through_maps_strings_and_the_surface(opened: "WebDriver") -> None:
    def press(kind: str, selector: str, *keys: str) -> str:
        opened.find_element("css selector", f"[data-kind={kind}] {selector}").send_keys(*keys)
        return ask(opened, kind, "stage.querySelector('[role=status]').textContent")

    assert "第 2 步：p(3) = 0.800" in press("spikes", ".spikes", RIGHT)
    assert "第 2 个，即“<script>" in press("attention", ".heat", DOWN)
    (w, b), at = gradient_surface.START, press("wall", ".plane svg", LEFT, DOWN)
    assert at.startswith(f"w = {w - 0.01:.3f}, b = −{-b + 0.01:.3f}: L(w, b) = ")


def test_what_is_repeated_is_marked(opened: "WebDriver") -> None:
    assert ask(opened, "writing", "stage.querySelector('mark').textContent") == "abcdefghijkl"


def test_nothing_is_wider_than_a_phone(opened: "WebDriver") -> None:
    metrics = {"width": NARROW[0], "height": 720, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= NARROW[0]
    assert_no_errors(opened)


def test_who_comes_back_finds_sliders_and_numbers_agreeing(opened: "WebDriver") -> None:
    opened.execute_script("document.querySelectorAll('[type=range]').forEach(each => { each.value = each.min; })")
    opened.get("about:blank")
    opened.back()
    sliders = "[...document.querySelectorAll('[type=range]')].map(each => each.value === each.min)"
    assert opened.execute_script(f"return {sliders}") == [False] * 3
