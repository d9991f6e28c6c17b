"""Input of running commands and late listeners: send_stdin, close_stdin, stream_input, connect, list."""

import threading

import pytest
from e2b import CommandExitException, InvalidArgumentException, NotFoundException, SandboxException

NO_SUCH_PID = 999_999


@pytest.fixture
def cat(sandbox):
    handle = sandbox.commands.run("cat; echo done", background=True, stdin=True)
    yield handle
    handle.kill()


def test_send_and_close_by_pid(sandbox, cat):
    sandbox.commands.send_stdin(cat.pid, "text ä€\n")
    sandbox.commands.send_stdin(cat.pid, b"bytes\n")
    sandbox.commands.close_stdin(cat.pid)
    assert cat.wait().stdout == "text ä€\nbytes\ndone\n"


def test_streamed_input_keeps_its_order(sandbox, cat):
    lines = [f"line {n}\n" for n in range(500)]
    sandbox.commands.stream_input(cat.pid, iter(lines))
    sandbox.commands.stream_input(cat.pid, [b"last\n"])
    sandbox.commands.close_stdin(cat.pid)
    assert cat.wait().stdout == "".join(lines) + "last\ndone\n"


def test_much_input_waits_for_a_slow_reader(sandbox):
    handle = sandbox.commands.run("sleep 0.5; wc -c", background=True, stdin=True)
    sandbox.commands.stream_input(handle.pid, (b"x" * 65_536 for _ in range(64)))
    handle.close_stdin()
    assert handle.wait().stdout == f"{64 * 65_536}\n"


def test_errors_of_input(sandbox, cat):
    for call in (
        lambda: sandbox.commands.send_stdin(NO_SUCH_PID, "x"),
        lambda: sandbox.commands.close_stdin(NO_SUCH_PID),
        lambda: sandbox.commands.stream_input(NO_SUCH_PID, ["x"]),
    ):
        with pytest.raises(NotFoundException, match=str(NO_SUCH_PID)):
            call()
    with pytest.raises(InvalidArgumentException):
        sandbox.commands.stream_input(cat.pid, "one string")


def test_input_of_a_command_without_stdin(sandbox):
    handle = sandbox.commands.run("sleep 30", background=True)
    with pytest.raises(SandboxException):
        sandbox.commands.send_stdin(handle.pid, "x")
    with pytest.raises(SandboxException):
        sandbox.commands.stream_input(handle.pid, ["x"])
    assert handle.kill() is True


def test_input_after_its_end(sandbox, cat):
    cat.close_stdin()
    with pytest.raises(SandboxException):
        sandbox.commands.send_stdin(cat.pid, "too late")


def test_a_connected_stream_gets_what_comes_after_it(sandbox, cat):
    other = sandbox.commands.connect(cat.pid)
    assert other.pid == cat.pid
    sandbox.commands.send_stdin(cat.pid, "for both\n")
    sandbox.commands.close_stdin(cat.pid)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(other.wait().stdout))
    thread.start()
    assert cat.wait().stdout == "for both\ndone\n"
    thread.join(30)
    assert seen == ["for both\ndone\n"]


def test_connecting_after_the_end_gives_the_exit_code(sandbox):
    handle = sandbox.commands.run("exit 9", background=True)
    with pytest.raises(CommandExitException):
        handle.wait()
    with pytest.raises(CommandExitException) as caught:
        sandbox.commands.connect(handle.pid).wait()
    assert caught.value.exit_code == 9
    assert handle.pid not in [process.pid for process in sandbox.commands.list()]


def test_connecting_to_nothing(sandbox):
    with pytest.raises(NotFoundException):
        sandbox.commands.connect(NO_SUCH_PID)


def test_a_handle_is_iterated(sandbox):
    handle = sandbox.commands.run("echo out; read line; echo err >&2", background=True, stdin=True)
    seen = []
    for out, err, _ in handle:
        seen.append((out, err))
        if len(seen) == 1:
            handle.send_stdin("go on\n")
    assert seen == [("out\n", None), (None, "err\n")]


def test_a_killed_command_names_its_signal(sandbox):
    with pytest.raises(CommandExitException) as caught:
        sandbox.commands.run("kill -TERM $$")
    assert "terminated" in caught.value.error
