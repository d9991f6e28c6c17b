"""Network rules with stored secrets; what they do to traffic is tested in tests/security."""

import time

import pytest
from e2b import Sandbox, SandboxException, Secret

HOST = "api.example.com"


@pytest.fixture
def secret():
    name = f"rules-py-{time.time_ns()}"
    Secret.create(name, "the value")
    yield name
    Secret.destroy(name)


def network_with(value):
    return {"rules": {HOST: [{"transform": {"headers": {"Authorization": value}}}]}}


def test_a_rule_with_a_secret_is_taken_at_create_and_later(secret, own_sandbox):
    placeholder = f"Bearer {Secret.fill(secret)}"
    made = Sandbox.create("base", timeout=60, network=network_with(placeholder))
    try:
        output = made.commands.run("cat $NODE_EXTRA_CA_CERTS; env").stdout
        assert "-----BEGIN CERTIFICATE-----" in output
        assert "the value" not in output
    finally:
        made.kill()
    own_sandbox.update_network(network_with(placeholder))
    assert "NODE_EXTRA_CA_CERTS" in own_sandbox.commands.run("env").stdout


def test_a_secret_that_is_not_there_is_refused_by_name():
    with pytest.raises(SandboxException, match="not-there"):
        Sandbox.create("base", network=network_with(Secret.fill("not-there")))
