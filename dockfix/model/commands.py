"""What the commands of a RUN are for, told from their names and arguments."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockfix.dockerfile.shell import ShellCommand, ShellWord


class Purpose(enum.Enum):
    """What a command is for."""

    PACKAGES = "system packages"
    CLEANUP = "cleans caches"
    INSTALL = "installs the app's dependencies"
    TOOLS = "installs tools beside the app's dependencies"
    SETTINGS = "sets a package manager up"
    BUILD = "builds the app"
    ACCOUNT = "makes accounts"
    FOLDERS = "makes or owns files"
    NEUTRAL = "changes nothing that lasts"
    UNKNOWN = "unknown"


APT = frozenset({"apt", "apt-get", "aptitude"})
MANAGERS = {
    "apt": "apt",
    "apt-get": "apt",
    "aptitude": "apt",
    "apk": "apk",
    "dnf": "dnf",
    "yum": "dnf",
    "microdnf": "dnf",
}
REPOSITORIES = re.compile(r">{1,2}\s*/etc/apk/repositories")
"""What lists the places from which apk takes packages: https://wiki.alpinelinux.org/wiki/Repositories"""
CACHES = (
    "/var/lib/apt/lists",
    "/var/cache/apt",
    "/var/cache/apk",
    "/var/cache/yum",
    "/var/cache/dnf",
    "/root/.npm",
    "/root/.cache",
    "~/.npm",
    "~/.cache",
    "/tmp/",
    "/var/tmp/",
)
ACCOUNTS = frozenset({"useradd", "groupadd", "usermod", "groupmod", "adduser", "addgroup"})
FOLDER_TOOLS = frozenset({"mkdir", "chown", "chmod", "touch", "ln", "install"})
NEUTRAL = frozenset({"set", "true", ":", "echo", "cd", "ls", "pwd", "cat", "export", "env", "printenv", "test", "["})
NODE_MANAGERS = frozenset({"npm", "yarn", "yarnpkg", "pnpm", "bun"})
INSTALL_VERBS = frozenset({"ci", "install", "i", "clean-install", "add"})
BUILD_TOOLS = frozenset(
    {"tsc", "vite", "ng", "webpack", "rollup", "esbuild", "next", "nuxt", "nest", "react-scripts", "vue-cli-service"}
    | {"babel", "swc", "tsup", "parcel", "gulp", "grunt", "turbo", "prisma", "make"}
    | {"nx", "lerna", "nuxi", "astro", "remix", "react-router", "svelte-kit", "vue-tsc"}
)
TOOLCHAINS: Mapping[str, Mapping[str, Purpose]] = {
    "go": {
        "build": Purpose.BUILD,
        "generate": Purpose.BUILD,
        "test": Purpose.BUILD,
        "vet": Purpose.BUILD,
        "install": Purpose.BUILD,
        "mod download": Purpose.INSTALL,
        "mod verify": Purpose.NEUTRAL,
        "version": Purpose.NEUTRAL,
        "env": Purpose.SETTINGS,
    },
    "cargo": {
        "build": Purpose.BUILD,
        "test": Purpose.BUILD,
        "check": Purpose.BUILD,
        "clippy": Purpose.BUILD,
        "clean": Purpose.BUILD,
        "install": Purpose.TOOLS,
        "chef prepare": Purpose.BUILD,
        "chef cook": Purpose.INSTALL,
        "fetch": Purpose.INSTALL,
        "version": Purpose.NEUTRAL,
    },
    "mvn": {
        "clean": Purpose.BUILD,
        "validate": Purpose.BUILD,
        "compile": Purpose.BUILD,
        "test": Purpose.BUILD,
        "package": Purpose.BUILD,
        "verify": Purpose.BUILD,
        "install": Purpose.BUILD,
        "dependency:go-offline": Purpose.INSTALL,
        "dependency:resolve": Purpose.INSTALL,
        "dependency:resolve-plugins": Purpose.INSTALL,
        "go-offline:resolve-dependencies": Purpose.INSTALL,
    },
    "gradle": {
        "clean": Purpose.BUILD,
        "build": Purpose.BUILD,
        "assemble": Purpose.BUILD,
        "test": Purpose.BUILD,
        "jar": Purpose.BUILD,
        "shadowJar": Purpose.BUILD,
        "bootJar": Purpose.BUILD,
        "installDist": Purpose.BUILD,
        "dependencies": Purpose.INSTALL,
    },
    "dotnet": {
        "restore": Purpose.INSTALL,
        "build": Purpose.BUILD,
        "publish": Purpose.BUILD,
        "test": Purpose.BUILD,
        "clean": Purpose.BUILD,
        "tool install": Purpose.TOOLS,
        "workload install": Purpose.TOOLS,
        "nuget locals": Purpose.CLEANUP,
    },
    "bundle": {
        "": Purpose.INSTALL,
        "install": Purpose.INSTALL,
        "check": Purpose.INSTALL,
        "clean": Purpose.INSTALL,
        "config": Purpose.SETTINGS,
    },
    "gem": {
        "install": Purpose.TOOLS,
        "update": Purpose.TOOLS,
        "cleanup": Purpose.CLEANUP,
        "sources": Purpose.SETTINGS,
    },
    "composer": {
        "install": Purpose.INSTALL,
        "dump-autoload": Purpose.BUILD,
        "dumpautoload": Purpose.BUILD,
        "global": Purpose.TOOLS,
        "config": Purpose.SETTINGS,
        "clear-cache": Purpose.CLEANUP,
        "clearcache": Purpose.CLEANUP,
        "check-platform-reqs": Purpose.NEUTRAL,
        "validate": Purpose.NEUTRAL,
    },
    "pecl": {"install": Purpose.TOOLS, "update-channels": Purpose.SETTINGS},
}
"""Programs that build the app and fetch what it needs: what each is asked for, by its first words without options."""

