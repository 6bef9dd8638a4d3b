"""Kernels give the same results as ordinary Python, with NUMBA_DISABLE_JIT=1."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NAMES = [
    "conv_3x3_s2_p1", "conv_group3", "conv_nd3", "conv_1x1", "pool_max_mask", "pool_max_2", "pool_ave_pad",
    "ip", "ip_transpose", "relu_leaky", "sigmoid", "tanh",
]  # fmt: skip


def test_recorded_values_without_compilation():
    code = (
        "import numba; assert numba.config.DISABLE_JIT\n"
        "from tests.support.nets import golden_layer\n"
        f"for name in {NAMES}: golden_layer(name)"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
