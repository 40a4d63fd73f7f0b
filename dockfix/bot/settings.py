"""What the operator of the bot wants, what a repository wants of it, and how the two go together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from dockfix.config import ConfigError
from dockfix.options import Options
from dockfix.suggestion import did_you_mean

if TYPE_CHECKING:
    from dockfix.verify.verification import Verification


@dataclass(frozen=True, slots=True)
class Caps:
    """The most pull requests that are opened.

    Attributes:
        run: in this run, ``None`` for any number.
        hour: in any hour, over all runs that share a state.
        repository: open at a time in one repository.
    """

    run: int | None = None
    hour: int = 60
    repository: int = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator asks for.

    Attributes:
        overrides: options of the rewriting that win over those of repositories, by name.
        split: open one pull request for each transform.
        together: plan all transforms together, whatever a repository wishes.
        draft: open drafts.
        labels: given to each pull request.
        reviewers: asked for a review of each.
        caps: the most pull requests.
        fork: propose from a fork where branches may not be pushed.
        forks: visit repositories that are forks.
        onboard: open a pull request with a configuration first, and go on when it is merged.
        signer: ``NAME <ADDRESS>`` of who signs commits off, if anybody.
        measured: what was found when rewrites were built and run, by their fingerprints.
        dry_run: send reads alone, and show what would be done.
    """

    overrides: Mapping[str, Any] = field(default_factory=dict)
    split: bool = False
    together: bool = False
    draft: bool = False
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    caps: Caps = Caps()
    fork: bool = False
    forks: bool = False
    onboard: bool = False
    signer: str = ""
    measured: Mapping[str, Verification] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the table ``[bot]`` of a repository's configuration says.

    Attributes:
        enabled: whether the bot may propose anything.
        split: one pull request for each transform.
        draft: open drafts.
        labels: labels for its pull requests.
        reviewers: whom to ask for a review.
        limit: the most pull requests that may be open at a time.
    """

    enabled: bool = True
    split: bool | None = None
    draft: bool | None = None
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    limit: int | None = None


def wishes(table: Mapping[str, Any], path: PurePath, line_of: Callable[[str], int]) -> Wishes:
    """Validate a table ``[bot]``.

    Args:
        table: the table.
        path: the file that it stands in.
        line_of: where in it a key is set.

    Raises:
        ConfigError: an unknown key, or a value that does not fit.
    """
    checks: Mapping[str, tuple[Callable[[Any], bool], str]] = {
        "enabled": (_is_bool, "true or false"),
        "split": (_is_bool, "true or false"),
        "draft": (_is_bool, "true or false"),
        "labels": (_is_names, "a list of strings"),
        "reviewers": (_is_names, "a list of strings"),
        "limit": (_is_count, "a number from 0"),
    }
    for key, value in table.items():
        if key not in checks:
            raise ConfigError(path, line_of(key), f"unknown key {f'bot.{key}'!r}{did_you_mean(key, checks)}")
        fits, what = checks[key]
        if not fits(value):
            raise ConfigError(path, line_of(key), f"bot.{key} is {what}, not {value!r}")
    wanted: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Wishes(**wanted)


def granted(settings: Settings, wishes: Wishes) -> Settings:
    """What holds for a repository: its wishes, within what the operator allows."""
    most = settings.caps.repository
    return replace(
        settings,
        split=not settings.together and (settings.split if wishes.split is None else wishes.split),
        draft=settings.draft or bool(wishes.draft),
        labels=tuple(dict.fromkeys((*settings.labels, *wishes.labels))),
        reviewers=tuple(dict.fromkeys((*settings.reviewers, *wishes.reviewers))),
        caps=replace(settings.caps, repository=most if wishes.limit is None else min(most, wishes.limit)),
    )


def options(own: Options, overrides: Mapping[str, Any]) -> Options | None:
    """The options for a Dockerfile; ``None`` where the operator and the repository agree on no transform.

    What a repository leaves out stays out, and it brings nothing back that the operator leaves out.

    Args:
        own: those of the repository.
        overrides: those of the operator.
    """
    skip = own.skip | overrides.get("skip", frozenset())
    allowed = overrides.get("only", frozenset())
    only = own.only & allowed if own.only and allowed else own.only or allowed
    if (own.only or allowed) and not only - skip:
        return None
    return replace(own, **{**overrides, "only": only, "skip": skip})


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
