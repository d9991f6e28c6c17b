"""E2B_DEBUG=true: no key, no create; one sandbox of the cloud stands behind all such clients."""

import os
import subprocess
import sys

from e2b import Sandbox

PROGRAM = """
from e2b import Sandbox
s = Sandbox.create()
print(s.sandbox_id)
print(s.commands.run('cat debug.txt').stdout, end='')
"""


def test_a_program_in_debug_mode_needs_no_key():
    first = Sandbox.create(debug=True)
    first.files.write("debug.txt", "written before\n")
    env = {name: value for name, value in os.environ.items() if name not in ("E2B_API_KEY", "E2B_API_URL")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**env, "E2B_DEBUG": "true"}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "debug_sandbox_id\nwritten before\n", done.stderr
    for listed in Sandbox.list().next_items():
        if listed.metadata.get("sandbank") == "debug":
            Sandbox.kill(listed.sandbox_id)
