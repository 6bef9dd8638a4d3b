"""Fixtures for the whole suite: where recorded values and data sets are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

os.environ["NETDEF_WARMUP"] = "0"  # commands under test compile for themselves: the suite runs in parallel anyway

CHECKOUT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser):
    parser.addoption("--heavy", action="store_true", help="run the tests of large nets too, which take minutes")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--heavy"):
        for item in items:
            if item.get_closest_marker("heavy"):
                item.add_marker(pytest.mark.skip(reason="a large net; pytest --heavy runs it"))


def beside_checkout(*parts: str) -> Path:
    """A path in the folder ``shared`` that may stand beside the checkout."""
    return CHECKOUT.parent.joinpath("shared", *parts)


def require(path: Path, what: str) -> Path:
    if not path.exists():
        pytest.skip(f"{what} not found at {path}")
    return path


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder with MNIST's four files: $MNIST_DIR, else ../shared/data/mnist."""
    named = os.environ.get("MNIST_DIR")
    folder = Path(named) if named else beside_checkout("data", "mnist")
    require(folder, "MNIST (set MNIST_DIR)")
    return folder


@pytest.fixture(scope="session")
def zoo_dir() -> Path:
    """Public net definitions, read where they are."""
    return require(beside_checkout("zoo"), "the collection of public net definitions")


@pytest.fixture(scope="session")
def recorded_dir() -> Path:
    """The large recorded values (LeNet's weights, databases)."""
    return require(beside_checkout("golden"), "the large recorded values")


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The small recorded values, which are part of the repository."""
    return CHECKOUT / "tests" / "golden"


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run; 1701 is Caffe's seed."""
    return np.random.default_rng(1701)
