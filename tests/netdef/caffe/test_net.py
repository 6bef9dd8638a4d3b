"""caffe.Net: construction in every spelling, dictionaries, views, passes, hooks, files, private names."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import netdef.caffe as caffe
from netdef.errors import NetdefError, NetError

MEMORY = """\
layer {
  name: "memory" type: "MemoryData" top: "data" top: "label"
  memory_data_param { batch_size: 2 channels: 1 height: 3 width: 4 }
}
"""


# -- construction ------------------------------------------------------------------------------------------------


def test_arguments_by_place_and_by_name(small_file, tmp_path):
    net = caffe.Net(small_file, caffe.TRAIN)
    net.save(tmp_path / "w.caffemodel")
    weights = str(tmp_path / "w.caffemodel")
    for other in (
        caffe.Net(small_file, caffe.TRAIN, weights=weights),
        caffe.Net(small_file, caffe.TRAIN, 0, None, weights),
        caffe.Net(network_file=small_file, phase=caffe.TRAIN, weights=weights),
        caffe.Net(small_file, weights, caffe.TRAIN),
    ):
        for name, blobs in net.params.items():
            for mine, theirs in zip(blobs, other.params[name]):
                np.testing.assert_array_equal(mine.data, theirs.data)


def test_the_old_order_is_deprecated_in_the_log(small_file, tmp_path, capsys, monkeypatch):
    caffe.Net(small_file, caffe.TEST).save(tmp_path / "w.caffemodel")
    monkeypatch.setenv("GLOG_minloglevel", "1")
    caffe.Net(small_file, f"{tmp_path}/w.caffemodel", caffe.TEST)
    lines = [line.partition("] ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "DEPRECATION WARNING - deprecated use of Python interface",
        'Use this instead (with the named "weights" parameter):',
        f"Net('{small_file}', 1, weights='{tmp_path}/w.caffemodel')",
    ]


def test_missing_files_are_runtime_errors(small_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError) as caught:
        caffe.Net("no.prototxt", caffe.TEST)
    assert str(caught.value) == f"Could not open file no.prototxt. Correct the path; it counts from {tmp_path}."
    with pytest.raises(RuntimeError, match="^Could not open file no.caffemodel"):
        caffe.Net(small_file, caffe.TEST, weights="no.caffemodel")


def test_a_phase_is_needed(small_file):
    with pytest.raises(TypeError, match="needs a phase"):
        caffe.Net(small_file)


def test_a_bad_definition_raises_where_caffe_would_abort(tmp_path):
    (tmp_path / "bad.prototxt").write_text('layer { name: "x" type: "Nothing" top: "y" }')
    with pytest.raises(NetdefError, match='unknown layer type "Nothing"'):
        caffe.Net(str(tmp_path / "bad.prototxt"), caffe.TEST)


def test_levels_and_stages(tmp_path):
    layers = ""
    for name, rule in (("a", 'stage: "A"'), ("b", 'stage: "B"'), ("one", "min_level: 1"), ("zero", "max_level: 0")):
        layers += f'layer {{ name: "{name}" type: "Input" top: "{name}" include {{ {rule} }} }}\n'
    path = tmp_path / "rules.prototxt"
    path.write_text(layers)
    assert list(caffe.Net(str(path), caffe.TEST).blobs) == ["zero"]
    assert list(caffe.Net(str(path), caffe.TEST, level=1).blobs) == ["one"]
    assert list(caffe.Net(str(path), caffe.TEST, stages=["A", "B"]).blobs) == ["a", "b", "zero"]


# -- dictionaries and views --------------------------------------------------------------------------------------


def test_names(small_file):
    net = caffe.Net(small_file, caffe.TRAIN)
    assert (net.inputs, net.outputs) == ([], ["loss"])
    assert list(net._layer_names) == ["data", "conv", "ip", "loss"]
    assert net._blob_names == ["data", "label", "conv", "score", "loss"]
    assert net.top_names == OrderedDict(data=["data", "label"], conv=["conv"], ip=["score"], loss=["loss"])
    assert net.bottom_names == OrderedDict(data=[], conv=["data"], ip=["conv"], loss=["score", "label"])
    assert [net._top_ids(i) for i in range(4)] == [[0, 1], [2], [3], [4]]
    assert [net._bottom_ids(i) for i in range(4)] == [[], [0], [2], [3, 1]]
    assert (net._inputs, net._outputs) == ([], [4])
    assert net.blob_loss_weights["loss"] == 1 and net._blob_loss_weights == [0, 0, 0, 0, 1]
    assert [net.layer_dict[name] for name in net._layer_names] == list(net.layers)
    assert [layer.type for layer in net.layers] == ["DummyData", "Convolution", "InnerProduct", "SoftmaxWithLoss"]


def test_writing_through_views(small_file):
    net = caffe.Net(small_file, caffe.TRAIN)
    weight = net.params["conv"][0].data
    weight[...] = 0
    net.params["conv"][1].data.flat = range(6)
    net.forward()
    assert net.blobs["conv"].data.shape == (3, 6, 3, 2)
    np.testing.assert_array_equal(net.blobs["conv"].data[1, :, 2, 1], range(6))
    with pytest.raises(AttributeError):
        net.blobs["conv"].data = weight


def test_blobs_outlive_their_net(small_file):
    net = caffe.Net(small_file, caffe.TRAIN)
    net.forward()
    blobs = [*net.blobs.values(), *(blob for blobs in net.params.values() for blob in blobs)]
    del net
    assert all(np.isfinite(blob.data.sum() + blob.diff.sum()) for blob in blobs)


def test_blob_shapes(deploy_file):
    blob = caffe.Net(deploy_file, caffe.TEST).blobs["data"]
    assert (list(blob.shape), blob.count) == ([2, 1, 4, 5], 40)
    assert (blob.num, blob.channels, blob.height, blob.width) == (2, 1, 4, 5)
    assert repr(blob) == "<Blob (2, 1, 4, 5) float32>"


# -- passes ------------------------------------------------------------------------------------------------------


def test_forward_with_inputs_and_more_blobs(deploy_file, rng):
    net = caffe.Net(deploy_file, caffe.TEST)
    images = rng.standard_normal((2, 1, 4, 5))
    out = net.forward(blobs=["ip"], data=images)
    assert set(out) == {"prob", "ip"}
    np.testing.assert_array_equal(net.blobs["data"].data, images.astype(np.float32))
    score = images.reshape(2, 20) @ net.params["ip"][0].data.T
    np.testing.assert_allclose(out["ip"], score, rtol=1e-5)
    np.testing.assert_allclose(out["prob"], np.exp(score) / np.exp(score).sum(1, keepdims=True), rtol=1e-5)


def test_a_part_of_the_net(small_file, rng):
    net = caffe.Net(small_file, caffe.TRAIN)
    conv = rng.standard_normal((3, 6, 3, 2)).astype(np.float32)
    net.blobs["conv"].data[...] = conv
    out = net.forward(start="ip", end="ip")
    assert list(out) == ["score"]
    np.testing.assert_allclose(out["score"], conv.reshape(3, -1) @ net.params["ip"][0].data.T - 1, rtol=1e-5)
    top_diff = rng.standard_normal((3, 7)).astype(np.float32)
    net.blobs["score"].diff[...] = top_diff
    diffs = net.backward(start="ip", end="ip")
    assert list(diffs) == ["conv"]
    expected = top_diff @ net.params["ip"][0].data
    np.testing.assert_allclose(diffs["conv"].reshape(3, -1), expected, rtol=1e-4, atol=1e-6)


def test_backward_with_diffs(deploy_file):
    net = caffe.Net(deploy_file, caffe.TEST)
    net.forward(data=np.zeros((2, 1, 4, 5)))
    out = net.backward(diffs=["ip"], prob=np.ones((2, 3)))
    assert set(out) == {"data", "ip"}


def test_gradients_are_cleared(small_file):
    net = caffe.Net(small_file, caffe.TRAIN)
    net.forward()
    net.backward()
    assert np.abs(net.params["conv"][0].diff).max() > 0
    net.clear_param_diffs()
    assert not net.params["conv"][0].diff.any()


def test_wrong_arguments_are_exceptions(deploy_file):
    net = caffe.Net(deploy_file, caffe.TEST)
    with pytest.raises(Exception, match="^Input blob arguments do not match net"):
        net.forward(dat=np.zeros((2, 1, 4, 5)))
    with pytest.raises(Exception, match="is not batch sized"):
        net.forward(data=np.zeros((3, 1, 4, 5)))
    with pytest.raises(Exception, match='the net has no layer "ipp"'):
        net.forward(end="ipp")


def test_forward_all_pads_the_last_batch(deploy_file, rng):
    net = caffe.Net(deploy_file, caffe.TEST)
    images = rng.standard_normal((5, 1, 4, 5)).astype(np.float32)
    out = net.forward_all(blobs=["ip"], data=images)
    assert (out["prob"].shape, out["ip"].shape) == ((5, 3), (5, 3))
    np.testing.assert_allclose(out["ip"], images.reshape(5, 20) @ net.params["ip"][0].data.T, rtol=1e-4, atol=1e-6)
    batches = list(net._batch({"data": images}))
    assert [len(batch["data"]) for batch in batches] == [2, 2, 2]
    assert not batches[2]["data"][1].any()


def test_forward_backward_all(deploy_file, rng):
    net = caffe.Net(deploy_file, caffe.TEST)
    images = rng.standard_normal((3, 1, 4, 5)).astype(np.float32)
    outs, diffs = net.forward_backward_all(blobs=["ip"], diffs=["ip"], data=images, prob=np.ones((3, 3), np.float32))
    assert {name: array.shape for name, array in outs.items()} == {"prob": (3, 3), "ip": (3, 3)}
    assert {name: array.shape for name, array in diffs.items()} == {"data": (3, 1, 4, 5), "ip": (3, 3)}


def test_a_new_input_shape(deploy_file):
    net = caffe.Net(deploy_file, caffe.TEST)
    net.blobs["data"].reshape(1, 1, 4, 5)
    net.reshape()
    assert net.blobs["prob"].data.shape == (1, 3)
    assert net.forward()["prob"].shape == (1, 3)


def test_hooks_see_every_layer(small_file):
    net = caffe.Net(small_file, caffe.TRAIN)
    loss = net._forward(0, 3)
    seen = []
    for when in ("before_forward", "after_forward", "before_backward", "after_backward"):
        getattr(net, when)(lambda layer, when=when: seen.append((when, layer)))
    assert net._forward(1, 3) == pytest.approx(loss)
    assert seen == [(when, layer) for layer in (1, 2, 3) for when in ("before_forward", "after_forward")]
    seen.clear()
    net._backward(3, 2)
    assert seen == [(when, layer) for layer in (3, 2) for when in ("before_backward", "after_backward")]


def test_a_hook_may_change_a_blob(small_file):
    net = caffe.Net(small_file, caffe.TRAIN)
    net.after_forward(lambda layer: net.blobs["conv"].data.fill(0) if layer == 1 else None)
    net.forward()
    np.testing.assert_array_equal(net.blobs["score"].data, np.full((3, 7), -1))


# -- memory data -------------------------------------------------------------------------------------------------


def test_memory_data(tmp_path, rng):
    (tmp_path / "memory.prototxt").write_text(MEMORY)
    net = caffe.Net(str(tmp_path / "memory.prototxt"), caffe.TEST)
    data = rng.standard_normal((4, 1, 3, 4)).astype(np.float32)
    net.set_input_arrays(data, np.arange(4, dtype=np.float32))
    for first in (0, 2):
        net.forward()
        np.testing.assert_array_equal(net.blobs["data"].data, data[first : first + 2])
        np.testing.assert_array_equal(net.blobs["label"].data.ravel(), [first, first + 1])


@pytest.mark.parametrize(
    "data, labels, message",
    [
        (np.zeros((4, 1, 4, 3), "f4").transpose(0, 1, 3, 2), np.zeros(4, "f4"),
         "data array must be C contiguous; use np.ascontiguousarray."),
        (np.zeros((3, 4), "f4"), np.zeros(4, "f4"),
         "data array must be 4-d; found shape (3, 4), expected (N, 1, 3, 4)."),
        (np.zeros((4, 1, 3, 4)), np.zeros(4, "f4"),
         "data array must be float32; found float64. Use astype(np.float32)."),
        (np.zeros((4, 2, 3, 4), "f4"), np.zeros(4, "f4"),
         "data array has wrong number of channels: found 2, expected 1."),
        (np.zeros((4, 1, 5, 4), "f4"), np.zeros(4, "f4"), "data array has wrong height: found 5, expected 3."),
        (np.zeros((4, 1, 3, 5), "f4"), np.zeros(4, "f4"), "data array has wrong width: found 5, expected 4."),
        (np.zeros((4, 1, 3, 4), "f4"), np.zeros(2, "f4"),
         "data and labels must have the same first dimension; found 4 and 2."),
        (np.zeros((3, 1, 3, 4), "f4"), np.zeros(3, "f4"),
         "first dimensions of input arrays must be a multiple of batch size; found 3, and the batch size is 2."),
    ],
)  # fmt: skip
def test_wrong_arrays_for_memory_data(tmp_path, data, labels, message):
    (tmp_path / "memory.prototxt").write_text(MEMORY)
    net = caffe.Net(str(tmp_path / "memory.prototxt"), caffe.TEST)
    with pytest.raises(RuntimeError) as caught:
        net.set_input_arrays(data, labels)
    assert str(caught.value) == message


def test_arrays_for_a_net_without_memory_data(deploy_file):
    with pytest.raises(RuntimeError, match="may only be called if the first layer is a MemoryDataLayer"):
        caffe.Net(deploy_file, caffe.TEST).set_input_arrays(np.zeros((1, 1, 4, 5), "f4"), np.zeros(1, "f4"))


# -- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "_hdf5"])
def test_saving_and_loading(small_file, tmp_path, kind):
    net = caffe.Net(small_file, caffe.TRAIN)
    path = str(tmp_path / "weights")
    getattr(net, f"save{kind}")(path)
    other = caffe.Net(small_file, caffe.TRAIN)
    for blobs in other.params.values():
        blobs[0].data[...] = 7
    (other.load_hdf5 if kind else other.copy_from)(path)
    for name, blobs in net.params.items():
        for mine, theirs in zip(blobs, other.params[name]):
            np.testing.assert_array_equal(mine.data, theirs.data)


def test_shared_weights(small_file):
    net, other = caffe.Net(small_file, caffe.TRAIN), caffe.Net(small_file, caffe.TEST)
    other.share_with(net)
    net.params["ip"][0].data[2, 3] = 11
    assert other.params["ip"][0].data[2, 3] == 11


def test_errors_of_passes_are_exceptions_of_netdef(small_file):
    net = caffe.Net(small_file, caffe.TRAIN)
    net.blobs["label"].reshape(2)
    with pytest.raises(NetError):
        net.forward(start="loss")


def test_representations(small_file):
    net = caffe.Net(small_file, caffe.TRAIN)
    assert repr(net) == '<Net "small" TRAIN: 4 layers, 5 blobs>'
    assert net._repr_svg_().startswith("<svg ")
    assert "<table" in net._repr_html_()
