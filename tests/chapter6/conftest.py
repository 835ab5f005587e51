"""Fixtures of several tests."""

from browser import browser  # noqa: F401
