"""The chapter's data: DigitSum, the IMDB reviews, a small synthetic corpus; and their way into batches."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "data"
"""Where the project keeps its data."""
