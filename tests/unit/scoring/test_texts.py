"""The beginning of CSV files to score, whatever their size."""

import duckdb
import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.scoring import source, texts
from segmentwerk.scoring.cells import Wanted

WANTED = Wanted(numeric=("frequency",), categorical=())


@pytest.fixture
def opened(tmp_path):
    """Return a function that looks at a file of these lines within 120 megabytes."""

    def look(*lines, wanted=WANTED):
        file = tmp_path / "accounts.csv"
        file.write_text("\n".join(lines) + "\n")
        with duckdb.connect(config={"memory_limit": "120MB", "threads": 1, "temp_directory": ""}) as con:
            return texts.opened(con, file, wanted, tmp_path / "copy.csv")

    return look


def test_the_decimal_sign_is_found_in_less_memory_than_the_file_is_large(opened):
    note = "x" * 1_000_000
    text = opened("account_id,note,frequency", *(f'{n},{note},"{n},5"' for n in range(200)))
    assert text.signs == {"frequency": ","}


@pytest.mark.parametrize("longest", [texts.LINE // 2, texts.LINE + 1, 3 * texts.LINE])
def test_the_decimal_sign_is_found_in_long_lines(opened, longest):
    text = opened("account_id,note,frequency", "A,,1", f'B,{"x" * longest},"2,5"')
    assert text.signs == {"frequency": ","}


def test_without_a_number_there_is_no_sign_to_find(opened):
    text = opened(
        "account_id,industry", "A,Tech", wanted=Wanted(numeric=("frequency",), categorical=("industry",))
    )
    assert text.signs == {}


def test_a_lack_of_memory_is_told_as_what_it_is():
    with (
        pytest.raises(InputError, match=r"accounts\.csv takes more memory than is free\. Save it as Parquet"),
        source._reading("accounts.csv"),
    ):
        raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate")
