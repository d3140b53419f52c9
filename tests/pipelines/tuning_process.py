"""A process of the kill tests: ``tuning_process.py CONFIG`` runs a study and tells its trials."""

import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from segmentwerk.core.errors import FitError
from segmentwerk.core.records import Metric, Tag
from segmentwerk.core.settings import TuningSettings
from segmentwerk.tracking.writer import Store
from segmentwerk.tuning.execution import StudyPlan
from segmentwerk.tuning.space import SearchSpace
from segmentwerk.tuning.study import tune

SPACE = SearchSpace(
    {
        "x": {"type": "float", "low": 0.0, "high": 1.0},
        "kind": {"type": "categorical", "choices": ["full", "tied"]},
        "y": {"type": "float", "low": 1e-3, "high": 1.0, "log": True, "when": {"kind": ["full"]}},
    }
)


@dataclass(frozen=True)
class Cheap:
    """Takes a while, leaves word of what each process does, and fails now and then."""

    folder: Path
    seconds: float

    def __call__(self, params, report):
        (self.folder / str(os.getpid())).write_text(str(params["x"]))
        time.sleep(self.seconds)
        report(0, params["x"])
        if params["x"] < 0.1:
            raise FitError("too small.")
        time.sleep(self.seconds)
        report(1, params["x"] ** 2)
        return {"value": params["x"] ** 2 + params.get("y", 0.5), "half": params["x"] / 2}


class Tracker:
    """Hands finished trials to MLflow, or to one file each."""

    def __init__(self, config, study):
        self._seen = Path(config["home"]) / "seen"
        self._seen.mkdir(exist_ok=True)
        self._study = study
        self._store = Store(None, Path(config["home"])) if config["mlflow"] else None

    def __call__(self, trial):
        if self._store is not None:
            key = f"{self._study}/{trial.number}"
            with self._store.run(
                "kills", f"trial {trial.number}", tags={"study": self._study}, key=key
            ) as run:
                run.write(
                    [
                        Metric("value", trial.value),
                        Tag("state", trial.state),
                        Tag("number", str(trial.number)),
                    ]
                )
        with (self._seen / str(trial.number)).open("a") as seen:
            seen.write(f"{trial.state}\n")


def main(config):
    if config["host"]:
        socket.gethostname = lambda: config["host"]  # play another machine
    settings = TuningSettings(**config["settings"])
    folder = Path(config["home"]) / "doing"
    folder.mkdir(parents=True, exist_ok=True)
    plan = StudyPlan("kills", SPACE, settings, 5, Path(config["home"]))
    tracker = Tracker(config, plan.study)
    objective = Cheap(folder, config["seconds"])
    result = tune(plan, objective, on_trial=tracker)
    trials = [[t.number, t.state, t.params, t.value, t.reason, t.scores] for t in result.trials]
    sys.stdout.write(
        json.dumps({"study": result.study, "trials": trials, "best": result.finalists[0].number})
    )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
