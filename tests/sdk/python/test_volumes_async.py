"""Every method of volumes of the asynchronous client; test_volumes.py looks at each more closely."""

import io
import os

import pytest
from e2b import AsyncSandbox, AsyncVolume
from e2b.exceptions import NotFoundException


@pytest.fixture
async def volume():
    volume = await AsyncVolume.create(f"py-async-{os.urandom(6).hex()}")
    yield volume
    await AsyncVolume.destroy(volume.volume_id)


async def test_volumes(volume):
    assert (await AsyncVolume.get_info(volume.volume_id)).name == volume.name
    assert volume.volume_id in [each.volume_id for each in await AsyncVolume.list()]
    assert (await AsyncVolume.connect(volume.volume_id)).name == volume.name
    assert await AsyncVolume.destroy(volume.volume_id) is True
    assert await AsyncVolume.destroy(volume.volume_id) is False


async def test_content(volume):
    data = os.urandom(3 * 1024 * 1024)
    stat = await volume.write_file("/a/data", io.BytesIO(data), uid=1000, mode=0o600)
    assert (stat.size, stat.uid, stat.mode) == (len(data), 1000, 0o600)
    assert await volume.read_file("/a/data", format="bytes") == data
    stream = await volume.read_file("/a/data", format="stream")
    assert b"".join([part async for part in stream]) == data
    await volume.make_dir("/a/dir")
    assert [entry.path for entry in await volume.list("/", depth=2)] == ["/a", "/a/data", "/a/dir"]
    assert (await volume.update_metadata("/a/dir", gid=9)).gid == 9
    assert (await volume.get_info("/a/dir")).gid == 9
    assert await volume.exists("/a/dir")
    await volume.remove("/a")
    assert not await volume.exists("/a/dir")
    with pytest.raises(NotFoundException):
        await volume.read_file("/a/data")


async def test_mounted(volume):
    sandbox = await AsyncSandbox.create("base", timeout=120, volume_mounts={"/mnt/data": volume.name})
    try:
        await sandbox.files.write("/mnt/data/inside", "written inside")
        assert await volume.read_file("/inside") == "written inside"
    finally:
        await sandbox.kill()
