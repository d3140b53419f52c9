"""Choice sets made whole, by hand."""

import ibis
import pandas as pd
import pytest
from pydantic import ValidationError

from segmentwerk.core import choices
from segmentwerk.core.errors import InputError
from segmentwerk.core.settings import ChoicesSettings
from segmentwerk.data.choice_sets import completed

COLUMNS = ["account_id", "task_id", "alternative_id", "chosen", "attribute", "value", "answered_on"]


def made_whole(rows, **design):
    frame = pd.DataFrame(rows, columns=COLUMNS)
    table = ibis.memtable(frame.assign(answered_on=pd.to_datetime(frame["answered_on"])))
    found = completed({"choices": table.cast({"answered_on": "date"})}, ChoicesSettings(**design))["choices"]
    assert found.columns == tuple(COLUMNS)
    return found.to_pandas().rename(columns={"account_id": "account"})


def test_none_of_these_is_an_alternative_where_nothing_was_taken():
    rows = [
        ("a", "1", "x", 0.0, "price", 1.0, "2024-01-01"),
        ("a", "1", "y", 0.0, "price", 2.0, "2024-01-02"),
        ("a", "2", "x", 1.0, "price", 1.0, "2024-01-03"),
    ]
    long = made_whole(rows, none=True)
    wide = choices.alternatives(long)
    assert wide.loc[("a", "1", "none")].to_dict() == {"price": 0.0, "none": 1.0, "chosen": 1.0}
    assert wide.loc[("a", "2", "none"), "chosen"] == 0.0
    assert len(choices.decided(wide)) == 5
    dates = long[long["alternative_id"] == "none"].set_index("task_id")["answered_on"].astype(str)
    assert dates.to_dict() == {"1": "2024-01-02", "2": "2024-01-03"}


def test_a_difference_is_a_choice_between_it_and_nothing():
    rows = [
        ("a", "1", "first", 0.0, "fee", -1.0, "2024-01-01"),
        ("a", "1", "first", 0.0, "bonus", 1.0, "2024-01-01"),
    ]
    wide = choices.alternatives(made_whole(rows, form="difference"))
    assert wide.loc[("a", "1", "base")].to_dict() == {"bonus": 0.0, "fee": 0.0, "chosen": 1.0}
    assert wide.loc[("a", "1", "first")].to_dict() == {"bonus": 1.0, "fee": -1.0, "chosen": 0.0}


def test_a_whole_design_stays_as_it_is():
    assert len(made_whole([("a", "1", "x", 1.0, "price", 1.0, "2024-01-01")])) == 1
    assert completed({}, ChoicesSettings(none=True)) == {}


def test_a_difference_cannot_be_left():
    with pytest.raises(ValidationError, match="of two profiles, one was taken"):
        ChoicesSettings(form="difference", none=True)


def test_several_alternatives_are_no_difference():
    rows = [("a", "1", one, 0.0, "fee", 1.0, "2024-01-01") for one in ("x", "y")]
    with pytest.raises(InputError, match=r"1 of 1 tasks .* have several alternatives.*form=long"):
        made_whole(rows, form="difference")
