"""Files with ids are for their owner: the data directory is private, files follow the umask."""

import os
import stat

import pytest

from command_line import SMALL, segmentwerk
from segmentwerk.core.files import atomic_file, atomic_folder


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o027, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_what_is_written_whole_follows_the_umask(umask, tmp_path):
    with atomic_file(tmp_path / "a") as draft:
        draft.write_text("a")
        assert mode(draft) == 0o666 & ~umask
    with atomic_folder(tmp_path / "b") as folder:
        assert mode(folder) == 0o777 & ~umask
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o666 & ~umask, 0o777 & ~umask)


def reachable_by_others(home):
    """Return the files that another user can open: by their mode, and through folders all open to them."""

    def open_to_others(path, bits):
        return bool(mode(path) & bits)

    return [
        path
        for path in home.rglob("*")
        if path.is_file()
        and open_to_others(path, 0o044)
        and all(open_to_others(folder, 0o011) for folder in path.parents if folder.is_relative_to(home))
    ]


@pytest.mark.parametrize("umask", [0o022], ids=oct, indirect=True)  # a narrower one only takes rights away
def test_nobody_else_opens_what_data_check_leaves(umask, tmp_path):
    for name, make in (("new", False), ("there", True)):
        home = tmp_path / name
        if make:
            home.mkdir(mode=0o755)
        done = segmentwerk("data", "check", "source.accounts=60", home=home, cwd=tmp_path)
        assert done.code == 0, done.stderr
        assert any(path.is_file() for path in home.rglob("*"))
        assert reachable_by_others(home) == []


@pytest.mark.slow
@pytest.mark.parametrize("mask", [0o022, 0o077], ids=oct)
def test_nobody_else_opens_what_a_comparison_leaves(mask, tmp_path):
    before = os.umask(mask)
    try:
        home = tmp_path / "home"
        done = segmentwerk("compare", *SMALL, home=home, cwd=tmp_path)
        assert done.code == 0, done.stderr
        assert mode(home) == 0o700
        assert {path.suffix for path in home.rglob("*")} >= {".parquet", ".db", ".json", ".onnx", ".html"}
        assert reachable_by_others(home) == []
        wide = [path for path in home.rglob("*") if path.is_file() and mode(path) & mask]
        assert wide == [], "nothing is wider than the umask"
    finally:
        os.umask(before)
