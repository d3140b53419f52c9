import socket

import pytest

from segmentwerk.core.errors import InputError
from segmentwerk.core.ports import reserve


@pytest.mark.parametrize("theirs", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("ours", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_port_that_somebody_listens_on_is_refused(theirs, ours):
    with socket.create_server((theirs, 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(
            InputError, match=rf"Cannot listen on .*:{port}: address already in use.*port={port + 1}"
        ):
            reserve(ours, port)


def test_a_free_port_can_be_had_again_at_once():
    with reserve("127.0.0.1", 0) as mine:
        port = mine.getsockname()[1]
    reserve("127.0.0.1", port).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_a_host_that_is_not_this_machine_is_refused(host):
    with pytest.raises(InputError, match="Cannot listen on"):
        reserve(host, 0)
