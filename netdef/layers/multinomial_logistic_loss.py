"""MultinomialLogisticLoss. Source: Caffe src/caffe/layers/multinomial_logistic_loss_layer.cpp."""

from __future__ import annotations

from netdef.kernels.class_loss import multinomial_backward, multinomial_forward
from netdef.layer import LossLayer, register_layer
from netdef.layers._loss import MORE_CLASSES, check_labels, labels_of_items, refuse_label_gradient


@register_layer("MultinomialLogisticLoss")
class MultinomialLogisticLossLayer(LossLayer):
    """Cross entropy of probabilities and a label each; SoftmaxWithLoss is steadier where scores are at hand.

    Formula
        ``E = - 1 / N * sum over n of log(bottom[0][n, label[n]])``;
        ``bottom[0].diff[n, label[n]] = - loss_weight / N / bottom[0][n, label[n]]``, elsewhere 0.
    Bottom / Top
        2 → 1: probabilities ``(N, C)``, in [0, 1], less than 1e-20 counts as that, further axes count as classes;
        labels, N of them, integers 0 to C - 1 → the loss, a scalar.
    Learnable
        None.
    Fields
        None.
    Raises
        LayerError when there is not one label for each item, or the gradient of the labels is asked for. DataError
        at a label that is no class.
    Source
        Caffe multinomial_logistic_loss_layer.cpp:10-59.
    Differs from Caffe
        A label out of range is an error; Caffe reads past the probabilities. The loss of a batch
        without items is 0; Caffe's is NaN.
    """

    def reshape(self, bottom, top):
        super().reshape(bottom, top)
        self.rows = labels_of_items(self, bottom)
        self.divisor = max(self.rows[0], 1)

    def forward(self, bottom, top):
        label = bottom[1].data
        check_labels(self, label, self.rows[1], remedy=MORE_CLASSES)
        top[0].data[...] = multinomial_forward(bottom[0].data.reshape(self.rows), label.reshape(-1)) / self.divisor

    def backward(self, top, propagate_down, bottom):
        refuse_label_gradient(self, propagate_down)
        if propagate_down[0]:
            scale = self.dtype.type(self.loss_scale(top) / self.divisor)
            bottom[0].diff[...] = 0
            prob, bottom_diff = bottom[0].data.reshape(self.rows), bottom[0].diff.reshape(self.rows)
            multinomial_backward(prob, bottom[1].data.reshape(-1), scale, bottom_diff)
