import os

import pytest
import requests
from e2b import AuthenticationException, NotFoundException, Sandbox, SandboxException

API = os.environ.get("E2B_API_URL", "")
KEY = {"X-API-Key": os.environ.get("E2B_API_KEY", "")}


def create(body, headers=KEY, path="/v2/sandboxes"):
    return requests.post(f"{API}{path}", json=body, headers=headers, timeout=30)


@pytest.mark.parametrize("path", ["/v2/sandboxes", "/sandboxes"])
def test_unknown_template(path):
    answer = create({"templateID": "no-such-template"}, path=path)
    assert answer.status_code == 404
    assert answer.json()["code"] == 404
    assert "no-such-template" in answer.json()["message"]


def test_unknown_template_through_the_sdk():
    with pytest.raises((NotFoundException, SandboxException), match="no-such-template"):
        Sandbox.create("no-such-template")


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "e2b_" + "0" * 40}, {"X-API-Key": "nonsense"}])
def test_wrong_key(headers):
    answer = create({"templateID": "base"}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == 401
    assert answer.json()["message"]


def test_wrong_key_through_the_sdk():
    with pytest.raises(AuthenticationException):
        Sandbox.create("base", api_key="e2b_" + "0" * 40)


@pytest.mark.parametrize(
    "body, field",
    [
        ({}, "templateID"),
        ({"templateID": 7}, "templateID"),
        ({"templateID": "base", "timeout": "soon"}, "timeout"),
        ({"templateID": "base", "timeout": -1}, "timeout"),
        ({"templateID": "base", "metadata": {"a": 1}}, "metadata"),
        ({"templateID": "base", "envVars": "A=1"}, "envVars"),
    ],
)
def test_a_malformed_body_names_the_field(body, field):
    answer = create(body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == 400
    assert field in answer.json()["message"]


def test_a_body_that_is_no_json():
    headers = {**KEY, "Content-Type": "application/json"}
    answer = requests.post(f"{API}/v2/sandboxes", data="{not json", headers=headers, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["code"] == 400


def test_timeout_above_the_maximum():
    answer = create({"templateID": "base", "timeout": 1_000_000})
    assert answer.status_code == 400
    assert "imeout" in answer.json()["message"]


def test_unknown_sandbox_and_route():
    assert requests.get(f"{API}/sandboxes/i{'0' * 20}", headers=KEY, timeout=10).status_code == 404
    assert requests.delete(f"{API}/sandboxes/i{'0' * 20}", headers=KEY, timeout=10).status_code == 404
    unknown = requests.get(f"{API}/no/such/route", headers=KEY, timeout=10)
    assert unknown.status_code == 404
    assert unknown.json()["code"] == 404


def test_health_needs_no_key():
    assert requests.get(f"{API}/health", timeout=10).status_code in (200, 204)
