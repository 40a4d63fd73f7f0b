"""Words that only Debian or the GNU tools understand, and programs that only run on glibc."""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts import files
from dockfix.model import Role
from dockfix.recipes import needs
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.model import Model, StageModel, Step

FOREIGN = re.compile(
    r"add-apt-repository|apt-key|sources\.list|signed-by|\bdpkg\b|\.deb\b|debconf(?!-)|debconf-set|apt-mark"
    r"|update-alternatives|/etc/alternatives|ldconfig|ld\.so\.conf|locale-gen|localedef|update-locale|dpkg-reconfigure"
    r"|(?:x86_64|aarch64)-linux-gnu|/etc/init\.d|systemctl|nsswitch\.conf"
    r"|\bservice [\w.@-]+ (?:start|stop|restart|reload)|/usr/lib/jvm/(?:default-java|java-\d+-openjdk-\w)"
    r"|/etc/(?:nginx/sites-|apache2|supervisor/|cron\.d|redis/|ImageMagick-6)|a2en(?:mod|site)|apache2?ctl"
    r"|chpasswd -|msodbcsql|instantclient"
)
"""What only Debian has: package tools, folders by architecture, service scripts, where its packages keep settings."""

SETTINGS = 500
"""Files of a folder that are looked at for settings."""

PLACING = frozenset({"COPY", "ADD", "CMD", "ENTRYPOINT", "VOLUME"})
"""Instructions beside RUN that name programs or folders of the system."""


def _call(name: str, telling: str) -> str:
    """A pattern of a program with something telling behind it, up to its next call, so that a line is read but once."""
    return rf"\b{name}(?=\s)(?:(?!\b{name}\s)[^|;&])*{telling}"


DOWNLOADS = re.compile(
    r"\b(curl|wget)\b(?:(?!\b(?:curl|wget)\b)[^&|;])*https?://|\bnvm\b|\bpyenv\b|playwright install|puppeteer"
    r"|install-browser|\bnpx playwright|\bn (lts|latest|stable|\d+)\b|python -m playwright"
)
"""A RUN that fetches what may be a program, or a model that needs one."""

GNU_ONLY = re.compile(
    "|".join(
        (
            r"(?<![\w-])(?:[efr]|(?:[blx]?z|zstd)[ef]?)?grep\s+(?:-\w+\s+)*(?:-\w*P|--(?:include|exclude|line-buf|only-m|perl))",
            r"(?<![\w-])sed\s+(?:-\w+\s+)*(?:-\w*[zsu]\b|--(?:null-data|separate|posix|debug|follow-symlinks))",
            r"\bdate\s+(?:--(?:date|iso)|-d\s+['\"]?(?:[a-z]|\d+ [a-z]))",
            _call("find", "-(?:printf|regextype|newer[A-Zacm]|samefile|fstype)"),
            _call("xargs", r"(?:-d|-L|--\w)"),
            _call("date", "%N"),
            _call(
                "(?:bsd)?tar",
                r"(?:--(?:transform|wildcards|sort|mtime|owner|zstd|one-top-level|use-compress-program)|\s-I\s)",
            ),
            _call("cp", "--(?:no-pres|refl)"),
            r"(?<!docker )(?<!compose )" + _call("ps", r"\s-(?:[pCqgsuU]\b|-\w)"),
            _call("wget", "--(?:retry|progress|content-disp|recursive|show-progress|user=|password|method)"),
            _call("useradd", r"-p\b"),
            r"readlink\s+-e|realpath\s+--|ps\s+(?:-ef|aux|-aux)|ln\s+-\w*r|\bstat\s+--|\bnumfmt\b|mktemp\s+--suffix",
            r"\bsort\s+-R|install\s+-\w*C\b|\bstdbuf\b|\bsplit\s+--",
        )
    )
)
"""Options that busybox's applets lack, from its usage texts: https://busybox.net/downloads/BusyBox.html"""

ESCAPES = re.compile(
    r"\becho\s+(?:-n\s+)?(?:'[^'\\]*(?:\\(?![nt])[^'\\]*)*\\[nt][^']*'|\"[^\"\\]*(?:\\(?![nt])[^\"\\]*)*\\[nt][^\"]*\")"
)
"""An ``echo`` whose escapes Debian's sh works out and busybox's prints: https://wiki.ubuntu.com/DashAsBinSh#echo"""

LOADED = re.compile(r"\bload_module\s+[^\s;]+")
"""A module that nginx loads: https://nginx.org/en/docs/ngx_core_module.html#load_module"""

LIBRARY = re.compile(r"\.so(?:\.[\d.*]+)?$")

