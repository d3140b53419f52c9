"""Ports of this machine."""

from __future__ import annotations

import os
import socket

from segmentwerk.core.errors import InputError


def reserve(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to the address, before anything is promised about it.

    Raises
    ------
    InputError
        If somebody else has the port, or the host is none of this machine's.
    """
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        raise InputError(
            f"Cannot listen on {host}:{port}: {why.lower()}.",
            f"Name another port, such as port={port + 1}, or end what listens there.",
        ) from error
