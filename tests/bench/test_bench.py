"""The benchmark's own machinery; how fast anything is decides no test."""

import json

import bench
import chapter
import compute
import operators
import page
import pytest
import race
from page import Row
from race import Entry, FailedError

MACHINE = {
    "processor": "a processor",
    "instruction_set": "AVX2",
    "usable_cores": 2,
    "threads": "2",
    "python": "3.11",
    "versions": {"paddlepaddle": "3.3.1"},
}
MET = Row("operators", "SRN 8×10×32", "paddle", "AVX2", 1.0, 2.0, "ms", 0.5, 0.55)
MISSED = Row("operators", "LSTM 8×10×32", "paddle", "AVX2", 1.8, 2.0, "ms", 0.9, 0.55)


# --- race ---


def test_contenders_compute_in_their_own_processes():
    entries = {
        "ours": Entry("layer", {"kind": "ours", "cell": "GRU", "shape": (2, 3, 4), "lengths": [3, 1]}),
        "cell": Entry("layer", {"kind": "unrolled", "cell": "ClockworkCell", "shape": (2, 3, 4)}),
        "paddle": Entry("layer", {"kind": "paddle", "cell": "SRN", "shape": (2, 3, 4)}),
        "products": Entry("products", {"kind": "paddle", "cell": "LSTM", "shape": (2, 3, 4)}),
        "training": Entry("digit_training", {"cell": "LSTM", "length": 4}),
        "book": Entry("books_training", {"cell": "LSTM", "length": 4}),
    }
    times = race.race(entries, turns=1)
    assert {name: [ms > 0 for ms in found] for name, found in times.items()} == {name: [True] for name in entries}


def test_what_a_contender_says_when_it_fails_is_passed_on():
    with pytest.raises(FailedError, match="no_such_cell"):
        race.Contender(Entry("layer", {"kind": "paddle", "cell": "no_such_cell", "shape": (2, 3, 4)}))


def test_contenders_take_turns_and_end(monkeypatch):
    asked = []

    class Contender:
        def __init__(self, entry):
            self.entry = entry

        def take_turn(self):
            asked.append(self.entry)
            return len(asked)

        def end(self):
            asked.append("end")

    monkeypatch.setattr(race, "Contender", Contender)
    assert race.race({"x": "a", "y": "b"}, turns=2) == {"x": [1, 3], "y": [2, 4]}
    assert asked == ["a", "b", "a", "b", "end", "end"]


def test_the_ratio_is_taken_turn_by_turn():
    assert race.ratio({"a": [1.0, 20.0, 3.0], "b": [2.0, 40.0, 1.0]}, "a", "b") == 0.5


def test_a_process_gets_its_tree_and_none_of_the_choices_made_here(monkeypatch, tmp_path):
    monkeypatch.setitem(race.runtime.chosen, "OMP_NUM_THREADS", "2")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = race.environment(tmp_path, {"A": "b"})
    assert "OMP_NUM_THREADS" not in found
    assert found["A"] == "b"
    assert found["PYTHONPATH"].startswith(str(tmp_path))


def test_a_turn_calls_at_least_three_times_and_warms_up_before(monkeypatch):
    monkeypatch.setattr(compute, "WARM_UP", 0)
    monkeypatch.setattr(compute, "MEASURED", 0)
    calls = []
    assert compute.take_turn(lambda: calls.append("")) >= 0
    assert len(calls) == 1 + compute.CALLS


def test_the_books_layers_are_ours():
    import nndl

    import book
    import paddle

    X = paddle.randn([2, 5, 3])
    srn, lstm = book.SRN(3, 4), book.LSTM(3, 4)
    ours, ours_lstm = nndl.SRN(3, 4), nndl.LSTM(3, 4)
    for name in "WUb":
        getattr(ours, name).set_value(getattr(srn, name))
        gates = [getattr(lstm, f"{name}_{gate}") for gate in "ifco"]
        getattr(ours_lstm, name).set_value(paddle.concat(gates, axis=1))
    assert paddle.allclose(srn(X), ours(X)[1][0], atol=1e-6)
    assert paddle.allclose(lstm(X), ours_lstm(X)[1][0][0], atol=1e-6)


# --- bars ---


def test_a_bar_is_met_up_to_its_value():
    rows = [Row("", "", "", "", 1, 1, "", value, bar) for value, bar in ((1.0, 1.0), (1.01, 1.0), (9.0, None))]
    assert [row.is_met for row in rows] == [True, False, None]


def test_only_what_took_turns_with_ours_gets_a_row():
    times = {"ours": [1.0], "paddle": [2.0]}
    [row] = operators.layer_rows("SRN", (8, 10, 32), "AVX2", times)
    assert (row.what, row.against, row.value, row.bar) == ("SRN 8×10×32", "paddle", 0.5, 0.55)


@pytest.mark.parametrize(("on", "bar"), [("AVX2", 0.85), ("AVX-512", 0.5), ("AVX2 only", 0.85)])
def test_the_text_models_bar_depends_on_the_instruction_set(on, bar):
    rows = operators.layer_rows("GRU", operators.TEXT, on, {"ours": [1.0], "paddle": [1.0], "torch": [1.0]})
    assert {row.against: row.bar for row in rows} == {"paddle": bar, "torch": 1.0}


