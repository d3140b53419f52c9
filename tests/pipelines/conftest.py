"""One small comparison on the demo world, run once for all tests of this folder."""

import pytest

from command_line import SMALL, Finished, segmentwerk


@pytest.fixture(scope="session")
def comparison(tmp_path_factory) -> Finished:
    done = segmentwerk("compare", *SMALL, home=tmp_path_factory.mktemp("home"))
    assert done.code == 0, done.stderr
    return done


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items):
    """Send all tests that share the comparison to one process, so that it is made once."""
    for item in items:
        if "comparison" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("comparison"))
