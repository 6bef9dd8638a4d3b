"""Epochs told as iterations, and iterations as epochs.

Other systems count epochs, passes over all images; a solver counts iterations, batches:

    iterations = epochs * images / (batch_size * iter_size)

rounded to the nearest whole number, a half up, and at least 1. A net reads on where a batch passes the end of the
data, so that nothing is lost by rounding; an epoch then ends within a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor


def iterations_of(epochs: Fraction, images: int, batch: int) -> int:
    """The iterations that ``epochs`` of ``images`` take, ``batch`` images at a time."""
    return max(1, floor(epochs * images / batch + Fraction(1, 2)))


def epochs_of(iterations: int, images: int, batch: int) -> Fraction:
    """The epochs of ``images`` that are in ``iterations`` of ``batch`` images each."""
    return Fraction(iterations * batch, images)


def batches_of(images: int, batch: int) -> int:
    """The batches that hold all of ``images``; the last may begin them anew."""
    return ceil(images / batch)


def number_text(value: Fraction) -> str:
    """``20``, ``10.67``, ``0.003``: at most three digits behind the point, or as many as tell it from 0."""
    if value.denominator == 1:
        return f"{value.numerator:,}"
    return f"{float(value):,.3f}".rstrip("0").rstrip(".") if value >= Fraction(1, 2000) else f"{float(value):.1g}"


@dataclass(frozen=True)
class Line:
    """One field of a solver, and in words what it is of."""

    field: str
    value: int
    words: str


def solver_lines(
    images: int,
    batch: int,
    epochs: Fraction,
    *,
    test_every: Fraction = Fraction(1),
    test: tuple[int, int] | None = None,
    steps: tuple[Fraction, ...] = (),
    snapshot_every: Fraction | None = None,
) -> list[Line]:
    """The fields of a solver that count iterations.

    ``batch`` are the images of an iteration, batch_size * iter_size; ``test`` the images of the test set and those of
    its batch. One of ``steps`` is the epochs between two steps of the rate, several are those at whose end it falls.
    """

    def line(field: str, count: Fraction) -> Line:
        exact = count * images / batch
        value = iterations_of(count, images, batch)
        rounded = "" if exact == value else f", {number_text(exact)} rounded"
        return Line(field, value, f"{number_text(count)} epoch{'' if count == 1 else 's'}{rounded}")

    lines = [line("max_iter", epochs), line("test_interval", test_every)]
    if test is not None:
        found, size = test
        twice = -found % size
        whole = f"; the last batch begins anew, {twice} image{'' if twice == 1 else 's'} twice" if twice else ""
        lines.append(Line("test_iter", batches_of(found, size), f"all {found:,} images, {size:,} at a time{whole}"))
    lines += [line("stepsize" if len(steps) == 1 else "stepvalue", step) for step in steps]
    if snapshot_every is not None:
        lines.append(line("snapshot", snapshot_every))
    return lines
