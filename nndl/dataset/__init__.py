"""The chapter's data: DigitSum, the IMDB reviews, a small synthetic corpus; and their way into batches."""

from pathlib import Path

_BESIDE = Path(__file__).resolve().parents[2] / "data"
DATA = _BESIDE if _BESIDE.is_dir() else Path("data")
"""Where the project keeps its data; installed without it, as from a wheel, the folder ``data`` where the reader is."""
