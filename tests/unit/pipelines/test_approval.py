"""Who decides is known also where the machine has no name for the user."""

import os

import pytest

from segmentwerk.pipelines import approval


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("No username set")])
def test_a_user_without_a_name_goes_by_the_number(monkeypatch, error):
    def unnamed():
        raise error

    monkeypatch.setattr("getpass.getuser", unnamed)
    assert approval.login() == f"user {os.getuid()}"


def test_a_user_goes_by_the_name(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    assert approval.login() == "ada"
