"""Every registered layer type keeps the house's rules: it builds and runs, is documented and is tested."""

import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import netdef.layers  # noqa: F401  (registers the layer types)
from netdef.layer import LAYERS, Counts, Layer
from tests.support.nets import run_layer
from tools.layer_examples import NO_GRADIENT, SMALLEST

TESTS = Path(__file__).resolve().parent / "layers"
SECTIONS = ("Formula", "Top", "Fields", "Raises", "Differs from Caffe")
EXAMPLES = {
    **SMALLEST,
    "Python": (
        [(2, 3, 6, 5)],
        1,
        'python_param { module: "tests.support.python_layers" layer: "Multiply" param_str: "3" }',
    ),
}
NOT_BUILT_HERE = {
    "AnnotatedData": "needs a database; test_annotated_data.py makes one",
    "Data": "needs a database; test_data.py makes one",
    "DenseImageData": "needs image files; test_dense_image_data.py makes some",
    "HDF5Data": "needs HDF5 files; test_hdf5_data.py makes some",
    "HDF5Output": "writes a file; test_hdf5_output.py says where",
    "ImageData": "needs image files; test_image_data.py makes some",
    "MemoryData": "needs arrays before it runs; test_memory_data.py gives them",
    "MultiBoxLoss": "needs true boxes of real classes; test_multibox_loss.py makes some",
    "RegionLoss": "needs true boxes of real classes; test_yolo_loss.py makes some",
    "WindowData": "needs images and their windows; test_window_data.py makes some",
    "YoloLoss": "needs true boxes of real classes; test_yolo_loss.py makes some",
}
every_type = pytest.mark.parametrize("name", LAYERS.names())


def file_of_tests(name: str) -> Path:
    return TESTS / f"test_{LAYERS.get(name).__module__.rpartition('.')[2]}.py"


@every_type
def test_class(name):
    cls = LAYERS.get(name)
    assert issubclass(cls, Layer) and cls.type == name and cls.__name__ == f"{name}Layer"
    assert "__init__" not in vars(cls), "read the fields in layer_setup"
    assert isinstance(cls.num_bottom, Counts) and isinstance(cls.num_top, Counts)
    assert "num_bottom" in vars(cls) or cls.num_bottom != Layer.num_bottom, "say how many bottoms it takes"
    assert "setup" not in vars(cls), "Layer.setup is a template that no layer overrides"


@every_type
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_builds_and_runs(name, dtype):
    if name in NOT_BUILT_HERE:
        pytest.skip(NOT_BUILT_HERE[name])
    assert name in EXAMPLES, (
        f"give {name} its smallest definition in tools/layer_examples.py, or a reason in NOT_BUILT_HERE"
    )
    shapes, tops, fields = EXAMPLES[name]
    generator = np.random.default_rng(1701)
    bottoms = [generator.integers(0, 3, shape).astype(dtype) for shape in shapes]
    names = "".join(f' bottom: "b{i}"' for i in range(len(shapes))) + "".join(f' top: "t{i}"' for i in range(tops))
    run = run_layer(f'layer {{ name: "L" type: "{name}"{names} {fields} }}', bottoms, dtype=dtype)
    for blob, values in zip(run.bottom, bottoms, strict=True):
        np.testing.assert_array_equal(blob.data, values)
    for blob in [*run.bottom, *run.top, *run.layer.blobs]:
        assert blob.data.dtype == dtype and np.isfinite(blob.data).all()
    if name not in NO_GRADIENT:
        run.backward(None if any(run.layer.loss_weights) else [np.ones(top.shape) for top in run.top])
        assert all(np.isfinite(blob.diff).all() and blob.diff.dtype == dtype for blob in run.bottom)
    state = run.layer.state()
    assert state is None or run.layer.restore(state) is None
    run.layer.close()


@every_type
def test_docstring(name):
    cls = LAYERS.get(name)
    text = inspect.cleandoc(cls.__doc__ or "")  # from Python 3.13 on the compiler takes the indent away
    assert re.match(r"[A-Z][^\n]*\.\n", text), "one sentence on the first line says what it is for"
    missing = [section for section in SECTIONS if not re.search(rf"^(?:\w+ / )?{section}\b", text, re.MULTILINE)]
    assert not missing, f"{cls.__name__}'s docstring lacks {', '.join(missing)}"
    source = f"{sys.modules[cls.__module__].__doc__}\n{text}"
    file = r"\b(caffe|darknet)\b.*_layer\.[ch](pp)?\b|netdef's own;"
    assert re.search(file, source, re.IGNORECASE), (
        "name the file of Caffe, or of Darknet, that it follows, or say that it is netdef's own"
    )


@every_type
def test_has_tests(name):
    path = file_of_tests(name)
    assert path.exists(), f"{name} has no {path.name}"
    if name not in NO_GRADIENT:
        assert "check_gradients(" in path.read_text(encoding="utf-8"), (
            f"{path.name} checks no gradients; do, or write the reason into NO_GRADIENT"
        )


def test_exemptions_are_in_use():
    for names in (NOT_BUILT_HERE, NO_GRADIENT):
        assert set(names) <= set(LAYERS.names())
    assert not set(NOT_BUILT_HERE) & set(EXAMPLES)
