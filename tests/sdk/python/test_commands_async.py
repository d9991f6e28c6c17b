import asyncio

import pytest
from e2b import CommandExitException, TimeoutException


async def test_output_exit_code_and_error(async_sandbox):
    result = await async_sandbox.commands.run("echo out; echo err >&2")
    assert (result.stdout, result.stderr, result.exit_code) == ("out\n", "err\n", 0)
    with pytest.raises(CommandExitException) as caught:
        await async_sandbox.commands.run("exit 3")
    assert caught.value.exit_code == 3


async def test_background_with_stdin_and_callbacks(async_sandbox):
    seen = []
    handle = await async_sandbox.commands.run("cat", background=True, stdin=True, on_stdout=seen.append)
    await async_sandbox.commands.send_stdin(handle.pid, "hello\n")
    await async_sandbox.commands.close_stdin(handle.pid)
    result = await handle.wait()
    assert result.stdout == "hello\n"
    assert "".join(seen) == "hello\n"


async def test_kill(async_sandbox):
    handle = await async_sandbox.commands.run("sleep 60", background=True)
    assert await handle.kill() is True
    with pytest.raises(CommandExitException):
        await handle.wait()
    assert await async_sandbox.commands.kill(handle.pid) is False


async def test_timeout(async_sandbox):
    with pytest.raises(TimeoutException):
        await async_sandbox.commands.run("sleep 60", timeout=1)


async def test_commands_run_side_by_side(async_sandbox):
    results = await asyncio.gather(
        *(async_sandbox.commands.run(f"sleep 0.3; echo {n}") for n in range(20))
    )
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(20)]


async def test_cancelling_a_call_leaves_the_sandbox_usable(async_sandbox):
    task = asyncio.create_task(async_sandbox.commands.run("sleep 60"))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await async_sandbox.commands.run("echo still")).stdout == "still\n"


async def test_files(async_sandbox):
    files = async_sandbox.files
    info = await files.write("dir/ä b.txt", "text")
    assert info.path == "/home/user/dir/ä b.txt"
    assert await files.read("dir/ä b.txt") == "text"
    assert [entry.name for entry in await files.list("dir")] == ["ä b.txt"]
    await files.remove("dir")
    assert await files.exists("dir") is False


async def test_pty(async_sandbox):
    from e2b import PtySize

    output = bytearray()
    terminal = await async_sandbox.pty.create(PtySize(rows=24, cols=80), on_data=output.extend)
    await async_sandbox.pty.send_stdin(terminal.pid, b"stty size; tty; exit 5\n")
    with pytest.raises(CommandExitException) as caught:
        await asyncio.wait_for(terminal.wait(), 30)
    assert caught.value.exit_code == 5
    assert b"24 80" in output
    assert b"/dev/pts/" in output


async def test_watch_dir(async_sandbox):
    await async_sandbox.files.make_dir("watched")
    events = asyncio.Queue()
    handle = await async_sandbox.files.watch_dir("watched", on_event=events.put_nowait)
    await async_sandbox.files.write("watched/new.txt", "x")
    event = await asyncio.wait_for(events.get(), 30)
    assert event.name == "new.txt"
    assert event.type.value == "create"
    await handle.stop()
