"""InfogainLoss. Source: Caffe src/caffe/layers/infogain_loss_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.errors import WeightsError
from netdef.kernels._size import sized
from netdef.kernels.class_loss import infogain_backward, infogain_forward
from netdef.kernels.loss import num_chunks
from netdef.kernels.softmax import softmax_forward
from netdef.layer import LossLayer, between, register_layer
from netdef.layers._axes import bottom_name
from netdef.layers._loss import (
    check_fixed_normalizer,
    check_labels,
    ignored_label,
    normalizer,
    refuse_label_gradient,
    scores_and_labels,
)
from netdef.weights.blobs import read_blob
from netdef.weights.files import read_file, unreadable
from netdef.weights.wire import WireError

WHAT = "a BlobProto with the infogain matrix"


@register_layer("InfogainLoss")
class InfogainLossLayer(LossLayer):
    """Cross entropy in which each label weighs all classes: SoftmaxWithLoss where the matrix H is the identity.

    Formula
        ``E = - 1 / Z * sum over n and c of H[label[n], c] * log(prob[n, c])``, ``prob = softmax(bottom[0])``, Z by
        normalization; ``bottom[0].diff[n, c] = loss_weight / Z * (prob[n, c] * sum_k H[l, k] - H[l, c])``,
        ``l = label[n]``, 0 for ignored labels.
    Bottom / Top
        2 or 3 → 1 or 2: scores ``(N, C, H, W)``, any values; labels, N * H * W of them in any shape that begins with
        N, integers 0 to C - 1; the matrix, C * C values in any shape → the loss, a scalar; if a second top is named,
        prob, shaped as the scores.
    Learnable
        None.
    Fields
        infogain_loss_param.source: file of the matrix, a BlobProto, for want of a third bottom · axis: the axis of
        the classes, 1 if not given, negative counts from the end · loss_param.ignore_label: a label without
        loss · loss_param.normalization: Z is FULL: the number of labels, VALID (the default): of labels not
        ignored, BATCH_SIZE: N, NONE: 1, and never below 1, PRE_FIXED (of forks):
        loss_param.pre_fixed_normalizer.
    Raises
        LayerError when there is no matrix or it has not C * C values, there is no such axis, the number of labels is
        wrong, loss_param.normalize is given, or a gradient of labels or matrix is asked for. DataError at a label
        that is no class.
    Source
        Caffe infogain_loss_layer.cpp:11-219.
    Differs from Caffe
        A label out of range is an error; Caffe reads past the matrix. With two tops loss_weight may be left out and
        is 1 and 0 then; Caffe wants both. With force_backward the matrix is passed over; Caffe aborts.
    """

    num_bottom, num_top = between(2, 3), between(1, 2)

    def allow_force_backward(self, bottom_index: int) -> bool:
        return bottom_index == 0

    def layer_setup(self, bottom, top):
        given = len(self.param.loss_weight)
        super().layer_setup(bottom, top)
        if not given and len(top) > 1:
            self.param.loss_weight.append(0.0)
        check_fixed_normalizer(self)
        if self.param.loss_param.HasField("normalize"):
            self.fail(
                "has loss_param.normalize, which this type never had; normalization says what the loss is divided by. "
                "Write normalization: VALID instead of normalize: true, BATCH_SIZE instead of false.",
                "loss_param.normalize",
            )
        self.ignore_label = ignored_label(self.param.loss_param)
        self.matrix = None if len(bottom) > 2 else self._read_matrix()
        self.divisor = 1.0

    def _read_matrix(self) -> np.ndarray:
        field = "infogain_loss_param.source"
        if not self.param.infogain_loss_param.HasField("source"):
            self.fail(
                "has no infogain matrix; it comes from a third bottom or from a file. Name either.",
                "infogain_loss_param",
            )
        source = self.param.infogain_loss_param.source
        content = b""
        try:
            content = read_file(source, WHAT)
            return read_blob(memoryview(content), 0, len(content)).reshape(-1).astype(self.dtype)
        except WeightsError as error:
            self.fail(f'source "{source}" {error.message}', field)
        except WireError as error:
            self.fail(f'source "{source}" {unreadable(source, content, error, WHAT).message}', field)

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        axis = self.param.infogain_loss_param.axis
        self.planes = scores_and_labels(self, bottom, axis, "infogain_loss_param.axis")
        classes = self.planes[1]
        count = bottom[2].count if self.matrix is None else self.matrix.size
        if count != classes * classes:
            where = bottom_name(self, 2) if self.matrix is None else "the file of the matrix"
            self.fail(
                f"{where} has {count} values but {bottom_name(self, 0)} has shape {bottom[0].shape}, {classes} "
                f"classes, which take a matrix of {classes} * {classes}. Change the matrix or the axis.",
                "bottom[2]" if self.matrix is None else "infogain_loss_param.source",
            )
        if len(top) > 1:
            top[1].reshape_like(bottom[0])

    def forward(self, bottom, top):
        outer, classes, inner = self.planes
        label = bottom[1].data
        check_labels(self, label, classes, self.ignore_label)
        prob = self._prob(top)
        run = sized(softmax_forward, prob.size)
        run(bottom[0].data.reshape(self.planes), self.scratch("scale", (outer, inner)), prob)
        partial = self.scratch("partial", (num_chunks(label.size), 2), np.float64)
        run = sized(infogain_forward, prob.size)
        loss, valid = run(prob, label.reshape(-1), self.ignore_label, self._matrix(bottom), partial)
        self.divisor = normalizer(
            self.param.loss_param.normalization, outer, outer * inner, valid, self.param.loss_param.pre_fixed_normalizer
        )
        top[0].data[...] = loss / self.divisor

    def backward(self, top, propagate_down, bottom):
        refuse_label_gradient(self, propagate_down)
        if len(bottom) > 2 and propagate_down[2]:
            self.fail(
                f"the gradient with respect to {bottom_name(self, 2)}, the infogain matrix, was asked for; there is "
                "none. Set propagate_down to false for it.",
                "bottom[2]",
            )
        if propagate_down[0]:
            prob, label = self._prob(top), bottom[1].data.reshape(-1)
            scale = self.dtype.type(self.loss_scale(top) / self.divisor)
            row_sums = self.scratch("row_sums", self.planes[1])
            bottom_diff = bottom[0].diff.reshape(self.planes)
            run = sized(infogain_backward, prob.size)
            run(prob, label, self.ignore_label, self._matrix(bottom), row_sums, scale, bottom_diff)

    def _matrix(self, bottom) -> np.ndarray:
        classes = self.planes[1]
        return (bottom[2].data if self.matrix is None else self.matrix).reshape(classes, classes)

    def _prob(self, top) -> np.ndarray:
        """Where the softmax is kept between forward and backward: the second top if there is one."""
        return top[1].data.reshape(self.planes) if len(top) > 1 else self.scratch("prob", self.planes)
