"""What ``dockfix bot template`` prints: it is what its platform takes, and every command in it exists."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner

from dockfix.bot.names import shard_of
from dockfix.cli import main

KINDS = ("github", "gitlab", "forgejo", "kubernetes")


def printed(kind: str) -> str:
    result = CliRunner().invoke(main, ["bot", "template", kind])
    assert result.exit_code == 0, result.output
    return result.stdout


def parsed(kind: str) -> dict[Any, Any]:
    found = yaml.safe_load(printed(kind))
    assert isinstance(found, dict)
    return found


def scripts(node: object) -> Iterator[str]:
    """Every text that a shell runs."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"script", "args"}:
                yield from value
            elif key == "run":
                yield value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for each in node:
            yield from scripts(each)


def commands(kind: str) -> list[list[str]]:
    """The words of each command in a template's scripts and in its own comments, without redirections."""
    texts = [line for script in scripts(parsed(kind)) for line in script.replace("\\\n", " ").splitlines()]
    texts += re.findall(r"^#   (dockfix .*?)(?: {2,}#.*)?$", printed(kind), re.MULTILINE)
    words = [shlex.split(text.partition(">")[0]) for text in texts]
    found = [each[each.index("dockfix") + 1 :] for each in words if "dockfix" in each]
    assert found
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_commands_and_their_options_exist(kind: str) -> None:
    for words in commands(kind):
        options = {word for word in words if word.startswith("--")}
        path = words[: next((number for number, word in enumerate(words) if word.startswith("-")), len(words))]
        helped = CliRunner().invoke(main, [*(path[:2] if path[:1] == ["bot"] else path), "--help"])
        assert helped.exit_code == 0, helped.output
        assert options <= set(re.findall(r"--[a-z][a-z-]*", helped.stdout)), words


@pytest.mark.parametrize("kind", KINDS)
def test_no_token_is_an_argument(kind: str) -> None:
    for words in commands(kind):
        for option, value in zip(words, [*words[1:], ""], strict=True):
            assert "token" not in value.lower() or option == "--token-file" or value == "--token-file"
            assert "TOKEN" not in value


def test_pods_share_out_all_repositories() -> None:
    job = parsed("kubernetes")
    assert (job["apiVersion"], job["kind"], job["spec"]["completionMode"]) == ("batch/v1", "Job", "Indexed")
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    count = job["spec"]["completions"]
    assert variables["SHARDS"] == str(count)
    names = [f"acme/{number}" for number in range(50)]
    assert sorted(n for index in range(count) for n in names if shard_of(n, count) == index) == sorted(names)
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}


def test_a_pod_writes_only_where_it_may() -> None:
    pod = parsed("kubernetes")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    writable = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    (script,) = container["args"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert ">" not in script and variables["XDG_STATE_HOME"] in writable and "/tmp" in writable


def test_a_pod_keeps_no_secret_in_the_manifest() -> None:
    (container,) = parsed("kubernetes")["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each for each in container["env"]}
    assert variables["PGPASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "dockfix", "key": "password"}
    assert urlsplit(variables["DOCKFIX_STATE"]["value"]).password is None


@pytest.mark.parametrize(("code", "again"), [(0, False), (1, False), (2, True), (137, True)])
def test_a_pod_is_started_again_only_where_that_helps(code: int, again: bool, tmp_path: Path) -> None:
    """A repository that fails would fail again, and use up what the Job may fail."""
    (container,) = parsed("kubernetes")["spec"]["template"]["spec"]["containers"]
    program = tmp_path / "dockfix"
    program.write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    program.chmod(0o755)
    variables = {"ORGANISATION": "acme", "SHARDS": "4", "JOB_COMPLETION_INDEX": "3"}
    done = subprocess.run(
        [*container["command"], *container["args"]],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == again
    assert done.stdout.endswith("--count 4 --index 3\n")


def test_jobs_of_gitlab_count_from_one() -> None:
    """https://docs.gitlab.com/ci/variables/predefined_variables/: CI_NODE_INDEX is the first of CI_NODE_TOTAL at 1."""
    job = parsed("gitlab")["dockfix-campaign"]
    assert job["parallel"] > 1
    assert '--index "$((CI_NODE_INDEX - 1))"' in job["script"][0]


def test_a_finding_is_a_warning_in_gitlab() -> None:
    assert parsed("gitlab")["dockfix"]["allow_failure"] == {"exit_codes": 1}


def test_the_workflow_of_forgejo_proposes_but_not_from_a_pull_request() -> None:
    workflow = parsed("forgejo")
    assert set(workflow[True]) == {"pull_request", "schedule", "workflow_dispatch"}
    check, propose = workflow["jobs"]["check"], workflow["jobs"]["propose"]
    assert (check["if"], propose["if"]) == (
        "github.event_name == 'pull_request'",
        "github.event_name != 'pull_request'",
    )
    (last,) = propose["steps"][1:]
    assert last["env"] == {"DOCKFIX_TOKEN": "${{ secrets.DOCKFIX_TOKEN }}"}
    assert "secrets" not in str(check)
    assert not any("${{" in step.get("run", "") for step in (*check["steps"], *propose["steps"]))


def test_the_workflow_may_do_what_the_bot_does() -> None:
    workflow = parsed("github")
    assert workflow["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert set(workflow[True]) == {"pull_request", "schedule", "workflow_dispatch"}  # YAML 1.1 takes "on" for true
