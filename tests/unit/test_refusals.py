"""What other libraries refuse is said in one sentence, with what would be right."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from segmentwerk.core.errors import ConfigError
from segmentwerk.core.paths import config_root
from segmentwerk.refusals import explained


def refused(*overrides):
    with (
        pytest.raises(Exception, match=r".") as caught,
        initialize_config_dir(version_base="1.3", config_dir=str(config_root() / "conf")),
    ):
        compose("score", list(overrides))
    return explained(caught.value, "score")


def test_an_argument_that_hydra_cannot_read_is_shown_with_its_quotes():
    message = refused("input=a b,(c")
    assert "Cannot read the argument input=a b,(c" in message
    assert "\"input='...'\"" in message


def test_an_unknown_file_of_a_group_names_the_nearest():
    assert "Did you mean 'csv_folder'" in refused("+source=csv_folders")


def test_the_innermost_error_of_ours_is_told():
    outer = ValueError("resolver failed")
    outer.__cause__ = ConfigError("The home is a file.", "Name a folder.")
    assert explained(outer, "score") == "The home is a file. Name a folder."


def test_a_tracking_server_s_no_is_told_as_such():
    error = RuntimeError("403")
    error.error_code = "PERMISSION_DENIED"
    assert "403" not in explained(error, "score")


def test_other_errors_are_not_explained_away():
    assert explained(ValueError("a bug"), "score") is None
    with pytest.raises(KeyError) as caught:
        OmegaConf.to_container(OmegaConf.create({}))["missing"]
    assert explained(caught.value, "score") is None
