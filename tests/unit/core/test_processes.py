"""Processes that work for another one: they compute on one thread, and never outlive it."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import wait

import psutil
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.core.processes import WorkerDiedError, ask, processes
from segmentwerk.core.veil import discreet, remember

BUSY = """
import os, time
from segmentwerk.core.errors import InputError
from segmentwerk.core.processes import processes

def work():
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    with processes() as executor:
        executor.submit(work).result()
"""


def test_tasks_run_elsewhere_on_one_thread_and_keep_their_order():
    with processes() as executor:
        found = list(executor.map(lambda i: (i, os.getpid(), os.environ["OMP_NUM_THREADS"]), range(4)))
    assert [i for i, _, _ in found] == [0, 1, 2, 3]
    assert os.getpid() not in {pid for _, pid, _ in found}
    assert {threads for _, _, threads in found} == {"1"}
    assert not any(psutil.pid_exists(pid) for _, pid, _ in found)


def test_secrets_are_veiled_in_the_logs_of_other_processes():
    def log():
        import io
        import logging

        text = io.StringIO()
        logging.getLogger().addHandler(logging.StreamHandler(text))
        logging.warning("Asking %s, with %s and password=other", "http://me:Quolth7bert@host", "Quolth7bert")
        try:
            raise ValueError("no Quolth7bert")
        except ValueError:
            logging.exception("It failed")
        return text.getvalue()

    with discreet():
        remember("postgresql://me:Quolth7bert@127.0.0.1:9/d")
        with processes() as executor:
            logged = executor.submit(log).result()
    assert logged.startswith("Asking http://***@host, with *** and password=***\nIt failed\nTraceback")
    assert logged.endswith("ValueError: no ***\n")


def test_what_still_runs_ends_with_the_block():
    begin = time.monotonic()
    with processes() as executor:
        pid = executor.submit(os.getpid).result()
        executor.submit(time.sleep, 60)
    assert time.monotonic() - begin < 30
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_processes_end_with_the_one_they_work_for(tmp_path, end):
    script = tmp_path / "busy.py"
    script.write_text(BUSY)
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as main:  # fmt: skip
        worker = psutil.Process(int(main.stdout.readline()))
        os.kill(main.pid, end) if end == signal.SIGKILL else os.killpg(main.pid, end)
        worker.wait(20)  # raises where it lives on, even while its dead parent is a zombie
    assert main.returncode != 0


def test_a_script_needs_no_main_guard(tmp_path):
    script = tmp_path / "plain.py"
    script.write_text(
        "from segmentwerk.core.processes import processes\n"
        "with processes() as executor:\n"
        "    print(executor.submit(lambda x: x + 1, 1).result())\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"


def test_a_task_is_answered_what_it_asks_meanwhile():
    def task(question):
        return ask(question) + ask(question + 1)

    with processes() as pool:
        future = pool.submit_beside(lambda worker: worker.run(task, 3, answer=lambda asked: 10 * asked))
        assert future.result(30) == 70


def test_a_worker_tells_whether_its_task_had_begun_and_starts_anew():
    with processes() as pool:
        died = pool.submit_beside(lambda worker: worker.run(os._exit, 7))
        with pytest.raises(WorkerDiedError, match="exit code 7") as death:
            died.result(30)
        assert death.value.begun
        unloadable = pool.submit_beside(lambda worker: worker.run(Fatal()))
        with pytest.raises(WorkerDiedError, match="exit code 3") as death:
            unloadable.result(30)
        assert not death.value.begun
        assert pool.submit_beside(lambda worker: worker.run(abs, -1)).result(30) == 1


def test_all_processes_can_be_started_before_there_is_work(tmp_path):
    def note():
        (tmp_path / str(os.getpid())).touch()
        time.sleep(0.5)

    with processes() as pool:
        pool.warm_up(note)
        pool.submit(abs, -1).result(30)
        deadline = time.monotonic() + 30
        while len(begun := list(tmp_path.iterdir())) < len(pool._workers) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(begun) == len(pool._workers)


class Fatal:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (3,)


def in_its_result(executor):
    executor.submit(signal.raise_signal, signal.SIGKILL).result()


def in_the_next_task(executor):
    wait([executor.submit(signal.raise_signal, signal.SIGKILL)])
    executor.submit(os.getpid)


def in_a_map(executor):
    wait([executor.submit(signal.raise_signal, signal.SIGKILL)])
    list(executor.map(abs, range(3)))


def run(use):
    with processes() as executor:
        use(executor)


@pytest.mark.parametrize("use", [in_its_result, in_the_next_task, in_a_map])
def test_a_process_that_is_killed_is_named_with_what_to_do(use):
    with pytest.raises(InputError, match=r"ended from outside.*same command again"):
        run(use)
