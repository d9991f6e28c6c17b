"""Every method of sandbox.git, with bare repositories inside the sandbox as the remotes."""

from pathlib import Path

import pytest
from e2b import (
    CommandExitException,
    GitAuthException,
    GitUpstreamException,
    InvalidArgumentException,
    Sandbox,
)

SERVER = Path(__file__).parent.parent / "git-server.py"


@pytest.fixture(scope="module")
def sandbox():
    sandbox = Sandbox.create("base", timeout=3600)
    sandbox.git.configure_user("A Test", "test@example.com")
    yield sandbox
    sandbox.kill()


@pytest.fixture(scope="module")
def git(sandbox):
    return sandbox.git


@pytest.fixture
def repo(sandbox, git, request):
    """A repository with one commit of a.txt on main."""
    path = f"/home/user/{request.node.name}"
    git.init(path, initial_branch="main")
    sandbox.files.write(f"{path}/a.txt", "one\n")
    git.add(path)
    git.commit(path, "first")
    return path


@pytest.fixture(scope="module")
def server(sandbox, git):
    """Bare repositories under /home/user/srv, over HTTP with a password."""
    git.init("/home/user/srv/private.git", bare=True, initial_branch="main")
    sandbox.files.write("git-server.py", SERVER.read_bytes())
    handle = sandbox.commands.run(
        "python3 git-server.py /home/user/srv 8090 alice secret", background=True, timeout=0
    )
    assert next(iter(handle))[0] == "listening\n"
    yield "http://127.0.0.1:8090/private.git"
    handle.kill()


def test_configuration(git):
    assert git.get_config("user.name") == "A Test"
    assert git.get_config("user.email") == "test@example.com"
    git.set_config("core.quotePath", "false")
    assert git.get_config("core.quotePath") == "false"
    assert git.get_config("no.such-key") is None
    with pytest.raises(CommandExitException):
        git.set_config("no-section", "x")
    with pytest.raises(InvalidArgumentException):
        git.configure_user("", "")
    with pytest.raises(InvalidArgumentException):
        git.set_config("user.name", "x", scope="local")


def test_local_configuration_is_of_the_repository(git, repo):
    git.configure_user("Local", "local@example.com", scope="local", path=repo)
    assert git.get_config("user.name", scope="local", path=repo) == "Local"
    assert git.get_config("user.name") == "A Test"


def test_status_add_and_commit(sandbox, git):
    repo = "/home/user/status"
    assert "Initialized empty Git repository" in git.init(repo, initial_branch="trunk").stdout
    sandbox.files.write_files(
        [{"path": f"{repo}/{name}", "data": name} for name in ("a.txt", "b c.txt", "ä.txt")]
    )
    status = git.status(repo)
    assert (status.current_branch, status.has_untracked, status.total_count) == ("trunk", True, 3)
    git.add(repo, files=["a.txt"])
    status = git.status(repo)
    assert (status.staged_count, status.untracked_count) == (1, 2)
    git.add(repo)
    assert "first commit" in git.commit(repo, "first commit").stdout
    assert git.status(repo).is_clean
    sandbox.files.write(f"{repo}/a.txt", "changed")
    changed = {entry.name: entry.status for entry in git.status(repo).file_status}
    assert changed == {"a.txt": "modified"}


def test_author_and_empty_commit(sandbox, git, repo):
    with pytest.raises(CommandExitException):
        git.commit(repo, "nothing to commit")
    git.commit(repo, "it's \"empty\" $HOME", "Other Person", "other@example.com", allow_empty=True)
    log = sandbox.commands.run("git log -1 --format='%an|%ae|%s'", cwd=repo)
    assert log.stdout == 'Other Person|other@example.com|it\'s "empty" $HOME\n'


def test_branches(git, repo):
    git.create_branch(repo, "feature/x")
    branches = git.branches(repo)
    assert (sorted(branches.branches), branches.current_branch) == (["feature/x", "main"], "feature/x")
    git.commit(repo, "only there", allow_empty=True)
    git.checkout_branch(repo, "main")
    with pytest.raises(CommandExitException):
        git.delete_branch(repo, "feature/x")
    git.delete_branch(repo, "feature/x", force=True)
    assert git.branches(repo).branches == ["main"]
    with pytest.raises(CommandExitException):
        git.checkout_branch(repo, "no-such-branch")
    with pytest.raises(CommandExitException):
        git.create_branch(repo, "main")


