"""Python's clients over TLS, with what `sandbank env` prints and nothing else."""

import asyncio
import os
import urllib.request

import httpx
import pytest
import requests
from e2b import AsyncSandbox, Sandbox
from e2b_code_interpreter import Sandbox as CodeInterpreter

# A service that speaks as much of the code interpreter's protocol as its client needs.
INTERPRETER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers['content-length'])))
        lines = [{'type': 'stdout', 'text': asked['code'], 'timestamp': '2026-01-01T00:00:00Z'}, {'type': 'end_of_execution'}]
        body = ''.join(json.dumps(line) + '\\n' for line in lines).encode()
        self.send_response(200)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(('', 49999), Handler).serve_forever()
"""


@pytest.fixture(params=["as printed", "domain only"])
def environment(request, monkeypatch):
    """Without the two URLs, clients make up `https://` names of the domain."""
    if request.param == "domain only":
        monkeypatch.delenv("E2B_API_URL")
        monkeypatch.delenv("E2B_SANDBOX_URL")
    return request.param


def wait_for_port(sandbox, port):
    sandbox.commands.run(f"for i in $(seq 300); do ss -Hltn | grep -q ':{port} ' && exit 0; sleep 0.1; done; exit 1")


def test_commands_files_and_ports(environment):
    sandbox = Sandbox.create("base", timeout=120)
    try:
        assert sandbox.commands.run("echo test").stdout == "test\n"
        sandbox.files.write("site/page", "from inside")
        assert requests.get(sandbox.download_url("site/page"), timeout=10).text == "from inside"
        sandbox.commands.run("python3 -m http.server 6080 --directory site", background=True)
        wait_for_port(sandbox, 6080)
        # As the desktop's client writes the address of its stream.
        url = f"https://{sandbox.get_host(6080)}/page"
        assert requests.get(url, timeout=10).text == "from inside"
        assert httpx.get(url, timeout=10).text == "from inside"
        with urllib.request.urlopen(url, timeout=10) as response:
            assert response.read() == b"from inside"
    finally:
        sandbox.kill()


def test_async(environment):
    async def run():
        sandbox = await AsyncSandbox.create("base", timeout=120)
        try:
            return (await sandbox.commands.run("echo test")).stdout
        finally:
            await sandbox.kill()

    assert asyncio.run(run()) == "test\n"


def test_code_interpreter(environment):
    sandbox = CodeInterpreter.create("base", timeout=120)
    try:
        sandbox.files.write("interpreter.py", INTERPRETER)
        sandbox.commands.run("python3 interpreter.py", background=True)
        wait_for_port(sandbox, 49999)
        assert sandbox.run_code("print(1)").logs.stdout == ["print(1)"]
    finally:
        sandbox.kill()


def test_without_trust_nothing_goes(monkeypatch):
    sandbox = Sandbox.create("base", timeout=60)
    try:
        url = f"https://{sandbox.get_host(8000)}/"
        with pytest.raises(requests.exceptions.SSLError):
            monkeypatch.delenv("REQUESTS_CA_BUNDLE")
            monkeypatch.delenv("CURL_CA_BUNDLE")
            requests.get(url, timeout=10)
    finally:
        sandbox.kill()
    assert os.environ["SSL_CERT_FILE"]
