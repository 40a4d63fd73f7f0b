# Sources read best on the line of their case.
# ruff: noqa: E501
from __future__ import annotations

from dockfix.facts import App, Tree
from dockfix.facts.scripts import Script


def script(source: str, path: str = "docker-entrypoint.sh") -> Script:
    found = App(Tree({path: source})).script(path)
    assert found is not None
    return found


def test_a_script_that_runs_its_arguments() -> None:
    found = script(
        '#!/bin/sh\nset -e\n# gosu in a comment\nif [ "$1" = app ]; then\n  chown -R app /data\n  exec gosu app "$@"\nfi\nexec "$@"\n'
    )
    assert (found.shebang, found.bash, found.exec, found.arguments) == ("/bin/sh", False, True, True)


def test_bash_by_shebang_and_by_what_is_written() -> None:
    assert script("#!/usr/bin/env bash\necho a\n").bash
    assert not script("#!/usr/bin/env bash\necho a\n").bashisms
    assert script("if [[ $A == b ]]; then echo; fi\n").bash
    assert not script('#!/bin/sh\nif [ "$A" = b ]; then echo; fi\n').bashisms


def test_programs_are_named_without_keywords() -> None:
    found = script(
        "#!/bin/sh\nwhile ! nc -z db 5432; do sleep 1; done\npython manage.py migrate && \\\n  exec gunicorn app\n"
    )
    assert found.tools == {"nc", "sleep", "python", "gunicorn"}
    assert [fact.origin for fact in found.commands if fact.value[0] == "python"] == ["docker-entrypoint.sh:3"]


def test_other_interpreters_are_no_shell_scripts() -> None:
    assert App(Tree({"entrypoint": "#!/usr/bin/env python3\n"})).script("entrypoint") is None
    assert App(Tree({})).script("entrypoint.sh") is None
