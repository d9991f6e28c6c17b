"""What a command that takes too much does to itself, and not to the sandbox."""

import threading

import pytest
from e2b import CommandExitException

BOMB = "bomb() { bomb | bomb & }; bomb; sleep 60"


@pytest.fixture
def health(sandbox):
    """Asks for the sandbox's health all the time; the answers are looked at when the test is over."""
    answers = [sandbox.is_running(request_timeout=30)]
    over = threading.Event()

    def ask():
        while not over.wait(0.1):
            answers.append(sandbox.is_running(request_timeout=30))

    asking = threading.Thread(target=ask)
    asking.start()
    yield answers
    over.set()
    asking.join()
    assert all(answers)


def test_out_of_memory_ends_the_command(sandbox, health):
    hog = "python3 -c 'hoard = []\nwhile True: hoard.append(bytearray(10 << 20))'"
    with pytest.raises(CommandExitException) as ended:
        sandbox.commands.run(hog, timeout=60)
    assert ended.value.exit_code != 0
    assert sandbox.commands.run("echo alive").stdout == "alive\n"


@pytest.mark.parametrize("user", ["user", "root"])
def test_a_fork_bomb_ends_itself_only(sandbox, health, user):
    beside = sandbox.commands.run("sleep 300", background=True)
    with pytest.raises(CommandExitException) as ended:
        sandbox.commands.run(BOMB, user=user, timeout=60)
    assert ended.value.exit_code == -1
    assert sandbox.commands.run("echo alive", user=user).stdout == "alive\n"
    left = int(sandbox.commands.run("ls -d /proc/[0-9]* | wc -l").stdout)
    assert left < 40
    assert beside.kill()


def test_many_workers_are_no_bomb(sandbox):
    result = sandbox.commands.run("for i in $(seq 150); do sleep 2 & done; wait; echo all of them", timeout=60)
    assert result.stdout == "all of them\n"


def test_many_processes_that_take_memory_do_not_end_the_sandbox(sandbox, health, isolation):
    if isolation == "gvisor":
        pytest.skip("gVisor gives the memory of a killed process back too late to be sure")
    hoard = "import os, time\nfor _ in range(100):\n    if os.fork() == 0:\n        kept = bytearray(b'x' * (24 << 20)); time.sleep(3); os._exit(0)\ntime.sleep(4)"
    sandbox.files.write("/tmp/hoard.py", hoard)
    sandbox.commands.run("python3 /tmp/hoard.py || true", timeout=60)
    assert sandbox.commands.run("echo alive").stdout == "alive\n"
