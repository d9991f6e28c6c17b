"""What a command that takes too much does to itself, and not to the sandbox."""

import threading

import pytest
from e2b import CommandExitException

BOMB = "bomb() { bomb | bomb & }; bomb; sleep 60"
# These never wait, and one goes on when there is nothing more to be had.
SPINNING = {
    "forking": "perl -e 'fork while 1'",
    "forking in vain": "python3 -c 'import os\nwhile 1:\n  try: os.fork()\n  except OSError: pass'",
}
POOL = "import multiprocessing as m, subprocess\ndef f(x): return len(subprocess.check_output('echo hi | cat', shell=True))\nprint(sum(m.get_context('fork').Pool(40).map(f, range(120))))"
BUSY = {
    "scripts": ("seq 80 | xargs -P40 -I{} sh -c 'python3 -c \"import ast\"; sh -c \"echo {} | cat\"; true' | wc -l", "80\n"),
    "a pool that starts programs": (f'python3 -c "{POOL}"', "360\n"),
    "shells in shells": ("for i in $(seq 30); do (for j in 1 2 3; do echo $j | (cat; true) | (sort; true); done > /dev/null) & done; wait; echo all", "all\n"),
}


@pytest.fixture
def health(sandbox):
    """Asks for the sandbox's health all the time; the answers are looked at when the test is over."""
    answers = [sandbox.is_running(request_timeout=30)]
    over = threading.Event()

    def ask():
        while not over.wait(0.1):
            try:
                answers.append(sandbox.is_running(request_timeout=30))
            except Exception as error:
                answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    yield answers
    over.set()
    asking.join()
    assert [answer for answer in answers if answer is not True] == []


def test_commands_are_no_more_urgent_than_usual(sandbox):
    assert sandbox.commands.run("nice; (nice &); python3 -c 'import os; print(os.nice(0))'").stdout.split() == ["0"] * 3


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


@pytest.mark.parametrize("bomb", SPINNING)
def test_a_bomb_that_never_waits_ends_itself_only(sandbox, health, bomb):
    beside = sandbox.commands.run("sleep 300", background=True)
    with pytest.raises(CommandExitException) as ended:
        sandbox.commands.run(SPINNING[bomb], timeout=60)
    assert ended.value.exit_code == -1
    assert sandbox.commands.run("echo alive").stdout == "alive\n"
    assert beside.kill()


@pytest.mark.parametrize("work", BUSY)
def test_busy_work_is_no_bomb(sandbox, work):
    command, output = BUSY[work]
    assert sandbox.commands.run(command, timeout=120).stdout == output


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
