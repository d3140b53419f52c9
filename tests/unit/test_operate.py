"""What docs/how-to/operate.md gives to copy: it is complete, and does what it says."""

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from segmentwerk import config
from segmentwerk.core.paths import config_root

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "operate.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SCRIPT = next(text for kind, text in BLOCKS if kind == "sh")
UNITS = dict(zip(("service", "timer"), [text for kind, text in BLOCKS if kind == "ini"], strict=True))
CI = yaml.safe_load(next(text for kind, text in BLOCKS if kind == "yaml"))

FAKE = """#!/bin/sh
echo "$@" >> "$CALLS"
[ "$1" = monitor ] && exit $MONITOR
exit $REFRESH
"""


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "segmentwerk"
    path.write_text(FAKE)
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


def shell(text, fake, monitor, refresh=0, **more):
    calls = fake.parent / "calls"
    surroundings = {"PATH": f"{fake.parent}:/usr/bin:/bin", "CALLS": str(calls), "SEGMENTWERK": str(fake)}
    codes = {"MONITOR": str(monitor), "REFRESH": str(refresh)}
    done = subprocess.run(
        ["sh", "-e", "-c", text] if more else ["sh", "-c", text], env=surroundings | codes | more
    )
    return done.returncode, calls.read_text().splitlines()


@pytest.mark.parametrize(
    ("monitor", "refresh", "code", "verbs"),
    [
        (0, 0, 0, ["monitor"]),
        (3, 0, 0, ["monitor", "refresh"]),
        (2, 0, 2, ["monitor"]),
        (3, 2, 2, ["monitor", "refresh"]),
    ],
)
def test_the_script_refreshes_where_a_gate_says_no(fake, monitor, refresh, code, verbs):
    got, calls = shell(SCRIPT, fake, monitor, refresh)
    assert got == code
    assert [call.split()[0] for call in calls] == verbs
    days = set(re.findall(r"as_of=(\S+)", " ".join(calls)))
    assert len(days) == 1
    assert re.fullmatch(r"\d{4}-\d{2}-01", days.pop())


@pytest.mark.parametrize(("monitor", "code"), [(0, 0), (3, 0), (2, 1), (1, 1)])
def test_the_step_of_the_ci_hands_the_exit_code_on(fake, tmp_path, monitor, code):
    step = next(one for one in CI["jobs"]["watch"]["steps"] if one.get("id") == "monitor")
    output = tmp_path / "output"
    got, _ = shell(step["run"], fake, monitor, GITHUB_OUTPUT=str(output))
    assert got == code
    assert f"code={monitor}" in output.read_text().splitlines()


def test_the_schedule_of_the_ci_is_whole():
    assert CI[True]["schedule"] == [{"cron": "0 5 1 * *"}]  # YAML reads "on" as true
    job = CI["jobs"]["watch"]
    assert {"runs-on", "steps", "env"} <= set(job)
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])
    assert "steps.monitor.outputs.code == '3'" in job["steps"][-1]["if"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_reads_the_units(tmp_path, fake):
    for kind, text in UNITS.items():
        here = text.replace("/usr/local/bin/segmentwerk-watch", str(fake)).replace(
            "User=segmentwerk", "User=root"
        )
        (tmp_path / f"segmentwerk-watch.{kind}").write_text(here)
    units = sorted(map(str, tmp_path.glob("segmentwerk-watch.*")))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "segmentwerk" in line]
    assert complaints == []


def test_the_line_of_cron_has_its_five_fields_and_runs_the_script():
    (line,) = [text.strip() for kind, text in BLOCKS if kind == "cron"]
    assert re.match(r"(\S+ ){5}SEGMENTWERK_HOME=\S+ /usr/local/bin/segmentwerk-watch ", line)


COMMAND = r"segmentwerk\"? (monitor|refresh) (.+?)(?: --config-dir \S+)?(?: \|\| code=\$\?)?$"
COMMANDS = re.findall(COMMAND, PAGE, re.MULTILINE)


@pytest.mark.parametrize(("verb", "words"), COMMANDS, ids=lambda part: part[:20])
def test_every_command_can_be_composed(verb, words):
    day, roots = "2026-04-01", {"monitor": config.MonitorSettings, "refresh": config.RefreshSettings}
    given = re.sub(r'"?\$(day|\{\{.*?\}\})"?', day, words.replace("source=mine", "source=demo")).split()
    with initialize_config_dir(str(config_root() / "conf"), version_base="1.3"):
        composed = compose(verb, [*given, "home=/nowhere"])
    assert config.parse(roots[verb], composed).source.name == "demo"
