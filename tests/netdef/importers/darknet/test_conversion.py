"""Imported nets against the twin of Darknet's layers, and what cannot be imported."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import NetError
from netdef.importers.darknet.conversion import SECTIONS, SOFTMAX, UNSUPPORTED, import_darknet
from netdef.importers.darknet.net import ACTIVATIONS
from netdef.net import Net
from netdef.weights.caffemodel import write_caffemodel
from prototxt import parse_net, schema, to_text
from tests.naive import darknet as naive
from tests.support.darknet import cfg_text, learned_arrays, weights_bytes, write

IMAGE = (3, 9, 10)


def conv(filters=4, **options):
    return "convolutional", {"filters": filters, "activation": "leaky", **options}


END = ("softmax", {})


def imported(folder, sections, values=None, net=None, **options):
    cfg = write(folder, "net.cfg", cfg_text(sections, **(net or {})))
    weights = None if values is None else write(folder, "net.weights", weights_bytes(sections, values))
    return import_darknet(cfg, weights, net_file="net.prototxt", snapshot_prefix="net", **options)


def draw_values(rng, sections, image=IMAGE):
    """Arrays for each section, found by running the twin section by section."""
    values, outputs = [], []
    for index, (name, options) in enumerate(sections):
        before = outputs[-1] if outputs else np.zeros(image)
        normalized, arrays = bool(options.get("batch_normalize")), {}
        if name == "convolutional":
            size = options.get("size", 1)
            shape = options["filters"], len(before) // options.get("groups", 1), size, size
            arrays = learned_arrays(rng, shape, normalized)
        elif name == "connected":
            arrays = learned_arrays(rng, (options["output"], before.size), normalized)
        elif name == "batchnorm":
            arrays = learned_arrays(rng, (len(before),), True)
        values.append(arrays)
        outputs.append(naive.LAYERS[name](before, options, arrays, outputs, index))
    return values


def answers(folder, result, image):
    """All blobs of the deploy net with the imported weights, in float64."""
    path = folder / "net.caffemodel"
    write_caffemodel(path, result.model)
    net = Net(parse_net(to_text(result.deploy)), schema.TEST, dtype=np.float64)
    assert not net.copy_from(path).missing
    net.blobs["data"].data[...] = image
    net.forward()
    return net


def check(rng, folder, sections, values=None, image=IMAGE, **net):
    """The last output of ``sections`` and of the imported net, on one image."""
    values = draw_values(rng, sections, image) if values is None else values
    pixels = rng.normal(size=image)
    names = dict(zip(("channels", "height", "width"), image))
    result = imported(folder, sections, values, {**names, **net})
    found = answers(folder, result, pixels[None])
    wanted = naive.forward(sections, values, pixels)[-1]
    blob = found.blobs["prob"].data
    np.testing.assert_allclose(blob.reshape(wanted.shape), wanted, rtol=1e-6, atol=1e-7)
    return result


CONVOLUTIONS = [
    {"size": 3, "pad": 1},
    {"size": 3, "pad": 1, "batch_normalize": 1},
    {"size": 3, "stride": 2, "padding": 2, "groups": 1},
    {"size": 2, "stride_x": 1, "stride_y": 2},
    {"size": 3, "pad": 1, "dilation": 2},
    {"size": 1, "stride": 2, "batch_normalize": 1},
]


@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_convolutional(rng, tmp_path, options):
    check(rng, tmp_path, [conv(**options), END])


def test_groups(rng, tmp_path):
    check(rng, tmp_path, [conv(6, groups=3, size=3), conv(4, groups=2, size=3, pad=1, batch_normalize=1), END])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(rng, tmp_path, activation):
    check(rng, tmp_path, [conv(activation=activation, size=3), END])
    check(rng, tmp_path, [conv(size=3), ("activation", {"activation": activation}), ("route", {"layers": [0]}), END])
    check(rng, tmp_path, [conv(size=3), ("activation", {"activation": activation}), END])


def test_the_default_activation_is_logistic(rng, tmp_path):
    check(rng, tmp_path, [("convolutional", {"filters": 4}), ("connected", {"output": 3}), END])


POOLS = [
    {"size": 2, "stride": 2}, {"stride": 2}, {"size": 2, "stride": 1}, {"size": 3, "stride": 2}, {"size": 3,
     "stride": 1},
    {"size": 5, "stride": 1}, {"size": 4, "stride": 1}, {"size": 3, "stride": 2, "padding": 0},
    {"size": 2, "stride": 2, "padding": 0}, {"size": 3, "stride": 3}, {"size": 2, "stride_x": 2, "stride_y": 3},
    {"size": 4, "stride": 3, "padding": 2},
]  # fmt: skip


@pytest.mark.parametrize("image", [(3, 9, 10), (2, 8, 6), (2, 7, 7)])
@pytest.mark.parametrize("options", POOLS)
def test_maxpool(rng, tmp_path, options, image):
    sections = [("maxpool", options), conv(1, activation="linear"), END]
    result = check(rng, tmp_path, sections, image=image)
    shape = answers(tmp_path, result, np.zeros(image)).blobs["pool0"].shape
    assert shape[1:] == naive.maxpool(np.zeros(image), options, {}, [], 0).shape


def test_connected(rng, tmp_path):
    sections = [("connected", {"output": 5, "activation": "tanh"}), ("dropout", {"probability": 0.3})]
    sections += [("connected", {"output": 4, "activation": "elu", "batch_normalize": 1}), END]
    check(rng, tmp_path, sections)


def test_softmax_with_temperature_over_an_image(rng, tmp_path):
    check(rng, tmp_path, [conv(2, size=3), ("softmax", {"temperature": 2.5})])


def test_batchnorm_and_avgpool(rng, tmp_path):
    check(rng, tmp_path, [conv(size=3), ("batchnorm", {}), ("avgpool", {}), END])


def test_batchnorm_of_files_without_biases(rng, tmp_path):
    sections = [conv(size=3), ("batchnorm", {}), END]
    values = draw_values(rng, sections)
    values[1]["biases"][:] = 0
    cfg = write(tmp_path, "net.cfg", cfg_text(sections))
    weights = write(tmp_path, "net.weights", weights_bytes(sections, values, batchnorm_biases=False))
    result = import_darknet(cfg, weights, net_file="n", snapshot_prefix="n")
    pixels = rng.normal(size=IMAGE)
    found = answers(tmp_path, result, pixels[None]).blobs["prob"].data.reshape(-1)
    np.testing.assert_allclose(found, naive.forward(sections, values, pixels)[-1].reshape(-1), rtol=1e-6)


ROUTES = [
    [("route", {"layers": [-2]})],
    [("route", {"layers": [-1, 0]})],
    [("route", {"layers": [0, 1, -2]})],
    [("route", {"layers": [-1], "groups": 2, "group_id": 1})],
    [("route", {"layers": [0, -1], "groups": 2, "group_id": 0})],
    [("route", {"layers": [0]}), ("dropout", {}), ("route", {"layers": [-1, 0]})],
]


@pytest.mark.parametrize("more", ROUTES)
def test_route(rng, tmp_path, more):
    check(rng, tmp_path, [conv(4, size=3), conv(6), *more, conv(3), END])


SHORTCUTS = [
    ([conv(4, size=3), conv(4)], {"from": [-2]}),
    ([conv(4, size=3), conv(4)], {"from": [0], "activation": "leaky", "alpha": 2, "beta": 0.5}),
    ([conv(4, size=3), conv(6)], {"from": [-2], "alpha": 3}),  # fewer channels are added
    ([conv(6, size=3), conv(4)], {"from": [-2]}),  # more channels are left out
    ([conv(3, size=2, padding=1), conv(4, size=2, stride=2, padding=0)], {"from": [0]}),  # every second pixel
    ([conv(4), conv(4), conv(5)], {"from": [0, -2], "activation": "relu"}),
]


@pytest.mark.parametrize("before, options", SHORTCUTS)
def test_shortcut(rng, tmp_path, before, options):
    check(rng, tmp_path, [*before, ("shortcut", options), conv(3), END], image=(3, 9, 11))


@pytest.mark.parametrize("options", [{}, {"stride": 3, "scale": 0.5}])
def test_upsample(rng, tmp_path, options):
    check(rng, tmp_path, [conv(2, size=3, stride=3), ("upsample", options), conv(2), END])


@pytest.mark.parametrize("options", [{"stride": 2}, {"stride": 2, "reverse": 1}])
def test_reorg(rng, tmp_path, options):
    check(rng, tmp_path, [conv(8, size=2, stride=2), ("reorg", options), conv(2), END], image=(3, 12, 8))


def test_crop(tmp_path):
    sections = [("crop", {"crop_height": 6, "crop_width": 6, "flip": 1, "exposure": 1.5}), conv(2, size=3), END]
    result = imported(tmp_path, sections)
    train, test = result.train_test.layer[:2]
    values = "scale: 0.007843138\n{}mean_value: 127.5\n"
    assert to_text(train.transform_param) == values.format("mirror: true\ncrop_size: 6\n")
    assert to_text(test.transform_param) == values.format("crop_size: 6\n")
    inputs, first = result.deploy.layer[:2]
    assert (list(inputs.input_param.shape[0].dim), first.name, list(first.bottom)) == ([1, 3, 6, 6], "conv1", ["data"])
    assert to_text(inputs.transform_param) == values.format("")
    assert [notice.split(": ", 1)[1] for notice in result.notices] == [
        "[crop] exposure=1.5 is left out: there is no such change of images here.",
        "[net] Darknet's images are red, green, blue; Caffe's are blue, green, red. Give --bgr to import for those.",
    ]


def test_crop_without_changes_of_values(tmp_path):
    sections = [("crop", {"crop_height": 6, "crop_width": 6, "noadjust": 1}), conv(2, size=3), END]
    layer = imported(tmp_path, sections).train_test.layer[0]
    assert to_text(layer.transform_param) == "scale: 0.003921569\ncrop_size: 6\n"


def test_logistic(rng, tmp_path):
    check(rng, tmp_path, [("connected", {"output": 4, "activation": "linear"}), ("logistic", {})])


@pytest.mark.parametrize("cut", [[], [("crop", {"crop_height": 6, "crop_width": 6, "noadjust": 1})]])
def test_a_net_without_a_loss_is_for_use_alone(rng, tmp_path, cut):
    """As are those of which Darknet takes features."""
    sections, image = [*cut, conv(4, size=3), ("maxpool", {"size": 2, "stride": 2})], (3, 6, 6) if cut else IMAGE
    values = [{} for _ in cut] + draw_values(rng, sections[len(cut) :], image)
    result, pixels = imported(tmp_path, sections, values, bgr=True), rng.normal(size=image)
    assert (result.train_test, result.solver) == (None, None)
    pool = f"pool{len(cut) + 1}"
    found = answers(tmp_path, result, pixels[None, ::-1]).blobs[pool].data
    wanted = naive.forward(sections[len(cut) :], values[len(cut) :], pixels)[-1]
    np.testing.assert_allclose(found[0], wanted, rtol=1e-6, atol=1e-7)
    line = cfg_text(sections).splitlines().index("[maxpool]") + 1
    assert result.notices == [
        f"{tmp_path / 'net.cfg'}:{line}:1: [maxpool] is the last section, and no loss: the net for use is written, "
        "none to train."
    ]


def test_every_section_is_tested_or_told_apart():
    assert not {*SECTIONS, *SOFTMAX} & set(UNSUPPORTED)
    assert set(naive.LAYERS) | {"cost", "yolo", "region", "crop"} == {
        name for name in (*SECTIONS, *SOFTMAX) if name not in ("conv", "conn", "max", "avg", "soft")
    }


def test_a_vector_as_input(tmp_path):
    cfg = "[net]\ninputs=7\nmax_batches=5\n[connected]\noutput=3\n[softmax]\n"
    result = import_darknet(write(tmp_path, "n.cfg", cfg), net_file="n", snapshot_prefix="n")
    assert list(result.deploy.layer[0].input_param.shape[0].dim) == [1, 7, 1, 1]
    assert [layer.type for layer in result.deploy.layer] == ["Input", "InnerProduct", "Sigmoid", "Softmax"]


def test_channels_turned_to_blue_green_red(rng, tmp_path):
    sections = [conv(4, size=3), END]
    values, pixels = draw_values(rng, sections), rng.normal(size=IMAGE)
    found = answers(tmp_path, imported(tmp_path, sections, values, bgr=True), pixels[None, ::-1])
    wanted = naive.forward(sections, values, pixels)[-1].reshape(-1)
    np.testing.assert_allclose(found.blobs["prob"].data.reshape(-1), wanted, rtol=1e-6)


def test_layers_below_stopbackward_do_not_learn(tmp_path):
    sections = [conv(4, size=3), conv(4, stopbackward=1, batch_normalize=1), conv(2, learning_rate=0.5), END]
    result = imported(tmp_path, sections)
    rates = {layer.name: [param.lr_mult for param in layer.param] for layer in result.deploy.layer if layer.param}
    assert rates == {"conv0": [0, 0], "conv1": [0], "conv1_scale": [0, 0], "conv2": [0.5, 0.5]}


def refusal(folder, text) -> str:
    with pytest.raises(NetError) as caught:
        import_darknet(write(folder, "n.cfg", text), net_file="n", snapshot_prefix="n")
    return caught.value.sentence().replace(str(folder) + "/", "")


HEAD = "[net]\nheight=8\nwidth=8\nchannels=3\nmax_batches=5\n"

WRONG = [
    ("[convolutional]\nfilters=3\n", "n.cfg:1:1: [convolutional] stands first; expected [net] or [network] there. Put "
     "it first."),
    (HEAD, "n.cfg:1:1: [net] is all there is; expected sections of layers behind it. Name a whole cfg."),
    (
        HEAD + "[lstm]\n[convolutionl]\n[net]\n",
        "n.cfg: cannot be imported for 3 of its sections:\n  n.cfg:6:1: [lstm] has no equivalent here.\n  "
        'n.cfg:7:1: [convolutionl] is no section that is known here. Did you mean "convolutional"?\n  '
        "n.cfg:8:1: [net] is there twice; expected one.",
    ),
    (HEAD + "[softmax]\n[avgpool]\n",
     "n.cfg:6:1: [softmax] stands before [avgpool]; expected it last, or last but for [cost]."),
    (HEAD + "[convolutional]\nfliters=3\n",
     'n.cfg:6:1: [convolutional] has no filters; expected a whole number, 1 or more. Did you mean "fliters"? Add '
     'filters=….'),
    (HEAD + "[convolutional]\nfilters=3\nsize=three\n",
     'n.cfg:8:1: [convolutional] size is "three"; expected a whole number, 1 or more. Correct it.'),
    (HEAD + "[convolutional]\nfilters=3\nsize=9\n",
     "n.cfg:8:1: [convolutional] size is 9 and the image before it is 8x8. Lower size or add pad=1."),
    (HEAD + "[convolutional]\nfilters=3\ngroups=2\n",
     "n.cfg:8:1: [convolutional] groups is 2 and there are 3 channels before it; expected a divisor of both. Correct "
     "groups."),
    (HEAD + "[convolutional]\nfilters=3\n  xnor=1\n",
     "n.cfg:8:3: [convolutional] xnor is 1, which has no equivalent here; expected 0. Take it away and train anew."),
    (HEAD + "[convolutional]\nfilters=3\nshare_index=1\n",
     "n.cfg:8:1: [convolutional] share_index has no equivalent here. Take it away."),
    (HEAD + "[convolutional]\nfilters=3\nactivation=stair\n",
     'n.cfg:8:1: [convolutional] activation is "stair", which has no equivalent here; expected one of linear, relu, '
     "leaky, logistic, loggy, tanh, elu, selu, relie, ramp, hardtan, relu6, swish, mish."),
    (HEAD + "[maxpool]\nsize=20\npadding=2\n", "n.cfg:7:1: [maxpool] size is 20 and the image before it is 8x8. Lower "
     "size."),
    (HEAD + "[maxpool]\nsize=3\nstride=2\npadding=5\n",
     "n.cfg:9:1: [maxpool] size 3, stride 2 and padding 5 on an image of 8x8 give 6x6 windows from 2 pixels outside of "
     "it on; Caffe's Pooling, which pads all sides alike, has no such form. Change size, stride or padding."),
    (HEAD + "[route]\nlayers=-1\n",
     "n.cfg:7:1: [route] layers names layer -1; this is layer 0, so expected one of 0 to -1, or counted from here -0 "
     "to "
     "-1. Correct it."),
    (HEAD + "[avgpool]\n[route]\n", "n.cfg:7:1: [route] has no layers; expected the numbers of earlier layers. Add "
     "layers=…."),
    (HEAD + "[avgpool]\n[maxpool]\n[route]\nlayers=0,x\n",
     'n.cfg:9:1: [route] layers has "x"; expected whole numbers, separated by commas. Correct it.'),
    (HEAD + "[upsample]\n[avgpool]\n[route]\nlayers=0,1\n",
     "n.cfg:9:1: [route] joins images of 16x16 and 1x1; expected one size. Correct layers."),
    (HEAD + "[upsample]\n[route]\nlayers=0\ngroups=2\n",
     "n.cfg:9:1: [route] groups is 2 and a layer has 3 channels; expected a divisor."),
    (HEAD + "[upsample]\n[route]\nlayers=0\ngroups=3\ngroup_id=3\n",
     "n.cfg:10:1: [route] group_id is 3 and groups is 3; expected less. Correct one of them."),
    (HEAD + "[avgpool]\n[shortcut]\n", "n.cfg:7:1: [shortcut] has no from; expected the number of an earlier layer. "
     "Add from=…."),
    (HEAD + "[avgpool]\n[upsample]\nstride=3\n[shortcut]\nfrom=0\n",
     "n.cfg:10:1: [shortcut] adds an image of 1x1 to one of 3x3; expected one size, or the first a multiple of the "
     "second. Correct from."),
    (HEAD + "[upsample]\n[shortcut]\nfrom=-1\nweights_type=per_feature\n",
     "n.cfg:9:1: [shortcut] weights_type has no equivalent here; expected none. Take it away."),
    (HEAD + "[reorg]\nstride=2\n",
     "n.cfg:7:1: [reorg] stride is 2 and there are 3 channels before it; expected a multiple of 4. Correct one of "
     "them."),
    (HEAD + "[convolutional]\nfilters=9\n[reorg]\nstride=3\n",
     "n.cfg:9:1: [reorg] stride is 3 and the image before it is 8x8; expected multiples of it. Correct one of them."),
    (HEAD + "[avgpool]\n[crop]\ncrop_height=1\ncrop_width=1\n",
     "n.cfg:7:1: [crop] stands behind other layers; expected it first, for data layers do its work. Move it."),
    (HEAD + "[crop]\ncrop_height=9\ncrop_width=9\n",
     "n.cfg:7:1: [crop] cuts 9x9 pixels out of 8x8; expected a square that lies inside. Correct crop_height and "
     "crop_width."),
    (HEAD + "[crop]\ncrop_height=6\ncrop_width=6\n[cost]\n",
     "n.cfg:6:1: [crop] stands before a loss that is not of classes, whose data cannot be cropped. Take it away."),
    (HEAD + "[dropout]\nprobability=1\n", "n.cfg:7:1: [dropout] probability is 1; expected less than 1. Lower it."),
]  # fmt: skip


@pytest.mark.parametrize("text, message", WRONG)
def test_refusals(tmp_path, text, message):
    assert refusal(tmp_path, text) == message


def test_options_that_nobody_reads_are_told(tmp_path):
    text = HEAD + "[convolutional]\nfilters=3\nactivaton=relu\nfriend=1\n[softmax]\n"
    result = import_darknet(write(tmp_path, "n.cfg", text), net_file="n", snapshot_prefix="n", bgr=True)
    place = tmp_path / "n.cfg"
    assert result.notices[1:] == [
        f'{place}:8:1: [convolutional] activaton is left out. Did you mean "activation"?',
        f"{place}:9:1: [convolutional] friend is left out.",
    ]
