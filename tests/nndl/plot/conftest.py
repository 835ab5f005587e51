"""Figures are drawn into files, and none stays open for the next test."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def no_figures_of_other_tests():
    plt.close("all")
    yield
    plt.close("all")
