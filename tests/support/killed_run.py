"""A process whose children train and are killed: ``python -m tests.support.killed_run FOLDER KILLS SEED``.

In FOLDER lies ``solver.prototxt``. Children run ``netdef train --snapshot auto`` there, one after another, and the
first KILLS of them die of SIGKILL: every other one before a random operation on files (opening, forcing to disk,
renaming, removing), the rest at a random moment. The last one runs to its end. Forking spares each child the imports.
How many were killed goes to the standard output.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import netdef.weights.hdf5  # noqa: F401  (children find it imported)
import solvers  # noqa: F401
from tools.main import main

OPERATIONS = ("open", "fsync", "replace", "remove")
MOST_OPERATIONS = 90
MOST_SECONDS = 0.8

ARGUMENTS = ["train", "-solver", "solver.prototxt", "-snapshot", "auto", "-log", "train.log"]


def die_before_operation(number: int) -> None:
    """Kill this process before its ``number``-th operation on files."""
    left = number

    def counted(operation):
        def run(*arguments, **options):
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **options)

        return run

    for name in OPERATIONS:
        setattr(os, name, counted(getattr(os, name)))


def child(operations: int | None) -> None:
    """Train in a forked process, which ends here."""
    if operations is not None:
        die_before_operation(operations)
    status = main(ARGUMENTS)
    os._exit(status)


def run_once(generator: random.Random, kind: str) -> int:
    """Fork a child and wait for its end; returns what `os.waitpid` says of it."""
    operations = generator.randrange(MOST_OPERATIONS) if kind == "operation" else None
    process = os.fork()
    if process == 0:
        child(operations)
    if kind == "moment":
        time.sleep(generator.uniform(0, MOST_SECONDS))
        os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


if __name__ == "__main__":
    folder, kills, seed = sys.argv[1:]
    os.chdir(folder)
    killed = 0
    generator = random.Random(int(seed))
    for count in range(int(kills)):
        status = run_once(generator, ("operation", "moment")[count % 2])
        killed += os.WIFSIGNALED(status)
    sys.exit(f"the last run ended with {status}" if (status := run_once(generator, "none")) else print(killed))
