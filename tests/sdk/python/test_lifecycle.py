import time
from datetime import datetime, timedelta, timezone

import pytest
from e2b import (
    AsyncSandbox,
    NotFoundException,
    Sandbox,
    SandboxNotFoundException,
    SandboxNotRunningException,
    SandboxQuery,
    SandboxState,
    TimeoutException,
)


def listed_ids(query=None, limit=None):
    pages = Sandbox.list(query=query, limit=limit)
    ids = []
    while pages.has_next:
        ids += [info.sandbox_id for info in pages.next_items()]
    return ids


def test_info(own_sandbox):
    info = own_sandbox.get_info()
    assert info.sandbox_id == own_sandbox.sandbox_id
    assert info.name == "base"
    assert info.state == SandboxState.RUNNING
    assert info.cpu_count >= 1
    assert info.memory_mb >= 128
    assert info.metadata == {}
    assert timedelta(seconds=100) < info.end_at - datetime.now(timezone.utc) <= timedelta(seconds=121)


def test_list_with_metadata_filter_and_pages():
    mark = str(time.time_ns())
    sandboxes = [
        Sandbox.create("base", timeout=120, metadata={"test run": f"a&b={mark}", "n": str(n)})
        for n in range(3)
    ]
    try:
        ids = {sandbox.sandbox_id for sandbox in sandboxes}
        assert ids <= set(listed_ids())
        query = SandboxQuery(metadata={"test run": f"a&b={mark}"})
        assert set(listed_ids(query)) == ids
        pages = listed_ids(query, limit=2)
        assert len(pages) == 3 and set(pages) == ids
        one = SandboxQuery(metadata={"test run": f"a&b={mark}", "n": "1"}, state=[SandboxState.RUNNING])
        assert listed_ids(one) == [sandboxes[1].sandbox_id]
        assert listed_ids(SandboxQuery(metadata={"n": "no such"})) == []
    finally:
        for sandbox in sandboxes:
            sandbox.kill()
    assert listed_ids(query) == []


def test_set_timeout(own_sandbox):
    own_sandbox.set_timeout(600)
    left = own_sandbox.get_info().end_at - datetime.now(timezone.utc)
    assert timedelta(seconds=590) < left < timedelta(seconds=602)


def test_a_timeout_ends_the_sandbox(own_sandbox, eventually):
    assert own_sandbox.is_running() is True
    own_sandbox.set_timeout(1)
    eventually(lambda: not own_sandbox.is_running())
    with pytest.raises(NotFoundException):
        own_sandbox.get_info()


def test_kill_then_everything_says_so():
    sandbox = Sandbox.create("base", timeout=120)
    assert sandbox.kill() is True
    assert sandbox.kill() is False
    assert Sandbox.kill(sandbox.sandbox_id) is False
    assert sandbox.is_running() is False
    with pytest.raises(TimeoutException) as caught:
        sandbox.commands.run("echo late")
    assert isinstance(caught.value, SandboxNotRunningException)
    assert "was not found" in str(caught.value)
    with pytest.raises(TimeoutException):
        sandbox.files.list("/")
    with pytest.raises(SandboxNotFoundException):
        sandbox.get_info()
    with pytest.raises(SandboxNotFoundException):
        sandbox.set_timeout(60)
    with pytest.raises(SandboxNotFoundException):
        Sandbox.connect(sandbox.sandbox_id)


def test_kill_ends_a_running_call_at_once():
    sandbox = Sandbox.create("base", timeout=120)
    handle = sandbox.commands.run("sleep 60", background=True)
    sandbox.kill()
    started = time.monotonic()
    with pytest.raises(TimeoutException):
        handle.wait()
    assert time.monotonic() - started < 5


def test_connect_reaches_the_same_sandbox_and_never_shortens(own_sandbox):
    own_sandbox.set_timeout(600)
    own_sandbox.files.write("kept.txt", "kept")
    again = Sandbox.connect(own_sandbox.sandbox_id, timeout=30)
    assert again.files.read("kept.txt") == "kept"
    assert again.get_info().end_at - datetime.now(timezone.utc) > timedelta(seconds=550)


def test_environment_of_a_sandbox():
    sandbox = Sandbox.create("base", timeout=60, envs={"GLOBAL": "from create", "OVER": "a"})
    try:
        result = sandbox.commands.run('echo "$GLOBAL|$OVER"', envs={"OVER": "b"})
        assert result.stdout == "from create|b\n"
    finally:
        sandbox.kill()


def test_default_template_is_base():
    with Sandbox.create(timeout=60) as sandbox:
        assert sandbox.get_info().name == "base"


async def test_async_lifecycle():
    sandbox = await AsyncSandbox.create("base", timeout=60, metadata={"kind": "async"})
    info = await sandbox.get_info()
    assert info.metadata == {"kind": "async"}
    await sandbox.set_timeout(300)
    again = await AsyncSandbox.connect(sandbox.sandbox_id)
    assert (await again.commands.run("echo hi")).stdout == "hi\n"
    assert await sandbox.is_running() is True
    assert await sandbox.kill() is True
    assert await sandbox.kill() is False
    assert await sandbox.is_running() is False
    with pytest.raises(SandboxNotRunningException):
        await sandbox.commands.run("echo late")
