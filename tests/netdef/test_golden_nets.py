"""Whole nets, forward and backward, against values recorded with BVLC Caffe 1.0."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.net_case import run_case
from tests.support.nets import assert_near

CASES = sorted((Path(__file__).parent.parent / "golden" / "nets").glob("*.npz"))
QUICK = ("cifar10", "lenet", "net_surgery__conv", "mtcnn", "mobilenet__", "siamese")


def mark(path):
    quick = any(word in path.name for word in QUICK)
    return pytest.param(path, id=path.stem, marks=[] if quick else [pytest.mark.heavy])


@pytest.mark.parametrize("path", [mark(path) for path in CASES])
def test_values_and_gradients(zoo_dir, path):
    recorded = np.load(path)
    found = run_case(zoo_dir / (path.stem.replace("__", "/") + ".prototxt"))
    assert not [key for key in recorded if key not in found and not key.startswith("gp_")]
    for key in recorded:
        if key in found:
            assert_near(key, found[key], recorded[key], rtol=1e-2, atol=2e-3)
