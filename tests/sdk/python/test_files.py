import hashlib
import os

import pytest
from e2b import FileNotFoundException, FileType, InvalidArgumentException


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
