"""Darknet's files written for tests."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

NET = {"batch": 4, "subdivisions": 2, "height": 9, "width": 10, "channels": 3, "max_batches": 100}


def cfg_text(sections, **net) -> str:
    """The text of ``(name, options)`` sections behind a [net] of `NET` and ``net``."""
    lines = []
    for name, options in [("net", {**NET, **net}), *sections]:
        lines.append(f"[{name}]")
        for key, value in options.items():
            lines.append(f"{key}={', '.join(map(str, value)) if isinstance(value, list) else value}")
        lines.append("")
    return "\n".join(lines)


def learned_arrays(rng, shape, normalized: bool) -> dict[str, np.ndarray]:
    """Weights of ``shape``, biases and, where ``normalized``, what goes with it; all float32."""
    outputs = shape[0]
    arrays = {"biases": rng.normal(size=outputs)}
    if normalized:
        arrays |= {"scales": rng.uniform(0.5, 2, outputs), "mean": rng.normal(size=outputs)}
        arrays["variance"] = rng.uniform(0.5, 2, outputs)
    if len(shape) > 1:
        arrays["weights"] = rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
    return {name: array.astype(np.float32) for name, array in arrays.items()}


ORDERS = {
    "convolutional": ("biases", "scales", "mean", "variance", "weights"),
    "connected": ("biases", "weights", "scales", "mean", "variance"),
    "batchnorm": ("biases", "scales", "mean", "variance"),
}


def weights_bytes(sections, values, version=(0, 2, 0), seen=7, batchnorm_biases=True) -> bytes:
    """A weights file with the arrays in ``values``, one dict for each section."""
    major, minor, _ = version
    wide = major * 10 + minor >= 2 and max(major, minor) < 1000
    content = struct.pack("<3i", *version) + struct.pack("<q" if wide else "<i", seen)
    for (name, _), arrays in zip(sections, values, strict=True):
        for key in ORDERS.get(name, ()):
            if key not in arrays or (name == "batchnorm" and key == "biases" and not batchnorm_biases):
                continue
            array = arrays[key]
            if name == "connected" and key == "weights" and max(major, minor) > 1000:
                array = array.T
            content += np.ascontiguousarray(array, "<f4").tobytes()
    return content


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
