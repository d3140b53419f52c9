"""Other processes that compute for this one: the one pool of them, which tuning and judging share."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from queue import LifoQueue
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import psutil

from segmentwerk.core.errors import InputError
from segmentwerk.core.garbage import collect_seldom
from segmentwerk.core.threads import THREAD_LIMITS
from segmentwerk.core.veil import remembered, share

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

P = ParamSpec("P")
T = TypeVar("T")

_LOOK_EVERY = 0.5
"""Seconds between two looks at whether the parent lives."""
_MOST_WORKERS = 8
"""Each holds its own copy of the libraries, up to half a gigabyte, beside what it works on."""

_BEGUN, _QUESTION, _ERROR, _RESULT = "begun", "question", "error", "result"
_processes = threading.Lock()
"""Held where a process starts or ends: two threads that wait for one process hide its exit code."""
_main: Connection | None = None
"""In a worker process: the line to the process that it works for."""


@contextmanager
def processes() -> Iterator[WorkerPool]:
    """Yield an executor for tasks of a second or more; its processes start with the first, or at `warm_up`.

    They end with the block, whatever they are doing, and with this process, however that ends.

    Raises
    ------
    InputError
        If one of them is ended from outside.
    """
    from joblib import cpu_count

    with closing(WorkerPool(min(cpu_count(), _MOST_WORKERS))) as pool:
        yield pool


class WorkerDiedError(Exception):
    """A worker's process ended before its task did; ``begun`` says whether the task had begun."""

    def __init__(self, exit_code: int | None, *, begun: bool) -> None:
        super().__init__(f"exit code {exit_code}")
        self.exit_code, self.begun = exit_code, begun


class Worker:
    """A process that runs tasks for a thread of this one, on one thread of its own.

    It is started by loky (a fresh interpreter that does not run the caller's script again, and takes
    lambdas, too) with the first task, and anew after a death.
    """

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._line: Connection | None = None
        self._closed = False

    def run(
        self, task: Callable[..., T], *arguments: object, answer: Callable[[Any], Any] | None = None
    ) -> T:
        """Return what the task returns there, or raise what it raises.

        Parameters
        ----------
        answer
            Called here with what the task asks by `ask`; what it returns is sent back.

        Raises
        ------
        WorkerDiedError
            If the process ends on its way.
        CancelledError
            If the worker was closed.
        """
        line, begun = self._ready(), False
        _send(line, (task, arguments))
        while True:
            kind, content = self._receive(line, begun)
            if kind == _BEGUN:
                begun = True
            elif kind == _QUESTION and answer is not None:
                _send(line, answer(content))
            elif kind == _ERROR:
                raise content
            else:
                result: T = content
                return result

    def close(self) -> None:
        """End the process, whatever it is doing; it is not started again."""
        from loky.backend.utils import kill_process_tree

        with _processes:
            if self._process is not None and not self._closed:
                kill_process_tree(self._process)
            self._closed = True

    def _ready(self) -> Connection:
        """Return the line to a living process."""
        from loky.backend.context import get_context

        with _processes:
            if self._closed:
                raise CancelledError
            if self._line is None or self._process is None or not self._process.is_alive():
                self._line, theirs = Pipe()
                limits = dict.fromkeys(THREAD_LIMITS, "1")
                arguments = (theirs, os.getpid(), remembered())
                self._process = get_context("loky").Process(
                    target=_serve, args=arguments, daemon=True, env=limits
                )
                self._process.start()
                theirs.close()
            return self._line

    def _receive(self, line: Connection, begun: bool) -> tuple[str, Any]:
        try:
            kind, content = line.recv()
        except (EOFError, OSError) as error:
            with _processes:
                assert self._process is not None
                self._process.join()
                if self._closed:
                    raise CancelledError from error
                raise WorkerDiedError(self._process.exitcode, begun=begun) from error
        return kind, content


class WorkerPool(ThreadPoolExecutor):
    """An executor whose threads have a worker each; it must be closed."""

    def __init__(self, count: int) -> None:
        super().__init__(count, thread_name_prefix="worker")
        self._workers = [Worker() for _ in range(count)]
        self._idle: LifoQueue[Worker] = LifoQueue()  # the last one that worked is the first to work again
        for worker in self._workers:
            self._idle.put(worker)
        self._death: InputError | None = None

    def submit(self, task: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a task in a process; once one was ended from outside, no more tasks are taken."""
        if self._death is not None:
            raise self._death
        return self.submit_beside(self._run, partial(task, *args, **kwargs))

    def submit_beside(
        self, conversation: Callable[Concatenate[Worker, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run, in a thread of this process, what speaks with a worker of its own meanwhile."""

        def attended() -> T:
            worker = self._idle.get()
            try:
                return conversation(worker, *args, **kwargs)
            finally:
                self._idle.put(worker)

        return super().submit(attended)

    def warm_up(self, task: Callable[[], object]) -> None:
        """Start all processes at once, each with a task that spares later ones time, such as an import."""
        for _ in self._workers:
            self.submit(task)

    def close(self) -> None:
        """End all processes at once; what they were doing is cancelled."""
        for worker in self._workers:
            worker.close()
        self.shutdown(cancel_futures=True)

    def _run(self, worker: Worker, task: Callable[[], T]) -> T:
        try:
            return worker.run(task)
        except WorkerDiedError as error:
            self._death = InputError(
                "A process that computed for this one was ended from outside, perhaps for lack of memory.",
                "Make room and give the same command again; it goes on where it can.",
            )
            raise self._death from error


def ask(question: object) -> Any:
    """Within a task: return what the process that this one works for answers."""
    assert _main is not None, "no task is being run for another process"
    _send(_main, (_QUESTION, question))
    return _main.recv()


def _send(line: Connection, message: object) -> None:
    from loky.backend.reduction import dumps

    packed = dumps(message)
    with suppress(OSError):  # whoever should have heard it is gone, which is noticed by its silence
        line.send_bytes(packed)


def _serve(line: Connection, parent: int, secrets: frozenset[str]) -> None:
    """Run what comes over the line until it closes; log no secrets."""
    global _main
    _main = line
    collect_seldom()
    _follow(parent)
    share(secrets)
    with suppress(EOFError, OSError):
        while True:
            _handle(line, line.recv_bytes())


def _handle(line: Connection, message: bytes) -> None:
    try:
        task, arguments = ForkingPickler.loads(message)
        _send(line, (_BEGUN, None))
        _send(line, (_RESULT, task(*arguments)))
    except Exception as error:
        error.add_note(traceback.format_exc())
        _send(line, (_ERROR, error))


def _follow(parent: int) -> None:
    """Leave Ctrl-C to the parent process, whose id is ``parent``, and end when it ends."""

    def end_with_it() -> None:
        # A dead process that nobody has asked after still has its id, but no children any more.
        while os.getppid() == parent and psutil.pid_exists(parent):
            time.sleep(_LOOK_EVERY)
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_it, daemon=True).start()
