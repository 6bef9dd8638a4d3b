"""A process whose children train and are killed: ``python -m tests.support.killed_run FOLDER SEED``.

In FOLDER lies ``solver.prototxt``. Children run ``netdef train --snapshot auto`` there, one after another, and die of
SIGKILL: before an operation on files (opening, forcing to disk, renaming, removing) whose number is drawn, after half
of a write to a temporary file, and then at random moments. The last one runs to its end. Forking spares each child the
imports. The standard output is what came of them, as JSON: for each way to die, how often it was asked for and how
often it came to pass, and how many kills left half a file behind.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import netdef.weights.hdf5  # noqa: F401  (children find it imported)
import solvers  # noqa: F401
from tools.main import main

OPERATIONS = ("open", "fsync", "replace", "remove")
MOST_OPERATIONS = 40  # a snapshot takes some 16, and each child goes on from the last whole one: none runs out of them
MOST_SECONDS = 0.8
WAYS = ("operation", "write", "operation") * 3 + ("moment",) * 3  # moments last: a fast machine may come to the end

ARGUMENTS = ["train", "-solver", "solver.prototxt", "-snapshot", "auto", "-log", "train.log"]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_before_operation(number: int) -> None:
    """Kill this process before its ``number``-th operation on files."""
    left = number

    def counted(operation):
        def run(*arguments, **options):
            nonlocal left
            left -= 1
            if left < 0:
                die()
            return operation(*arguments, **options)

        return run

    for name in OPERATIONS:
        setattr(os, name, counted(getattr(os, name)))


def die_in_write(number: int) -> None:
    """Kill this process when half of its ``number``-th piece is in a file that it writes whole or not at all."""
    left = number
    open_descriptor = os.fdopen

    def fdopen(descriptor, mode="r", *arguments, **options):
        file = open_descriptor(descriptor, mode, *arguments, **options)
        return Halved(file) if mode == "wb" else file

    class Halved:
        def __init__(self, file):
            self.file = file

        def write(self, piece):
            nonlocal left
            left -= 1
            if left < 0:
                self.file.write(memoryview(piece).cast("B")[: len(piece) // 2])
                self.file.flush()
                die()
            return self.file.write(piece)

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self.file.close()

    os.fdopen = fdopen


def run_once(generator: random.Random, way: str) -> int:
    """Fork a child and wait for its end; returns what `os.waitpid` says of it."""
    number = generator.randrange(MOST_OPERATIONS if way == "operation" else 6)
    process = os.fork()
    if process == 0:
        if way == "operation":
            die_before_operation(number)
        elif way == "write":
            die_in_write(number)
        os._exit(main(ARGUMENTS))
    if way == "moment":
        time.sleep(generator.uniform(0, MOST_SECONDS))
        os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


def half_files() -> set[str]:
    """Temporary files that have something in them."""
    return {path.name for path in Path().glob(".*.tmp") if path.stat().st_size}


if __name__ == "__main__":
    folder, seed, *undisturbed = sys.argv[1:]
    os.chdir(folder)
    generator = random.Random(int(seed))
    result = {way: [0, 0] for way in WAYS} | {"half files": 0}
    for way in () if undisturbed else WAYS:
        before = half_files()
        status = run_once(generator, way)
        result[way][0] += 1
        result[way][1] += os.WIFSIGNALED(status)
        result["half files"] += way == "write" and bool(half_files() - before)
    sys.exit(f"the last run ended with {status}" if (status := run_once(generator, "")) else print(json.dumps(result)))
