"""Watching directories: by polling (the synchronous client) and as a stream (the asynchronous one)."""

import asyncio

import pytest
from e2b import (
    AsyncSandbox,
    FileNotFoundException,
    FilesystemEventType,
    InvalidArgumentException,
    SandboxException,
)


def seen(watch, into):
    into.extend((event.type, event.name) for event in watch.get_new_events())
    return into


def test_kinds_of_events(sandbox, eventually):
    sandbox.files.make_dir("kinds")
    watch = sandbox.files.watch_dir("kinds")
    sandbox.commands.run("echo x > a; chmod 600 a; mv a b; rm b", cwd="/home/user/kinds")
    events = []
    eventually(lambda: (FilesystemEventType.REMOVE, "b") in seen(watch, events))
    watch.stop()
    expected = [
        (FilesystemEventType.CREATE, "a"),
        (FilesystemEventType.WRITE, "a"),
        (FilesystemEventType.CHMOD, "a"),
        (FilesystemEventType.RENAME, "a"),
        (FilesystemEventType.CREATE, "b"),
        (FilesystemEventType.REMOVE, "b"),
    ]
    assert [event for event in events if event in expected] == expected


def test_only_recursive_watching_sees_deeper(sandbox, eventually):
    sandbox.files.make_dir("levels/deep")
    flat = sandbox.files.watch_dir("levels")
    recursive = sandbox.files.watch_dir("levels", recursive=True)
    sandbox.files.write("levels/deep/inner.txt", "x")
    sandbox.files.write("levels/outer.txt", "x")
    in_flat, in_recursive = [], []
    outer = (FilesystemEventType.CREATE, "outer.txt")
    eventually(lambda: outer in seen(flat, in_flat) and outer in seen(recursive, in_recursive))
    flat.stop()
    recursive.stop()
    assert (FilesystemEventType.CREATE, "deep/inner.txt") in in_recursive
    assert "deep/inner.txt" not in [name for _, name in in_flat]


def test_directories_made_later_are_watched(sandbox, eventually):
    sandbox.files.make_dir("later")
    watch = sandbox.files.watch_dir("later", recursive=True)
    events = []
    sandbox.files.make_dir("later/new")
    eventually(lambda: (FilesystemEventType.CREATE, "new") in seen(watch, events))
    sandbox.files.write("later/new/file.txt", "x")
    eventually(lambda: (FilesystemEventType.CREATE, "new/file.txt") in seen(watch, events))
    watch.stop()


def test_entries_come_with_events_when_asked(sandbox, eventually):
    sandbox.files.make_dir("entries")
    watch = sandbox.files.watch_dir("entries", include_entry=True)
    sandbox.files.write("entries/five.txt", "12345")
    entries = []

    def complete():
        entries.extend(event.entry for event in watch.get_new_events() if event.entry)
        return any(entry.size == 5 for entry in entries)

    eventually(complete)
    watch.stop()
    assert {entry.path for entry in entries} == {"/home/user/entries/five.txt"}


def test_errors(sandbox):
    with pytest.raises(FileNotFoundException):
        sandbox.files.watch_dir("no/such/dir")
    sandbox.files.write("plain.txt", "x")
    with pytest.raises(InvalidArgumentException):
        sandbox.files.watch_dir("plain.txt")
    sandbox.files.make_dir("stopped")
    watch = sandbox.files.watch_dir("stopped")
    watch.stop()
    with pytest.raises(SandboxException):
        watch.get_new_events()


@pytest.fixture
async def async_files(sandbox):
    return (await AsyncSandbox.connect(sandbox.sandbox_id)).files


async def test_stream_of_events(async_files):
    await async_files.make_dir("streamed/deep")
    events, ends = asyncio.Queue(), asyncio.Queue()
    handle = await async_files.watch_dir(
        "streamed",
        on_event=events.put_nowait,
        on_exit=ends.put_nowait,
        recursive=True,
        include_entry=True,
    )
    await async_files.write("streamed/deep/new.txt", "x")
    event = await asyncio.wait_for(events.get(), 30)
    assert (event.type, event.name) == (FilesystemEventType.CREATE, "deep/new.txt")
    assert event.entry.path == "/home/user/streamed/deep/new.txt"
    await handle.stop()
    assert await asyncio.wait_for(ends.get(), 30) is None


async def test_errors_of_a_stream(async_files):
    with pytest.raises(FileNotFoundException):
        await async_files.watch_dir("no/such/dir", on_event=print)
    await async_files.write("plain-too.txt", "x")
    with pytest.raises(InvalidArgumentException):
        await async_files.watch_dir("plain-too.txt", on_event=print)


async def test_a_deadline_ends_a_stream(async_files):
    ends = asyncio.Queue()
    await async_files.watch_dir("/tmp", on_event=print, on_exit=ends.put_nowait, timeout=3)
    assert await asyncio.wait_for(ends.get(), 30) is not None