BROWSERS = re.compile(r"\b(?:chromium|google-chrome|chromedriver|firefox|puppeteer|playwright|selenium|wkhtmltopdf)\b")
"""Browsers, which take dozens of libraries along that the full images happen to carry."""

LOCALE = re.compile(r"[a-z]{2}_[A-Z]{2}")

STATIC_IMAGES = ("ghcr.io/astral-sh/uv", "docker.io/astral/uv", "astral/uv")
"""Images whose programs are linked statically: https://docs.astral.sh/uv/guides/integration/docker/#installing-uv"""

_WAYS = (
    (FOREIGN, "exists on Debian only"),
    (DOWNLOADS, "may fetch a program built for glibc"),
    (GNU_ONLY, "is an option that busybox does not have"),
    (ESCAPES, "has escapes that busybox prints as they are"),
    (LOADED, "may load what was built for glibc"),
)


def check(model: Model, stage: StageModel) -> None:
    """Refuse what only Debian or glibc has.

    Raises:
        UnfitError: with the place.
    """
    for step in stage.steps:
        _check_step(model, step)
    for name in ("LANG", "LC_ALL", "LANGUAGE"):
        value = stage.config.env.get(name, "")
        if LOCALE.match(value):
            raise UnfitError(stage.stage.base, f"{name}={value} names a locale, and musl has none of those")
    for text, where in _settings(model, stage) if stage.image is not None and stage.image.name == "nginx" else ():
        if (match := LOADED.search(text)) is not None:
            raise UnfitError(None, f"`{match[0]}` in {where} may load what was built for glibc")
    for text, where in _texts(model, stage):
        for pattern, why in (_WAYS[0], *_WAYS[2:]):
            match = pattern.search(text)
            if match:
                raise UnfitError(None, f"`{match[0].strip()[:60]}` in {where} {why}")


def _texts(model: Model, stage: StageModel) -> Iterator[tuple[str, str]]:
    for script in needs.scripts(model, stage):
        yield script.source, script.path
    if stage is model.final:
        yield from needs.spoken(model)


def _settings(model: Model, stage: StageModel) -> Iterator[tuple[str, str]]:
    """The settings of web servers that *stage* takes from the build context, each with its path."""
    for placement in stage.placements:
        names = model.app.root.walk(placement.source, SETTINGS) if placement.folder else iter((placement.source,))
        for path in names:
            if path.endswith((".conf", ".template")):
                yield files.text(model.app.root, path) or "", path


def _check_step(model: Model, step: Step) -> None:
    instruction, text = step.instruction, step.instruction.value
    if instruction.keyword == "RUN":
        if instruction.heredocs:
            raise UnfitError(instruction, "a heredoc is not translated")
        for pattern, why in _WAYS:
            match = pattern.search(text)
            if match:
                raise UnfitError(instruction, f"`{match[0].strip()[:60]}` {why}")
        if step.script is not None and not step.script.ok:
            raise UnfitError(instruction, "the shell line cannot be read")
    if instruction.keyword in PLACING:
        match = FOREIGN.search(text)
        if match:
            raise UnfitError(instruction, f"`{match[0].strip()}` exists on Debian only")
    shell = instruction.json or ()
    if instruction.keyword == "SHELL" and shell and basename(shell[0]) not in {"sh", "ash", "bash"}:
        raise UnfitError(instruction, f"{shell[0]} is not a shell that Alpine has")
    if instruction.keyword == "ADD" and step.role is Role.UNKNOWN:
        raise UnfitError(instruction, "what ADD fetches may be a program built for glibc")
    copy = instruction.copy
    library = next((name for name in copy.sources if LIBRARY.search(name)), None) if copy and copy.from_ else None
    if library is not None:
        raise UnfitError(instruction, f"{library} may be built for glibc")
    image = foreign_image(model, step)
    if image is not None:
        raise UnfitError(instruction, f"whether the files of {image} work on musl is not known")


def foreign_image(model: Model, step: Step) -> str | None:
    """The image outside of the file from which *step* copies programs whose needs are not known."""
    copy = step.instruction.copy
    if copy is None or not copy.from_ or model.document.stage(copy.from_) is not None:
        return None
    from dockfix.dockerfile import ImageReference

    return None if ImageReference.parse(copy.from_).name in STATIC_IMAGES else copy.from_


def check_browsers(stage: StageModel) -> None:
    """Refuse an image that brings a browser, on any small base.

    Raises:
        UnfitError: with the place.
    """
    for step in stage.all_steps:
        match = BROWSERS.search(step.instruction.value) if step.instruction.keyword == "RUN" else None
        if match:
            raise UnfitError(step.instruction, f"{match[0]} takes libraries along that are not known one by one")