GOALS = frozenset({"mvn", "gradle"})
"""Toolchains of which each word is something to do of its own."""

PINNED_GOAL = re.compile(r"[\w.-]+:(?:maven-)?([\w-]+?)(?:-maven)?-plugin(?::[\w.-]+)?:([\w-]+)")
"""A goal of Maven by the coordinates of its plugin: https://maven.apache.org/guides/plugin/guide-java-plugin-development.html"""

WRAPPERS = {"mvnw": "mvn", "gradlew": "gradle", "bundler": "bundle", "composer.phar": "composer"}
"""Other names of toolchains: scripts of an app that fetch one and hand over to it, and files that hold one."""

EXTENSIONS = {
    **dict.fromkeys(("docker-php-ext-install", "install-php-extensions"), Purpose.TOOLS),
    **dict.fromkeys(("docker-php-ext-configure", "docker-php-ext-enable"), Purpose.SETTINGS),
    **dict.fromkeys(("a2enmod", "a2dismod", "a2enconf", "a2disconf", "a2ensite", "a2dissite"), Purpose.SETTINGS),
}
"""What compiles and chooses extensions of PHP and modules of Apache in the images of PHP:
https://github.com/docker-library/docs/blob/master/php/README.md"""

RAKE = frozenset({"rails", "rake", "bundle"})
RAKE_BUILDS = frozenset({"assets:precompile", "assets:clean", "webpacker:compile", "tailwindcss:build"})
"""Tasks of Rails that build what browsers fetch: https://guides.rubyonrails.org/asset_pipeline.html"""

PIP_NAMES = frozenset({"pip", "pip3", "pip2"})
PIP_TOOLS = frozenset(
    {"pip", "setuptools", "wheel", "poetry", "poetry-core", "poetry-plugin-export", "poetry-dynamic-versioning"}
    | {"uv", "pipenv", "virtualenv"}
)
"""Packages that install others, and that no app imports."""

PYTHON_NAMES = frozenset({"python", "python3", "python2"})


@dataclass(frozen=True, slots=True)
class Invocation:
    """A package manager's invocation, its options told from its operands.

    Attributes:
        manager: ``apt``, ``apk``, ``npm``, ``pip`` and so on.
        verb: the subcommand, empty where there is none.
        operands: the words after the verb that are no options.
        options: the words that are, values included where they stand apart.
        command: the command in the file.
        verb_word: the word of the verb, to insert behind.
    """

    manager: str
    verb: str
    operands: tuple[ShellWord, ...]
    options: tuple[ShellWord, ...]
    command: ShellCommand
    verb_word: ShellWord

    def has(self, *names: str) -> bool:
        """Whether one of the options *names* is given, alone or as ``--name=value``."""
        return any(word.text.partition("=")[0] in names for word in self.options)


