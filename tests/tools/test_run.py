"""Scripts of the kinds that tutorials teach, run as they are; and what is said where a script cannot be run."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import netdef
from netdef import old_scripts

LENET = """\
name: "LeNet"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 28 dim: 28 } } }
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 5 stride: 3 weight_filler { type: "xavier" } }
}
layer {
  name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 2 stride: 2 }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "pool1" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } }
}
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""

# What the slides of a course on LeNet teach, with print as a function.
INFERENCE = """\
import os
os.environ['GLOG_minloglevel'] = '2'

import caffe
import numpy as np
import sys
import Image

caffe_home = os.environ['CAFFE_ROOT']
sys.path.insert(0, caffe_home + '/python')
model = caffe_home + '/examples/mnist/lenet.prototxt'
weights = './mnist.LeNet/snapshots_iter_1000.caffemodel'
net = caffe.Net(model, weights, caffe.TEST)
caffe.set_mode_cpu()

img = np.array(Image.open(sys.argv[1]).convert('L'))
if img.shape != (28, 28):
    img = np.array(Image.fromarray(img).resize((28, 28)))
img = img.reshape(28, 28, -1)

img = 1.0 - img / 255.0

out = net.forward_all(data=np.asarray([img.transpose(2, 0, 1)]))

print(out['prob'][0])
print(out['prob'][0].argmax())
"""

SURGERY = """\
import caffe
caffe.set_mode_cpu()
net = caffe.Net('lenet.prototxt', 'lenet.caffemodel', caffe.TEST)
for name, blobs in net.params.items():
    print('{} weights are {} dimensional and biases are {} dimensional'.format(
        name, blobs[0].data.shape, blobs[1].data.shape))
full = caffe.Net('full_conv.prototxt', 'lenet.caffemodel', caffe.TEST)
full.params['ip-conv'][0].data.flat = net.params['ip'][0].data.flat
full.params['ip-conv'][1].data[...] = net.params['ip'][1].data
full.save('full_conv.caffemodel')
import numpy as np
x = np.random.RandomState(0).rand(1, 1, 28, 28)
a = net.forward(data=x, end='ip')['ip']
b = full.forward(data=x)['ip-conv']
print(np.allclose(a.ravel(), b.ravel(), atol=1e-5))
"""

FEATURES = """\
import caffe, numpy as np
net = caffe.Net('lenet.prototxt', caffe.TEST, weights='lenet.caffemodel')
transformer = caffe.io.Transformer({'data': net.blobs['data'].data.shape})
transformer.set_transpose('data', (2, 0, 1))
transformer.set_raw_scale('data', 255)
net.blobs['data'].reshape(3, 1, 28, 28)
image = caffe.io.load_image('digit.png', color=False)
net.blobs['data'].data[...] = transformer.preprocess('data', image)
net.forward()
features = net.blobs['ip'].data.copy()
np.save('features.npy', features)
filters = net.params['conv1'][0].data
filters = (filters - filters.min()) / (filters.max() - filters.min())
print([(k, v.data.shape) for k, v in net.blobs.items()])
print(filters.shape, transformer.deprocess('data', net.blobs['data'].data[0]).shape)
"""

TRAINING = """\
from __future__ import print_function
import caffe
from caffe import layers as L, params as P
import numpy as np

caffe.set_random_seed(3)

class_count = 2
def net_text():
    n = caffe.NetSpec()
    n.data, n.label = L.Python(module='stripes', layer='Stripes', ntop=2, param_str=str(dict(batch=8)))
    n.score = L.InnerProduct(n.data, num_output=class_count, weight_filler=dict(type='xavier'))
    n.loss = L.SoftmaxWithLoss(n.score, n.label)
    n.accuracy = L.Accuracy(n.score, n.label)
    return str(n.to_proto())

with open('stripes.prototxt', 'w') as f:
    f.write(net_text())

from caffe.proto import caffe_pb2
s = caffe_pb2.SolverParameter()
s.train_net = 'stripes.prototxt'
s.base_lr = 0.5
s.lr_policy = 'fixed'
s.momentum = 0.9
s.snapshot_prefix = 'stripes'
with open('stripes_solver.prototxt', 'w') as f:
    f.write(str(s))

solver = caffe.get_solver('stripes_solver.prototxt')
losses = np.zeros(15)
for it in range(15):
    solver.step(1)
    losses[it] = solver.net.blobs['loss'].data
print(losses[0] > 10 * losses[-1], float(solver.net.blobs['accuracy'].data))
"""

