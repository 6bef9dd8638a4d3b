"""RNN: a layer whose state feeds back into itself. Source: Caffe src/caffe/layers/{recurrent,rnn}_layer.cpp."""

from __future__ import annotations

from netdef.kernels.recurrent import RnnPlan
from netdef.layer import between, register_layer
from netdef.layers._recurrent import RecurrentLayer


@register_layer("RNN")
class RNNLayer(RecurrentLayer):
    """Runs sequences through a layer whose state is fed back into it at the next step.

    Formula
        For each step t, with ``cont`` the second bottom:
        ``h[t] = tanh(W_hh (cont[t] h[t-1]) + W_xh x[t] + b_h + W_xh_static x_static)``,
        ``o[t] = tanh(W_ho h[t] + b_o)``. The state before the first step is that after the last step of the batch
        before, 0 at the start. Gradients stop at the first step.
    Bottom / Top
        2 or 3 → 1: x ``(T, N, …)``, T steps of N streams; cont ``(T, N)``, 0 where a sequence begins, else 1; if
        given, x_static ``(N, …)``, the same at every step → o ``(T, N, D)``. With expose_hidden one more bottom at
        the end, h before the first step, and one more top, h after the last: each ``(1, N, D)``.
    Learnable
        W_xh ``(D, I)``, I being the values of an item of x; b_h ``(D,)``; if there is x_static, W_xh_static
        ``(D, I_static)``; W_hh ``(D, D)``; W_ho ``(D, D)``; b_o ``(D,)``.
    Fields
        num_output: D · weight_filler, bias_filler · expose_hidden: states as bottoms and tops · debug_info: no
        effect.
    Raises
        LayerError when num_output is 0, cont or x_static do not fit x, a state is not ``(1, N, D)``, T or the size of
        an item changes, or a gradient for cont is asked for.
    Source
        Caffe recurrent_layer.cpp:13-278, rnn_layer.cpp:13-231.
    Differs from Caffe
        When the number of streams changes the state starts at 0; Caffe goes on from whatever is in memory. x may have
        two axes. The state is part of what a snapshot keeps. A parameter with lr_mult 0 gets no gradient, as with
        every other type; Caffe computes one, which counts where clip_gradients takes the norm.
    """

    num_bottom, num_top = between(2, 4), between(1, 2)
    plan_type, state_names, rows = RnnPlan, ("h",), 1

    def add_blobs(self):
        super().add_blobs()
        self.blob_names += ["output", "output_bias"]
        for name in ("output", "output_bias"):
            self.add_recurrent_param((self.size, self.size), name)
