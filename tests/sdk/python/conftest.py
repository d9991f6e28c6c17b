"""Fixtures for tests of a running cloud through the published Python SDK.

The cloud is started elsewhere; the environment says where it is:
E2B_API_URL, E2B_SANDBOX_URL, E2B_API_KEY, E2B_DOMAIN (host and port of the sandbox proxy),
SANDBANK_TEST_ISOLATION (gvisor or container; which tier that cloud runs).
"""

import os
import time

import pytest
from e2b import AsyncSandbox, Sandbox

REQUIRED = ("E2B_API_URL", "E2B_SANDBOX_URL", "E2B_API_KEY", "E2B_DOMAIN")


def pytest_configure(config):
    missing = [name for name in REQUIRED if not os.environ.get(name)]
    if missing:
        raise pytest.UsageError(f"these tests need a running cloud; not set: {', '.join(missing)}")


def pytest_report_header(config):
    isolation = os.environ.get("SANDBANK_TEST_ISOLATION", "unknown")
    return f"cloud: {os.environ.get('E2B_API_URL')}, isolation: {isolation}"


@pytest.fixture(scope="session")
def isolation():
    return os.environ.get("SANDBANK_TEST_ISOLATION", "unknown")


@pytest.fixture(scope="module")
def sandbox():
    """One sandbox for all tests of a module that do not end it; it lives for longer than they take on a slow machine."""
    sandbox = Sandbox.create("base", timeout=3600)
    yield sandbox
    sandbox.kill()


@pytest.fixture
def own_sandbox():
    """A sandbox that the test may end."""
    sandbox = Sandbox.create("base", timeout=120)
    yield sandbox
    sandbox.kill()


@pytest.fixture
async def async_sandbox():
    sandbox = await AsyncSandbox.create("base", timeout=120)
    yield sandbox
    await sandbox.kill()


@pytest.fixture
def eventually():
    """Calls a function until it gives something true, or fails after `timeout` seconds."""

    def wait(check, timeout=30.0):
        end = time.monotonic() + timeout
        while True:
            value = check()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"not within {timeout} s: {check}")
            time.sleep(0.05)

    return wait
