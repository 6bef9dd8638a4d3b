"""EuclideanLoss element by element."""

import numpy as np


def euclidean_loss(predictions, targets):
    """``(loss, gradient with respect to the predictions)``."""
    loss = 0.0
    gradient = np.zeros(predictions.size)
    for i, (prediction, target) in enumerate(zip(predictions.reshape(-1), targets.reshape(-1), strict=True)):
        loss += (float(prediction) - float(target)) ** 2
        gradient[i] = float(prediction) - float(target)
    batch = predictions.shape[0]
    return loss / (2 * batch), gradient.reshape(predictions.shape) / batch
