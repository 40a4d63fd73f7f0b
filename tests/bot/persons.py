"""What a person does on a forge: opens a pull request, and accepts what is suggested there."""

from __future__ import annotations

import re
from typing import Any

from .hub import Hub, Pull, Repo


def proposed(hub: Hub, before: str | None, after: str, path: str = "Dockerfile", **more: str) -> tuple[Repo, Pull]:
    """A person's pull request that makes *after* of *before*."""
    repo = hub.add("acme/shop", {"README.md": "x\n", **({} if before is None else {path: before}), **more})
    repo.refs["mine"] = repo.refs["main"]
    repo.commit({path: after}, "mine")
    pull = Pull(1, "Mine", "", "acme", "mine", "main", draft=False)
    repo.pulls.append(pull)
    return repo, pull


def accepted(repo: Repo, comment: dict[str, Any]) -> str:
    """The file once a suggestion is accepted, as GitHub does it."""
    found = re.search(r"^(`{3,})suggestion\n(.*?)^\1$", comment["body"], re.DOTALL | re.MULTILINE)
    assert found is not None
    lines = repo.files("mine")[comment["path"]].decode().splitlines(keepends=True)
    lines[comment.get("start_line", comment["line"]) - 1 : comment["line"]] = [found[2]]
    return "".join(lines)


def comments(pull: Pull) -> list[dict[str, Any]]:
    return [comment for each in pull.reviews for comment in each["comments"]]
