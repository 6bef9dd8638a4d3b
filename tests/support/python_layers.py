"""Layers written in Python, for tests."""

import numpy as np

import netdef.caffe as caffe

calls = []  # what was called, in order, by `Recorder`


class Multiply(caffe.Layer):
    """top = bottom * param_str * blob, the blob being 1 at first."""

    def setup(self, bottom, top):
        self.factor = float(self.param_str)
        self.blobs.add_blob(1)
        self.blobs[0].data[0] = 1

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = self.factor * self.blobs[0].data[0] * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[0] += (self.factor * bottom[0].data * top[0].diff).sum()
        if propagate_down[0]:
            bottom[0].diff[...] = self.factor * self.blobs[0].data[0] * top[0].diff


class Phase(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape()

    def forward(self, bottom, top):
        top[0].data[()] = self.phase


class Recorder(caffe.Layer):
    """Notes its calls; the top has one more row at each forward pass."""

    def setup(self, bottom, top):
        self.rows = 0
        calls.append(f"setup {self.name}")

    def reshape(self, bottom, top):
        calls.append(f"reshape {self.name}")
        top[0].reshape(self.rows + 1, 2)

    def forward(self, bottom, top):
        calls.append(f"forward {self.name}")
        self.rows += 1
        top[0].data[...] = self.rows

    def state(self):
        return bytes([self.rows])

    def restore(self, state):
        self.rows = state[0]


class SquareLoss(caffe.Layer):
    """Half the sum of squares, a new shape of top at every pass."""

    def reshape(self, bottom, top):
        top[0].reshape(1, *np.ones(len(top[0].shape), int))

    def forward(self, bottom, top):
        top[0].data.fill((bottom[0].data ** 2).sum() / 2)

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = bottom[0].data * top[0].diff.flat[0]


class Failing(caffe.Layer):
    """Raises in the method that param_str names."""

    def fail_in(self, method):
        if self.param_str == method:
            return {}["no such key"]

    def setup(self, bottom, top):
        self.fail_in("setup")

    def reshape(self, bottom, top):
        self.fail_in("reshape")
        top[0].reshape(1)

    def forward(self, bottom, top):
        self.fail_in("forward")

    def backward(self, top, propagate_down, bottom):
        self.fail_in("backward")


class OldName(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(int(self.param_str_))

    def forward(self, bottom, top):
        top[0].data[...] = 1


class NoForward(caffe.Layer):
    def reshape(self, bottom, top):
        top[0].reshape(1)


class NoLayer:
    pass


number = 3
