import time

import pytest
from e2b import (
    AuthenticationException,
    CommandExitException,
    InvalidArgumentException,
    TimeoutException,
)


def test_output_and_exit_code(sandbox):
    result = sandbox.commands.run("echo out; echo err >&2")
    assert (result.stdout, result.stderr, result.exit_code) == ("out\n", "err\n", 0)


def test_exit_code_3_raises(sandbox):
    with pytest.raises(CommandExitException) as caught:
        sandbox.commands.run("echo before; echo why >&2; exit 3")
    assert caught.value.exit_code == 3
    assert caught.value.stdout == "before\n"
    assert caught.value.stderr == "why\n"


def test_unknown_command_is_127(sandbox):
    with pytest.raises(CommandExitException) as caught:
        sandbox.commands.run("no-such-program-here")
    assert caught.value.exit_code == 127


def test_default_user_and_home(sandbox):
    assert sandbox.commands.run("id -un; pwd; echo $HOME").stdout == "user\n/home/user\n/home/user\n"


def test_root(sandbox):
    assert sandbox.commands.run("id -u; echo $HOME", user="root").stdout == "0\n/root\n"


def test_sudo_without_password(sandbox, isolation):
    if isolation == "container":
        # The kernel is shared, so nothing may gain privileges by itself; root is had by asking for the user.
        with pytest.raises(CommandExitException, match="no new privileges"):
            sandbox.commands.run("sudo -n id -u")
        return
    assert sandbox.commands.run("sudo -n id -u").stdout == "0\n"


def test_unknown_user(sandbox):
    with pytest.raises(AuthenticationException):
        sandbox.commands.run("true", user="nobody-here")


def test_working_directory(sandbox):
    assert sandbox.commands.run("pwd", cwd="/tmp").stdout == "/tmp\n"
    with pytest.raises(InvalidArgumentException, match="/no/such/dir"):
        sandbox.commands.run("pwd", cwd="/no/such/dir")


def test_environment_of_a_command(sandbox):
    result = sandbox.commands.run('echo "$A|$B"', envs={"A": "x y", "B": "ä€"})
    assert result.stdout == "x y|ä€\n"
    assert sandbox.commands.run('echo "[$A]"').stdout == "[]\n"


def test_timeout_ends_the_command(sandbox, eventually):
    started = time.monotonic()
    with pytest.raises(TimeoutException):
        sandbox.commands.run("echo $$ > /tmp/timeout.pid; exec sleep 60", timeout=1)
    assert time.monotonic() - started < 10
    # The client leaves at the same moment as the deadline passes inside; the process must end all the same.
    check = "kill -0 $(cat /tmp/timeout.pid) 2>/dev/null && echo alive || echo gone"
    eventually(lambda: sandbox.commands.run(check).stdout == "gone\n")


def test_callbacks_get_output_while_the_command_runs(sandbox):
    seen = []

    def hear(text):
        seen.append(text)
        if text == "one\n":
            sandbox.files.write("/tmp/heard-one", "")

    # It ends only when the first line has come while it runs.
    result = sandbox.commands.run(
        "echo one; until [ -e /tmp/heard-one ]; do sleep 0.05; done; echo two; echo bad >&2",
        on_stdout=hear,
        on_stderr=hear,
    )
    assert seen[0] == "one\n"
    assert sorted("".join(seen)) == sorted("one\ntwo\nbad\n")
    assert result.stdout == "one\ntwo\n"


def test_large_output(sandbox):
    result = sandbox.commands.run("head -c 10000000 /dev/zero | tr '\\0' x")
    assert len(result.stdout) == 10_000_000
    assert set(result.stdout) == {"x"}


def test_utf8_split_over_chunks(sandbox):
    result = sandbox.commands.run("python3 -c \"print('ä€😀' * 50000, end='')\"")
    assert result.stdout == "ä€😀" * 50_000


def test_background_command_with_stdin(sandbox):
    handle = sandbox.commands.run("cat; echo done", background=True, stdin=True)
    assert handle.pid > 0
    sandbox.commands.send_stdin(handle.pid, "first\n")
    handle.send_stdin("second\n")
    handle.close_stdin()
    result = handle.wait()
    assert result.stdout == "first\nsecond\ndone\n"


def test_without_stdin_the_command_reads_nothing(sandbox):
    assert sandbox.commands.run("cat; echo end", timeout=10).stdout == "end\n"


def test_list_connect_and_kill(sandbox):
    handle = sandbox.commands.run("echo ready; sleep 60", background=True, envs={"MARK": "1"})
    listed = {process.pid: process for process in sandbox.commands.list()}
    assert handle.pid in listed
    assert listed[handle.pid].cmd == "/bin/bash"
    assert listed[handle.pid].args == ["-l", "-c", "echo ready; sleep 60"]
    assert listed[handle.pid].envs["MARK"] == "1"
    handle.disconnect()
    again = sandbox.commands.connect(handle.pid)
    assert again.kill() is True
    with pytest.raises(CommandExitException) as caught:
        again.wait()
    assert caught.value.exit_code != 0
    assert sandbox.commands.kill(handle.pid) is False


def test_a_process_outlives_the_stream_that_started_it(sandbox, eventually):
    handle = sandbox.commands.run("sleep 1; echo late > /tmp/outlived", background=True)
    handle.disconnect()
    eventually(lambda: sandbox.files.exists("/tmp/outlived"))


def test_many_commands_at_once(sandbox):
    handles = [sandbox.commands.run(f"sleep 0.2; echo {n}", background=True) for n in range(20)]
    assert [handle.wait().stdout for handle in handles] == [f"{n}\n" for n in range(20)]


def test_no_zombies(sandbox, eventually):
    for _ in range(10):
        sandbox.commands.run("(sleep 0.1 &) ; true")
    # Until all of them have ended and nobody is left to be reaped.
    count = "ps -eo stat=,args= | grep -cE '^Z|sleep 0[.]1$' || true"
    eventually(lambda: sandbox.commands.run(count).stdout == "0\n")
