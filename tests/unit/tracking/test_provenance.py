import subprocess
from importlib.metadata import version

from segmentwerk.core.paths import CHECKOUT
from segmentwerk.tracking import provenance


def words(root):
    return {tag.name: tag.value for tag in provenance.tags(root)}


def git(folder, *arguments):
    command = ["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_says_commit_and_whether_files_changed_since(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    clean = words(tmp_path)
    (tmp_path / "a.py").write_text("2")
    assert clean["commit"] == git(tmp_path, "rev-parse", "HEAD")
    assert (clean["dirty"], words(tmp_path)["dirty"]) == ("false", "true")


def test_without_git_the_commit_is_unknown(tmp_path):
    found = words(tmp_path)
    assert (found["commit"], found["dirty"], found["lock"]) == ("unknown", "unknown", "unknown")


def test_the_lock_digest_changes_with_the_lock_file(tmp_path):
    (tmp_path / "requirements.lock").write_text("numpy==2.0")
    before = words(tmp_path)["lock"]
    (tmp_path / "requirements.lock").write_text("numpy==2.1")
    assert before != words(tmp_path)["lock"] != "unknown"


def test_names_the_installed_versions():
    found = words(CHECKOUT)
    assert found["version.numpy"] == version("numpy")
    assert found["version.segmentwerk"] == version("segmentwerk")


def test_says_nothing_of_people_or_places():
    import getpass
    import socket

    text = " ".join(words(CHECKOUT).values())
    assert str(CHECKOUT) not in text
    assert socket.gethostname() not in text
    assert getpass.getuser() not in text.split()
