"""Small definitions of every layer type that runs by itself: what ``netdef warmup`` compiles kernels by.

The tests build and run each of them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netdef.blob import Blob
    from netdef.layer import Layer

IMAGES = (2, 3, 6, 5)
SCORES = (4, 3)

# The smallest definition of each type: (shapes of the bottoms, number of tops, fields).
SMALLEST = {
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
    "DetectionEvaluate": (
        [(1, 1, 3, 7), (1, 1, 2, 8)],
        1,
        "detection_evaluate_param { num_classes: 3 background_label_id: -1 }",
    ),
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
    "RBF": ([SCORES], 1, "rbf_param { num_output: 2 }"),
    "RBFLoss": ([SCORES, SCORES[:1]], 1, ""),
    "Reduction": ([IMAGES], 1, ""),
    "ReLU": ([IMAGES], 1, ""),
    "ReLU6": ([IMAGES], 1, ""),
    "Reorg": ([(2, 4, 6, 2)], 1, "reorg_param { stride: 2 }"),
    "Reshape": ([IMAGES], 1, "reshape_param { shape { dim: 0 dim: -1 } }"),
    "RNN": ([IMAGES, IMAGES[:2]], 1, "recurrent_param { num_output: 4 }"),
    "ROIPooling": ([(3, 4, 6, 5), (2, 5)], 1, "roi_pooling_param { pooled_h: 2 pooled_w: 3 }"),
    "Scale": ([IMAGES], 1, ""),
    "ScaledTanH": ([IMAGES], 1, ""),
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
    "SubSampling": ([IMAGES], 1, ""),
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
NO_GRADIENT = {
    "Accuracy": "counts right answers, which has no gradient",
    "AnnotatedData": "has no bottom",
    "ArgMax": "puts out places, which have no gradient",
    "Data": "has no bottom",
    "DenseImageData": "has no bottom",
    "DetectionEvaluate": "counts right boxes, which has no gradient",
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

IN_PLACE = "# in place"  # stands in the fields of an example whose top is its bottom

# More of a type, where its fields or shapes choose other kernels.
PLANES = (2, 20, 12, 12)
VARIANTS: dict[str, list[tuple[list[tuple[int, ...]], int, str]]] = {
    "ConvolutionDepthwise": [([PLANES], 1, "convolution_param { kernel_size: 3 pad: 1 stride: 2 }")],
    "Convolution": [
        ([PLANES], 1, "convolution_param { num_output: 50 kernel_size: 5 }"),
        ([PLANES], 1, "convolution_param { num_output: 16 kernel_size: 1 }"),
        ([PLANES], 1, "convolution_param { num_output: 16 kernel_size: 3 stride: 2 dilation: 2 bias_term: false }"),
        ([PLANES], 1, "convolution_param { num_output: 20 kernel_size: 3 pad: 1 group: 20 }"),
        ([(2, 3, 6, 5, 4)], 1, "convolution_param { num_output: 4 kernel_size: 3 }"),
    ],
    "Eltwise": [
        ([IMAGES] * 2, 1, "eltwise_param { operation: PROD stable_prod_grad: false }"),
        ([IMAGES] * 3, 1, "eltwise_param { operation: PROD }"),
        ([IMAGES] * 3, 1, "eltwise_param { operation: MAX }"),
        ([IMAGES] * 3, 1, "eltwise_param { coeff: [1, -1, 2] }"),
    ],
    "InnerProduct": [([SCORES], 1, "inner_product_param { num_output: 4 transpose: true bias_term: false }")],
    "LRN": [([IMAGES], 1, "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 }")],
    "LSTM": [([IMAGES, IMAGES[:2], IMAGES[1:2] + (3,)], 1, "recurrent_param { num_output: 4 }")],
    "MultiBoxLoss": [
        ([(1, 8), (1, 6), (1, 2, 8), (1, 1, 2, 8)], 1, "multibox_loss_param { num_classes: 3 background_label_id: 2 }")
    ],
    "Normalize": [([IMAGES], 1, "norm_param { across_spatial: false }")],
    "Pooling": [
        ([PLANES], 1, "pooling_param { kernel_size: 2 stride: 2 }"),
        ([PLANES], 2, "pooling_param { kernel_size: 3 stride: 2 pad: 1 }"),
        ([PLANES], 1, "pooling_param { pool: AVE kernel_size: 3 stride: 2 }"),
        ([PLANES], 1, "pooling_param { pool: AVE kernel_size: 3 pad: 1 }"),
        ([PLANES], 1, "pooling_param { pool: AVE global_pooling: true }"),
        ([PLANES], 1, "pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 2 }"),
    ],
    "ReLU": [([IMAGES], 1, IN_PLACE), ([IMAGES], 1, "relu_param { negative_slope: 0.1 }")],
    "Softmax": [([IMAGES], 1, "")],
    "SoftmaxWithLoss": [
        ([IMAGES, (2, 6, 5)], 1, "loss_param { ignore_label: 1 }"),
        ([SCORES, SCORES[:1]], 1, "loss_param { class_weight: [1, 2, 3] }"),
    ],
    "Upsample": [([IMAGES, IMAGES], 1, "upsample_param { scale: 2 }")],
}


@dataclass(frozen=True)
class Example:
    """A layer of one type: shapes of its bottoms, number of tops, fields as text."""

    type: str
    shapes: list[tuple[int, ...]]
    tops: int
    fields: str

    def layer(self, dtype: Any, phase: int) -> tuple[Layer, list[Blob], list[Blob]]:
        """The layer set up, its bottoms, which hold 0, 1 and 2, and its tops."""
        import numpy as np

        import netdef.layers  # noqa: F401  (registers the layer types)
        from netdef.blob import Blob
        from netdef.layer import LAYERS
        from prototxt import parse_net

        names = "".join(f' bottom: "b{i}"' for i in range(len(self.shapes)))
        names += "".join(f' top: "{self._top(i)}"' for i in range(self.tops))
        text = f'layer {{ name: "L" type: "{self.type}"{names} {self.fields.replace(IN_PLACE, "")} }}'
        layer = LAYERS.get(self.type)(parse_net(text).message.layer[0], phase, dtype, 1)
        generator = np.random.default_rng(1701)
        bottom = [Blob(shape, dtype) for shape in self.shapes]
        for blob in bottom:
            blob.data[...] = generator.integers(0, 3, blob.shape)
        top = [bottom[0] if self._is_in_place else Blob((), dtype) for _ in range(self.tops)]
        layer.setup(bottom, top)
        return layer, bottom, top

    @property
    def _is_in_place(self) -> bool:
        return IN_PLACE in self.fields

    def _top(self, number: int) -> str:
        return "b0" if self._is_in_place else f"t{number}"


def examples(kind: str) -> Iterator[Example]:
    """All examples of a layer type, the smallest first; none for a type that does not run by itself."""
    if kind in SMALLEST:
        yield Example(kind, *SMALLEST[kind])
    for variant in VARIANTS.get(kind, ()):
        yield Example(kind, *variant)
