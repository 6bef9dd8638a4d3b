"""What netdef writes, OpenCV 4 reads, and both answer the same."""

from __future__ import annotations

import numpy as np
import pytest

import netdef.caffe as caffe
from prototxt import load_net, to_text

cv2 = pytest.importorskip("cv2", reason="OpenCV 4 is not installed (pip install 'opencv-python-headless<5')")
if int(cv2.__version__.split(".")[0]) != 4:
    pytest.skip("OpenCV 4 has a Caffe importer, later ones have none", allow_module_level=True)

NETS = {
    "grouped": """\
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 6 group: 3 kernel_size: 3 stride: 2 pad: 1 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.1 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "lrn" type: "LRN" bottom: "pool" top: "out" lrn_param { local_size: 3 alpha: 0.1 } }
""",
    "normalized": """\
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 1 bias_term: false weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "sum" type: "Eltwise" bottom: "conv" bottom: "conv" top: "sum" eltwise_param { coeff: 1 coeff: -0.5 } }
layer { name: "cat" type: "Concat" bottom: "sum" bottom: "data" top: "cat" }
layer { name: "ip" type: "InnerProduct" bottom: "cat" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "out" }
""",
}
INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 12 dim: 15 } } }\n'


@pytest.mark.parametrize("name", NETS)
def test_same_answers(tmp_path, rng, name):
    (tmp_path / "source.prototxt").write_text(INPUT + NETS[name])
    net = caffe.Net(str(tmp_path / "source.prototxt"), caffe.TEST)
    for layer in net.layers:
        if layer.type == "BatchNorm":
            for blob, value in zip(layer.blobs, (0.5, 3.0, 2.0)):
                blob.data[...] = value
    net.save(tmp_path / "net.caffemodel")
    (tmp_path / "net.prototxt").write_text(to_text(load_net(tmp_path / "source.prototxt").message))
    images = rng.standard_normal((2, 3, 12, 15)).astype(np.float32)
    expected = net.forward(data=images)["out"]
    importer = cv2.dnn.readNetFromCaffe(str(tmp_path / "net.prototxt"), str(tmp_path / "net.caffemodel"))
    importer.setInput(images)
    np.testing.assert_allclose(importer.forward().reshape(expected.shape), expected, rtol=1e-4, atol=1e-6)
