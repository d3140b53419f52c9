"""What surrounds a run: who runs it, and what it leaves behind."""

import json

import pytest

from segmentwerk.core import context


def test_a_user_whom_the_system_does_not_know_has_a_number(monkeypatch):
    def unknown():
        raise KeyError("getpwuid(): uid not found: 4242")

    monkeypatch.setattr("getpass.getuser", unknown)
    monkeypatch.setattr("os.getuid", lambda: 4242)
    assert context.user() == "user 4242"


@pytest.mark.parametrize("name", ["out", 'it\'s "a" Größe'])
def test_the_summary_lies_in_the_runs_own_folder(tmp_path, name):
    run = context.Context.open("train", str(tmp_path / name), sweep=None, overrides=["reason='a, b'"])
    with run.timed("read"):
        pass
    found = json.loads(run.write_summary({"rows": 3}).read_text())
    assert (found["verb"], found["overrides"], found["rows"]) == ("train", ["reason='a, b'"], 3)
    assert list(found["seconds"]) == ["read"]
