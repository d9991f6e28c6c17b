import threading

import pytest
from e2b import (
    AuthenticationException,
    CommandExitException,
    InvalidArgumentException,
    NotFoundException,
    PtySize,
    SandboxException,
    TimeoutException,
)


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
    thread.join(30)
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
    thread.join(30)
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
    thread.join(30)


def test_connecting_to_a_terminal(sandbox, eventually):
    first = sandbox.pty.create(PtySize(rows=24, cols=80))
    first.disconnect()
    terminal = sandbox.pty.connect(first.pid)
    assert terminal.pid == first.pid
    output, outcome, thread = collect(terminal)
    sandbox.pty.stream_input(terminal.pid, [b"echo half-", b"'and'-half; ", b"exit 3\n"])
    thread.join(30)
    # Without the quotes it is output and not the echo of what was typed.
    assert b"half-and-half" in output
    assert outcome["error"].exit_code == 3


def test_errors(sandbox):
    unknown = 999_999
    for call in (
        lambda: sandbox.pty.connect(unknown),
        lambda: sandbox.pty.resize(unknown, PtySize(rows=1, cols=1)),
        lambda: sandbox.pty.send_stdin(unknown, b"x"),
        lambda: sandbox.pty.stream_input(unknown, [b"x"]),
    ):
        with pytest.raises(NotFoundException, match=str(unknown)):
            call()
    with pytest.raises(InvalidArgumentException):
        sandbox.pty.create(PtySize(rows=24, cols=80), cwd="/no/such/dir")
    with pytest.raises(AuthenticationException):
        sandbox.pty.create(PtySize(rows=24, cols=80), user="nobody-here")


def test_a_terminal_and_a_command_take_different_input(sandbox):
    command = sandbox.commands.run("sleep 30", background=True, stdin=True)
    terminal = sandbox.pty.create(PtySize(rows=24, cols=80))
    with pytest.raises(SandboxException):
        sandbox.pty.send_stdin(command.pid, b"x")
    with pytest.raises(SandboxException):
        sandbox.commands.send_stdin(terminal.pid, "x")
    with pytest.raises(SandboxException):
        sandbox.pty.resize(command.pid, PtySize(rows=30, cols=100))
    assert sandbox.pty.kill(terminal.pid) is True
    assert command.kill() is True


def test_a_deadline_ends_a_terminal(sandbox):
    terminal = sandbox.pty.create(PtySize(rows=24, cols=80), timeout=3)
    with pytest.raises(TimeoutException):
        terminal.wait()