def test_reset_and_restore(sandbox, git, repo):
    sandbox.files.write(f"{repo}/a.txt", "two\n")
    git.add(repo)
    git.restore(repo, ["a.txt"], staged=True)
    assert git.status(repo).has_staged is False
    git.restore(repo, ["a.txt"])
    assert sandbox.files.read(f"{repo}/a.txt") == "one\n"
    sandbox.files.write(f"{repo}/a.txt", "three\n")
    git.add(repo)
    git.reset(repo, paths=["a.txt"])
    assert git.status(repo).has_staged is False
    git.commit(repo, "second", allow_empty=True)
    git.reset(repo, mode="hard", target="HEAD~1")
    assert git.status(repo).is_clean
    assert sandbox.files.read(f"{repo}/a.txt") == "one\n"
    with pytest.raises(CommandExitException):
        git.reset(repo, target="no-such-commit")
    with pytest.raises(InvalidArgumentException):
        git.reset(repo, mode="sideways")
    with pytest.raises(InvalidArgumentException):
        git.restore(repo, [])


def test_remotes(git, repo):
    assert git.remote_get(repo, "origin") is None
    git.remote_add(repo, "origin", "/srv/one.git")
    assert git.remote_get(repo, "origin") == "/srv/one.git"
    with pytest.raises(CommandExitException):
        git.remote_add(repo, "origin", "/srv/two.git")
    git.remote_add(repo, "origin", "/srv/two.git", overwrite=True)
    assert git.remote_get(repo, "origin") == "/srv/two.git"
    with pytest.raises(CommandExitException):
        git.remote_add(repo, "broken", "/no/such/repository", fetch=True)


def test_push_clone_and_pull(sandbox, git, repo):
    bare = f"{repo}.git"
    git.init(bare, bare=True, initial_branch="main")
    with pytest.raises(GitUpstreamException):
        git.pull(repo)
    git.remote_add(repo, "origin", bare)
    with pytest.raises(GitUpstreamException):
        git.push(repo, set_upstream=False)
    git.push(repo, remote="origin", branch="main")
    assert git.status(repo).upstream == "origin/main"

    copy = f"{repo}-copy"
    git.clone(bare, path=copy, branch="main", depth=1)
    assert sandbox.files.read(f"{copy}/a.txt") == "one\n"
    sandbox.files.write(f"{copy}/a.txt", "two\n")
    git.add(copy)
    git.commit(copy, "second")
    assert git.status(copy).ahead == 1
    git.push(copy)
    git.pull(repo)
    assert sandbox.files.read(f"{repo}/a.txt") == "two\n"


def test_clone_errors(git):
    with pytest.raises(CommandExitException, match="does not exist") as caught:
        git.clone("/no/such/repository", path="nowhere")
    assert caught.value.exit_code == 128
    with pytest.raises(CommandExitException, match="not a git repository"):
        git.status("/tmp")
    with pytest.raises(InvalidArgumentException):
        git.clone("http://127.0.0.1:8090/private.git", password="secret")


def test_credentials_are_used_and_not_kept(sandbox, git, repo, server):
    with pytest.raises(GitAuthException):
        git.clone(server, path="denied")
    with pytest.raises(GitAuthException):
        git.clone(server, path="denied", username="alice", password="wrong")
    git.remote_add(repo, "origin", server)
    with pytest.raises(GitAuthException):
        git.push(repo, remote="origin", branch="main")
    git.push(repo, remote="origin", branch="main", username="alice", password="secret")
    git.pull(repo, username="alice", password="secret")
    assert git.remote_get(repo, "origin") == server
    git.clone(server, path="private", username="alice", password="secret")
    assert sandbox.files.read("private/a.txt") == "one\n"
    assert git.remote_get("/home/user/private", "origin") == server


def test_dangerously_authenticate_stores_credentials(sandbox, git, server):
    with pytest.raises(InvalidArgumentException):
        git.dangerously_authenticate("", "")
    git.dangerously_authenticate("alice", "secret", host="127.0.0.1:8090", protocol="http")
    assert git.get_config("credential.helper") == "store"
    git.clone(server, path="stored")
    assert sandbox.files.exists("stored/.git") is True


def test_user_and_directory(sandbox, git):
    git.init("theirs", user="root", cwd="/opt")
    assert sandbox.files.get_info("/opt/theirs/.git").owner == "root"
