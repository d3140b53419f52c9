"""Who is tuned and judged in which order, who is left out, and what an interruption leaves."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from segmentwerk.contest import race as race_module
from segmentwerk.contest.race import Race
from segmentwerk.core.errors import FitError
from segmentwerk.core.interruption import Terminated
from segmentwerk.core.settings import SegmenterSettings

SPECS = {
    name: SegmenterSettings(_target_=f"segmentwerk.segmenters.{target}")
    for name, target in (
        ("simple", "rfm_grid.RFMGridSegmenter"),
        ("middle", "gaussian_mixture.GaussianMixtureSegmenter"),
        ("complex", "autoencoder.AutoencoderSegmenter"),
    )
}


class Judges:
    """Judges at once, in this process."""

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except FitError as error:
            future.set_exception(error)
        return future


class Contest:
    """A contest that writes down what happens; tuning some segmenters fails or is interrupted."""

    def __init__(self, tuning=(), judging=(), *, keep=True, interrupted=()):
        self.told = []
        self.fails = {"tune": dict(tuning), "judge": dict(judging)}
        self.interrupted, self.unfit = interrupted, []
        self.tuning = SimpleNamespace(keep_on_interrupt=keep)
        self.settings = SimpleNamespace(evaluation=None, goal=None, seed=0)
        self.prepared, self.folder = SimpleNamespace(view=None), Path()
        self.context = SimpleNamespace(timings={}, timed=lambda stage: nullcontext())

    @contextmanager
    def run(self, name, parent):
        self.told.append(f"open {name}")
        try:
            yield f"run of {name}"
        finally:
            self.told.append(f"close {name}")

    def tune(self, name, spec, run):
        self.told.append(f"tune {name}")
        if name in self.fails["tune"]:
            raise self.fails["tune"][name]
        finalists = [SimpleNamespace(params={"place": place}) for place in range(2)]
        return SimpleNamespace(finalists=finalists, interrupted=name in self.interrupted)

    def write(self, best, study, run):
        self.told.append(f"write {best.name}")

    def tuned(self):
        return [words.removeprefix("tune ") for words in self.told if words.startswith("tune")]


@dataclass
class Looked:
    """A candidate after its first turn, with the finalists that the same process looked at."""

    card: SimpleNamespace
    beside: int
    name: str = ""

    def named(self, name):
        return replace(self, name=name)


@pytest.fixture
def hold(monkeypatch):
    """Run a race of all segmenters, or of some; return it."""

    def make(contest, chosen=SPECS):
        def look(name, spec, finalists, view, evaluation, seed):
            if name in contest.fails["judge"]:
                raise contest.fails["judge"][name]
            if len(finalists) == 1 and finalists[0] in contest.unfit:
                raise FitError(f"No finalist of {name} could be judged.", "Too few rows.")
            card = SimpleNamespace(algorithm=name)
            return [Looked(card, len(finalists)) for _ in finalists], 1.5

        def judge(looked, judges, view, evaluation, goal, seed):
            contest.told.append(f"judge {', '.join(one.name for one in looked)}")
            return looked, "who won", {"middle": 2.0}

        monkeypatch.setattr(race_module, "first_turn", look)
        monkeypatch.setattr(race_module, "further_turns", judge)
        monkeypatch.setattr(race_module, "SharedView", SimpleNamespace(store=lambda view, path: "view"))
        race = Race(contest, "parent", Judges())
        try:
            race.run(chosen)
        finally:
            opened = [words for words in contest.told if words.startswith("open")]
            closed = [words for words in contest.told if words.startswith("close")]
            assert len(opened) == len(closed), "the runs of all segmenters are closed, however it ends"
        return race

    return make


def test_simple_ones_are_tuned_first_then_the_most_complex_and_all_are_judged(hold):
    contest = Contest()
    race = hold(contest)
    assert contest.tuned() == ["simple", "complex", "middle"]
    names = {name: [found.name for found in own] for name, own in race.candidates.items()}
    assert names == {name: [name, f"{name} #2"] for name in SPECS}
    assert race.selection == "who won"
    assert race.runs == {name: f"run of {name}" for name in SPECS}
    assert set(race.studies) == set(SPECS)
    assert race.left_out == {}
    assert contest.context.timings == {"judge simple": 3.0, "judge middle": 5.0, "judge complex": 1.5}
    for name in SPECS:  # what was found is written while the run is open
        assert contest.told.index(f"write {name}") < contest.told.index(f"close {name}")


def test_each_finalist_has_a_process_but_for_those_that_begin_with_the_same_network(hold):
    beside = {name: own[0].beside for name, own in hold(Contest()).candidates.items()}
    assert beside == {"simple": 1, "middle": 1, "complex": 2}


@pytest.mark.parametrize(
    ("stage", "reason"),
    [("tuning", "No row. Give some."), ("judging", "No finalist of middle could be judged. Give some.")],
)
def test_one_that_cannot_be_fitted_is_left_out_with_its_reason(hold, stage, reason):
    race = hold(Contest(**{stage: {"middle": FitError("No row.", "Give some.")}}))
    assert set(race.candidates) == set(race.runs) == set(race.studies) == {"simple", "complex"}
    assert race.left_out == {"middle": reason}


def test_the_next_finalist_stands_for_one_that_cannot_be_judged(hold):
    contest = Contest()
    contest.unfit = [{"place": 0}]
    race = hold(contest)
    assert [found.name for found in race.candidates["middle"]] == ["middle"]
    assert race.left_out == {}


def test_finalists_are_judged_together_in_the_order_they_were_named_in(hold):
    contest = Contest()
    hold(contest)
    judged = [words for words in contest.told if words.startswith("judge")]
    assert judged == ["judge simple, simple #2, middle, middle #2, complex, complex #2"]


def test_without_any_that_could_be_judged_the_reasons_are_told(hold):
    broken = {name: FitError(f"No row for {name}.") for name in SPECS}
    with pytest.raises(FitError, match=r"No segmenter could be fitted.*No row for middle"):
        hold(Contest(judging=broken))


def test_a_defect_is_raised(hold):
    with pytest.raises(ZeroDivisionError):
        hold(Contest(tuning={"middle": ZeroDivisionError()}))


def test_after_ctrl_c_in_a_study_with_results_no_further_one_is_tuned(hold):
    contest = Contest(interrupted=("complex",))
    race = hold(contest)
    assert contest.tuned() == ["simple", "complex"]
    assert set(race.candidates) == {"simple", "complex"}
    assert race.left_out == {"middle": "interrupted before it was tuned"}


def test_ctrl_c_before_a_first_result_leaves_that_one_out(hold):
    race = hold(Contest(tuning={"complex": KeyboardInterrupt()}))
    assert set(race.candidates) == {"simple"}
    assert race.left_out == {
        "complex": "interrupted before its first trial was complete",
        "middle": "interrupted before it was tuned",
    }


@pytest.mark.parametrize(
    "contest",
    [
        Contest(tuning={"simple": KeyboardInterrupt()}),  # nobody has a result yet
        Contest(tuning={"complex": KeyboardInterrupt()}, keep=False),
        Contest(tuning={"complex": Terminated()}),  # whoever sends SIGTERM wants no result
    ],
    ids=["nothing to keep", "not to be kept", "terminated"],
)
def test_other_interruptions_end_the_race(hold, contest):
    with pytest.raises(KeyboardInterrupt):
        hold(contest)
