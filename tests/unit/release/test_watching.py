"""One monitored date of a small demo: what is read again, what cannot be, and a version of before."""

import dataclasses
from datetime import date

import pandas as pd
import pytest

from segmentwerk.config import MonitorSettings
from segmentwerk.core.monitored import Unasked
from segmentwerk.core.reference import FILE
from segmentwerk.core.settings import DemoSettings
from segmentwerk.monitoring.telling import Told
from segmentwerk.registry import package
from segmentwerk.registry.publish import save_pyfunc
from segmentwerk.release import asking, packaging, watching
from segmentwerk.release.watching import Watched
from segmentwerk.scoring.load import load
from segmentwerk.shipped.model_catalogue import Catalogue

TRAINED, LATER = date(2026, 1, 1), date(2026, 7, 1)


def saved(folder, target):
    catalogue = Catalogue.from_json((folder / "catalogue.json").read_bytes())
    save_pyfunc(target, folder, catalogue, 1)
    return load(str(target))


@pytest.fixture(scope="module")
def loaded(packed, tmp_path_factory):
    return saved(packed.folder, tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture(scope="module")
def asked(settings):
    return MonitorSettings(home=settings.home, model="m", source=settings.source)


@pytest.fixture(scope="module")
def watched(loaded, asked, context):
    return Watched.of(loaded, asked, context)


@pytest.fixture(scope="module")
def later(watched, asked, context):
    return watching.look(watched, asked, LATER, context)


def finding(looked, code):
    return next(one for one in looked.monitored.findings if one.code == code)


def test_the_training_is_read_again_and_is_the_same(watched, packed, prepared):
    assert isinstance(watched.then, pd.DataFrame)
    assert list(watched.then.index) == list(prepared.table.customers)


def test_at_its_own_date_a_version_says_what_it_said(watched, asked, context):
    found = watching.look(watched, asked, TRAINED, context)
    assert found.monitored.advice == "keep"
    assert max(one.psi for one in found.monitored.drifts) == 0
    then = watched.reference.answers.segments
    shares = {key: one.value for key, one in found.monitored.figures.items() if key.startswith("share/")}
    assert shares == {f"share/segment_{key}": n / sum(then.values()) for key, n in then.items()}
    assert found.monitored.figures["still_true/gain"].value == pytest.approx(
        watched.reference.measures["gain"].value, abs=1e-6
    )
    assert finding(found, "M008").unasked.reason == "training_date"


def test_what_was_promised_is_compared_with_what_happened(later):
    """The first time that was promised for, 181 days, has just ended."""
    one = finding(later, "M014")
    assert one.status != "not_applicable"
    assert one.facts["promised"] == pytest.approx(one.facts["explained"], abs=0.05)


def test_then_and_now_are_compared_in_the_same_source(later):
    assert finding(later, "M008").status != "not_applicable"
    assert later.monitored.telling
    assert "tenure_days" not in later.monitored.telling


def test_another_world_does_not_hold_the_training(loaded, asked, context):
    moved = asked.source.model_copy(update={"demo": DemoSettings(as_of=LATER), "seed": 9})
    other = asked.model_copy(update={"source": moved})
    watched = Watched.of(loaded, other, context)
    assert watched.then.reason in ("not_held", "held_otherwise")
    found = watching.look(watched, other, LATER, context)
    assert finding(found, "M008").status == "not_applicable"


def test_a_planted_fault_is_found(loaded, asked, context):
    planted = DemoSettings(as_of=LATER, scenario="web_silent")
    other = asked.model_copy(update={"source": asked.source.model_copy(update={"demo": planted})})
    found = watching.look(Watched.of(loaded, other, context), other, LATER, context)
    assert found.monitored.advice == "repair"
    assert found.monitored.failed[0].features[0] == "web_recency_days"


def test_what_cannot_be_counts_as_unknown_and_ends_nothing(loaded, prepared, caplog):
    """A branch whose credits are in cents has returned 27 times what it bought."""
    features = prepared.table.features.copy()
    customer = prepared.table.customers[0]
    features.loc[customer, "return_rate"] = 27.1
    said = asking.answered(loaded, dataclasses.replace(prepared.table, features=features))
    features.loc[customer, "return_rate"] = float("nan")
    unknown = asking.answered(loaded, dataclasses.replace(prepared.table, features=features))
    pd.testing.assert_frame_equal(said, unknown)
    assert "return_rate of 1" in caplog.text
    assert str(customer) not in caplog.text


def test_a_version_of_before_is_measured_again(
    described, prepared, settings, asked, context, tmp_path, monkeypatch, watched
):
    monkeypatch.setattr(package, "remember", lambda *_: None)
    old = packaging.pack(described, prepared, settings, context)
    assert not (old.folder / FILE).exists()
    before = Watched.of(saved(old.folder, tmp_path / "old"), asked, context)
    assert before.reference.answers == watched.reference.answers
    assert before.reference.numbers == watched.reference.numbers
    found = watching.look(before, asked, LATER, context)
    assert finding(found, "M012").status == "not_applicable"
    assert finding(found, "M009").status != "not_applicable"
    assert isinstance(watching._told(before, prepared.table, asked), Told | Unasked)
