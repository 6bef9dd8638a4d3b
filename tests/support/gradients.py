"""Holds a layer's backward pass against central differences of its forward pass.

The habit is Caffe's (src/caffe/test/test_gradient_check_util.hpp): every element of every top is taken as the
objective in turn, ``top**2 / 2`` so that the top's gradient is the top itself; errors are scaled by
``max(|a|, |b|, 1)``; points within ``kink_range`` of ``kink`` are passed over, where the function has a corner.
"""

from __future__ import annotations

import numpy as np

from prototxt import schema
from tests.support.nets import LayerRun, make_layer


def check_gradients(
    text: str,
    bottoms,
    *,
    check_bottoms=None,
    step: float = 1e-3,
    threshold: float = 1e-5,
    kink: float = 0.0,
    kink_range: float = -1.0,
    seed: int = 1701,
    phase=schema.TRAIN,
    dtype=np.float64,
    params=None,
    tops: int | None = None,
    check_params: bool = True,
) -> None:
    """Check the gradients of ``text``'s layer with respect to its bottoms and, if ``check_params``, its parameters.

    ``check_bottoms`` lists the bottoms to check (all that `Layer.allow_force_backward` allows by default).
    A loss layer is checked through its loss. Raises AssertionError with element, both gradients and the objective.
    """
    run = make_layer(text, bottoms, phase, dtype, tops, seed)
    generator = np.random.default_rng(seed)
    for i, blob in enumerate(run.layer.blobs):
        blob.data[...] = params[i] if params else generator.normal(0, 0.5, blob.shape)
    checked = (
        [i for i in range(len(run.bottom)) if run.layer.allow_force_backward(i)]
        if check_bottoms is None
        else list(check_bottoms)
    )
    down = [i in checked for i in range(len(run.bottom))]
    in_place = {id(b) for b in run.bottom} & {id(t) for t in run.top}
    originals = [blob.data.copy() for blob in run.bottom]
    run_state = run.layer.state()

    def forward() -> None:
        for blob, values in zip(run.bottom, originals):
            if id(blob) in in_place:
                blob.data[...] = values
        if run_state is not None:
            run.layer.restore(run_state)
        run.forward()

    forward()
    for top_index, element in _objectives(run):
        _check_objective(run, forward, originals, in_place, checked, down, top_index, element, locals())


def _objectives(run: LayerRun):
    """(top, flat element) of each objective; (None, None) for the weighted loss."""
    if any(run.layer.loss_weights):
        return [(None, None)]
    return [(t, e) for t in range(len(run.top)) for e in range(run.top[t].count)]


def _objective(run: LayerRun, top_index, element) -> float:
    if top_index is None:
        pairs = zip(run.top, run.layer.loss_weights)
        return float(sum(weight * blob.data.astype(np.float64).sum() for blob, weight in pairs if weight))
    return float(run.top[top_index].data.reshape(-1)[element]) ** 2 / 2


def _seed_top_diffs(run: LayerRun, top_index, element) -> None:
    if top_index is None:
        run.layer.fill_loss_weights(run.top)
        return
    for blob in run.top:
        blob.diff[...] = 0
    run.top[top_index].diff.reshape(-1)[element] = run.top[top_index].data.reshape(-1)[element]


def _check_objective(run, forward, originals, in_place, checked, down, top_index, element, settings) -> None:
    forward()
    _seed_top_diffs(run, top_index, element)
    for blob in run.layer.blobs:
        blob.diff[...] = 0
    run.layer.backward(run.top, down, run.bottom)
    targets = [(f"bottom {i}", run.bottom[i], run.bottom[i].diff.copy(), originals[i]) for i in checked]
    targets += [
        (f"param {i}", blob, blob.diff.copy(), None)
        for i, blob in enumerate(run.layer.blobs)
        if settings["check_params"] and run.layer.param_propagate_down[i]
    ]
    for label, blob, computed, original in targets:
        values = original if id(blob) in in_place else blob.data
        for index in np.ndindex(*blob.shape):
            if abs(abs(values[index]) - abs(settings["kink"])) <= settings["kink_range"]:
                continue
            estimated = _central_difference(run, forward, values, index, settings["step"], top_index, element)
            scale = max(abs(estimated), abs(computed[index]), 1.0)
            if not abs(estimated - computed[index]) <= settings["threshold"] * scale:
                raise AssertionError(
                    f"{label}{list(index)} = {values[index]:.6g}, objective top {top_index} element {element}: "
                    f"backward gives {computed[index]:.8g}, differences give {estimated:.8g}"
                )


def _central_difference(run, forward, values, index, step, top_index, element) -> float:
    kept = values[index]
    values[index] = kept + step
    forward()
    above = _objective(run, top_index, element)
    values[index] = kept - step
    forward()
    below = _objective(run, top_index, element)
    values[index] = kept
    return (above - below) / (2 * step)
