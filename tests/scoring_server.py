"""MLflow's scoring server around a saved model: in a thread of this process, or as its own command."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import requests


@contextlib.contextmanager
def served(model: Path) -> Iterator[str]:
    """Serve a saved model in a thread; yield the address that predicts."""
    import uvicorn
    from mlflow.pyfunc.scoring_server import init

    app = init(mlflow.pyfunc.load_model(str(model)))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/invocations"
    finally:
        server.should_exit = True
        thread.join()


def await_ping(address: str, seconds: float = 120.0) -> None:
    """Wait until a server that was started answers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{address}/ping", timeout=1).ok:
                return
        time.sleep(0.2)
    raise AssertionError(f"{address} never answered")
