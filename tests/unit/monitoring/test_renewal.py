"""When the champion stays and when a new version is proposed: every case, and which date counts."""

from datetime import date

import pytest

from segmentwerk.core.monitored import Monitored, MonitoringFinding, Ranged
from segmentwerk.core.proposal import Comparison, Difference
from segmentwerk.core.types import Gate
from segmentwerk.monitoring import renewal
from segmentwerk.monitoring.keeping import KeptDates

JANUARY, APRIL, JULY = date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1)
DIGEST = "0123456789abcdef" * 4


def comparison(low=None, high=None, moved=0.1):
    overall = None if low is None else Difference("overall", 1.0, 1.0, (low + high) / 2, low, high)
    return Comparison(3, 900, 300, moved, overall=overall)


def monitored(as_of=APRIL, **finding):
    found = (MonitoringFinding(code="M005", title="Title", status="failed", **finding),) if finding else ()
    return Monitored(model="models:/m/3", digest=DIGEST, as_of=as_of, source="demo", findings=found)


FAILED = Gate("G002", "Every segment comes back", "failed", "no")
WARNING = Gate("G005", "Few enough", "failed", "no", severity="warning")
CHANGE, FAULT = {"word": "real change"}, {"word": "data fault"}

CASES = {
    "surely better": (comparison(0.01, 0.2), (), None, "better"),
    "better by less than is asked": (comparison(0.01, 0.2), (), "least", "no_better"),
    "not surely better": (comparison(-0.01, 0.2), (), None, "no_better"),
    "nothing monitored calls": (comparison(-0.01, 0.2), (), monitored(), "no_better"),
    "the champion failed": (comparison(-0.01, 0.2), (), monitored(**CHANGE), "failed"),
    "a warning is no failure": (comparison(-0.1, 0.2), (), monitored(severity="warning"), "no_better"),
    "the champion failed, but the new one is worse": (
        comparison(-0.2, -0.1), (), monitored(**CHANGE), "worse"
    ),
    "faulty records": (comparison(0.1, 0.2), (), monitored(JULY, **FAULT), "faulty"),
    "records that were faulty before": (comparison(0.1, 0.2), (), monitored(APRIL, **FAULT), "better"),
    "its own scorecard": (comparison(0.1, 0.2), (FAILED, WARNING), None, "unfit"),
    "a warning of its own": (comparison(0.1, 0.2), (WARNING,), None, "better"),
    "nobody moves": (comparison(0.0, 0.0, moved=0.0), (), monitored(**CHANGE), "same"),
    "too few to tell": (comparison(), (), None, "untold"),
    "too few to tell, but the champion failed": (comparison(), (), monitored(**CHANGE), "failed"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_decision(case):
    found, gates, seen, cause = CASES[case]
    least = 0.05 if seen == "least" else 0.0
    decided = renewal.decide(found, gates, None if seen == "least" else seen, as_of=JULY, least_gain=least)
    assert decided.cause == cause
    assert decided.propose == (cause in ("better", "failed"))


def test_the_last_date_of_this_version_on_this_source_counts(tmp_path):
    kept = KeptDates(tmp_path, "models:/m/3", DIGEST, "demo")
    for day in (JANUARY, JULY, APRIL):
        kept.keep(monitored(day, **CHANGE))
    other = DIGEST[::-1]
    KeptDates(tmp_path, "models:/m/2", other, "demo").keep(monitored(date(2027, 1, 1)))
    KeptDates(tmp_path, "models:/m/3", DIGEST, "mine").keep(monitored(date(2027, 1, 1)))
    found = renewal.last_monitored(tmp_path, DIGEST, "demo")
    assert found is not None
    assert found.as_of == JULY
    assert [one.code for one in renewal.calling(found, JULY)] == ["M005"]


def test_nothing_was_monitored(tmp_path):
    assert renewal.last_monitored(tmp_path / "none", DIGEST, "demo") is None
    assert renewal.last_monitored(tmp_path, "", "demo") is None


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (None, False),
        (monitored(), False),
        (monitored(severity="warning", **CHANGE), False),
        (monitored(**FAULT), False),
        (monitored(**CHANGE), True),
    ],
)
def test_only_a_gate_that_calls_for_a_refresh_has_found_a_change(seen, expected):
    assert renewal.changed(seen) is expected


def shared(then, now, *findings):
    figures = {f"{when}share/segment_{one}": Ranged(value=share)
               for when, shares in (("then/", then), ("", now)) for one, share in shares.items()}  # fmt: skip
    found = tuple(
        MonitoringFinding(code=code, title="Title", status="failed", segments=segments, **more)
        for code, segments, more in findings
    )
    return Monitored(
        model="models:/m/3", digest=DIGEST, as_of=APRIL, source="demo", findings=found, figures=figures
    )


THEN = {1: 0.4, 2: 0.3, 3: 0.3}
GROWN = {
    "one": ({1: 0.36, 2: 0.26, 3: 0.38}, [3]),
    "two": ({1: 0.30, 2: 0.36, 3: 0.34}, [2, 3]),
    "by chance a little, too": ({1: 0.31, 2: 0.31, 3: 0.38}, [3]),
}


@pytest.mark.parametrize("case", GROWN)
def test_newcomers_have_joined_the_segments_that_have_grown(case):
    now, expected = GROWN[case]
    assert renewal.joined(shared(THEN, now, ("M009", (1, 2, 3), CHANGE))) == expected


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (("M010", (2, 1), CHANGE), [2]),
        (("M006", (), CHANGE), []),
        (("M009", (3, 1), {"severity": "warning"}), []),
    ],
    ids=["unlike all", "features only", "a warning"],
)
def test_where_shares_do_not_call(finding, expected):
    assert renewal.joined(shared(THEN, {1: 0.36, 2: 0.26, 3: 0.38}, finding)) == expected
