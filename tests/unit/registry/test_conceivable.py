"""What a version cannot take counts as unknown, and the log says so without a value."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from segmentwerk.registry.conceivable import conceivable
from segmentwerk.shipped.model_catalogue import Limits

CATALOGUE = SimpleNamespace(
    numeric=("margin_rate", "frequency", "gone"),
    possible=(Limits(least=-10.0, most=10.0), Limits(least=0.0), Limits()),
)


def test_numbers_that_cannot_be_count_as_unknown(caplog):
    rows = pd.DataFrame({"margin_rate": [0.3, 16.1, np.nan, -11.0], "frequency": [3.0, 0.0, 1.0, 2.0]})
    found = conceivable(rows, CATALOGUE)
    np.testing.assert_array_equal(found["margin_rate"], [0.3, np.nan, np.nan, np.nan])
    assert found["frequency"].equals(rows["frequency"])
    assert "margin_rate of 2" in caplog.text
    assert "16" not in caplog.text


def test_what_can_be_stays_as_it_is(caplog):
    rows = pd.DataFrame({"margin_rate": [0.3, np.nan], "industry": ["steel", None]})
    assert conceivable(rows, CATALOGUE) is rows
    assert not caplog.records
