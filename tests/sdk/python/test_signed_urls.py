"""Signed URLs: what a browser gets that has no token."""

import requests


def test_download(sandbox):
    sandbox.files.write("dir/ä b.txt", "by signature")
    url = sandbox.download_url("dir/ä b.txt", use_signature_expiration=60)
    assert requests.get(url, timeout=10).text == "by signature"
    part = requests.get(url, headers={"Range": "bytes=3-11"}, timeout=10)
    assert (part.status_code, part.text) == (206, "signature")


def test_upload(sandbox):
    url = sandbox.upload_url("uploaded.txt", use_signature_expiration=60)
    answer = requests.post(url, files={"file": ("any.txt", b"from a form")}, timeout=10)
    assert answer.status_code == 200
    assert sandbox.files.read("uploaded.txt") == "from a form"


def test_of_another_user(sandbox):
    sandbox.files.write("/root/secret.txt", "of root", user="root")
    url = sandbox.download_url("/root/secret.txt", user="root")
    assert requests.get(url, timeout=10).text == "of root"


def test_a_signature_is_good_for_nothing_else(sandbox):
    sandbox.files.write("one.txt", "1")
    sandbox.files.write("two.txt", "2")
    url = sandbox.download_url("one.txt")
    assert requests.get(url, timeout=10).status_code == 200
    for other in (
        url.replace("one.txt", "two.txt"),
        url.replace("signature=v1_", "signature=v1_A"),
        f"{url}&username=root",
        url.split("&signature=")[0],
    ):
        answer = requests.get(other, timeout=10)
        assert answer.status_code in (400, 401, 403, 404), other
    assert requests.post(url, files={"file": b"x"}, timeout=10).status_code in (400, 401, 403, 404)


def test_it_expires(sandbox, eventually):
    sandbox.files.write("short.txt", "x")
    url = sandbox.download_url("short.txt", use_signature_expiration=1)
    eventually(lambda: requests.get(url, timeout=10).status_code == 401)
