"""caffe.Classifier: ten crops, the centre, and the preparation of images."""

from __future__ import annotations

import numpy as np
import pytest

import netdef.caffe as caffe

DEPLOY = """\
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 4 dim: {channels} dim: 3 dim: 5 }} }} }}
layer {{
  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }}
}}
layer {{ name: "prob" type: "Softmax" bottom: "ip" top: "prob" }}
"""


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(DEPLOY.format(channels=3))
    caffe.Net(str(path), caffe.TEST).save(tmp_path / "net.caffemodel")
    return str(path), str(tmp_path / "net.caffemodel")


def answer(classifier, prepared):
    score = prepared.reshape(len(prepared), -1) @ classifier.params["ip"][0].data.T
    return np.exp(score) / np.exp(score).sum(1, keepdims=True)


def test_the_centre(files, rng):
    images = rng.random((5, 6, 9, 3)).astype(np.float32)
    classifier = caffe.Classifier(
        *files,
        image_dims=(6, 9),
        mean=np.array([0.1, 0.2, 0.3]),
        raw_scale=2.0,
        input_scale=0.5,
        channel_swap=(2, 1, 0),
    )
    result = classifier.predict(images, oversample=False)
    prepared = (images[:, 1:4, 2:7].transpose(0, 3, 1, 2)[:, ::-1] * 2 - np.array([0.1, 0.2, 0.3])[:, None, None]) / 2
    assert result.shape == (5, 2)
    np.testing.assert_allclose(result, answer(classifier, prepared), rtol=1e-4)


def test_ten_crops(files, rng):
    images = rng.random((3, 6, 9, 3)).astype(np.float32)
    classifier = caffe.Classifier(*files, image_dims=[6, 9])
    crops = caffe.io.oversample(images, (3, 5)).transpose(0, 3, 1, 2)
    expected = answer(classifier, crops).reshape(3, 10, 2).mean(1)
    np.testing.assert_allclose(classifier.predict(images), expected, rtol=1e-4)


def test_images_are_resized_to_the_input_by_default(files, rng):
    images = [rng.random((4, 4, 3)), rng.random((7, 3, 3))]
    classifier = caffe.Classifier(*files)
    small = np.stack([caffe.io.resize_image(image, (3, 5)) for image in images]).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(classifier.predict(images, False), answer(classifier, small), rtol=1e-4)


def test_it_is_a_net(files):
    assert isinstance(caffe.Classifier(*files), caffe.Net)
