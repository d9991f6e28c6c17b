"""Many sandboxes at once, and what they can see of each other and of the host."""

import asyncio
import json
import os
import socket
import struct
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from e2b import AsyncSandbox

COUNT = 20

PROBE = """
import concurrent.futures, json, socket, sys

def try_one(target):
    probe = socket.socket()
    probe.settimeout(3)
    try:
        probe.connect(tuple(target))
        return "open"
    except OSError as error:
        return type(error).__name__
    finally:
        probe.close()

targets = json.loads(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(32) as pool:
    print(json.dumps(dict(zip((f"{host}:{port}" for host, port in targets), pool.map(try_one, targets)))))
"""


def slot_addresses():
    """Where the host reaches sandboxes: one host route each."""
    found = []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        address = socket.inet_ntoa(struct.pack("<I", int(fields[1], 16)))
        if fields[7] == "FFFFFFFF" and address.startswith("10."):
            found.append(address)
    return found


def host_addresses():
    """The host's own addresses, as its sandboxes might name them."""
    listed = subprocess.run(["ip", "-j", "-4", "addr"], capture_output=True, text=True, check=True)
    addresses = {info["local"] for link in json.loads(listed.stdout) for info in link["addr_info"]}
    return sorted(addresses - {"127.0.0.1"} | {"169.254.0.22", "169.254.0.1"})


def host_reaches(address, port):
    try:
        socket.create_connection((address, port), timeout=3).close()
        return True
    except OSError:
        return False


@pytest.fixture
async def crowd():
    made = await asyncio.gather(
        *(AsyncSandbox.create("base", timeout=1800, metadata={"n": str(n)}) for n in range(COUNT)),
        return_exceptions=True,
    )
    sandboxes = [sandbox for sandbox in made if isinstance(sandbox, AsyncSandbox)]
    try:
        assert len(sandboxes) == COUNT, [error for error in made if isinstance(error, BaseException)]
        yield sandboxes
    finally:
        await asyncio.gather(*(sandbox.kill() for sandbox in sandboxes))


async def each(sandboxes, work):
    return await asyncio.gather(*(work(n, sandbox) for n, sandbox in enumerate(sandboxes)))


async def test_twenty_sandboxes_see_only_themselves(crowd):
    async def use(n, sandbox):
        await sandbox.files.write("mine.txt", f"content of {n}")
        await sandbox.commands.run(f"exec -a marker-{n} sleep 1800", background=True, timeout=0)

    await each(crowd, use)

    async def look(n, sandbox):
        files = await sandbox.commands.run("cat mine.txt; ls /home/user | grep -c txt")
        assert files.stdout == f"content of {n}1\n"
        listed = "cat /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep ^marker-"
        # The shell that was started becomes it in its own time.
        markers = await sandbox.commands.run(f"until {listed}; do sleep 0.1; done")
        assert markers.stdout.split() == [f"marker-{n}"]
        processes = await sandbox.commands.run("ls -d /proc/[0-9]* | wc -l")
        assert int(processes.stdout) < 20

    await each(crowd, look)


async def test_network_reaches_neither_neighbours_nor_the_host(crowd):
    sandbox, neighbour = crowd[0], crowd[1]
    for one in (sandbox, neighbour):
        await one.commands.run("python3 -m http.server 8000", background=True, timeout=0)
    await sandbox.files.write("/tmp/probe.py", PROBE)

    async def probe(targets):
        answer = await sandbox.commands.run(f"python3 /tmp/probe.py '{json.dumps(targets)}'", timeout=120)
        return json.loads(answer.stdout)

    end = time.monotonic() + 60
    while (await probe([("127.0.0.1", 8000)])) != {"127.0.0.1:8000": "open"}:
        assert time.monotonic() < end, "the web server did not start"
        await asyncio.sleep(0.1)
    slots = slot_addresses()
    if not slots:
        pytest.skip("the cloud runs on another machine: its sandboxes' addresses are not known here")
    # What the host reaches at these addresses shows that they are the right ones to be refused inside.
    assert sum(host_reaches(address, 49983) for address in slots) >= COUNT
    ports = {urlsplit(os.environ[name]).port or 80 for name in ("E2B_API_URL", "E2B_SANDBOX_URL")} | {22}
    neighbours = [(address, port) for address in slots for port in (8000, 49983)]
    host_services = [(address, port) for address in host_addresses() for port in sorted(ports)]
    reached = [key for key, value in (await probe(neighbours + host_services)).items() if value == "open"]
    assert reached == []


async def test_every_sandbox_has_the_same_address_inside(crowd):
    for sandbox in crowd[:2]:
        listed = json.loads((await sandbox.commands.run("ip -j -4 addr")).stdout)
        assert {info["local"] for link in listed for info in link["addr_info"]} == {"127.0.0.1", "169.254.0.21"}


async def test_limits_and_identity(crowd, isolation):
    sandbox = crowd[0]
    assert (await sandbox.commands.run("hostname")).stdout.strip()
    assert int((await sandbox.commands.run("nproc")).stdout) >= 1
    kernel = (await sandbox.commands.run("cat /proc/version")).stdout
    # gVisor's own kernel names itself 4.4.0 of that day in 2016.
    if isolation != "unknown":
        assert ("Sun Jan 10 15:06:54 PST 2016" in kernel) == (isolation == "gvisor")
