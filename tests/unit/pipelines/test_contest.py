import os
import signal
from types import SimpleNamespace

import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.core.parallel import processes
from segmentwerk.pipelines.contest import Contest
from segmentwerk.pipelines.context import Context
from segmentwerk.tracking.writer import Run, Store


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_judge_that_is_killed_stops_the_contest_and_says_what_to_do(tmp_path):
    settings = SimpleNamespace(tracking=SimpleNamespace(experiment="x"))
    store = Store(None, tmp_path, enabled=False)
    contest = Contest(None, settings, None, Context("compare", tmp_path), store, None, "key")
    with processes() as judges, pytest.raises(InputError, match=r"judged kmeans.*same command again"):
        contest.conclude("kmeans", None, judges.submit(die), Run(None, ""))
