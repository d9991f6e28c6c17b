import uuid

import pytest
from e2b import Sandbox, SandboxException, Secret


def test_a_repeated_create_gives_the_same_sandbox():
    key = f"test-{uuid.uuid4()}"
    first = Sandbox.create("base", timeout=60, idempotency_key=key)
    try:
        again = Sandbox.create("base", timeout=60, idempotency_key=key)
        assert again.sandbox_id == first.sandbox_id
        assert again.commands.run("echo test").stdout == "test\n"
        with pytest.raises(SandboxException, match="422"):
            Sandbox.create("base", timeout=61, idempotency_key=key)
    finally:
        first.kill()


def test_secrets():
    name = f"secret-{uuid.uuid4()}"
    made = Secret.create(name, "the value", metadata={"env": "test"})
    try:
        assert (made.name, made.version, made.metadata) == (name, 1, {"env": "test"})
        assert "the value" not in repr(Secret.get_info(name))
        assert Secret.update(made.secret_id, "another").version == 2
        assert Secret.get_info(made.secret_id).metadata == {"env": "test"}
        pages = Secret.list(limit=1)
        found = []
        while pages.has_next:
            found += [secret.secret_id for secret in pages.next_items()]
        assert made.secret_id in found
        assert Secret.exists(name)
    finally:
        assert Secret.destroy(name)
    assert not Secret.exists(name)
    assert not Secret.destroy(name)
