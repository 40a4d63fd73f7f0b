"""Finding Dockerfiles, the repository they belong to, and the folder they are built in."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockfix.context import Nearby, guess, named
from dockfix.discover import Found, Skipped, Unusable, discover, named_like_a_dockerfile, root_of
from dockfix.dockerfile import Document
from dockfix.facts import App, Tree

DOCKERFILES = "Dockerfile Dockerfile.dev Dockerfile.alpine3.20 a.Dockerfile a.dockerfile Containerfile Containerfile.a"
OTHERS = """Dockerfile.dockerignore Dockerfile.md Dockerfile.bak Dockerfile.j2 Dockerfile.tmpl Dockerfile~
    Dockerfile.erb Dockerfile.dev.orig MyDockerfile Dockerfiles dockerfile.py .dockerfile"""


@pytest.mark.parametrize("name", DOCKERFILES.split())
def test_names_of_dockerfiles(name: str) -> None:
    assert named_like_a_dockerfile(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_names_of_other_files(name: str) -> None:
    assert not named_like_a_dockerfile(name)


def place(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("FROM busybox\n")


def found(root: Path, *paths: str) -> list[str]:
    items = discover([root / path for path in paths] or [root])
    return [item.path.relative_to(root).as_posix() for item in items if isinstance(item, Found)]


def test_folders_are_searched_in_a_stable_order(tmp_path: Path) -> None:
    place(tmp_path, "b/Dockerfile", "a/Dockerfile", "Dockerfile", "a/x.dockerfile", "README.md")
    assert found(tmp_path) == ["Dockerfile", "a/Dockerfile", "a/x.dockerfile", "b/Dockerfile"]


def test_each_real_file_comes_once(tmp_path: Path) -> None:
    place(tmp_path, "Dockerfile")
    (tmp_path / "link.dockerfile").symlink_to("Dockerfile")
    assert found(tmp_path, ".", "Dockerfile") == ["Dockerfile"]


@pytest.mark.parametrize(
    "folder", ["node_modules/x", ".git/x", "env", ".tox/py", "a/__pycache__"], ids=lambda folder: folder
)
def test_what_tools_made_is_not_entered(tmp_path: Path, folder: str) -> None:
    place(tmp_path, f"{folder}/Dockerfile", "env/pyvenv.cfg")
    assert [item for item in discover([tmp_path]) if not isinstance(item, Skipped)] == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("vendor/x/Dockerfile", "vendored"),
        ("third_party/x/Dockerfile", "vendored"),
        ("tests/Dockerfile", "tests"),
        ("pkg/testdata/a/Dockerfile", "tests"),
        ("Dockerfile.test", "tests"),
        ("e2e.Dockerfile", "tests"),
        (".devcontainer/Dockerfile", "development container"),
    ],
)
def test_what_is_not_for_production_is_left_out_and_said(tmp_path: Path, path: str, why: str) -> None:
    place(tmp_path, path)
    (item,) = discover([tmp_path])
    assert isinstance(item, Skipped)
    assert why in item.why
    assert found(tmp_path, path) == [path]
    assert "contest" not in path
    place(tmp_path, "contest/Dockerfile", "latest.Dockerfile")
    assert found(tmp_path) == ["latest.Dockerfile", "contest/Dockerfile"]


def test_a_given_folder_is_searched_wherever_it_lies(tmp_path: Path) -> None:
    place(tmp_path, "tests/app/Dockerfile")
    assert found(tmp_path, "tests/app") == ["tests/app/Dockerfile"]


def test_compose_names_files_of_any_name(tmp_path: Path) -> None:
    place(tmp_path, "images/api.txt", "images/unrelated.txt")
    (tmp_path / "compose.yaml").write_text(
        "services: {api: {build: {context: ., dockerfile: images/api.txt}}, b: {build: {dockerfile: missing}}}\n"
    )
    assert found(tmp_path) == ["images/api.txt"]


def test_missing_paths_are_told(tmp_path: Path) -> None:
    (item,) = discover([tmp_path / "x"])
    assert isinstance(item, Unusable)


def test_root_is_the_nearest_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert root_of(inner) == tmp_path
    assert root_of(inner, tmp_path / "a") == tmp_path / "a"
    (tmp_path / "a" / ".git").touch()  # a file, as in a worktree or submodule
    assert root_of(inner) == tmp_path / "a"
    monkeypatch.chdir(inner)
    (tmp_path / "a" / ".git").unlink()
    assert root_of(tmp_path / "a") == tmp_path / "a"


# -- the context


@pytest.mark.parametrize(
    ("dockerfile", "source", "files", "context"),
    [
        ("api/Dockerfile", "COPY app.py .", ["api/app.py", "app.py"], "api"),
        ("api/Dockerfile", "COPY api/app.py .", ["api/app.py"], ""),
        ("a/b/Dockerfile", "COPY b/x .", ["a/b/x"], "a"),
        ("docker/Dockerfile", "COPY package*.json ./\nCOPY . .", ["package.json"], ""),
        ("docker/Dockerfile", "COPY . .", ["package.json"], "docker"),
        ("docker/Dockerfile", "COPY missing .", ["package.json"], "docker"),
        ("docker/Dockerfile", "COPY --from=x /y .\nADD https://x.example/y .\nCOPY $A .", [], "docker"),
        ("Dockerfile", "COPY x .", ["x"], ""),
    ],
)
def test_context_is_guessed_from_what_is_copied(dockerfile: str, source: str, files: list[str], context: str) -> None:
    tree = Tree({dockerfile: "", **dict.fromkeys(files, "")})
    assert guess(Document.parse(f"FROM busybox AS x\n{source}\n"), tree, dockerfile) == context


@pytest.mark.parametrize(
    ("build", "context"), [("api", "api"), ("{context: ., dockerfile: api/Dockerfile}", ""), ("web", None)]
)
def test_context_that_compose_names_counts(build: str, context: str | None) -> None:
    tree = Tree({"api/Dockerfile": "", "compose.yaml": f"services: {{a: {{build: {build}}}}}\n"})
    assert named(App(tree, "api/Dockerfile", "api")) == context


def test_walks_see_what_is_near() -> None:
    paths = ["Makefile", "k8s/x.yaml", "services/a/src/x.py", "services/a/Dockerfile", "services/b/x.py", "lib/y.py"]
    tree = Tree(dict.fromkeys([*paths, "services/compose.yaml", "services/deploy/z.yaml"], ""))
    near = Nearby(tree, ["services/a"])
    assert sorted(near.walk()) == sorted(
        {*paths, "services/compose.yaml", "services/deploy/z.yaml"} - {"services/b/x.py", "lib/y.py"}
    )
    assert list(near.walk("lib")) == ["lib/y.py"]
    assert near.read("lib/y.py") == b""
    assert sorted(Nearby(tree, ["services/a", ""]).walk()) == sorted(tree.walk())


def test_a_folder_that_may_not_be_entered_does_not_stop_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pgdata").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM busybox\n")
    exists = Path.exists

    def forbidden(path: Path) -> bool:
        if path.parent.name == "pgdata":
            raise PermissionError(13, "Permission denied")
        return exists(path)

    monkeypatch.setattr(Path, "exists", forbidden)
    found = [item for item in discover([tmp_path]) if isinstance(item, Found)]
    assert [item.path.name for item in found] == ["Dockerfile"]
