"""What a newcomer does first, exactly as the documentation says it."""

import subprocess
import sys

PROGRAM = (
    "from e2b import Sandbox; s = Sandbox.create(template='base'); "
    "print(s.commands.run('echo test').stdout)"
)


def test_first_program_prints_test():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "test"


def test_python_and_node_run(sandbox):
    assert sandbox.commands.run("python3 -c 'print(6 * 7)'").stdout == "42\n"
    assert sandbox.commands.run("node -e 'console.log(6 * 7)'").stdout == "42\n"
