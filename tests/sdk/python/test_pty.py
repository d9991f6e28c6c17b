import threading

import pytest
from e2b import CommandExitException, PtySize


def collect(terminal):
    """Reads the terminal in the background into the returned buffer."""
    output = bytearray()
    outcome = {}

    def read():
        try:
            outcome["result"] = terminal.wait(on_pty=output.extend)
        except CommandExitException as error:
            outcome["error"] = error

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return output, outcome, thread


def test_terminal(sandbox, eventually):
    terminal = sandbox.pty.create(PtySize(rows=30, cols=100), envs={"MARK": "7"}, cwd="/tmp")
    output, outcome, thread = collect(terminal)
    sandbox.pty.send_stdin(terminal.pid, b"echo $MARK-$TERM; pwd; stty size\n")
    eventually(lambda: b"7-xterm-256color" in output and b"30 100" in output and b"/tmp" in output)
    sandbox.pty.resize(terminal.pid, PtySize(rows=50, cols=120))
    sandbox.pty.send_stdin(terminal.pid, b"stty size\n")
    eventually(lambda: b"50 120" in output)
    sandbox.pty.send_stdin(terminal.pid, b"exit 4\n")
    thread.join(10)
    assert outcome["error"].exit_code == 4


def test_control_c_interrupts(sandbox, eventually):
    terminal = sandbox.pty.create(PtySize(rows=24, cols=80))
    output, _, thread = collect(terminal)
    sandbox.pty.send_stdin(terminal.pid, b"echo started; sleep 60\n")
    # Once in the echo of the line, once as its output.
    eventually(lambda: output.count(b"started") >= 2)
    sandbox.pty.send_stdin(terminal.pid, b"\x03")
    sandbox.pty.send_stdin(terminal.pid, b"echo status-$?\n")
    eventually(lambda: b"status-130" in output)
    assert sandbox.pty.kill(terminal.pid) is True
    thread.join(10)
    assert not thread.is_alive()
    assert sandbox.pty.kill(terminal.pid) is False


def test_unknown_terminal(sandbox):
    assert sandbox.pty.kill(999_999) is False


@pytest.mark.parametrize("user", ["root", "user"])
def test_user_of_a_terminal(sandbox, eventually, user):
    terminal = sandbox.pty.create(PtySize(rows=24, cols=80), user=user)
    output, _, thread = collect(terminal)
    sandbox.pty.send_stdin(terminal.pid, b"echo I-am-$(id -un)\n")
    eventually(lambda: f"I-am-{user}".encode() in output)
    sandbox.pty.kill(terminal.pid)
    thread.join(10)
