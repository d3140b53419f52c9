import io
import logging

import pytest
from rich.console import Console

from segmentwerk.core.types import TrialRecord
from segmentwerk.tuning.execution.progress import StudyProgress


def record(number, state="complete", value=0.5):
    return TrialRecord(number=number, state=state, params={}, value=value, seconds=1.0)


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=120)


def test_a_terminal_gets_a_bar_with_best_and_time_left(terminal, caplog):
    caplog.set_level(logging.INFO)
    with StudyProgress("demo-kmeans", 12, terminal) as progress:
        progress.update([], None)
        progress.update(
            [record(0, value=0.25), record(1, value=0.61), record(2, "failed", float("nan"))], 3725.2
        )
    shown = terminal.file.getvalue()
    assert "demo-kmeans" in shown
    assert "3/12" in shown
    assert "best 0.61" in shown
    assert "1:02:05 left" in shown
    assert caplog.messages == []


def test_elsewhere_each_news_is_a_line_in_the_log(caplog):
    caplog.set_level(logging.INFO)
    silent = Console(file=io.StringIO(), force_terminal=False)
    with StudyProgress("demo-kmeans", 12, silent) as progress:
        progress.update([], None)
        progress.update([record(0, "failed", float("nan"))], 61)
        progress.update([record(0, "failed", float("nan"))], 60)
        progress.update([record(0, "failed", float("nan")), record(1)], 9.6)
    assert caplog.messages == [
        "demo-kmeans: 1 of 12 trials, best -, 1:01 left",
        "demo-kmeans: 2 of 12 trials, best 0.5, 0:10 left",
    ]
    assert silent.file.getvalue() == ""
