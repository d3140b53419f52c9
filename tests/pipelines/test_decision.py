"""What the page names is what the command line takes: every text names two commands, and both work.

The versions are one trained model, registered again and again with what the case needs in their tags.
"""

import re
import shlex
import shutil
from types import SimpleNamespace

import pytest

from command_line import in_process
from packaged import world
from segmentwerk.core.proposal import Comparison, Difference
from segmentwerk.core.settings import RegistrySettings, TrackingSettings
from segmentwerk.core.types import Gate
from segmentwerk.insight.language import Language
from segmentwerk.registry import approval, promotion
from segmentwerk.registry.decisions import history
from segmentwerk.registry.publish import CHALLENGER
from segmentwerk.release import proposing
from segmentwerk.reporting import pages, question
from segmentwerk.reporting.terminal import plain
from segmentwerk.tracking.writer import Store

GOOD = Gate("G001", "Large enough", "passed", "It is.")
BAD = Gate("G006", "Better than noise", "failed", "It is not.")


def against_version_1(low, high, moved):
    middle = (low + high) / 2
    overall = Difference("succession/overall", 1 + middle, 1.0, middle, low, high)
    gain = Difference("separation/gain", 0.1 * (1 + middle), 0.1, 0.1 * middle, 0.1 * low, 0.1 * high)
    return Comparison(1, 400, 120, moved, 2e6, 2e6 * moved, (gain,), overall)


CASES = {
    "first": ([GOOD], None),
    "first that failed its scorecard": ([BAD], None),
    "better": ([GOOD], against_version_1(0.05, 0.2, 0.1)),
    "worse": ([GOOD], against_version_1(-0.6, -0.4, 0.1)),
    "too few to tell": ([GOOD], against_version_1(-0.6, 0.4, 0.1)),
    "moves half": ([GOOD], against_version_1(0.05, 0.2, 0.5)),
    "failed its scorecard": ([BAD], against_version_1(0.05, 0.2, 0.1)),
}
REFUSED = {
    "first that failed its scorecard": "P001",
    "worse": "P002",
    "too few to tell": "P002",
    "moves half": "P003",
    "failed its scorecard": "P001",
}


SLOW = ("too few to tell", "failed its scorecard", "worse")
"""Cases whose like is tried among the quick tests."""
MARKED = [pytest.param(title, marks=[pytest.mark.slow] if title in SLOW else []) for title in CASES]


@pytest.fixture(scope="module")
def store(comparison, tmp_path_factory):
    """The registry of the comparison, in a home of its own; what was trained lies where it lay."""
    home = tmp_path_factory.mktemp("decided")
    (home / "mlflow").mkdir()
    shutil.copy(comparison.home / "mlflow" / "mlflow.db", home / "mlflow" / "mlflow.db")
    store = Store(None, home)
    store.prepare("segmentwerk")
    return store


@pytest.fixture
def put(store, monkeypatch):
    """Return a function that registers a case under a name of its own and puts it before the reviewer."""
    monkeypatch.setenv("SEGMENTWERK_HOME", str(store.home))
    trained = store.client.get_model_version("b2b-segments", "1")
    table, _ = world(400)

    def add(name, gates, found):
        tags = {key: text for key, text in trained.tags.items() if not key.startswith(approval.GATE)}
        tags |= approval.tags(gates, found)
        store.select()  # MLflow looks for what was trained in the store of this process
        made = store.client.create_model_version(name, trained.source, run_id=trained.run_id, tags=tags)
        store.client.set_registered_model_alias(name, CHALLENGER, made.version)
        return int(made.version)

    def case(title, number, **registry):
        gates, found = CASES[title]
        name = f"{title} {number}"
        store.client.create_registered_model(name)
        if found is not None:
            add(name, [GOOD], None)
            promotion.promote(store, name, 1, ask=lambda *_: [], who="ada", reason="first")
        settings = SimpleNamespace(
            registry=RegistrySettings(model_name=name, **registry),
            tracking=TrackingSettings(),
            home=store.home,
        )
        version = add(name, gates, found)
        return proposing.put(version, found, SimpleNamespace(table=table), settings, store)

    return case


