"""Many sandboxes at once, and what they can see of each other and of the host."""

import asyncio
import json
import os
from urllib.parse import urlsplit

import pytest
from e2b import AsyncSandbox

COUNT = 20

PROBE = """
import json, socket, sys
out = {}
for host, port in json.loads(sys.argv[1]):
    s = socket.socket(); s.settimeout(2)
    try:
        s.connect((host, port)); out[f"{host}:{port}"] = "open"
    except OSError as error:
        out[f"{host}:{port}"] = type(error).__name__
    finally:
        s.close()
print(json.dumps(out))
"""


@pytest.fixture
async def crowd():
    made = await asyncio.gather(
        *(AsyncSandbox.create("base", timeout=300, metadata={"n": str(n)}) for n in range(COUNT)),
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
        await sandbox.commands.run(f"exec -a marker-{n} sleep 200", background=True)

    await each(crowd, use)

    async def look(n, sandbox):
        files = await sandbox.commands.run("cat mine.txt; ls /home/user | grep -c txt")
        assert files.stdout == f"content of {n}1\n"
        markers = await sandbox.commands.run("cat /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep ^marker-")
        assert markers.stdout.split() == [f"marker-{n}"]
        processes = await sandbox.commands.run("ls -d /proc/[0-9]* | wc -l")
        assert int(processes.stdout) < 20

    await each(crowd, look)


async def test_network_reaches_neither_neighbours_nor_the_host(crowd):
    sandbox, neighbour = crowd[0], crowd[1]
    server = "python3 -m http.server 8000"
    for one in (sandbox, neighbour):
        await one.commands.run(server, background=True, timeout=0)
    api_port = urlsplit(os.environ["E2B_API_URL"]).port or 80
    proxy_port = urlsplit(os.environ["E2B_SANDBOX_URL"]).port or 80
    own = json.loads((await sandbox.commands.run("ip -j addr 2>/dev/null || echo []")).stdout)
    guest_addresses = [
        entry["local"] for link in own for entry in link.get("addr_info", []) if entry["family"] == "inet"
    ]
    assert set(guest_addresses) <= {"127.0.0.1", "169.254.0.21"}
    prefix = os.environ.get("SANDBANK_TEST_HOST_PREFIX", "10.11")
    # Slots are numbered from the start of the range: neighbours are among the first addresses.
    neighbours = [(f"{prefix}.{third}.{last}", port) for third in (0, 1) for last in range(1, 26) for port in (8000, 49983)]
    host_services = [
        (host, port)
        for host in ("169.254.0.22", "10.11.0.0", *host_addresses())
        for port in (api_port, proxy_port, 22)
    ]
    await sandbox.files.write("/tmp/probe.py", PROBE)

    async def probe(targets):
        chunks = [targets[i::16] for i in range(16)]
        answers = await asyncio.gather(
            *(
                sandbox.commands.run(f"python3 /tmp/probe.py '{json.dumps(chunk)}'", timeout=60)
                for chunk in chunks
                if chunk
            )
        )
        return {key: value for answer in answers for key, value in json.loads(answer.stdout).items()}

    assert (await probe([("127.0.0.1", 8000)])) == {"127.0.0.1:8000": "open"}
    reached = [key for key, value in (await probe(neighbours + host_services)).items() if value == "open"]
    assert reached == []


def host_addresses():
    """The host's own addresses, as a neighbour in its network would use them."""
    import socket

    found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            found.add(probe.getsockname()[0])
        except OSError:
            pass
    return found


async def test_limits_and_identity(crowd, isolation):
    sandbox = crowd[0]
    hostname = (await sandbox.commands.run("hostname")).stdout.strip()
    assert hostname
    cores = int((await sandbox.commands.run("nproc")).stdout)
    info = await sandbox.get_info()
    assert cores >= 1
    assert info.memory_mb >= 128
    kernel = (await sandbox.commands.run("cat /proc/version")).stdout
    assert ("gVisor" in kernel or "#1 SMP Sun Jan 10" in kernel) == (isolation == "gvisor") or isolation == "unknown"
