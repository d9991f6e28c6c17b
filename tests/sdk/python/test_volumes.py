"""Volumes of the synchronous client; tests/sdk/js/volumes.sdk.test.ts looks at mounts more closely."""

import io
import os

import pytest
from e2b import Sandbox, Volume
from e2b.exceptions import NotFoundException


@pytest.fixture
def volume():
    volume = Volume.create(f"py-{os.urandom(6).hex()}")
    yield volume
    Volume.destroy(volume.volume_id)


def test_volumes(volume):
    info = Volume.get_info(volume.volume_id)
    assert (info.volume_id, info.name, info.domain) == (volume.volume_id, volume.name, None)
    assert volume.volume_id in [each.volume_id for each in Volume.list()]
    volume.write_file("/file", "kept")
    again = Volume.connect(volume.volume_id)
    assert again.read_file("/file") == "kept"
    with pytest.raises(Exception, match="400: There is a volume"):
        Volume.create(volume.name)
    assert Volume.destroy(volume.volume_id) is True
    assert Volume.destroy(volume.volume_id) is False
    with pytest.raises(NotFoundException):
        Volume.connect(volume.volume_id)
    with pytest.raises(NotFoundException):
        again.read_file("/file")


def test_files(volume):
    data = os.urandom(3 * 1024 * 1024)
    stat = volume.write_file("/a/b/data", data, uid=1000, gid=1001, mode=0o640)
    assert (stat.path, stat.size, stat.uid, stat.gid, stat.mode) == ("/a/b/data", len(data), 1000, 1001, 0o640)
    assert stat.type == "file" and stat.mtime.tzinfo is not None and stat.target is None
    assert volume.read_file("/a/b/data", format="bytes") == data
    assert b"".join(volume.read_file("/a/b/data", format="stream")) == data
    volume.write_file("/streamed", io.BytesIO(data))
    assert volume.read_file("/streamed", format="bytes") == data
    volume.write_file("/text", io.StringIO("ä€😀 " * 1000))
    assert volume.read_file("/text") == "ä€😀 " * 1000
    volume.write_file("/text", "")
    assert volume.read_file("/text") == ""
    with pytest.raises(Exception, match="409: path /text exists"):
        volume.write_file("/text", "x", force=False)


def test_directories_and_metadata(volume):
    made = volume.make_dir("/dir", mode=0o700)
    assert (made.type, made.mode, made.uid) == ("directory", 0o700, 0)
    with pytest.raises(Exception, match="409"):
        volume.make_dir("/dir")
    with pytest.raises(NotFoundException):
        volume.make_dir("/no/parent")
    volume.make_dir("/no/parent", force=True)
    assert [entry.path for entry in volume.list("/")] == ["/dir", "/no"]
    assert [entry.path for entry in volume.list("/", depth=2)] == ["/dir", "/no", "/no/parent"]
    changed = volume.update_metadata("/dir", uid=7, mode=0o755)
    assert (changed.uid, changed.gid, changed.mode) == (7, 0, 0o755)
    assert volume.get_info("/dir").uid == 7
    assert volume.exists("/dir") and not volume.exists("/none")
    volume.remove("/no")
    assert not volume.exists("/no/parent")
    with pytest.raises(NotFoundException):
        volume.remove("/no")
    with pytest.raises(Exception, match="400"):
        volume.remove("/")


def test_mounted_and_outliving_its_sandbox(volume):
    volume.write_file("/before", "written before")
    sandbox = Sandbox.create("base", timeout=120, volume_mounts={"/mnt/data": volume})
    try:
        assert [(m["name"], m["path"]) for m in sandbox.get_info().volume_mounts] == [(volume.name, "/mnt/data")]
        assert sandbox.files.read("/mnt/data/before") == "written before"
        sandbox.files.write("/mnt/data/inside", "written inside")
        sandbox.commands.run("ln -s /etc/passwd /mnt/data/link")
        assert volume.get_info("/link").target == "/etc/passwd"
        with pytest.raises(NotFoundException):
            volume.read_file("/link")
        with pytest.raises(Exception, match="409.*mounted in"):
            Volume.destroy(volume.volume_id)
    finally:
        sandbox.kill()
    assert volume.read_file("/inside") == "written inside"


def test_a_full_volume_is_told(volume):
    sandbox = Sandbox.create("base", timeout=120, volume_mounts={"/mnt/full": volume})
    try:
        room = "$(($(stat -f -c '%a * %S' /mnt/full) - 16777216))"
        sandbox.commands.run(f"fallocate -l {room} /mnt/full/big")
        with pytest.raises(Exception, match="507: Volume .* is full"):
            volume.write_file("/more", bytes(64 * 1024 * 1024))
        with pytest.raises(Exception, match="507: Volume .* is full"):
            volume.write_file("/more", io.BytesIO(bytes(64 * 1024 * 1024)))
        assert not volume.exists("/more")
    finally:
        sandbox.kill()


def test_unknown_volume_is_refused(volume):
    with pytest.raises(Exception, match="volume 'no-such-volume' not found"):
        Sandbox.create("base", volume_mounts={"/mnt/data": "no-such-volume", "/mnt/other": volume.name})
