"""Every method of sandbox.git of the asynchronous client, in one walk: test_git.py looks at each more closely."""

import pytest
from e2b import CommandExitException, GitUpstreamException, InvalidArgumentException

REPO = "/home/user/repo"
BARE = "/home/user/bare.git"
COPY = "/home/user/copy"


async def test_every_method(async_sandbox):
    git, files = async_sandbox.git, async_sandbox.files
    await git.configure_user("A Test", "test@example.com")
    await git.set_config("push.default", "current")
    assert await git.get_config("push.default") == "current"
    assert await git.get_config("no.such-key") is None
    await git.dangerously_authenticate("alice", "secret", host="127.0.0.1", protocol="http")
    assert await files.read(".git-credentials") == "http://alice:secret@127.0.0.1\n"

    await git.init(REPO, initial_branch="main")
    await files.write(f"{REPO}/a.txt", "one\n")
    assert (await git.status(REPO)).has_untracked
    await git.add(REPO)
    await git.commit(REPO, "first")
    assert (await git.status(REPO)).is_clean

    await git.create_branch(REPO, "feature")
    await git.checkout_branch(REPO, "main")
    assert sorted((await git.branches(REPO)).branches) == ["feature", "main"]
    await git.delete_branch(REPO, "feature")
    assert (await git.branches(REPO)).branches == ["main"]

    await files.write(f"{REPO}/a.txt", "two\n")
    await git.restore(REPO, ["a.txt"])
    assert await files.read(f"{REPO}/a.txt") == "one\n"
    await git.commit(REPO, "second", allow_empty=True)
    await git.reset(REPO, mode="hard", target="HEAD~1")

    await git.init(BARE, bare=True, initial_branch="main")
    assert await git.remote_get(REPO, "origin") is None
    await git.remote_add(REPO, "origin", BARE)
    assert await git.remote_get(REPO, "origin") == BARE
    await git.push(REPO, remote="origin", branch="main")
    await git.clone(BARE, path=COPY)
    await git.commit(COPY, "third", allow_empty=True)
    await git.push(COPY)
    await git.pull(REPO)
    assert (await git.status(REPO)).ahead == 0
    log = await async_sandbox.commands.run("git log -1 --format=%s", cwd=REPO)
    assert log.stdout == "third\n"


async def test_errors(async_sandbox):
    git = async_sandbox.git
    await git.init(REPO)
    with pytest.raises(CommandExitException, match="does not exist"):
        await git.clone("/no/such/repository", path=COPY)
    with pytest.raises(CommandExitException):
        await git.commit(REPO, "nothing to commit")
    with pytest.raises(GitUpstreamException):
        await git.pull(REPO)
    with pytest.raises(InvalidArgumentException):
        await git.reset(REPO, mode="sideways")
