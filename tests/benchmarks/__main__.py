"""Runs every benchmark: the ``main`` of each ``bench_*.py`` beside this file."""

import importlib
import sys
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("bench_*.py")):
    print(f"== {path.stem}", flush=True)
    sys.argv[1:] = []
    importlib.import_module(f"tests.benchmarks.{path.stem}").main()
