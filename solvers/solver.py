"""The training loop: step, test, log, snapshot; a subclass knows the update rule.

Source: Caffe src/caffe/solver.cpp, include/caffe/solver.hpp.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from math import isfinite
from typing import NoReturn

import numpy as np
from numpy.typing import DTypeLike

from netdef.errors import SolverError, WeightsError
from netdef.net import Net
from netdef.registry import Registry
from netdef.weights.atomic import check_writable
from prototxt import Document, load_solver, schema, to_text
from solvers import debug_info, resume, snapshots, testing
from solvers.check import Checker
from solvers.divergence import first_non_finite
from solvers.log import Log, number, quiet
from solvers.monitor import make_monitor
from solvers.nets import build_test_nets, build_train_net, load_weight_file
from solvers.signals import Action
from solvers.timer import Timer
from solvers.writer import BackgroundWriter

SOLVERS: Registry[type[Solver]] = Registry("solver type")


def register_solver(name: str) -> Callable[[type[Solver]], type[Solver]]:
    """A class decorator: the class serves solvers whose ``type`` is ``name``."""

    def file(cls: type[Solver]) -> type[Solver]:
        SOLVERS.register(name)(cls)
        cls.type = name
        return cls

    return file


class Solver(testing.Testing):
    """Trains a net. Subclasses override `apply_update`.

    Parameters
    ----------
    definition : str, path or prototxt.Document
        A solver prototxt, or a document that `prototxt.load_solver` or `prototxt.parse_solver` returned.
    weights : sequence of paths, optional
        Weight files to start from, in place of the definition's ``weights``; an empty one for none at all.
    skip_mismatch : bool
        Leave alone the layers whose shapes differ from those in the weight files.
    log : Log, optional
        Where the training log goes; nowhere by default.
    dtype : numpy dtype
        ``float32``, or ``float64`` for checks of the arithmetic.

    Attributes
    ----------
    net, test_nets : the nets, whose parameters are the same memory
    iter : how many times the parameters have been updated
    current_step : drops of the learning rate so far
    history : the rule's own arrays, one for each learnable parameter (AdaDelta and Adam: twice)
    param : the SolverParameter
    monitor : the `Monitor` of the test output that the definition names, or None
    stopped_by_monitor : whether the last run ended because that output did not improve any more
    action_function : called between iterations; returns the `Action` that is asked for
    updates_early : whether the rule needs no more than a parameter's own gradient

    Differs from Caffe: the losses that the displayed one is the mean of carry on from one `step` to the next.

    Raises
    ------
    NetdefError
        With ``file:line:column``, for anything wrong in the definition or in the nets it names.
    """

    type = ""
    net_class = Net
    updates_early = False

    def __init__(
        self,
        definition: str | os.PathLike[str] | Document,
        *,
        weights: Sequence[str] | None = None,
        skip_mismatch: bool = False,
        log: Log | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.document = load_solver(definition) if isinstance(definition, (str, os.PathLike)) else definition
        self.param = self.document.message
        self.log = log or quiet()
        self.iter = 0
        self.current_step = 0
        self.history: list[np.ndarray] = []
        self.action_function: Callable[[], Action] = lambda: Action.NONE
        self.test_nets = []
        self._callbacks: list[tuple[Callable, Callable]] = []
        self._test_callbacks: list[Callable[[int, list[tuple[str, float]]], None]] = []
        self._stop = False
        self.stopped_by_monitor = False
        self._writer = BackgroundWriter()
        self._snapshot_iters: list[int] = []  # of this run, resumed ones included, that are on disk
        self._written_iter = -1  # the iteration whose snapshot this process wrote last
        self._tested_iter = -1
        self._resumed_tested_iter = -1
        self._states_before_tests: dict[str, bytes] | None = None
        self.check()
        self.losses: deque[float] = deque(maxlen=self.param.average_loss)
        self.snapshot_prefix = snapshots.prefix(self.document)
        self.log.info("solver.cpp:45", "Initializing solver from parameters: \n" + to_text(self.param).rstrip("\n"))
        if self.param.snapshot:
            self._check_snapshot_folder()
        seed = self.param.random_seed if self.param.random_seed >= 0 else None
        self.net = build_train_net(self.document, seed, dtype, self.log, self.net_class)
        try:
            self.test_nets = build_test_nets(self.document, self.net, self.log)
            self.monitor = make_monitor(self.document, self.test_nets)
            self.load_weights(self.param.weights if weights is None else weights, skip_mismatch)
        except BaseException:
            self.close()
            raise
        self.log.info("solver.cpp:57", "Solver scaffolding done.")
        self._timer = Timer()

    # -- what a subclass overrides -------------------------------------------------------------------------

    def check(self) -> None:
        """Raise SolverError for what is wrong in the definition."""
        Checker(self.document).check()

    def fail(self, field: str, message: str) -> NoReturn:
        """Raise SolverError with the place of ``field``."""
        Checker(self.document).fail(field, message)

    def apply_update(self) -> None:
        """Update the parameters from their gradients."""

    def update_on_the_way_back(self) -> None:
        """A backward pass and `apply_update`, of each parameter as soon as its gradient is whole.

        It is called in place of the two where `updates_early`.
        """

    # -- starting points -----------------------------------------------------------------------------------

    def load_weights(self, paths: Sequence[str], skip_mismatch: bool = False) -> None:
        """Copy parameters from weight files, the later ones over the earlier; commas separate paths too."""
        for listed in paths:
            for path in filter(None, (part.strip() for part in os.fspath(listed).split(","))):
                self.log.info("solver.cpp:72", f"Finetuning from {path}")
                load_weight_file(path, self.net, self.test_nets, skip_mismatch, self.log)

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a ``.solverstate``; the weights come from the weight file that it names."""
        resume.restore(self, os.fspath(path))

    def snapshot(self) -> str:
        """Write weights and solver state now; returns the path of the state."""
        path = self._snapshot()
        self._writer.finish()
        return path

    def _snapshot(self) -> str:
        """Copy weights and solver state and begin to write them; returns the path of the state."""
        if self.iter not in self._snapshot_iters:
            self._snapshot_iters.append(self.iter)
        snapshot = snapshots.capture(self)
        unwanted = self._take_unwanted()

        def write() -> None:
            try:
                snapshot.write()
            except WeightsError as error:
                error.message += resume.older_words(snapshot.state_path)
                raise
            snapshots.remove(self, unwanted)

        self._writer.start(write)
        self._written_iter = self.iter
        return snapshot.state_path

    def _take_unwanted(self) -> list[int]:
        """Strike those snapshots off the list of this run's that are not to stay, and return them."""
        best = [iteration for iteration, _ in self.monitor.best] if self.monitor and self.param.keep_best else []
        unwanted = snapshots.surplus(self._snapshot_iters, best, self.param.keep_newest)
        self._snapshot_iters = [iteration for iteration in self._snapshot_iters if iteration not in unwanted]
        return unwanted

    def _remove_unwanted(self) -> None:
        """Remove the snapshots of this run that are not to stay, while none is being written."""
        snapshots.remove(self, self._take_unwanted())

    def resume_state(self) -> schema.ResumeState:
        """The ``schema.ResumeState`` that rides along in a solver state."""
        states = resume.stream_states(resume.nets_by_label(self))
        states.update(self._states_before_tests or {})  # a test that is under way will be made again
        message = resume.message(self, states)
        message.tested_iter = self._tested_iter
        message.snapshot_iter.extend(self._snapshot_iters)
        if self.monitor is not None:
            message.best_iter.extend(iteration for iteration, _ in self.monitor.best)
            message.best_value.extend(value for _, value in self.monitor.best)
            message.tests_without_better = self.monitor.tests_without_better
        return message

    def restore_resume_state(self, message: schema.ResumeState) -> None:
        """Go on from a `resume_state`, or from None, which Caffe's solver states have."""
        self.losses.clear()
        self._snapshot_iters, self._tested_iter, self._written_iter = [], -1, self.iter
        if message is not None:
            self.losses.extend(message.losses)
            self._snapshot_iters = list(message.snapshot_iter)
            self._tested_iter = message.tested_iter if message.HasField("tested_iter") else -1
            states = {stream.name: stream.state for stream in message.stream}
            resume.restore_streams(resume.nets_by_label(self), states)
            if self.monitor is not None:
                self.monitor.best = list(zip(message.best_iter, message.best_value, strict=True))
                self.monitor.tests_without_better = message.tests_without_better
        self._resumed_tested_iter = self._tested_iter

    def add_callback(self, on_start: Callable[[], None], on_gradients_ready: Callable[[], None]) -> None:
        """Have functions called before each iteration's forward pass and before each update."""
        self._callbacks.append((on_start, on_gradients_ready))

    # -- running -------------------------------------------------------------------------------------------

    @property
    def smoothed_loss(self) -> float:
        """The mean loss of the last ``average_loss`` iterations."""
        return sum(self.losses) / len(self.losses) if self.losses else 0.0

    def solve(self, resume_file: str | os.PathLike[str] | None = None) -> None:
        """Train up to ``max_iter``, with tests, snapshots and a last test, as the definition says.

        Raises SolverError where ``max_iter`` is missing and where the loss stops being a number.
        """
        if not self.param.HasField("max_iter"):
            self.fail(
                "max_iter", "max_iter is missing; expected the number of iterations to train. Add max_iter: 10000."
            )
        if self.param.snapshot_after_train:
            self._check_snapshot_folder()
        self.log.info("solver.cpp:289", f"Solving {self.net.name}")
        self.log.info("solver.cpp:290", f"Learning Rate Policy: {self.param.lr_policy}")
        if resume_file is not None:
            self.log.info("solver.cpp:296", f"Restoring previous solver status from {resume_file}")
            self.restore(resume_file)
        self.step(self.param.max_iter - self.iter)
        if self.param.snapshot_after_train and not self.due(self.param.snapshot) and self._written_iter != self.iter:
            self.snapshot()
        self._remove_unwanted()
        if self._stop:
            self.log.info("solver.cpp:311", "Optimization stopped early.")
            return
        if self.due(self.param.display):
            debug = self.param.debug_info and self.param.display == 1  # as the last iteration had it
            self.losses.append(self._forward(debug))
            self.log.info("solver.cpp:327", f"Iteration {self.iter}, loss = {number(self.smoothed_loss)}")
        if self.due(self.param.test_interval):
            self.test_all()
            self._writer.finish()
            self._remove_unwanted()
        self.log.info("solver.cpp:332", "Optimization Done.")

    def step(self, iters: int) -> None:
        """Train ``iters`` iterations more; snapshots that fall due are on disk at the end."""
        self._stop = self.stopped_by_monitor = False
        self._remove_unwanted()  # what a killed process had no time to remove
        self._timer.start(self.iter)
        try:
            self._iterate(self.iter + iters)
        finally:
            self._writer.wait()
        self._writer.finish()

    def _iterate(self, stop_iter: int) -> None:
        param = self.param
        while self.iter < stop_iter:
            if self._callbacks:
                self.net.clear_param_diffs()
            else:
                self.net.clear_param_diffs_later()
            if self._test_due():
                self.test_all()
                if self._stop:
                    return
            for on_start, _ in self._callbacks:
                on_start()
            display = self.due(param.display)
            if self._may_update_early(display):
                self.losses.append(self._forward())
                self.update_on_the_way_back()
            else:
                self.losses.append(self._forward_backward(display and param.debug_info))
                if display:
                    self._display()
                for _, on_gradients_ready in self._callbacks:
                    on_gradients_ready()
                self.apply_update()
            self.iter += 1
            self.log.progress(self.iter, max(param.max_iter, stop_iter))
            if self._between_iterations():
                return

    def _may_update_early(self, display: bool) -> bool:
        """Whether nobody looks at the gradients between the backward pass and the update."""
        return self.updates_early and not (display or self._callbacks) and self.param.iter_size == 1

    def due(self, interval: int) -> bool:
        """Whether something done every ``interval`` iterations, 0 meaning never, is to be done now."""
        return bool(interval) and self.iter % interval == 0

    def _between_iterations(self) -> bool:
        """Snapshot where one is due or asked for; returns whether to stop."""
        self._writer.check()
        action = self.action_function()
        if self.due(self.param.snapshot) or action is Action.SNAPSHOT:
            self._snapshot()
        self._stop = action is Action.STOP
        return self._stop

    def _forward_backward(self, debug: bool) -> float:
        """The gradients of ``iter_size`` batches, added up; returns their mean loss."""
        iter_size = self.param.iter_size
        loss = 0.0
        for _ in range(iter_size):
            loss += self._forward(debug)
            if debug:
                debug_info.backward(self.net, self.log)
            else:
                self.net.run_backward()
        return float(np.float32(loss / iter_size))

    def _forward(self, debug: bool = False) -> float:
        loss = debug_info.forward(self.net, self.log) if debug else self.net.run()
        if not isfinite(loss):
            self.stop_diverged(f"the loss of iteration {self.iter} is {loss:g}")
        return float(np.float32(loss))

    def stop_diverged(self, found: str) -> NoReturn:
        """Raise the SolverError for values that are not finite, with the first layer and blob that has any."""
        place = first_non_finite(self.net)
        where = f" The first value that is not finite is in {place}." if place else ""
        raise SolverError(
            f"{found}; expected a finite number.{where} "
            "Lower base_lr, set clip_gradients, or check data and labels; the snapshots so far are unharmed.",
            location=self.document.location(""),
        )

    def _display(self) -> None:
        speed, seconds = self._timer.lap(self.iter)
        self.log.info(
            "solver.cpp:239",
            f"Iteration {self.iter} ({number(speed)} iter/s, {number(seconds)}s/{self.param.display} iters), "
            f"loss = {number(self.smoothed_loss)}",
        )
        testing.log_outputs(self.log, "solver.cpp:258", "Train", self.net, testing.output_values(self.net))

    def _check_snapshot_folder(self) -> None:
        if not self.snapshot_prefix:
            self.fail(
                "snapshot_prefix",
                "snapshot_prefix is missing; expected the path that the names of snapshots start with. "
                'Add snapshot_prefix: "snapshots/lenet".',
            )
        check_writable(snapshots.filename(self, ".solverstate"))

    # -- the end -------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Finish the snapshot that is being written, stop the background threads of all nets, close their files."""
        self._writer.wait()
        for net in (self.net, *self.test_nets):
            net.close()

    def __enter__(self) -> Solver:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        rate = f"base_lr {self.param.base_lr:g}, lr_policy {self.param.lr_policy}"
        return f'<{self.type} solver of "{self.net.name}": iteration {self.iter} of {self.param.max_iter}, {rate}>'