STRIPES = """\
import caffe, numpy as np

class Stripes(caffe.Layer):
    def setup(self, bottom, top):
        self.batch = eval(self.param_str)['batch']
        self.rng = np.random.RandomState(1)

    def reshape(self, bottom, top):
        top[0].reshape(self.batch, 1, 4, 6)
        top[1].reshape(self.batch)

    def forward(self, bottom, top):
        labels = self.rng.randint(2, size=self.batch)
        images = np.zeros((self.batch, 1, 4, 6))
        images[labels == 0, :, ::2] = 1
        images[labels == 1, :, :, ::2] = 1
        top[0].data[...] = images
        top[1].data[...] = labels

    def backward(self, top, propagate_down, bottom):
        pass
"""


@pytest.fixture(autouse=True)
def no_alias_left():
    yield
    old_scripts.uninstall()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The files that the scripts read."""
    monkeypatch.setenv("CAFFE_ROOT", str(tmp_path))
    monkeypatch.setenv("GLOG_minloglevel", "2")
    full = LENET.replace("InnerProduct", "Convolution").replace(
        "inner_product_param {", "convolution_param { kernel_size: 4"
    )
    (tmp_path / "full_conv.prototxt").write_text(
        full[: full.index('layer { name: "prob"')].replace('"ip"', '"ip-conv"')
    )
    for folder in ("examples/mnist", "mnist.LeNet", "python/caffe"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "python" / "caffe" / "__init__.py").write_text("raise ImportError('built for another Python')")
    for name in ("examples/mnist/lenet.prototxt", "lenet.prototxt"):
        (tmp_path / name).write_text(LENET)
    net = netdef.Net(tmp_path / "lenet.prototxt", netdef.TEST, seed=7)
    net.save(tmp_path / "mnist.LeNet" / "snapshots_iter_1000.caffemodel")
    net.save(tmp_path / "lenet.caffemodel")
    pixels = np.full((56, 42), 255, np.uint8)
    pixels[10:40, 18:24] = 0
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    return tmp_path


def run_script(run, project, text, *words):
    (project / "script.py").write_text(text)
    result = run("run", "script.py", *words)
    assert (result.status, result.err) == (0, "")
    return result.out


def test_inference(run, project):
    out = run_script(run, project, INFERENCE, "digit.png")
    *numbers, answer = out.replace("[", "").replace("]", "").split()
    probabilities = np.array(numbers, float)
    assert len(probabilities) == 10 and probabilities.sum() == pytest.approx(1)
    assert probabilities.argmax() == int(answer)


def test_net_surgery(run, project):
    assert run_script(run, project, SURGERY) == (
        "conv1 weights are (4, 1, 5, 5) dimensional and biases are (4,) dimensional\n"
        "ip weights are (10, 64) dimensional and biases are (10,) dimensional\n"
        "True\n"
    )


def test_features_and_filters(run, project):
    out = run_script(run, project, FEATURES)
    assert out.splitlines()[1] == "(4, 1, 5, 5) (28, 28, 1)"
    assert np.load(project / "features.npy").shape == (3, 10)


def test_a_solver_in_the_loop_with_a_python_layer(run, project):
    (project / "stripes.py").write_text(STRIPES)
    assert run_script(run, project, TRAINING) == "True 1.0\n"


# -- what goes wrong ---------------------------------------------------------------------------------------------


def test_the_status_of_a_script(run, project):
    for text, status, err in (
        ("raise SystemExit(3)", 3, ""),
        ("import sys; sys.exit()", 0, ""),
        ("raise SystemExit('sorry')", 1, "sorry\n"),
    ):
        (project / "script.py").write_text(text)
        result = run("run", "script.py")
        assert (result.status, result.err) == (status, err)


def test_an_exception_of_the_script(run, project):
    (project / "script.py").write_text("def f():\n    return 1 / 0\n\nf()\n")
    result = run("run", "script.py")
    lines = result.err.splitlines()
    assert result.status == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{project}/script.py", line 4, in <module>'
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_a_script_of_python_2(run, project):
    (project / "script.py").write_text("import caffe\nprint out['prob'][0]\n")
    result = run("run", "script.py")
    assert result.status == 1
    assert result.err == (
        "script.py:2:1: is not Python 3: Missing parentheses in call to 'print'. It looks like Python 2; convert it, "
        "with 2to3 or by hand: print(x), except Error as error.\n  print out['prob'][0]\n  ^\n"
    )


def test_no_script(run, project):
    result = run("run", "none.py")
    assert (result.status, result.err) == (1, "none.py: does not exist; expected a Python script. Correct the path.\n")
    assert run("run").status == 2
