"""What becomes of kernels in a forked process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import os, sys
import numpy as np
from netdef.kernels import eltwise
from netdef.kernels._size import PARALLEL_FROM, sized
from netdef.kernels.inner_product import InnerProductPlan

def both():
    ones = np.ones(PARALLEL_FROM, np.float32)
    sized(eltwise.multiply, ones.size)(ones, ones, ones)
    plan = InnerProductPlan(256, 128, 128, False, np.float32)
    plan.forward(np.ones(256 * 128, np.float32), np.ones(128 * 128, np.float32), None, np.ones(256 * 128, np.float32))

both()
child = os.fork()
if child == 0:
    both()
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_computes_without_its_parents_threads():
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
