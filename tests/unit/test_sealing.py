"""What Hydra is told of addresses holds no password, and what stood there is kept to be put back."""

import pytest

from segmentwerk.core.veil import discreet, veiled
from segmentwerk.sealing import seal

ADDRESS = "postgres://me:s3cret-word@host/db"


@pytest.fixture(autouse=True)
def forgetting():
    with discreet():
        yield


@pytest.mark.parametrize(
    "override", ["seed=3", "source.url=postgres://host/db", "goal=retention", "~source", "source.path=/a:b@c"]
)
def test_what_holds_no_secret_is_passed_on_as_it_is(override):
    assert seal([override]) == ([override], {})


@pytest.mark.parametrize(
    "override",
    [
        f"tuning.storage={ADDRESS}",
        f"tuning.storage='{ADDRESS}'",
        f'tuning.storage="{ADDRESS}"',
        f"+tuning.storage={ADDRESS}",
        f"tuning.storage=[{ADDRESS},other]",
        "tuning.storage='host=h password=s3cret-word'",
    ],
)
def test_a_password_is_taken_out_however_it_is_written(override):
    shown, sealed = seal([override])
    assert "s3cret-word" not in shown[0]
    assert shown[0].startswith(override.partition("=")[0])
    (put_back,) = sealed["tuning.storage"].values()
    assert "s3cret-word" in put_back
    assert "s3cret-word" not in veiled("the server said: s3cret-word is wrong")


def test_two_users_of_a_database_are_told_apart():
    others = [f"a.url={ADDRESS}", "a.url=postgres://you:0ther-word@host/db", f"a.url={ADDRESS}"]
    shown, sealed = seal(others)
    assert shown[0] == shown[2] != shown[1]
    assert [sealed["a.url"][text.removeprefix("a.url=")] for text in shown] == [
        text.removeprefix("a.url=") for text in others
    ]
