"""What is said of products that were put before people, by hand."""

import pandas as pd
import pytest

from segmentwerk.analysis.simulator import TOTAL, Simulation
from segmentwerk.insight.language import Language
from segmentwerk.reporting.simulated_told import SimulatedTold

NAN = float("nan")
NAMES = {4: "Sparsame"}


def row(segment_id, product, share, first, worth=NAN):
    ends = {"low": share - 0.05, "high": share + 0.05, "worth_low": worth - 1, "worth_high": worth + 1}
    return {
        "segment_id": segment_id,
        "product": product,
        "share": share,
        "first": first,
        "worth": worth,
    } | ends


SHARES = pd.DataFrame(
    [
        row(TOTAL, "plain", 0.3, 0.9, 2.0),
        row(TOTAL, "fast", 0.2, 0.1, 1.0),
        row(TOTAL, "none", 0.5, NAN, 7.0),
        row(4, "plain", 0.25, 1.0),
        row(4, "fast", 0.05, 0.0),
        row(4, "none", 0.7, NAN),
    ]
)
TAKEN = pd.DataFrame([("plain", 0.4, 0.3, True)], columns=["product", "before", "after", "own"])
FOUND = Simulation(SHARES, TAKEN, (0.4, 0.3, 0.5), (("fast", "price", 0.0, 2.0),))


def told(code):
    return SimulatedTold(FOUND, NAMES, Language(code))


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        (
            "en",
            [
                "Of all products, plain is chosen most: 30% (25% to 35%).",
                "None of them is chosen by 50% (45% to 55%).",
                "Of what the new products win, 40% (30% to 50%) comes from our own.",
            ],
        ),
        (
            "de",
            [
                "Von allen Produkten wird plain am häufigsten gewählt: 30 % (25 % bis 35 %).",
                "Keines davon wählen 50 % (45 % bis 55 %).",
                "Von dem, was die neuen Produkte gewinnen, stammen 40 % (30 % bis 50 %) von eigenen.",
            ],
        ),
    ],
)
def test_the_headlines_say_what_is_taken_and_who_takes_nothing(code, lines):
    assert [line.replace("\N{NO-BREAK SPACE}", " ") for line in told(code).headlines()] == lines


def test_a_segment_that_would_rather_have_nothing_is_said_to():
    (line,) = next(told("en").parts()).lines
    assert "prefers plain, 25%" in line
    assert "70% would take none of these." in line
    assert "worth" not in line


def test_nothing_has_no_worth_and_what_was_not_asked_is_a_guess():
    shares, taken = (part.grid for part in told("en").parts())
    assert [row[-1] for row in shares.rows] == [
        "2.00 (1.00\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}3.00)",
        "1.00 (0.00\N{NO-BREAK SPACE}…\N{NO-BREAK SPACE}2.00)",
        "-",
        "-",
        "-",
        "-",
    ]
    assert taken.rows == [["plain", "40.0%", "30.0%", "yes"]]
    *_, last = told("en").limits()
    assert last == "fast: price lies outside of what was asked (0.00 to 2.00); its share is a guess."
