"""The model in a virtual environment of its own, and behind a served endpoint under load."""

import concurrent.futures
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import requests

from scoring_server import await_ping

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

CLIENTS, SECONDS = 64, 60

ALONE = textwrap.dedent(
    """
    import sys
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model(sys.argv[1])
    rows = pd.read_json(sys.argv[2], orient="split", dtype={"account_id": str})
    whole = rows.select_dtypes("int").columns  # JSON does not tell 2 from 2.0
    found = model.predict(rows.astype(dict.fromkeys(whole, float)))
    unwanted = {"torch", "sklearn", "scipy", "onnx", "segmentwerk"} & set(sys.modules)
    assert not unwanted, unwanted
    found.to_json(sys.argv[3], orient="split", double_precision=15)
    """
)


def test_it_needs_nothing_but_its_pinned_requirements(saved, model, accounts, tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    installed = subprocess.run(
        [venv / "bin" / "pip", "install", "--quiet", "--requirement", saved / "requirements.txt"],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"no package index: {installed.stderr.strip().splitlines()[-1]}")
    rows = accounts.head(50)
    rows.to_json(tmp_path / "in.json", orient="split", index=False, double_precision=15)
    paths = [saved, tmp_path / "in.json", tmp_path / "out.json"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [venv / "bin" / "python", "-c", ALONE, *paths], capture_output=True, text=True, check=False, env=clean
    )
    assert done.returncode == 0, done.stderr
    found = pd.read_json(tmp_path / "out.json", orient="split", dtype={"account_id": str})
    expected = model.predict(rows)
    assert (found["segment_id"] == expected["segment_id"]).all()
    assert (found["reason_1"] == expected["reason_1"]).all()


@pytest.fixture
def served(saved, tmp_path):
    """`mlflow models serve` as documented; yields its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", saved, "--env-manager", "local"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # serve starts uvicorn by name
    with (tmp_path / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PATH": path},
        )
    address = f"http://127.0.0.1:{port}"
    await_ping(address)
    yield f"{address}/invocations", psutil.Process(server.pid)
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()


BAD = [
    '{"dataframe_records":[{"frequency":"many"}]}',
    '{"dataframe_records":[{"frequency":{"x":{"y":[1]}}}]}',
    '{"dataframe_records":[{"frequency":Infinity}]}',
    '{"dataframe_records":[{"nonsense":1}]}',
    '{"dataframe_records":[{"industry":{"x":1},"frequency":1}]}',
    '{"dataframe_split":{"columns":["frequency"]}}',
    "junk",
    "x" * 10_000_000,
]


def resident(process):
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])


def client(address, good, number, until):
    """Send good and bad bodies in turn; return (is_good, status) of each."""
    answers = []
    turns = itertools.takewhile(lambda _: time.monotonic() < until, itertools.count(number))
    with requests.Session() as session:
        for turn in turns:
            bad = turn % 5 == 0
            junk = BAD[turn // 5 % (len(BAD) - 1)] if turn % 200 else BAD[-1]
            answer = session.post(
                address,
                data=junk if bad else good[turn % len(good)],
                headers={"Content-Type": "application/json"},
                timeout=120,
            )
            answers.append((not bad, answer.status_code))
    return answers


def test_under_load_every_good_request_is_answered_and_no_bad_one_breaks_it(served, accounts):
    address, process = served
    good = [
        json.dumps({"dataframe_split": json.loads(accounts.iloc[[i]].to_json(orient="split", index=False))})
        for i in range(100)
    ]
    memory = []
    for seconds in (SECONDS / 4, SECONDS):
        until = time.monotonic() + seconds
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            jobs = [pool.submit(client, address, good, number, until) for number in range(CLIENTS)]
            answers = [answer for job in jobs for answer in job.result()]
        memory.append(resident(process))
    assert len(answers) > 10 * CLIENTS
    assert {status for is_good, status in answers if is_good} == {200}
    assert {status for is_good, status in answers if not is_good} == {400}
    assert memory[1] - memory[0] < 100e6
