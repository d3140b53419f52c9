"""How often Python looks for cycles: seldom where a process is all ours, as it likes in a library."""

import gc
import subprocess
import sys

from segmentwerk.core.garbage import SELDOM
from segmentwerk.core.processes import processes

LIBRARY = "import gc; before = gc.get_threshold(); import segmentwerk; assert gc.get_threshold() == before"
COMMAND = """
import gc, sys
from segmentwerk.cli import main
sys.argv = ["segmentwerk", "--version"]
main()
print(gc.get_threshold())
"""


def test_the_command_line_looks_seldom():
    told = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == str(SELDOM)


def test_who_imports_the_package_keeps_the_own_setting():
    subprocess.run([sys.executable, "-c", LIBRARY], check=True)


def test_processes_that_compute_for_another_look_seldom_and_still_free_cycles():
    def thresholds_and_freed():
        class Node:
            pass

        for _ in range(3 * SELDOM[0]):
            node = Node()
            node.itself = node
        left = sum(isinstance(one, Node) for one in gc.get_objects())
        return gc.get_threshold(), left

    before = gc.get_threshold()
    with processes() as executor:
        threshold, left = executor.submit(thresholds_and_freed).result()
    assert threshold == SELDOM
    assert left <= SELDOM[0]
    assert gc.get_threshold() == before
