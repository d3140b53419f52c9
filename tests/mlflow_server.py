"""An MLflow server that tests can kill and bring back, and what a store holds without ids and times."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

TIMES = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d+|\b\d+ ms\b")
"""The folder of one run."""
IDS = ("segmentwerk.key", "segmentwerk.offline", "mlflow.parentRunId", "mlflow.log-model.history")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """An MLflow server on a free port of this machine; ``backend`` is its database."""

    def __init__(self, folder: Path, backend: str, workers: int = 1) -> None:
        self.port, self.folder, self.backend, self.workers = free_port(), folder, backend, workers
        self.uri, self.process = f"http://127.0.0.1:{self.port}", None

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", self.backend, "--workers", str(self.workers)]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        log = self.folder / "server.log"
        with log.open("a") as words:
            self.process = subprocess.Popen(
                command,
                stdout=words,
                stderr=words,
                start_new_session=True,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        for _ in range(600):
            try:
                if requests.get(f"{self.uri}/health", timeout=1).ok:
                    return
            except requests.RequestException:
                time.sleep(0.2)
        raise AssertionError(log.read_text())

    def kill(self) -> None:
        """Kill -9 the server and its workers, a process group of their own."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def tree(client, experiment: str, beginning: str = "") -> dict[str, dict]:
    """Return what the runs of an experiment hold, by their paths of names, without ids and times.

    Only those count whose path has this beginning.

    What measures the machine counts as a time: the values of ``wall_time/``, and all of ``system/``.
    """
    found = client.get_experiment_by_name(experiment)
    runs = {}
    token = None
    while True:
        page = client.search_runs([found.experiment_id], max_results=500, page_token=token)
        runs |= {run.info.run_id: run for run in page}
        token = page.token
        if not token:
            break
    named = [(path, run) for run in runs.values() if (path := _path(run, runs)).startswith(beginning)]
    paths = dict(named)
    assert len(paths) == len(named), "two runs of one name below one parent"
    return {path: _content(client, run) for path, run in sorted(paths.items())}


def _path(run, runs) -> str:
    parent = run.data.tags.get("mlflow.parentRunId")
    return (_path(runs[parent], runs) + "/" if parent else "") + run.info.run_name


def _content(client, run) -> dict:
    run_id = run.info.run_id
    return {
        "status": run.info.status,
        "params": run.data.params,
        "tags": {
            name: TIMES.sub("TIME", value.replace(f"{run.info.experiment_id}/runs/{run_id}", "ID/runs/ID"))
            for name, value in run.data.tags.items()
            if name not in IDS
        },
        "metrics": {
            name: _history(client, run_id, name)
            for name in run.data.metrics
            if not name.startswith("system/")
        },
        "artifacts": sorted(_files(client, run_id, "")),
        "datasets": sorted(
            (entry.dataset.name, entry.dataset.digest, entry.dataset.schema, entry.dataset.profile)
            for entry in run.inputs.dataset_inputs
        ),
        "models": len(run.outputs.model_outputs) if run.outputs else 0,
    }


def _history(client, run_id, name):
    points = client.get_metric_history(run_id, name)
    return [(point.step, "seconds" if name.startswith("wall_time/") else point.value) for point in points]


def _files(client, run_id, folder):
    for file in client.list_artifacts(run_id, folder):
        if file.is_dir:
            yield from _files(client, run_id, file.path)
        else:
            yield file.path