@pytest.fixture
def type_in(store, monkeypatch, capsys):
    def run(command):
        program, *words = shlex.split(command)
        assert program == "segmentwerk"
        return in_process(*words, home=store.home, monkeypatch=monkeypatch, capsys=capsys)

    return run


def markdown(asked):
    """Return the decision as every page in MLflow opens with it."""
    return pages._render("decision.md.j2", Language(), question=asked, news="", replaces=False)


def commands(text, word):
    return re.findall(rf"\*\*{word}:\*\* `([^`]*)`", text)


def who_scores(store, name):
    found = promotion.champion(store, name)
    return found and found.version


@pytest.mark.parametrize("title", MARKED)
def test_yes_works_as_it_is_written(title, put, type_in, store):
    proposal = put(title, "yes")
    text = markdown(question.put(proposal, Language("en", "EUR")))
    assert [gate.code for gate in proposal.against] == ([REFUSED[title]] if title in REFUSED else [])
    if title == "first":
        assert "**Yes:** nothing is to be done." in text
        return
    (command,) = commands(text, "Yes")
    assert ("--force" in command) == (title in REFUSED)
    if title in REFUSED:
        unforced = type_in(command.replace('--force reason="WHY" ', ""))
        assert (unforced.code, REFUSED[title] in unforced.stderr) == (3, True), "the page and the gate agree"
    done = type_in(command)
    assert done.code == 0, done.stderr
    assert who_scores(store, proposal.model) == proposal.version
    again = len(history(store, proposal.model))
    assert type_in(command).code == 0
    assert len(history(store, proposal.model)) == again, "the champion already: nothing to decide"


@pytest.mark.parametrize("title", MARKED)
def test_no_works_as_it_is_written(title, put, type_in, store):
    proposal = put(title, "no")
    (command,) = commands(markdown(question.put(proposal, Language("de", "EUR"))), "Nein")
    done = type_in(command)
    assert done.code == 0, done.stderr
    assert who_scores(store, proposal.model) == (None if title.startswith("first") else 1)
    assert type_in(f"segmentwerk promote {proposal.version} registry.model_name='{proposal.model}'").code == 3
    last = history(store, proposal.model)[-2]
    assert (last.action, last.version, last.reason) == ("reject", proposal.version, "WHY")


def test_limits_of_the_comparison_are_part_of_the_command(put, type_in, store):
    proposal = put("moves half", "limits", max_moved=0.6, gates=["churn", "parity"])
    assert proposal.against == ()
    assert "registry.max_moved=0.6" in proposal.yes
    assert type_in(proposal.yes).code == 0
    assert who_scores(store, proposal.model) == 2


def test_after_a_rejection_a_person_decides(put, type_in, store):
    proposal = put("first", "again")
    assert (proposal.standing, proposal.cause) == ("champion", "vacant")
    assert type_in(proposal.no).code == 0
    assert proposing._policy(store, RegistrySettings(model_name=proposal.model)) == ""
    assert proposing._policy(store, RegistrySettings(model_name=proposal.model, promote="always")) == "always"


@pytest.mark.parametrize("code", ["en", "de"])
@pytest.mark.parametrize("title", ["first", "moves half"])
def test_the_decision_opens_with_what_changes_and_shows_each_measure_beside_its_limit(title, code, put):
    told = question.put(put(title, code), Language(code, "EUR"))
    page, screen = markdown(told), plain(told)
    numbers = {"en": "2,000,000 EUR", "de": "2.000.000 EUR"}
    if CASES[title][1] is not None:
        assert numbers[code] in page.splitlines()[0].replace("\N{NO-BREAK SPACE}", " ")
        assert len(told.grids) == 2
    for gate in ("P001", "P003", "P004", "P005", "P006"):
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {gate}")]
        assert row.count("|") == 5
        assert row in page
        assert gate in screen
    assert "{" not in page


def test_where_nothing_is_registered_it_says_why_and_names_no_command():
    table, _ = world(400)
    for enabled, words in ((False, "Tracking is off."), (True, "did not answer")):
        settings = SimpleNamespace(registry=RegistrySettings(), tracking=TrackingSettings(enabled=enabled))
        told = question.put(proposing.unregistered(SimpleNamespace(table=table), settings), Language())
        assert words in markdown(told)
        assert words in plain(told)
        assert "segmentwerk promote" not in markdown(told) + plain(told)
