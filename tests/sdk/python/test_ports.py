import os
import time

import pytest
import requests

PROXY = os.environ.get("E2B_SANDBOX_URL", "")
BROWSER = {"User-Agent": "Mozilla/5.0 Firefox/140.0", "Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


def by_header(sandbox_id, port):
    return {"E2b-Sandbox-Id": sandbox_id, "E2b-Sandbox-Port": str(port)}


@pytest.fixture(scope="module")
def served(sandbox):
    """Port 8000 of the sandbox, where a web server shows /home/user/site."""
    sandbox.files.write("site/hello.txt", "hello from inside")
    sandbox.commands.run("python3 -m http.server 8000 --directory site", background=True, timeout=0)
    end = time.monotonic() + 30
    while requests.get(PROXY, headers=by_header(sandbox.sandbox_id, 8000), timeout=10).status_code != 200:
        assert time.monotonic() < end, "the web server did not start"
    return sandbox


def test_by_header(served):
    answer = requests.get(f"{PROXY}/hello.txt", headers=by_header(served.sandbox_id, 8000), timeout=10)
    assert (answer.status_code, answer.text) == (200, "hello from inside")


def test_by_host_name(served):
    host = served.get_host(8000)
    assert host == f"8000-{served.sandbox_id}.{os.environ['E2B_DOMAIN']}"
    # The name itself may not resolve on every machine; the server reads it from the header.
    answer = requests.get(f"{PROXY}/hello.txt", headers={"Host": host}, timeout=10)
    assert (answer.status_code, answer.text) == (200, "hello from inside")


def test_a_service_that_listens_on_loopback_only(sandbox, eventually):
    sandbox.commands.run("python3 -m http.server 8001 --bind 127.0.0.1", background=True, timeout=0)
    headers = by_header(sandbox.sandbox_id, 8001)
    eventually(lambda: requests.get(PROXY, headers=headers, timeout=10).status_code == 200, timeout=30)


def test_closed_port(sandbox):
    headers = by_header(sandbox.sandbox_id, 9)
    answer = requests.get(PROXY, headers=headers, timeout=10)
    assert answer.status_code == 502
    assert answer.json() == {
        "sandboxId": sandbox.sandbox_id,
        "message": "The sandbox is running but port is not open",
        "port": 9,
        "code": 502,
    }
    page = requests.get(PROXY, headers={**headers, **BROWSER}, timeout=10)
    assert page.status_code == 502
    assert page.headers["content-type"].startswith("text/html")


def test_unknown_sandbox():
    answer = requests.get(PROXY, headers=by_header("i" + "0" * 20, 80), timeout=10)
    assert answer.status_code == 502
    assert answer.json() == {"sandboxId": "i" + "0" * 20, "message": "The sandbox was not found", "code": 502}


def test_envd_is_closed_without_its_token(sandbox):
    headers = by_header(sandbox.sandbox_id, 49983)
    assert requests.get(f"{PROXY}/health", headers=headers, timeout=10).status_code == 204
    refused = requests.post(
        f"{PROXY}/process.Process/List", headers={**headers, "Content-Type": "application/json"}, data="{}", timeout=10
    )
    assert refused.status_code == 401
    assert requests.post(f"{PROXY}/init", headers=headers, json={}, timeout=10).status_code == 404


def test_signed_urls(sandbox):
    sandbox.files.write("signed.txt", "by signature")
    download = requests.get(sandbox.download_url("signed.txt"), timeout=10)
    assert (download.status_code, download.text) == (200, "by signature")
    upload = requests.post(
        sandbox.upload_url("up.txt", use_signature_expiration=60), files={"file": b"uploaded"}, timeout=10
    )
    assert upload.status_code == 200, upload.text
    assert sandbox.files.read("up.txt") == "uploaded"
    tampered = sandbox.download_url("signed.txt").replace("signed.txt", "up.txt")
    assert requests.get(tampered, timeout=10).status_code == 401


def test_a_long_answer_streams(served, eventually):
    program = (
        "import http.server,threading\n"
        "heard = threading.Event()\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "  def do_GET(self):\n"
        "    self.send_response(200); self.send_header('content-type','text/event-stream'); self.end_headers()\n"
        "    if self.path == '/heard': heard.set()\n"
        "    if self.path != '/events': return\n"
        "    for n in range(3):\n"
        "      self.wfile.write(b'data: %d\\n\\n' % n); self.wfile.flush()\n"
        "      if n == 0: heard.wait(30)\n"
        "http.server.ThreadingHTTPServer(('',8002),H).serve_forever()\n"
    )
    served.files.write("sse.py", program)
    served.commands.run("python3 sse.py", background=True, timeout=0)
    headers = by_header(served.sandbox_id, 8002)
    eventually(lambda: requests.get(PROXY, headers=headers, timeout=10).status_code == 200)
    lines = []
    # The second part is sent when the first one has arrived.
    with requests.get(f"{PROXY}/events", headers=headers, stream=True, timeout=10) as answer:
        for line in answer.iter_lines(chunk_size=1):
            if line and not lines:
                assert requests.get(f"{PROXY}/heard", headers=headers, timeout=10).status_code == 200
            if line:
                lines.append(line)
    assert lines == [b"data: 0", b"data: 1", b"data: 2"]
