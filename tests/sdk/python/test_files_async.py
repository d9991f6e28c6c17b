"""Every method of files of the asynchronous client; test_files.py looks at each more closely."""

import os

import pytest
from e2b import (
    AuthenticationException,
    FileNotFoundException,
    FileType,
    InvalidArgumentException,
)


async def test_formats(async_sandbox):
    files = async_sandbox.files
    data = os.urandom(3 * 1024 * 1024)
    await files.write("data.bin", data)
    assert bytes(await files.read("data.bin", format="bytes")) == data
    parts = [part async for part in await files.read("data.bin", format="stream")]
    assert b"".join(parts) == data
    text = "ä€😀 " * 10_000
    await files.write("text.txt", text, gzip=True)
    assert await files.read("text.txt") == text
    assert await files.read("text.txt", gzip=True) == text


async def test_several_files_and_metadata(async_sandbox):
    files = async_sandbox.files
    entries = [{"path": f"many/{n}.txt", "data": f"content {n}"} for n in range(30)]
    written = await files.write_files(entries, metadata={"origin": "test"})
    assert [info.path for info in written] == [f"/home/user/many/{n}.txt" for n in range(30)]
    assert await files.read("many/29.txt") == "content 29"
    assert (await files.get_info("many/7.txt")).metadata == {"origin": "test"}


async def test_directories(async_sandbox):
    files = async_sandbox.files
    assert await files.make_dir("tree/a/b") is True
    assert await files.make_dir("tree/a/b") is False
    await files.write("tree/a/b/leaf", "x")
    listed = await files.list("tree", depth=3)
    assert [(entry.name, entry.type) for entry in listed] == [
        ("a", FileType.DIR),
        ("b", FileType.DIR),
        ("leaf", FileType.FILE),
    ]
    moved = await files.rename("tree/a/b", "elsewhere/new")
    assert (moved.path, moved.type) == ("/home/user/elsewhere/new", FileType.DIR)
    assert await files.exists("tree/a/b") is False
    assert await files.exists("elsewhere/new/leaf") is True
    assert (await files.get_info("elsewhere/new/leaf")).size == 1
    await files.remove("elsewhere")
    assert await files.exists("elsewhere") is False


async def test_errors(async_sandbox):
    files = async_sandbox.files
    await files.write("plain.txt", "x")
    for call in (files.read("no/such"), files.list("no/such"), files.get_info("no/such")):
        with pytest.raises(FileNotFoundException):
            await call
    with pytest.raises(FileNotFoundException):
        await files.rename("no/such", "else")
    for call in (files.read("/home/user"), files.list("plain.txt"), files.make_dir("plain.txt")):
        with pytest.raises(InvalidArgumentException):
            await call
    with pytest.raises(InvalidArgumentException):
        await files.list("/", depth=0)
    with pytest.raises(AuthenticationException):
        await files.read("plain.txt", user="nobody-here")
    await files.remove("no/such")