def test_the_faster_products_count():
    times = {"ours": [3.0], "products, paddle": [2.0], "products, torch": [1.0]}
    [row] = operators.layer_rows("GRU", operators.TEXT, "AVX2", times)
    assert (row.against, row.value, row.bar) == ("products, torch", 3.0, 1.15)


def test_a_cell_is_judged_by_the_native_srn(monkeypatch):
    monkeypatch.setattr(operators, "instruction_set", lambda: "AVX2")
    row = operators.cells_row("JordanCell", {"ours": [9.0, 8.0], "native": [2.0, 2.0]})
    assert (row.what, row.against, row.value, row.is_met) == ("JordanCell 32×64×128", "native SRN", 4.25, False)
    assert page.summary([row], MACHINE)[0] == "other cells, step by step, ours over native SRN (AVX2) 4.25–4.25."


def test_every_cell_of_ours_is_measured():
    import nndl.op as op

    ours = {name for name in op.__all__ if name.endswith("Cell")} - {"Cell", "LSTMCell", "GRUCell"}
    assert ours == set(operators.VARIANTS)


def test_lengths_are_judged_by_the_token():
    times = {"ours": [6.0], "full": [10.0]}
    row = operators.lengths_row("SRN", "AVX2", times, {"ours": 50, "full": 100})
    assert (row.value, row.ours) == pytest.approx((1.2, 120))
    assert not row.is_met


def test_review_lengths_are_those_of_imdb():
    lengths = operators.review_lengths(128)
    assert sorted(lengths) != lengths
    # of all 25,000: median 174, mean 178.8, 29.2 % cut
    assert sorted(lengths)[64] == pytest.approx(174, abs=2)
    assert sum(lengths) / 128 == pytest.approx(178.8, abs=2)
    assert lengths.count(256) / 128 == pytest.approx(0.292, abs=0.04)


@pytest.mark.parametrize(("best", "names"), [("AVX2", ["AVX2"]), ("AVX-512", ["AVX-512", "AVX2 only"])])
def test_layers_are_measured_twice_where_there_is_avx512(monkeypatch, best, names):
    monkeypatch.setattr(operators, "instruction_set", lambda: best)
    assert list(operators.variants()) == names


def test_extrapolation_counts_all_steps_of_all_lengths():
    # 500 epochs of 38 steps: 19,000 of 1 ms and 19,000 of 2 ms
    assert chapter.extrapolated({"SRN 10": [1.0], "LSTM 10": [1.0, 2.0, 9.0]}) == pytest.approx(57)


def test_a_command_that_fails_says_why(tmp_path):
    with pytest.raises(FailedError, match="no_such_module"):
        chapter.run(tmp_path, "-m", "no_such_module")


# --- command line ---


def test_parts_that_need_an_earlier_version_are_left_out_without_one(tmp_path):
    (tmp_path / "nndl").mkdir()
    without, with_one = bench.parse([]), bench.parse(["--against", str(tmp_path)])
    assert list(bench.parts(without, 1)) == ["operators", "cells", "lengths", "sections", "first_use"]
    assert list(bench.parts(with_one, 1)) == list(bench.PARTS)
    assert list(bench.parts(bench.parse(["--only", "lengths", "text"]), 1)) == ["lengths"]


def test_a_folder_without_the_project_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        bench.parse(["--against", str(tmp_path)])
    assert "expected a folder with an earlier version" in capsys.readouterr().err


def test_a_part_that_fails_keeps_its_rows_and_does_not_end_the_others(monkeypatch, tmp_path, capsys):
    def fails():
        yield MET
        raise FailedError("no compiler")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench.sys, "argv", ["bench.py"])
    monkeypatch.setattr(bench, "parts", lambda chosen, turns: {"first": fails, "second": lambda: [MISSED]})
    monkeypatch.setattr(bench, "describe_machine", lambda: MACHINE)
    bench.main()
    assert "first ends here: no compiler" in capsys.readouterr().out
    written = json.loads((bench.OUT / "bench.json").read_text())
    assert [row["what"] for row in written["rows"]] == [MET.what, MISSED.what]
    assert MET.what in (bench.OUT / "bench.md").read_text()


# --- page ---


def test_the_page_says_what_is_met():
    text = page.markdown([MET, MISSED], MACHINE, turns=7)
    assert "| SRN 8×10×32 | paddle | AVX2 | 1 / 2 ms | 0.5 | ≤ 0.55 | yes |" in text
    assert "| LSTM 8×10×32 | paddle | AVX2 | 1.8 / 2 ms | 0.9 | ≤ 0.55 | **no** |" in text
    assert "a processor, AVX2, 2 cores, 2 thread(s), Python 3.11, paddlepaddle 3.3.1" in text


def test_the_summary_has_a_line_for_each_kind_of_part():
    sections = Row("sections", "6.2 and 6.5", "the book's own way", "AVX2", 50, 1000, "s", 0.05, 0.06)
    first_use = Row("first_use", "first use", "", "AVX2", 4.0, None, "s", 4.0, 5.0)
    assert page.summary([MET, MISSED, sections, first_use], MACHINE) == [
        "SRN, LSTM and GRU, forward and backward, ours over paddle (AVX2) 0.50–0.90.",
        "6.2 and 6.5: 50 s, 0.05 of the book's own way; first use: 4 s.",
        "3 of 4 bars met, on a processor, 2 cores, AVX2.",
    ]
    assert page.summary([], MACHINE) == []