# Options that take the next word as their value, by manager; from each tool's own --help of 2026.
VALUED = {
    "apt": frozenset({"-o", "-t", "-c", "--target-release", "--option"}),
    "apk": frozenset({"-t", "--virtual", "-X", "--repository", "-p", "--root"}),
    "npm": frozenset({"--prefix", "--registry", "-w", "--workspace", "--omit", "--include", "--loglevel", "--cache"}),
    "yarn": frozenset({"--network-timeout", "--registry", "--cwd", "--modules-folder", "--cache-folder"}),
    "pnpm": frozenset({"--filter", "-F", "--dir", "-C", "--registry", "--store-dir"}),
    "bun": frozenset({"--cwd", "--registry"}),
    "pip": frozenset(
        {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links"}
        | {"--trusted-host", "-t", "--target", "--prefix", "--root", "-e", "--editable", "--timeout", "--retries"}
        | {"--no-binary", "--only-binary", "--progress-bar", "--cache-dir", "--proxy", "--default-timeout", "--cert"}
        | {"--use-feature", "--python-version", "--platform", "--root-user-action"}
    ),
    "poetry": frozenset({"--only", "--with", "--without", "-E", "--extras", "-C", "--directory"}),
    "uv": frozenset({"-r", "--requirement", "--extra", "--group", "--no-group", "--python", "-p", "--index-url"}),
    "dnf": frozenset({"--setopt", "-c"}),
    "pipenv": frozenset({"--categories", "--python"}),
    "go": frozenset({"-o", "-ldflags", "-tags", "-gcflags", "-asmflags", "-mod", "-p", "-C", "-pkgdir", "-buildmode"}),
    "cargo": frozenset(
        {"--bin", "--target", "--manifest-path", "--features", "-F", "-p", "--package", "--profile", "--target-dir"}
        | {"-j", "--jobs", "--config", "--example", "--color", "--message-format"}
    ),
    "mvn": frozenset({"-f", "--file", "-pl", "--projects", "-s", "--settings", "-P", "--activate-profiles", "-T"}),
    "gradle": frozenset({"-p", "--project-dir", "-x", "--exclude-task", "-b", "-c", "-g", "-I", "--console"}),
    "dotnet": frozenset(
        {"-c", "--configuration", "-o", "--output", "-f", "--framework", "-r", "--runtime", "-v", "--verbosity", "-a"}
        | {"--project", "-s", "--source", "--configfile", "--os", "--arch", "--property", "--tool-path", "--version"}
        | {"--launch-profile", "-lp", "--packages", "--logger", "-l"}
    ),
    "bundle": frozenset({"-j", "--jobs", "--retry", "--without", "--with", "--path", "--gemfile"}),
    "gem": frozenset({"-v", "--version", "-i", "--install-dir", "-s", "--source", "-n", "--bindir", "-P"}),
    "composer": frozenset({"-d", "--working-dir"}),
}


def invocation(command: ShellCommand) -> Invocation | None:
    """*command* as the invocation of a package manager, or ``None`` where it is none."""
    words = list(command.words)
    if words and words[0].text == "sudo":
        words = words[1:]
    if not words:
        return None
    name = basename(words[0].text)
    rest = words[1:]
    if name in PYTHON_NAMES and [word.text for word in rest[:2]] == ["-m", "pip"]:
        words, rest, name = words[2:], rest[2:], "pip"
    elif name in PYTHON_NAMES or name.startswith("python3."):
        if [word.text for word in rest[:2]] != ["-m", "pip"]:
            return None
        words, rest, name = words[2:], rest[2:], "pip"
    elif name == "uv" and rest and rest[0].text == "pip":
        words, rest = words[1:], rest[1:]
    if name in PIP_NAMES or name.startswith("pip3."):
        manager = "pip"
    elif name in MANAGERS:
        manager = MANAGERS[name]
    elif name in NODE_MANAGERS:
        manager = "yarn" if name == "yarnpkg" else name
    elif name in {"poetry", "uv", "pipenv"}:
        manager = name
    elif (tool := WRAPPERS.get(name, name)) in TOOLCHAINS:
        manager = tool
    else:
        return None
    valued = VALUED.get(manager, frozenset())
    verb, verb_word = "", words[0]
    operands: list[ShellWord] = []
    options: list[ShellWord] = []
    take = False
    for word in rest:
        if take:
            options.append(word)
            take = False
        elif word.text.startswith("-") and word.text != "-":
            options.append(word)
            take = word.text in valued
        elif not verb:
            verb, verb_word = word.text, word
        else:
            operands.append(word)
    return Invocation(manager, verb, tuple(operands), tuple(options), command, verb_word)


def purpose(command: ShellCommand) -> Purpose:
    """What *command* is for; :attr:`Purpose.UNKNOWN` wherever that cannot be told."""
    name = basename(command.name)
    if not name:
        return Purpose.NEUTRAL
    if name in ACCOUNTS:
        return Purpose.ACCOUNT
    if name in FOLDER_TOOLS:
        return Purpose.FOLDERS
    if name in NEUTRAL and not command.redirects:
        return Purpose.NEUTRAL
    if name in NEUTRAL and all(REPOSITORIES.fullmatch(word.text) for word in command.redirects):
        return Purpose.PACKAGES
    if name == "rm":
        targets = [arg for arg in command.args if not arg.startswith("-")]
        return Purpose.CLEANUP if targets and all(target.startswith(CACHES) for target in targets) else Purpose.UNKNOWN
    if name == "corepack" or makes_environment(command) is not None:
        return Purpose.SETTINGS
    if name in RAKE and RAKE_BUILDS & set(command.args):
        return Purpose.BUILD
    called = invocation(command)
    if called is not None:
        return _manager_purpose(called)
    if name in {"npx", "pnpx", "bunx"}:
        tool = next((arg for arg in command.args if not arg.startswith("-")), "")
        return Purpose.BUILD if tool.partition("@")[0] in BUILD_TOOLS else Purpose.UNKNOWN
    if name in BUILD_TOOLS:
        return Purpose.BUILD
    if name in EXTENSIONS:
        return EXTENSIONS[name]
    if name in PYTHON_NAMES and any(arg in {"collectstatic", "compilemessages"} for arg in command.args):
        return Purpose.BUILD
    return Purpose.UNKNOWN


def makes_environment(command: ShellCommand) -> str | None:
    """The folder of the virtual environment that *command* makes; ``None`` where it makes none."""
    args = command.args
    if basename(command.name) in PYTHON_NAMES and args[:2] in {("-m", "venv"), ("-m", "virtualenv")}:
        args = args[2:]
    elif basename(command.name) == "uv" and args[:1] == ("venv",):
        args = args[1:] or (".venv",)
    elif basename(command.name) != "virtualenv":
        return None
    operands = [arg for arg in args if not arg.startswith("-")]
    return operands[-1] if operands else None


def purposes(commands: Sequence[ShellCommand]) -> frozenset[Purpose]:
    """What *commands* are for together, without those that change nothing that lasts."""
    return frozenset(purpose(command) for command in commands) - {Purpose.NEUTRAL}


def _manager_purpose(called: Invocation) -> Purpose:
    manager, verb = called.manager, called.verb
    if manager in {"apt", "apk", "dnf"}:
        if verb in {"clean", "autoclean", "autoremove", "makecache"}:
            return Purpose.CLEANUP
        known = {"update", "upgrade", "dist-upgrade", "full-upgrade", "install", "add", "del", "remove", "purge"}
        return Purpose.PACKAGES if verb in known else Purpose.UNKNOWN
    if manager == "pip":
        if verb == "cache":
            return Purpose.CLEANUP
        if verb != "install":
            return Purpose.UNKNOWN
        names = {operand.text.partition("=")[0].rstrip("<>~!=") for operand in called.operands}
        if names and names <= PIP_TOOLS and not called.has("-r", "--requirement"):
            return Purpose.SETTINGS
        return Purpose.INSTALL
    if manager == "poetry":
        return {"install": Purpose.INSTALL, "config": Purpose.SETTINGS}.get(verb, Purpose.UNKNOWN)
    if manager == "uv":
        return {"sync": Purpose.INSTALL, "install": Purpose.INSTALL, "cache": Purpose.CLEANUP}.get(
            verb, Purpose.UNKNOWN
        )
    if manager == "pipenv":
        return Purpose.INSTALL if verb in {"install", "sync"} else Purpose.UNKNOWN
    if manager in TOOLCHAINS:
        return _toolchain_purpose(called)
    return _node_purpose(called)


def _toolchain_purpose(called: Invocation) -> Purpose:
    """What a toolchain is asked for: of several goals the one that does most, unknown where one is."""
    known = TOOLCHAINS[called.manager]
    words = [called.verb, *(word.text for word in called.operands)]
    if called.manager not in GOALS:
        return known.get(" ".join(words[:2]), known.get(words[0], Purpose.UNKNOWN))
    asked = {known.get(PINNED_GOAL.sub(r"\1:\2", word).lstrip(":"), Purpose.UNKNOWN) for word in words if word}
    if not asked and called.has("--version"):
        asked = {Purpose.INSTALL}  # a wrapper fetches the tool for that
    return next((each for each in (Purpose.UNKNOWN, Purpose.BUILD, Purpose.INSTALL) if each in asked), Purpose.UNKNOWN)


def _names_tool(called: Invocation) -> bool:
    return bool(called.operands) and called.operands[0].text.partition("@")[0] in BUILD_TOOLS


def _node_purpose(called: Invocation) -> Purpose:
    manager, verb = called.manager, called.verb
    if called.has("-g", "--global", "--location") or (manager == "yarn" and verb == "global"):
        return Purpose.TOOLS
    if verb in {"config", "set"}:
        return Purpose.SETTINGS
    if verb in {"cache", "store"}:
        return Purpose.CLEANUP
    if verb == "" and manager == "yarn":
        return Purpose.INSTALL
    if verb in INSTALL_VERBS:
        return Purpose.INSTALL
    if verb in {"prune", "rebuild", "dedupe", "audit"}:
        return Purpose.INSTALL
    built = manager == "bun" and (verb in BUILD_TOOLS or (verb == "x" and _names_tool(called)))
    if built or verb in {"run", "run-script", "exec", "build"} or manager in {"yarn", "pnpm"}:
        return Purpose.BUILD
    return Purpose.UNKNOWN
