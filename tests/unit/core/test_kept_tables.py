"""Values that a column of another table does not hold."""

import ibis

from segmentwerk.core.kept_tables import strange


def test_a_null_among_the_known_values_hides_no_strange_one():
    known = ibis.memtable({"id": ["a", None, "b"]})
    asked = ibis.memtable({"id": ["a", "c", None]})
    found = asked.select("id", strange=strange(asked["id"], known["id"])).to_pyarrow().to_pylist()
    assert {row["id"]: row["strange"] for row in found} == {"a": False, "c": True, None: True}
