from __future__ import annotations

import pytest

from dockfix.facts import App, Tree


def ignore(source: str, **files: str) -> App:
    return App(Tree({".dockerignore": source, "Dockerfile": "FROM scratch", **files}))


@pytest.mark.parametrize(
    ("source", "path", "ignored"),
    [
        pytest.param("node_modules", "node_modules/a/b.js", True, id="a folder takes its contents along"),
        pytest.param("node_modules", "web/node_modules/a.js", False, id="a plain name holds at the root only"),
        pytest.param("**/node_modules", "web/node_modules/a.js", True, id="stars reach any depth"),
        pytest.param("**/node_modules", "node_modules", True, id="stars reach the root too"),
        pytest.param("**/node_modules", "my_node_modules", False, id="stars with a slash match whole names"),
        pytest.param("**.log", "a/b/x.log", True, id="stars without a slash match endings"),
        pytest.param("/dist/", "dist/x.js", True, id="outer slashes do not matter"),
        pytest.param("*.md", "README.md", True, id="a star"),
        pytest.param("*.md", "docs/README.md", False, id="a star does not cross a slash"),
        pytest.param("*/temp*", "a/temporary", True, id="a star as a folder"),
        pytest.param("temp?", "tempa", True, id="one character"),
        pytest.param("temp?", "temp", False, id="exactly one character"),
        pytest.param("file[0-9].txt", "file7.txt", True, id="a class"),
        pytest.param("file[^0-9].txt", "file7.txt", False, id="a negated class"),
        pytest.param("a.c", "abc", False, id="a dot is a dot"),
        pytest.param("*.md\n!README.md", "README.md", False, id="taken back in"),
        pytest.param("!README.md\n*.md", "README.md", True, id="the last one wins"),
        pytest.param("*\n!src\n!package.json", "src/a/b.ts", False, id="all but some"),
        pytest.param("*\n!src\n!package.json", "other/b.ts", True, id="all but others"),
        pytest.param("docs\n!docs/keep.md", "docs/keep.md", False, id="a child of an ignored folder is taken back in"),
        pytest.param("docs/**\n!docs/keep.md", "docs/other.md", True, id="its siblings are not"),
        pytest.param("# x\n #y", "#y", True, id="only a leading hash makes a comment"),
        pytest.param("  spaced  ", "spaced", True, id="blanks around are cut"),
        pytest.param("! spaced\nspaced", "spaced", True, id="blanks behind the mark are cut"),
        pytest.param("a/../b", "b", True, id="paths are cleaned"),
        pytest.param("\ufeffdist", "dist", True, id="a byte order mark is no part of the pattern"),
        pytest.param("dist\r\nbuild\r\n", "build/x", True, id="CR LF"),
        pytest.param("foo/**", "foo", False, id="what is under a folder is not the folder"),
        pytest.param("\\*", "*", True, id="an escaped star"),
    ],
)
def test_patterns_are_read_as_buildkit_reads_them(source: str, path: str, ignored: bool) -> None:
    assert ignore(source).ignore.ignores(path) is ignored


def test_the_file_named_after_the_dockerfile_comes_first() -> None:
    files = Tree(
        {"api/Dockerfile": "", "api/Dockerfile.dockerignore": "dist", ".dockerignore": "src", "api/.dockerignore": "x"}
    )
    found = App(files, "api/Dockerfile", "").ignore
    assert (found.path, found.ignores("dist"), found.ignores("src")) == ("api/Dockerfile.dockerignore", True, False)


def test_without_a_file_the_context_root_is_named() -> None:
    found = App(Tree({"api/Dockerfile": ""}), "api/Dockerfile", "api").ignore
    assert (found.exists, found.path, found.ignores("node_modules")) == (False, "api/.dockerignore", False)


def test_a_pattern_that_docker_refuses_is_a_problem() -> None:
    app = ignore("ok\n[a-\n!")
    assert not app.ignore.ignores("other")
    assert [problem.origin for problem in app.problems] == [".dockerignore:2", ".dockerignore:3"]


@pytest.mark.parametrize(
    ("source", "folder", "emptied"),
    [
        ("docs", "docs", True),
        ("docs\n!docs/x", "docs", False),
        ("docs\n!**/x", "docs", False),
        ("docs\n!src", "docs", True),
    ],
)
def test_a_folder_is_emptied_only_where_nothing_comes_back(source: str, folder: str, emptied: bool) -> None:
    assert ignore(source).ignore.empties(folder) is emptied
