"""Has kernels compiled in several processes, by the tasks of `tools._warming`."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import TracebackType

from netdef.errors import NetdefError

ROOT = Path(__file__).resolve().parent.parent


class Crew:
    """Processes that compile; a context manager that ends them.

    Parameters
    ----------
    jobs : int
        How many processes, at most.
    tell : function
        Called as ``tell(done, all)`` after each task.
    """

    def __init__(self, jobs: int, tell: Callable[[int, int], None]) -> None:
        self.tell = tell
        self.troubles: list[str] = []
        self.workers = [_start() for _ in range(jobs)]

    def compile(self, request: dict, finish: bool = False) -> None:
        """Compile what `tools._warm_tasks.plan` finds for a request; what fails is added to ``troubles``.

        With ``finish`` each process compiles, at the end, the twins of what it has run. Raises: NetdefError, with the
        message of the process, where the request itself is wrong.
        """
        for worker in self.workers[1:]:
            _send(worker, {"kind": "start"})
        first, *others = self.workers
        _send(first, {"kind": "plan", "request": request})
        answer = _receive(first)
        if answer is None or answer["trouble"]:
            raise NetdefError(answer["trouble"] if answer else "a process that compiles kernels has stopped.")
        for worker in others:
            _receive(worker)
        self._deal(deque(answer["result"]), finish)

    def _deal(self, waiting: deque[dict], finish: bool) -> None:
        done, total = 0, len(waiting) + (len(self.workers) if finish else 0)
        with selectors.DefaultSelector() as ready:
            for worker in self.workers:
                tasks = iter([{"kind": "twins"}] if finish else [])
                if self._give(worker, waiting, tasks):
                    ready.register(worker.stdout, selectors.EVENT_READ, (worker, tasks))
            while ready.get_map():
                for key, _ in ready.select():
                    worker, tasks = key.data
                    answer = _receive(worker)
                    trouble = answer["trouble"] if answer else "a process that compiles kernels has stopped."
                    self.troubles += [trouble] if trouble else []
                    done += 1
                    self.tell(done, total)
                    if answer is None or not self._give(worker, waiting, tasks):
                        ready.unregister(worker.stdout)

    def _give(self, worker: subprocess.Popen, waiting: deque[dict], last) -> bool:
        """Send the next task to a process; whether there was one."""
        task = waiting.popleft() if waiting else next(last, None)
        if task is not None:
            _send(worker, task)
        return task is not None

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for worker in self.workers:
            if kind is not None:
                worker.kill()
            worker.communicate()


def progress(is_wanted: bool) -> Callable[[int, int], None]:
    """A function that tells how far the compiling is: on a terminal, in one line, else not at all."""
    start, stream = perf_counter(), sys.stderr

    def tell(done: int, total: int) -> None:
        if is_wanted and stream.isatty():
            end = "\n" if done == total else ""
            print(f"\r{done} of {total} parts, {perf_counter() - start:.0f} s", end=end, file=stream, flush=True)

    return tell


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start() -> subprocess.Popen:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", "tools._warming"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _send(worker: subprocess.Popen, task: dict) -> None:
    try:
        print(json.dumps(task), file=worker.stdin, flush=True)
    except BrokenPipeError:
        return  # it has stopped, which the missing answer tells


def _receive(worker: subprocess.Popen) -> dict | None:
    """The answer to the last task; None from a process that has stopped."""
    line = worker.stdout.readline()
    return json.loads(line) if line else None
