"""Network rules at create and on a living sandbox, before a namespace that plays a part of the internet."""

import json
import subprocess
import time

import pytest
from e2b import ALL_TRAFFIC, AsyncSandbox, Sandbox, SandboxException

NAMESPACE = "tpnet"
HOST, ONE, TWO = "198.51.100.240", "198.51.100.241", "198.51.100.242"

SERVER = f"""
import http.server, threading
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(self.headers["host"].encode())
for address in ("{ONE}", "{TWO}"):
    server = http.server.ThreadingHTTPServer((address, 80), Answer)
    threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
"""


@pytest.fixture(scope="module", autouse=True)
def internet():
    """HTTP servers at two public-looking addresses; the host routes them into a namespace."""
    up = f"""
        netns add {NAMESPACE}
        link add {NAMESPACE} type veth peer name eth0 netns {NAMESPACE}
        addr add {HOST}/32 dev {NAMESPACE}
        link set {NAMESPACE} up
        route add {HOST}/28 dev {NAMESPACE} src {HOST}
        -n {NAMESPACE} link set eth0 up
        -n {NAMESPACE} addr add {ONE}/28 dev eth0
        -n {NAMESPACE} addr add {TWO}/28 dev eth0
        -n {NAMESPACE} route add default via {HOST}
    """
    server = None
    try:
        for line in up.strip().splitlines():
            subprocess.run(["ip", *line.split()], check=True)
        server = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{NAMESPACE}", "python3", "-c", SERVER], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout.readline() == "ready\n"
        yield
    finally:
        if server:
            server.kill()
            server.wait()
            server.stdout.close()
        subprocess.run(["ip", "link", "del", NAMESPACE])
        subprocess.run(["ip", "netns", "del", NAMESPACE])


def get(sandbox, address, host=None):
    header = f"-H 'Host: {host}' " if host else ""
    return sandbox.commands.run(f"curl -s --max-time 8 {header}http://{address}/ || echo closed").stdout.strip()


def test_ranges_at_create_and_afterwards():
    with Sandbox.create("base", timeout=600, network={"allow_out": [ONE], "deny_out": [ALL_TRAFFIC]}) as sandbox:
        assert get(sandbox, ONE) == ONE
        assert get(sandbox, TWO) == "closed"
        assert sandbox.get_info().network == {"allow_out": [ONE], "deny_out": [ALL_TRAFFIC]}

        sandbox.update_network({"deny_out": [f"{ONE}/32"]})
        assert (get(sandbox, ONE), get(sandbox, TWO)) == ("closed", TWO)
        sandbox.update_network({"allow_internet_access": False})
        assert (get(sandbox, ONE), get(sandbox, TWO)) == ("closed", "closed")
        assert sandbox.get_info().allow_internet_access is False
        sandbox.update_network({})
        assert (get(sandbox, ONE), get(sandbox, TWO)) == (ONE, TWO)
        assert not sandbox.get_info().network


def test_a_denied_connection_fails_fast(sandbox):
    sandbox.update_network({"deny_out": lambda ctx: [ctx.all_traffic]})
    program = (
        "import json, socket, time\n"
        "def attempt():\n"
        "  s = socket.socket(); began = time.monotonic()\n"
        f"  code = s.connect_ex(('{ONE}', 80)); return [code, time.monotonic() - began]\n"
        "print(json.dumps([attempt() for _ in range(5)]))"
    )
    attempts = json.loads(sandbox.commands.run(f'python3 -c "{program}"').stdout)
    assert {code for code, _ in attempts} == {111}
    # The least of them: the others tell how busy the machine is.
    assert min(seconds for _, seconds in attempts) < 1


async def test_names_are_closed_unless_allowed_async():
    network = {"allow_out": ["allowed.example"], "deny_out": [ALL_TRAFFIC], "dns_servers": []}
    async with await AsyncSandbox.create("base", timeout=600, network=network) as sandbox:
        ran = await sandbox.commands.run(f"curl -s --max-time 8 -H 'Host: denied.example' http://{ONE}/ || echo closed")
        assert ran.stdout == "closed\n"
        info = await sandbox.get_info()
        assert info.network == network
        took = []
        for _ in range(3):
            began = time.monotonic()
            await sandbox.update_network({"allow_out": [ONE], "deny_out": [ALL_TRAFFIC]})
            took.append(time.monotonic() - began)
        assert min(took) < 1
        ran = await sandbox.commands.run(f"curl -s --max-time 8 -H 'Host: denied.example' http://{ONE}/ || echo closed")
        assert ran.stdout.strip() == "denied.example"


@pytest.mark.parametrize(
    "network",
    [
        {"allow_out": ["example.com"]},
        {"deny_out": ["example.com"]},
        {"allow_out": ["not a host"], "deny_out": [ALL_TRAFFIC]},
        {"egress_proxy": {"address": "10.0.0.1:1080"}},
        {"egress_proxy": {"address": "nowhere.invalid:1080"}},
        {"rules": {"*": [{"transform": {"headers": {"A": "b"}}}]}},
    ],
)
def test_what_makes_no_sense_is_refused(sandbox, network):
    with pytest.raises(SandboxException, match="400"):
        sandbox.update_network(network)
    with pytest.raises(SandboxException, match="400"):
        Sandbox.create("base", timeout=60, network=network)
