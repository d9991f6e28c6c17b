import hashlib
import os

import pytest
from e2b import (
    AuthenticationException,
    FileNotFoundException,
    FileType,
    InvalidArgumentException,
    NotEnoughSpaceException,
)


@pytest.mark.parametrize("size", [0, 1, 10 * 1024 * 1024])
def test_write_and_read_back(sandbox, size):
    data = os.urandom(size)
    info = sandbox.files.write(f"data-{size}.bin", data)
    assert info.path == f"/home/user/data-{size}.bin"
    assert bytes(sandbox.files.read(f"data-{size}.bin", format="bytes")) == data
    digest = sandbox.commands.run(f"sha256sum < data-{size}.bin").stdout.split()[0]
    assert digest == hashlib.sha256(data).hexdigest()


def test_streamed_read(sandbox):
    data = os.urandom(3 * 1024 * 1024)
    sandbox.files.write("streamed.bin", data)
    assert b"".join(sandbox.files.read("streamed.bin", format="stream")) == data


@pytest.mark.parametrize("name", ["größe-文件.txt", "with space.txt", "a+b&c=d%20.txt", "quote'\".txt"])
def test_names(sandbox, name):
    sandbox.files.write(f"names/{name}", "content")
    assert sandbox.files.read(f"names/{name}") == "content"
    assert name in [entry.name for entry in sandbox.files.list("names")]
    sandbox.files.remove(f"names/{name}")
    assert sandbox.files.exists(f"names/{name}") is False


def test_several_files_at_once(sandbox):
    written = sandbox.files.write_files(
        [{"path": f"many/{n}.txt", "data": f"content {n}"} for n in range(10)]
    )
    assert [info.path for info in written] == [f"/home/user/many/{n}.txt" for n in range(10)]
    assert sandbox.files.read("many/7.txt") == "content 7"


def test_owner_mode_and_parents(sandbox):
    sandbox.files.write("deep/er/file.txt", "x")
    assert sandbox.commands.run("stat -c '%U %a' deep deep/er deep/er/file.txt").stdout == (
        "user 755\nuser 755\nuser 644\n"
    )
    sandbox.files.write("/root/secret.txt", "x", user="root")
    assert sandbox.commands.run("stat -c %U /root/secret.txt", user="root").stdout == "root\n"


def test_list_with_depth(sandbox):
    sandbox.files.make_dir("tree/a/b")
    sandbox.files.write("tree/a/b/leaf", "x")
    assert [entry.name for entry in sandbox.files.list("tree")] == ["a"]
    assert sorted(entry.path for entry in sandbox.files.list("tree", depth=3)) == [
        "/home/user/tree/a",
        "/home/user/tree/a/b",
        "/home/user/tree/a/b/leaf",
    ]


def test_info(sandbox):
    sandbox.files.write("info.txt", "12345")
    info = sandbox.files.get_info("info.txt")
    assert (info.name, info.type, info.size, info.owner) == ("info.txt", FileType.FILE, 5, "user")
    assert info.permissions.endswith("rw-r--r--")
    sandbox.commands.run("ln -sf info.txt info.link")
    assert sandbox.files.get_info("info.link").symlink_target.endswith("info.txt")


def test_rename_make_dir_exists_remove(sandbox):
    assert sandbox.files.make_dir("made") is True
    assert sandbox.files.make_dir("made") is False
    sandbox.files.write("made/one", "1")
    assert sandbox.files.rename("made/one", "made/two").path == "/home/user/made/two"
    assert sandbox.files.exists("made/one") is False
    assert sandbox.files.exists("made/two") is True
    sandbox.files.remove("made")
    assert sandbox.files.exists("made") is False


def test_errors(sandbox):
    with pytest.raises(FileNotFoundException):
        sandbox.files.read("no/such/file")
    with pytest.raises(FileNotFoundException):
        sandbox.files.list("no/such/dir")
    with pytest.raises(FileNotFoundException):
        sandbox.files.get_info("no/such/file")
    with pytest.raises(InvalidArgumentException):
        sandbox.files.read("/home/user")
    with pytest.raises(FileNotFoundException):
        sandbox.files.rename("no/such/file", "other")
    sandbox.files.write("plain.txt", "x")
    for call in (
        lambda: sandbox.files.list("plain.txt"),
        lambda: sandbox.files.list(".", depth=0),
        lambda: sandbox.files.make_dir("plain.txt"),
        lambda: sandbox.files.write("/home/user", "x"),
    ):
        with pytest.raises(InvalidArgumentException):
            call()
    with pytest.raises(AuthenticationException):
        sandbox.files.write("plain.txt", "x", user="nobody-here")
    sandbox.files.remove("no/such/file")


def test_overwriting_keeps_only_the_new_content(sandbox):
    sandbox.files.write("over.txt", "a long first content")
    sandbox.files.write("over.txt", "short")
    assert sandbox.files.read("over.txt") == "short"


def test_watch_dir_by_polling(sandbox, eventually):
    sandbox.files.make_dir("polled")
    watch = sandbox.files.watch_dir("polled", recursive=True)
    sandbox.files.write("polled/new.txt", "x")
    sandbox.files.write("polled/sub/inner.txt", "x")
    names = set()

    def both_seen():
        names.update(event.name for event in watch.get_new_events())
        return {"new.txt", "sub"} <= names

    eventually(both_seen)
    watch.stop()


def test_gzip_both_ways(sandbox):
    text = "compresses well " * 100_000
    sandbox.files.write("zipped.txt", text, gzip=True)
    assert sandbox.commands.run("head -c 16 zipped.txt; wc -c < zipped.txt").stdout == (
        f"compresses well {len(text)}\n"
    )
    assert sandbox.files.read("zipped.txt", gzip=True) == text


def test_streamed_upload(sandbox):
    chunks = [os.urandom(256 * 1024) for _ in range(20)]
    sandbox.files.write("chunked.bin", iter(chunks))
    assert bytes(sandbox.files.read("chunked.bin", format="bytes")) == b"".join(chunks)


def test_metadata_stays_with_the_file(sandbox):
    sandbox.files.write("tagged.txt", "x", metadata={"Origin": "a test", "n": "1"})
    assert sandbox.files.get_info("tagged.txt").metadata == {"origin": "a test", "n": "1"}
    sandbox.files.write("tagged.txt", "x", metadata={"n": "2"})
    assert sandbox.files.get_info("tagged.txt").metadata == {"n": "2"}
    with pytest.raises(InvalidArgumentException):
        sandbox.files.write("tagged.txt", "x", metadata={"n": "ü"})


@pytest.mark.parametrize("octet_stream", [False, True])
def test_a_full_disk_is_said_so(own_sandbox, octet_stream):
    free_mib = int(own_sandbox.commands.run("df -m --output=avail /home/user | tail -1").stdout)
    own_sandbox.commands.run(f"fallocate -l {free_mib - 2}M filler")
    with pytest.raises(NotEnoughSpaceException):
        own_sandbox.files.write("too-much.bin", b"x" * (20 * 1024 * 1024), use_octet_stream=octet_stream)
    own_sandbox.files.remove("filler")
    own_sandbox.files.write("fits.bin", b"x" * (4 * 1024 * 1024))
