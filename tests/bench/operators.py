"""The layers: against Paddle's and PyTorch's, against the products alone, and on reviews of different lengths."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from statistics import median

from nndl.runtime import instruction_set

import numpy as np
from page import Row
from race import Entry, Times, race, ratio

CELLS = ("SRN", "LSTM", "GRU")
TEXT = (128, 256, 256)  # B, L, M = D: the text model's
BARS = {(8, 10, 32): 0.55, (8, 35, 32): 0.55, (32, 64, 128): 0.75, TEXT: 0.85}
"""Of the time of Paddle's layer."""
TEXT_WITH_AVX512 = 0.5
UNROLLED = (32, 64, 128)
OF_NATIVE = 3.0
"""Asked of each cell that no operator knows, whatever it multiplies: at most so many times the native SRN's time."""
VARIANTS = (
    "SRNCell",  # what the unroller itself costs
    "JordanCell",
    "ResidualSRNCell",
    "LayerNormSRNCell",
    "BatchNormSRNCell",
    "IRNNCell",
    "ResetBeforeGRUCell",
    "PeepholeLSTMCell",
    "CoupledLSTMCell",
    "SCRNCell",
    "ClockworkCell",
)
OF_TORCH, OF_PRODUCTS, OF_FULL = 1.0, 1.15, 1.15

AVX2_ONLY = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "CXX": "c++ -mno-avx512f",  # our operator, whose library is another one then
}
"""The variables that make a machine with AVX-512 compute like one without."""

REVIEW_LENGTHS = (10, 64, 91, 110, 120, 127, 134, 142, 151, 162, 174, 188, 206, 227, 252, 256, 256, 256, 256, 256, 256)
"""Every twentieth of IMDB's 25,000 training reviews (Maas et al., 2011), in words between blanks, cut at 256."""


def variants() -> dict[str, dict[str, str]]:
    """Instruction sets to measure with, and the variables that choose them; one where there is no better than AVX2."""
    best = instruction_set()
    return {best: {}} | ({"AVX2 only": AVX2_ONLY} if best == "AVX-512" else {})


def review_lengths(B: int) -> list[int]:
    """A batch like those of IMDB, in an order that is no order."""
    places = (np.arange(B) + 0.5) / B
    lengths = np.interp(places, np.linspace(0, 1, len(REVIEW_LENGTHS)), REVIEW_LENGTHS).round().astype(int)
    return np.random.default_rng(0).permutation(lengths).tolist()


def operators(turns: int) -> Iterator[Row]:
    """SRN, LSTM and GRU on four shapes, forward and backward."""
    for on, variables in variants().items():
        for shape in BARS:
            for cell in CELLS:
                yield from layer_rows(cell, shape, on, race(entries(cell, shape, variables), turns))


def entries(cell: str, shape: tuple[int, int, int], variables: Mapping[str, str]) -> dict[str, Entry]:
    """All that take turns on a shape: our layer, those of the libraries and, where arithmetic decides, the products."""
    common = {"cell": cell, "shape": shape}
    libraries = ["paddle", *(["torch"] if find_spec("torch") else [])]
    found = {kind: Entry("layer", {"kind": kind, **common}, variables) for kind in ("ours", *libraries)}
    if shape == TEXT:
        found |= {f"products, {kind}": Entry("products", {"kind": kind, **common}, variables) for kind in libraries}
    return found


def layer_rows(cell: str, shape: tuple[int, int, int], on: str, times: Times) -> Iterator[Row]:
    """One layer against all that took turns with it; of the products, against the faster ones."""
    bars = {"paddle": TEXT_WITH_AVX512 if (shape, on) == (TEXT, "AVX-512") else BARS[shape], "torch": OF_TORCH}
    if products := [name for name in times if name.startswith("products")]:
        bars[min(products, key=lambda name: median(times[name]))] = OF_PRODUCTS
    what = f"{cell} {'×'.join(map(str, shape))}"
    for name, bar in bars.items():
        if name in times:
            ours, theirs = median(times["ours"]), median(times[name])
            yield Row("operators", what, name, on, ours, theirs, "ms", ratio(times, "ours", name), bar)


def cells(turns: int) -> Iterator[Row]:
    """Every cell that only the unroller computes, forward and backward, against the SRN of the native operator."""
    native = Entry("layer", {"kind": "native", "cell": "SRN", "shape": UNROLLED})
    for cell in VARIANTS:
        ours = Entry("layer", {"kind": "unrolled", "cell": cell, "shape": UNROLLED})
        yield cells_row(cell, race({"ours": ours, "native": native}, turns))


def cells_row(cell: str, times: Times) -> Row:
    """One cell against the native SRN."""
    what, (ours, native) = f"{cell} {'×'.join(map(str, UNROLLED))}", map(median, times.values())
    value = ratio(times, "ours", "native")
    return Row("cells", what, "native SRN", instruction_set(), ours, native, "ms", value, OF_NATIVE)


def lengths(turns: int) -> Iterator[Row]:
    """A batch of reviews of different lengths: is the time in proportion to the tokens?"""
    B, L, _ = TEXT
    tokens = {"ours": sum(review_lengths(B)), "full": B * L}
    for on, variables in variants().items():
        for cell in CELLS:
            full = {"kind": "ours", "cell": cell, "shape": TEXT}
            both = {
                "ours": Entry("layer", full | {"lengths": review_lengths(B)}, variables),
                "full": Entry("layer", full, variables),
            }
            yield lengths_row(cell, on, race(both, turns), tokens)


def lengths_row(cell: str, on: str, times: Times, tokens: Mapping[str, int]) -> Row:
    """The microseconds of a token against those of a full batch."""
    of_a_token = {name: [ms / tokens[name] * 1e3 for ms in times[name]] for name in times}
    ours, full = (median(times) for times in of_a_token.values())
    value = ratio(of_a_token, "ours", "full")
    return Row("lengths", f"{cell}, lengths of IMDB, a token", "a full batch's", on, ours, full, "µs", value, OF_FULL)
