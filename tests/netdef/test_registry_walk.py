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

TESTS = Path(__file__).resolve().parent / "layers"
SECTIONS = ("Formula", "Top", "Fields", "Raises", "Differs from Caffe")
IMAGES = (2, 3, 6, 5)
SCORES = (4, 3)

# The smallest definition of each type: (shapes of the bottoms, number of tops, fields).
EXAMPLES = {
    "AbsVal": ([IMAGES], 1, ""),
    "Accuracy": ([SCORES, SCORES[:1]], 1, ""),
    "ArgMax": ([SCORES], 1, ""),
    "Axpy": ([IMAGES[:2], IMAGES, IMAGES], 1, ""),
    "BatchNorm": ([IMAGES], 1, ""),
    "BatchReindex": ([IMAGES, (2,)], 1, ""),
    "Bias": ([IMAGES], 1, ""),
    "BN": ([IMAGES], 1, ""),
    "BNLL": ([IMAGES], 1, ""),
    "CenterLoss": ([SCORES, SCORES[:1]], 1, "center_loss_param { num_output: 3 }"),
    "Clip": ([IMAGES], 1, "clip_param { min: 0.5 max: 1.5 }"),
    "Concat": ([IMAGES, (2, 4, 6, 5)], 1, ""),
    "ContrastiveLoss": ([SCORES, SCORES, SCORES[:1]], 1, ""),
    "Convolution": ([IMAGES], 1, "convolution_param { num_output: 4 kernel_size: 3 }"),
    "ConvolutionDepthwise": ([IMAGES], 1, "convolution_param { kernel_size: 3 }"),
    "Crop": ([IMAGES, (2, 3, 4, 2)], 1, "crop_param { offset: 2 offset: 1 }"),
    "Deconvolution": ([IMAGES], 1, "convolution_param { num_output: 4 kernel_size: 3 stride: 2 }"),
    "DepthwiseConvolution": ([IMAGES], 1, "convolution_param { num_output: 3 group: 3 kernel_size: 3 }"),
    "DetectionOutput": ([(2, 8), (2, 6), (1, 2, 8)], 1, "detection_output_param { num_classes: 3 }"),
    "Dropout": ([IMAGES], 1, ""),
    "DummyData": ([], 2, "dummy_data_param { shape { dim: 2 dim: 3 } }"),
    "Eltwise": ([IMAGES, IMAGES], 1, ""),
    "ELU": ([IMAGES], 1, ""),
    "Embed": ([SCORES], 1, "embed_param { num_output: 4 input_dim: 3 }"),
    "EuclideanLoss": ([SCORES, SCORES], 1, ""),
    "Exp": ([IMAGES], 1, ""),
    "Filter": ([IMAGES, (2,)], 1, ""),
    "Flatten": ([IMAGES], 1, ""),
    "HingeLoss": ([SCORES, SCORES[:1]], 1, ""),
    "Im2col": ([IMAGES], 1, "convolution_param { kernel_size: 3 }"),
    "InfogainLoss": ([SCORES, SCORES[:1], (3, 3)], 1, ""),
    "InnerProduct": ([IMAGES], 1, "inner_product_param { num_output: 4 }"),
    "Input": ([], 1, "input_param { shape { dim: 2 dim: 3 } }"),
    "Interp": ([IMAGES], 1, "interp_param { zoom_factor: 2 }"),
    "Log": ([IMAGES], 1, "log_param { shift: 1 }"),
    "LRN": ([IMAGES], 1, ""),
    "LSTM": ([IMAGES, IMAGES[:2]], 1, "recurrent_param { num_output: 4 }"),
    "LSTMUnit": ([(1, 3, 4), (1, 3, 16), (1, 3)], 2, ""),
    "MultinomialLogisticLoss": ([SCORES, SCORES[:1]], 1, ""),
    "MVN": ([IMAGES], 1, ""),
    "Normalize": ([IMAGES], 1, ""),
    "Parameter": ([], 1, "parameter_param { shape { dim: 3 } }"),
    "Permute": ([IMAGES], 1, "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
    "Pooling": ([IMAGES], 1, "pooling_param { kernel_size: 2 stride: 2 }"),
    "Power": ([IMAGES], 1, "power_param { power: 2 }"),
    "PReLU": ([IMAGES], 1, ""),
    "PriorBox": ([IMAGES, (2, 3, 30, 20)], 1, "prior_box_param { min_size: 4 }"),
    "PSROIPooling": ([(3, 8, 6, 5), (2, 5)], 1, "psroi_pooling_param { output_dim: 2 group_size: 2 }"),
    "Python": ([IMAGES], 1, 'python_param { module: "tests.support.python_layers" layer: "Multiply" param_str: "3" }'),
    "Reduction": ([IMAGES], 1, ""),
    "ReLU": ([IMAGES], 1, ""),
    "ReLU6": ([IMAGES], 1, ""),
    "Reorg": ([(2, 4, 6, 2)], 1, "reorg_param { stride: 2 }"),
    "Reshape": ([IMAGES], 1, "reshape_param { shape { dim: 0 dim: -1 } }"),
    "RNN": ([IMAGES, IMAGES[:2]], 1, "recurrent_param { num_output: 4 }"),
    "ROIPooling": ([(3, 4, 6, 5), (2, 5)], 1, "roi_pooling_param { pooled_h: 2 pooled_w: 3 }"),
    "Scale": ([IMAGES], 1, ""),
    "ShuffleChannel": ([IMAGES], 1, "shuffle_channel_param { group: 3 }"),
    "Sigmoid": ([IMAGES], 1, ""),
    "SigmoidCrossEntropyLoss": ([SCORES, SCORES], 1, ""),
    "Silence": ([IMAGES], 0, ""),
    "Slice": ([IMAGES], 3, ""),
    "SmoothL1Loss": ([IMAGES, IMAGES], 1, ""),
    "Softmax": ([SCORES], 1, ""),
    "SoftmaxWithLoss": ([SCORES, SCORES[:1]], 1, ""),
    "Split": ([IMAGES], 2, ""),
    "SPP": ([IMAGES], 1, "spp_param { pyramid_height: 2 }"),
    "Swish": ([IMAGES], 1, ""),
    "TanH": ([IMAGES], 1, ""),
    "Threshold": ([IMAGES], 1, ""),
    "Tile": ([IMAGES], 1, "tile_param { tiles: 2 }"),
    "Upsample": ([IMAGES], 1, ""),
    "YoloDetectionOutput": (
        [(2, 16, 3, 4)],
        1,
        "yolo_detection_output_param { num_classes: 3 num_box: 2 biases: [1, 2, 3, 4] }",
    ),
    "Yolov3DetectionOutput": (
        [(2, 8, 3, 4)],
        1,
        "yolov3_detection_output_param { num_classes: 3 num_box: 1 mask_group_num: 1 biases: [9, 8] mask: 0 "
        "anchors_scale: 8 }",
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
NO_GRADIENT = {
    "Accuracy": "counts right answers, which has no gradient",
    "AnnotatedData": "has no bottom",
    "ArgMax": "puts out places, which have no gradient",
    "Data": "has no bottom",
    "DenseImageData": "has no bottom",
    "DetectionOutput": "chooses boxes, which has no gradient",
    "DummyData": "has no bottom",
    "HDF5Data": "has no bottom",
    "HDF5Output": "writes a file and sends no gradient",
    "ImageData": "has no bottom",
    "Input": "has no bottom",
    "MemoryData": "has no bottom",
    "Threshold": "is a step, which has no gradient",
    "PriorBox": "looks at shapes alone",
    "WindowData": "has no bottom",
    "YoloDetectionOutput": "chooses boxes, which has no gradient",
    "Yolov3DetectionOutput": "chooses boxes, which has no gradient",
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
    assert name in EXAMPLES, f"give {name} its smallest definition in EXAMPLES, or a reason in NOT_BUILT_HERE"
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
    file = r"\b(caffe|darknet)\b.*_layer\.[ch](pp)?\b"
    assert re.search(file, source, re.IGNORECASE), "name the file of Caffe, or of Darknet, that it follows"


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
