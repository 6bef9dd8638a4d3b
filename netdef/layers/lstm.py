"""LSTM: long short-term memory. Source: Caffe src/caffe/layers/{recurrent,lstm,lstm_unit}_layer.cpp."""

from __future__ import annotations

from netdef.kernels.recurrent import LstmPlan, lstm_unit_backward, lstm_unit_forward
from netdef.layer import Layer, between, exactly, register_layer
from netdef.layers._axes import bottom_name, refuse_in_place
from netdef.layers._recurrent import RecurrentLayer


@register_layer("LSTM")
class LSTMLayer(RecurrentLayer):
    """Runs sequences through a layer of memory cells; what a cell keeps and shows is decided by learned gates.

    Formula
        For each step t, with ``cont`` the second bottom:
        ``a = W_hc (cont[t] h[t-1]) + W_xc x[t] + b_c + W_xc_static x_static``, cut into four: ``i, f, o`` are the
        sigmoids of the first three, ``g`` the tanh of the last; ``c[t] = cont[t] f c[t-1] + i g``,
        ``h[t] = o tanh(c[t])``. The states before the first step are those after the last step of the batch
        before, 0 at the start. Gradients stop at the first step.
    Bottom / Top
        2 or 3 → 1: x ``(T, N, …)``, T steps of N streams; cont ``(T, N)``, 0 where a sequence begins, else 1; if
        given, x_static ``(N, …)``, the same at every step → h ``(T, N, D)``. With expose_hidden two more bottoms at
        the end, h and c before the first step, and two more tops, h and c after the last: each ``(1, N, D)``.
    Learnable
        W_xc ``(4 D, I)``, I being the values of an item of x; b_c ``(4 D,)``; if there is x_static, W_xc_static
        ``(4 D, I_static)``; W_hc ``(4 D, D)``. The rows are those of i, f, o, g.
    Fields
        num_output: D · weight_filler, bias_filler · expose_hidden: states as bottoms and tops · debug_info: no
        effect.
    Raises
        LayerError when num_output is 0, cont or x_static do not fit x, a state is not ``(1, N, D)``, T or the size of
        an item changes, or a gradient for cont is asked for.
    Source
        Caffe recurrent_layer.cpp:13-278, lstm_layer.cpp:13-238. S. Hochreiter, J. Schmidhuber, "Long Short-Term
        Memory", 1997; J. Donahue et al., 2014 (arXiv 1411.4389).
    Differs from Caffe
        When the number of streams changes the state starts at 0; Caffe goes on from whatever is in memory. x may have
        two axes. The state is part of what a snapshot keeps. A parameter with lr_mult 0 gets no gradient, as with
        every other type; Caffe computes one, which counts where clip_gradients takes the norm.
    """

    num_bottom, num_top = between(2, 5), between(1, 3)
    plan_type, state_names, rows = LstmPlan, ("h", "c"), 4


@register_layer("LSTMUnit")
class LSTMUnitLayer(Layer):
    """One step of an LSTM's cells, the gates' inputs being given.

    Formula
        ``i, f, o`` are the sigmoids of the first three quarters of the second bottom, ``g`` the tanh of the last;
        ``c = cont f c_prev + i g``, ``h = o tanh(c)``.
    Bottom / Top
        3 → 2: c_prev ``(1, N, D)``, gate inputs ``(1, N, 4 D)``, cont ``(1, N)`` → c ``(1, N, D)``, h ``(1, N, D)``.
    Learnable
        None.
    Fields
        None.
    Raises
        LayerError when the bottoms' shapes do not fit each other, or a gradient for cont is asked for.
    Source
        Caffe lstm_unit_layer.cpp:11-126.
    Differs from Caffe
        Nothing. f's gradient is Caffe's, which is exact where cont is 0 or 1.
    """

    num_bottom, num_top = exactly(3), exactly(2)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)

    def reshape(self, bottom, top):
        shape = bottom[0].shape
        if len(shape) != 3 or shape[0] != 1:
            self.fail(
                f"{bottom_name(self, 0)}, the cells, has shape {shape}; it must be (1, N, D). Reshape it.", "bottom"
            )
        wanted = (1, shape[1], 4 * shape[2]), (1, shape[1])
        for index, what in ((1, "the gates' inputs"), (2, "which says where sequences go on")):
            if bottom[index].shape != wanted[index - 1]:
                self.fail(
                    f"{bottom_name(self, index)}, {what}, has shape {bottom[index].shape}; it must be "
                    f"{wanted[index - 1]} beside cells of shape {shape}. Reshape it.",
                    "bottom",
                )
        for blob in top:
            blob.reshape(shape)

    def forward(self, bottom, top):
        cell, gate_input, cont = (blob.data.reshape(-1) for blob in bottom)
        gates = self.scratch("gates", gate_input.size)
        size = bottom[0].shape[2]
        lstm_unit_forward(cell, gate_input, cont, size, gates, top[0].data.reshape(-1), top[1].data.reshape(-1))

    def backward(self, top, propagate_down, bottom):
        if propagate_down[2]:
            self.fail(
                f"the gradient with respect to {bottom_name(self, 2)}, which says where sequences go on, was asked "
                "for; there is none. Set propagate_down to false for it, or take it from a layer that learns nothing.",
                "bottom[2]",
            )
        cell_diff, gate_diff = (
            bottom[i].diff.reshape(-1) if propagate_down[i] else self.scratch(f"unwanted{i}", bottom[i].count)
            for i in range(2)
        )
        lstm_unit_backward(
            bottom[0].data.reshape(-1), self.scratch("gates", gate_diff.size), top[0].data.reshape(-1),
            bottom[0].shape[2], top[0].diff.reshape(-1), top[1].diff.reshape(-1), cell_diff, gate_diff,
        )  # fmt: skip

    def allow_force_backward(self, bottom_index):
        return bottom_index != 2
