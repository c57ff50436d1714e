"""One health check of one target, with the bytes an ALB sends.

User guide, "Health checks": HTTP/1.1 with `Connection: close` (no keep-alive), HTTP/2 for HTTP2 and GRPC groups; the
target's certificate is not validated. The address is always a loopback one, given by the target map.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

import h2.config
import h2.connection
import h2.events

from no502_localstack.elbv2.outcomes import FAILED, HEALTHY, TIMEOUT, Outcome, judged

Address = tuple[str, int]
Json = dict[str, Any]
_AGENT = "ELB-HealthChecker/2.0"


def probe(address: Address, check: Json, version: str | None, target: str, port: int, timeout: float) -> Outcome:
    """`target` and `port` are what AWS would dial; they appear in the Host header."""
    deadline = time.monotonic() + timeout
    try:
        with socket.create_connection(address, timeout=timeout) as plain:
            if check.get("HealthCheckProtocol") == "TCP":
                return HEALTHY
            return judged(check, _exchange(plain, check, version, target, port, deadline))
    except (TimeoutError, socket.timeout):
        return TIMEOUT
    except (OSError, ssl.SSLError, ValueError):
        return FAILED


def _exchange(plain: socket.socket, check: Json, version: str | None, target: str, port: int, deadline: float) -> int:
    connection = plain
    host = f"[{target}]" if ":" in target else target
    usual = 443 if check["HealthCheckProtocol"] == "HTTPS" else 80
    authority = host if port == usual else f"{host}:{port}"
    multiplexed = version in ("HTTP2", "GRPC")
    if check["HealthCheckProtocol"] == "HTTPS":
        connection = _encrypted(plain, multiplexed)
    if multiplexed:
        scheme = check["HealthCheckProtocol"].lower()
        return _http2(connection, check["HealthCheckPath"], authority, scheme, version == "GRPC", deadline)
    return _http1(connection, check["HealthCheckPath"], authority, deadline)


def _encrypted(plain: socket.socket, multiplexed: bool) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if multiplexed:
        context.set_alpn_protocols(["h2"])
    return context.wrap_socket(plain)


def request_bytes(path: str, authority: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nUser-Agent: {_AGENT}\r\n"
        "Accept-Encoding: gzip, compressed\r\n\r\n"
    ).encode("latin-1")


def _receive(connection: socket.socket, deadline: float) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
    return connection.recv(65536)


def _http1(connection: socket.socket, path: str, authority: str, deadline: float) -> int:
    """The status of the first final response; a reply that is no HTTP is a ValueError."""
    connection.sendall(request_bytes(path, authority))
    received = b""
    while True:
        head, separator, rest = received.partition(b"\r\n\r\n")
        if separator:
            status = _status(head)
            if status >= 200:
                return status
            received = rest
            continue
        if len(received) > 65536:
            raise ValueError("header too long")
        chunk = _receive(connection, deadline)
        if not chunk:
            raise ValueError("closed before a response")
        received += chunk


def _status(head: bytes) -> int:
    parts = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit() or len(parts[1]) != 3:
        raise ValueError("malformed status line")
    return int(parts[1])


def _http2(connection: socket.socket, path: str, authority: str, scheme: str, grpc: bool, deadline: float) -> int:
    """The HTTP status, or for gRPC the `grpc-status` of the trailers."""
    session = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    session.initiate_connection()
    headers = [
        (":method", "POST" if grpc else "GET"), (":scheme", scheme), (":authority", authority), (":path", path),
        ("user-agent", _AGENT),
    ]
    headers += [("content-type", "application/grpc"), ("te", "trailers")] if grpc else \
        [("accept-encoding", "gzip, compressed")]
    session.send_headers(1, headers, end_stream=not grpc)
    if grpc:
        session.send_data(1, b"\x00\x00\x00\x00\x00", end_stream=True)
    connection.sendall(session.data_to_send())
    while True:
        chunk = _receive(connection, deadline)
        if not chunk:
            raise ValueError("closed before a response")
        try:
            events = session.receive_data(chunk)
        except Exception as cause:  # h2 raises several unrelated kinds for bytes that are no HTTP/2
            raise ValueError("malformed HTTP/2") from cause
        for event in events:
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                fields: dict[Any, Any] = dict(event.headers or [])
                if grpc and "grpc-status" in fields:
                    return int(fields["grpc-status"])
                if not grpc and ":status" in fields:
                    return int(fields[":status"])
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                raise ValueError("stream ended without a status")
        pending = session.data_to_send()
        if pending:
            connection.sendall(pending)
