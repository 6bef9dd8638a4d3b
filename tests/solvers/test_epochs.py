"""Epochs and iterations."""

from fractions import Fraction

import pytest

from solvers.epochs import Line, batches_of, epochs_of, iterations_of, number_text, solver_lines


@pytest.mark.parametrize(
    "epochs, images, batch, iterations",
    [
        (20, 55_000, 32, 34_375),
        (10, 48_000, 64, 7_500),
        (2, 50_000, 128, 781),
        (1, 60_000, 64, 938),  # 937.5, a half up
        (1, 100, 1000, 1),  # 0.1
        (Fraction(1, 3), 90, 10, 3),
    ],
)
def test_iterations(epochs, images, batch, iterations):
    assert iterations_of(Fraction(epochs), images, batch) == iterations


def test_epochs_is_the_inverse():
    assert epochs_of(34_375, 55_000, 32) == 20
    assert epochs_of(10_000, 60_000, 64) == Fraction(32, 3)


def test_batches():
    assert [batches_of(images, 100) for images in (1, 100, 101, 10_000)] == [1, 1, 2, 100]


@pytest.mark.parametrize(
    "value, text",
    [(Fraction(20_000), "20,000"), (Fraction(32, 3), "10.667"), (Fraction(1875, 2), "937.5"),
     (Fraction(1, 3000), "0.0003")],
)  # fmt: skip
def test_numbers(value, text):
    assert number_text(value) == text


def test_all_lines():
    lines = solver_lines(
        60_000, 64, Fraction(20), test_every=Fraction(1, 2), test=(250, 100), steps=(Fraction(3),),
        snapshot_every=Fraction(4),
    )  # fmt: skip
    assert lines == [
        Line("max_iter", 18_750, "20 epochs"),
        Line("test_interval", 469, "0.5 epochs, 468.75 rounded"),
        Line("test_iter", 3, "all 250 images, 100 at a time; the last batch begins anew, 50 images twice"),
        Line("stepsize", 2_813, "3 epochs, 2,812.5 rounded"),
        Line("snapshot", 3_750, "4 epochs"),
    ]


def test_several_steps_are_stepvalues():
    lines = solver_lines(100, 10, Fraction(3), steps=(Fraction(1), Fraction(2)))
    assert lines == [
        Line("max_iter", 30, "3 epochs"),
        Line("test_interval", 10, "1 epoch"),
        Line("stepvalue", 10, "1 epoch"),
        Line("stepvalue", 20, "2 epochs"),
    ]
