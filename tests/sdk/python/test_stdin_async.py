import pytest
from e2b import CommandExitException, NotFoundException, PtySize, SandboxException

NO_SUCH_PID = 999_999


async def test_input(async_sandbox):
    commands = async_sandbox.commands
    handle = await commands.run("cat; echo done", background=True, stdin=True)
    assert handle.pid in [process.pid for process in await commands.list()]
    other = await commands.connect(handle.pid)
    await commands.send_stdin(handle.pid, "by pid\n")
    await handle.send_stdin("by handle\n")
    async with commands.stream_input(handle.pid) as stream:
        await stream.send("streamed ")
        await stream.send(b"twice\n")
    await handle.close_stdin()
    expected = "by pid\nby handle\nstreamed twice\ndone\n"
    assert (await handle.wait()).stdout == expected
    assert (await other.wait()).stdout == expected


async def test_errors_of_input(async_sandbox):
    commands = async_sandbox.commands
    with pytest.raises(NotFoundException):
        await commands.send_stdin(NO_SUCH_PID, "x")
    with pytest.raises(NotFoundException):
        await commands.close_stdin(NO_SUCH_PID)
    with pytest.raises(NotFoundException):
        await commands.connect(NO_SUCH_PID)
    with pytest.raises(NotFoundException):
        async with commands.stream_input(NO_SUCH_PID) as stream:
            await stream.send("x")
    handle = await commands.run("sleep 30", background=True)
    with pytest.raises(SandboxException):
        await commands.send_stdin(handle.pid, "x")
    await handle.disconnect()
    assert await commands.kill(handle.pid) is True


async def test_every_method_of_a_terminal(async_sandbox):
    pty = async_sandbox.pty
    terminal = await pty.create(PtySize(rows=24, cols=80), on_data=lambda data: None)
    await terminal.disconnect()
    output = bytearray()
    again = await pty.connect(terminal.pid, on_data=output.extend)
    await pty.resize(again.pid, PtySize(rows=50, cols=120))
    async with pty.stream_input(again.pid) as stream:
        await stream.send(b"stty si")
        await stream.send(b"ze; exit 6\n")
    with pytest.raises(CommandExitException) as caught:
        await again.wait()
    assert caught.value.exit_code == 6
    assert b"50 120" in output
    assert await pty.kill(again.pid) is False
    with pytest.raises(NotFoundException):
        await pty.resize(NO_SUCH_PID, PtySize(rows=1, cols=1))
    with pytest.raises(NotFoundException):
        await pty.send_stdin(NO_SUCH_PID, b"x")
    with pytest.raises(NotFoundException):
        await pty.connect(NO_SUCH_PID, on_data=output.extend)
