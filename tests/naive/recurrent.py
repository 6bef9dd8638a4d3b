"""LSTM and RNN, one unit of one stream at a time."""

import math

import numpy as np


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def gate_inputs(x, still, hidden, cont, weights, row):
    """The sum that enters row ``row`` of the weights for one stream at one step."""
    total = weights["bias"][row]
    total += sum(weights["input"][row][k] * value for k, value in enumerate(x.reshape(-1)))
    total += sum(weights["hidden"][row][k] * cont * value for k, value in enumerate(hidden))
    if still is not None:
        total += sum(weights["still"][row][k] * value for k, value in enumerate(still.reshape(-1)))
    return total


def lstm_unit(cell, gates, cont):
    """``(c, h)`` of one stream; ``gates`` are the inputs of i, f, o, g, one after another."""
    size = len(cell)
    cells, hiddens = [], []
    for d in range(size):
        i, f, o = (sigmoid(gates[k * size + d]) for k in range(3))
        cells.append(cont * f * cell[d] + i * math.tanh(gates[3 * size + d]))
        hiddens.append(o * math.tanh(cells[-1]))
    return cells, hiddens


def lstm(x, cont, still, weights, hidden, cell):
    """``(h of all steps, last h, last c)``; ``hidden`` and ``cell`` are (N, D)."""
    steps, streams = cont.shape
    hidden, cell = np.array(hidden, float), np.array(cell, float)
    top = np.zeros((steps, *hidden.shape))
    for t in range(steps):
        for n in range(streams):
            static = None if still is None else still[n]
            gates = [
                gate_inputs(x[t, n], static, hidden[n], cont[t, n], weights, row) for row in range(4 * hidden.shape[1])
            ]
            cell[n], hidden[n] = lstm_unit(cell[n], gates, cont[t, n])
        top[t] = hidden
    return top, hidden, cell


def rnn(x, cont, still, weights, hidden):
    """``(o of all steps, last h)``."""
    steps, streams = cont.shape
    hidden = np.array(hidden, float)
    top = np.zeros((steps, *hidden.shape))
    for t in range(steps):
        for n in range(streams):
            static = None if still is None else still[n]
            hidden[n] = [
                math.tanh(gate_inputs(x[t, n], static, hidden[n], cont[t, n], weights, row))
                for row in range(hidden.shape[1])
            ]
            for row in range(hidden.shape[1]):
                total = sum(weights["output"][row][k] * value for k, value in enumerate(hidden[n]))
                top[t, n, row] = math.tanh(total + weights["output_bias"][row])
    return top, hidden
