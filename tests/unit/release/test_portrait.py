"""What the business asks of the segments, from plain tables."""

from types import SimpleNamespace

import pandas as pd
import pytest

from segmentwerk.release import portrait

TABLE = SimpleNamespace(learnable=pd.Index(["customer"]), active=())
PATH = SimpleNamespace(accuracy=0.6, majority=0.3, calibration_error=0.05)


@pytest.fixture
def assigned(tmp_path):
    """Return a function that writes the segments of a customer and of prospects."""

    def write(*segments):
        ids = ["customer", *(f"prospect {n}" for n in range(len(segments)))]
        frame = pd.DataFrame({"account_id": ids, "segment_id": [11, *segments], "confidence": 0.5})
        frame.to_parquet(tmp_path / "assignments.parquet")
        return tmp_path / "assignments.parquet"

    return write


@pytest.mark.parametrize(
    ("segments", "accounts", "left_out"),
    [
        ((11, 12, 11), {11: 2, 12: 1}, 0),
        ((11, portrait.NO_SEGMENT, portrait.NO_SEGMENT), {11: 1}, 2),
        ((portrait.NO_SEGMENT,), {}, 1),
    ],
)
def test_prospects_of_whom_too_little_is_known_are_counted(assigned, segments, accounts, left_out):
    told = portrait.prospects(assigned(*segments), TABLE, PATH)
    assert told.by_segment["accounts"].to_dict() == accounts
    assert told.left_out == left_out


def test_without_prospects_or_a_way_to_assign_them_nothing_is_told(assigned):
    assert portrait.prospects(assigned(), TABLE, PATH) is None
    assert portrait.prospects(assigned(11), TABLE, None) is None
