"""Ports of this machine."""

from __future__ import annotations

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
        raise InputError(
            f"Cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}.",
            f"Name another port, such as port={port + 1}, or end what listens there.",
        ) from error
