"""Metrics of sandboxes through the SDK."""

from datetime import datetime, timedelta, timezone

import pytest
from e2b import Sandbox
from e2b.exceptions import SandboxException


def test_metrics(sandbox, eventually):
    samples = eventually(sandbox.get_metrics)
    now = datetime.now(timezone.utc)
    for sample in samples:
        assert abs(now - sample.timestamp.astimezone(timezone.utc)) < timedelta(minutes=10)
        assert sample.cpu_count == 2
        assert 0 <= sample.cpu_used_pct <= 100
        assert 0 < sample.mem_used < sample.mem_total
        assert 0 <= sample.disk_used < sample.disk_total


def test_metrics_of_a_time(sandbox, eventually):
    eventually(sandbox.get_metrics)
    long_ago = datetime.now(timezone.utc) - timedelta(days=1)
    assert sandbox.get_metrics(end=long_ago) == []
    assert Sandbox.get_metrics(sandbox.sandbox_id, start=long_ago)


async def test_metrics_async(async_sandbox):
    assert isinstance(await async_sandbox.get_metrics(), list)


def test_metrics_of_no_sandbox():
    with pytest.raises(SandboxException):
        Sandbox.get_metrics("i00000000000000000000")
