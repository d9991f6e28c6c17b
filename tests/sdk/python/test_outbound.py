"""Outbound TCP, where the machine that runs the cloud has it."""

import ipaddress
import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from pip._internal.models.index import PyPI


CLOSED_RANGES = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
]


def package_index():
    """The host and port that pip on this machine takes packages from."""
    configured = os.environ.get("PIP_INDEX_URL")
    if not configured:
        found = subprocess.run(
            [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
        )
        configured = found.stdout.strip() or PyPI.simple_url
    url = urlsplit(configured)
    return url.hostname, url.port or (443 if url.scheme == "https" else 80)


@pytest.fixture(scope="module")
def index_address():
    host, port = package_index()
    try:
        address = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][4][0]
        socket.create_connection((address, port), timeout=5).close()
    except OSError as error:
        pytest.skip(f"this machine does not reach its package index directly: {error}")
    if any(ipaddress.ip_address(address) in closed for closed in CLOSED_RANGES):
        pytest.skip("this machine's package index has a private address, which sandboxes may not reach")
    return address, port


def test_outbound_tcp(sandbox, index_address):
    address, port = index_address
    program = f"import socket; socket.create_connection(('{address}', {port}), timeout=10); print('connected')"
    # A packet may be lost on the way through the internet.
    attempts = " || ".join([f'python3 -c "{program}"'] * 3)
    assert sandbox.commands.run(attempts).stdout == "connected\n"


def test_without_internet_access(index_address):
    from e2b import Sandbox

    address, port = index_address
    program = f"import socket; socket.create_connection(('{address}', {port}), timeout=3)"
    with Sandbox.create("base", timeout=60, allow_internet_access=False) as sandbox:
        refused = sandbox.commands.run(f'python3 -c "{program}" 2>/dev/null || echo refused')
        assert refused.stdout == "refused\n"


@pytest.mark.parametrize("address", ["10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1"])
def test_private_ranges_are_closed(sandbox, address):
    program = (
        "import socket\n"
        "s = socket.socket(); s.settimeout(2)\n"
        f"print('open' if s.connect_ex(('{address}', 80)) == 0 else 'closed')"
    )
    assert sandbox.commands.run(f'python3 -c "{program}"').stdout == "closed\n"
