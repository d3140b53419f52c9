"""Where data is kept: what is refused by name, and what is no matter."""

from pathlib import Path

import pytest

from segmentwerk.core import paths
from segmentwerk.core.errors import ConfigError


@pytest.mark.parametrize("name", ["${x}", "100%20", "a%2Fb"])
def test_a_home_whose_name_would_be_misread_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=r"is misread\. Name another folder: SEGMENTWERK_HOME"):
        paths.output_root(str(tmp_path / name))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ['it\'s "a"', "100%", "$HOME", "#1 ?", "Größe 1", "[x] {y}", "a\\b"])
def test_other_signs_are_no_matter(tmp_path, name):
    assert paths.output_root(str(tmp_path / name)) == f"{tmp_path}/{name}/outputs"


def test_a_home_that_is_a_file_is_named(tmp_path):
    (tmp_path / "home").write_text("in the way")
    with pytest.raises(ConfigError, match=r"No run can be kept in .*/home: (Not a directory|File exists)"):
        paths.output_root(str(tmp_path / "home"))


def test_the_home_directory_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SEGMENTWERK_HOME", "~/data")
    assert paths.default_home() == tmp_path / "data"
    assert paths.output_root("~/data") == f"{tmp_path}/data/outputs"


def test_a_user_without_a_home_has_one_to_name(monkeypatch):
    monkeypatch.setenv("HOME", "before")
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    paths.insist_on_surroundings()
    assert Path.home() == Path("/nonexistent")


def test_a_working_directory_that_is_gone_is_told(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match="working directory is gone"):
        paths.insist_on_surroundings()
