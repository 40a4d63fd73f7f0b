"""What needs root: in the image, in its scripts and sources, and in what compose and Kubernetes lay around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile.shell import parse_shell
from dockfix.model import Purpose, Role
from dockfix.model.commands import TOOLCHAINS, purpose
from dockfix.model.config import join
from dockfix.recipes.accounts import WITH_SHADOW
from dockfix.recipes.programs import Program, final_services, programs, settings

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.facts.compose import Service, Volume
    from dockfix.model import Model, Step
    from dockfix.recipes.writable import Writable

USER_SITE = "/root/.local"
ROOT_HOME = re.compile(r"(?:^|[\s=:\"'])(?:/root(?:/|\b)|~(?:/|$)|\$HOME\b|\$\{HOME\})")
PRIVILEGED = frozenset(
    {
        "sudo",
        "su",
        "gosu",
        "su-exec",
        "setpriv",
        "runuser",
        "chroot",
        "chown",
        "chgrp",
        "usermod",
        "groupmod",
        "useradd",
    }
    | {"adduser", "groupadd", "addgroup", "cron", "crond", "crontab", "sshd", "service", "systemctl", "rc-service"}
    | {"supervisord", "s6-svscan", "runsvdir", "apt", "apt-get", "apk", "dpkg", "iptables", "nft", "mount", "umount"}
    | {"sysctl", "modprobe", "docker", "dockerd", "docker-compose", "podman", "nginx", "apache2", "apachectl", "httpd"}
    | {
        "apache2ctl",
        "httpd-foreground",
        "php-fpm",
        "postgres",
        "mysqld",
        "redis-server",
        "tcpdump",
        "tshark",
        "openvpn",
    }
    | {"wg-quick", "reboot", "shutdown", "ldconfig", "update-ca-certificates", "dbus-daemon", "rsyslogd", "setcap"}
)
"""Programs that change accounts, owners or the system, or that give privileges up by themselves."""
STEPPING = {
    **dict.fromkeys(("apache2-foreground", "apache2", "httpd-foreground", "httpd"), "opens its port as root"),
    "php-fpm": "opens its socket and its logs as root",
}
STEPPING = {name: f"{what}, and serves as an account of its own" for name, what in STEPPING.items()}
"""Servers of which only the first process is root's: https://httpd.apache.org/docs/2.4/mod/mod_unixd.html,
https://www.php.net/manual/install.fpm.configuration.php"""
RUNNING = {"ruby": {Purpose.BUILD}, "php": {Purpose.BUILD, Purpose.INSTALL}}
"""By language, what runs the app itself in a build, which then logs and caches in folders that it writes to later."""
SERVICES = frozenset(
    {"cron", "cronie", "dcron", "openssh-server", "sudo", "supervisor", "docker.io", "docker-ce", "docker-ce-cli"}
    | {"docker-cli", "gosu", "su-exec", "runit", "s6", "s6-overlay", "systemd", "systemd-sysv", "iptables", "nginx"}
    | {
        "nginx-light",
        "nginx-full",
        "apache2",
        "postgresql",
        "redis-server",
        "mysql-server",
        "mariadb-server",
        "openvpn",
    }
    | {"wireguard-tools", "tcpdump", "tshark", "fail2ban", "rsyslog", "libpcap-dev", "libpcap", "dbus", "bluez"}
    | {"nmap", "arp-scan", "masscan", "zmap", "hping3", "netdiscover"}
)
"""Packages that are there for root: services, and tools that change who somebody is."""
DEVICES = frozenset(
    {"docker", "rpi-gpio", "rpi.gpio", "gpiozero", "smbus", "smbus2", "spidev", "pyserial", "pyusb", "evdev", "bluepy"}
    | {
        "bleak",
        "scapy",
        "pyshark",
        "python-pcapy",
        "pigpio",
        "python-can",
        "pyudev",
        "netfilterqueue",
        "python-iptables",
    }
    | {"dockerode", "serialport", "raw-socket", "net-ping", "pcap", "cap", "usb", "onoff", "rpio", "i2c-bus", "noble"}
)
"""Libraries that reach devices, raw sockets or Docker's socket, which belong to root."""
BROWSERS = {
    "puppeteer": ("PUPPETEER_SKIP_DOWNLOAD", "PUPPETEER_SKIP_CHROMIUM_DOWNLOAD", "PUPPETEER_CACHE_DIR"),
    "playwright": ("PLAYWRIGHT_BROWSERS_PATH", "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"),
}
"""npm packages that put a browser under the home of whoever installs them, and the variables that stop it:
https://pptr.dev/guides/configuration, https://playwright.dev/docs/browsers
"""
DEVELOPMENT_SERVERS = frozenset(
    {
        "vite",
        "react-scripts",
        "webpack",
        "webpack-dev-server",
        "ng",
        "vue-cli-service",
        "nuxt",
        "nuxi",
        "gatsby",
        "astro",
    }
    | {"parcel", "next", "nest", "strapi", "storybook", "expo", "craco", "rollup", "tsc", "remix", "quasar", "umi"}
    | {"medusa", "directus", "svelte-kit", "gulp", "grunt", "turbo", "nx", "lerna", "docusaurus", "vitepress", "hexo"}
)
"""Programs that build when they start, or keep caches beside the modules that root installed."""
BUILDERS = frozenset({"go", "cargo", "mvn", "mvnw", "gradle", "gradlew"})
"""Programs that build what they run."""

INSTALLERS = frozenset({"npm", "yarn", "pnpm", "pip", "pip3", "bundle", "gem", "composer"})
HARMLESS = frozenset(
    {
        "curl",
        "wget",
        "tar",
        "unzip",
        "gunzip",
        "xz",
        "cp",
        "mv",
        "rm",
        "sed",
        "awk",
        "grep",
        "find",
        "xargs",
        "tee",
        "head",
    }
    | {
        "tail",
        "sort",
        "git",
        "gpg",
        "apt-key",
        "dpkg",
        "dpkg-reconfigure",
        "debconf-set-selections",
        "locale-gen",
        "cat",
    }
    | {"add-apt-repository", "update-locale", "update-ca-certificates", "ldconfig", "update-alternatives", "sha256sum"}
    | {
        "sha512sum",
        "md5sum",
        "uname",
        "arch",
        "which",
        "command",
        "type",
        "dos2unix",
        "strip",
        "chmod",
        "chown",
        "chgrp",
    }
    | {
        "mkdir",
        "touch",
        "ln",
        "install",
        "useradd",
        "groupadd",
        "adduser",
        "addgroup",
        "usermod",
        "groupmod",
        "set",
        "cd",
    }
    | {
        "export",
        "echo",
        "printf",
        "true",
        ":",
        "test",
        "[",
        "[[",
        "env",
        "printenv",
        "ls",
        "pwd",
        "date",
        "sleep",
        "node",
    }
    | {"make", "cmake", "ninja", "meson", "gcc", "g++", "cc", "./configure", "fc-cache", "corepack", "tr", "cut", "wc"}
    | {
        "basename",
        "dirname",
        "mktemp",
        "patch",
        "du",
        "exit",
        "unset",
        "id",
        "whoami",
        "localedef",
        "readlink",
        "apt-mark",
    }
    | {"apt-cache", "dpkg-architecture", "dpkg-query", "gzip", "bzip2", "n", "nproc", "trap", "shopt", "tsc"}
)
"""Commands of a RUN that leave nothing behind which only root could use, unless they are told to."""
REPOSITORIES = ("deb.nodesource.com", "rpm.nodesource.com", "packagecloud.io", "dl.yarnpkg.com")
"""Scripts piped into a shell that only add a package repository."""
SHARED_BASES = frozenset({"debian", "ubuntu", "alpine"}) | WITH_SHADOW
MANUAL = "https://docs.github.com/actions/reference/dockerfile-support-for-github-actions#user"


@dataclass(frozen=True)
class Obstacle:
    """Why the container stays root's.

    Attributes:
        at: the instruction that it is about.
        why: one sentence.
        among_modules: it falls away where the account itself installs the modules.
    """

    at: Instruction | None
    why: str
    among_modules: bool = False


def obstacles(model: Model, found: Writable) -> Iterator[Obstacle]:
    """Everything that is known to need root, the plainest first.

    Args:
        model: the Dockerfile with its app.
        found: what containers write.
    """
    yield from _purpose(model)
    yield from _image(model)
    yield from _places(model)
    yield from _programs(model, found)
    yield from _libraries(model)
    yield from _runs(model)
    yield from _compose(model, found)
    yield from _kubernetes(model, found)


def _purpose(model: Model) -> Iterator[Obstacle]:
    """Images that others run in their own way."""
    base = model.final.stage.base
    folder = model.app.dockerfile.rpartition("/")[0]
    for name in ("action.yml", "action.yaml"):
        data = model.app.files.read(f"{folder}/{name}" if folder else name)
        if data is not None and re.search(rb"using:\s*['\"]?docker", data):
            yield Obstacle(base, f"this is a GitHub action ({name}), and GitHub wants those to run as root: {MANUAL}")
    if ".devcontainer" in folder.split("/"):
        yield Obstacle(base, "this is the image of a development container, whose editor sets the user")
    for step in model.final.all_steps:
        if step.instruction.keyword == "ONBUILD":
            yield Obstacle(step.instruction, "ONBUILD acts in images built from this one, which expect root")
    image = model.final.image
    if image is not None and "onbuild" in image.tag:
        yield Obstacle(base, "the base acts ONBUILD, and expects root")
    started = basename(model.start.words[0]) if model.start.words else ""
    if model.final.starter is None and started in STEPPING:
        yield Obstacle(base, f"{started} {STEPPING[started]}")
    elif model.final.starter is None and not any(s.command or s.entrypoint for s in final_services(model)):
        yield Obstacle(
            base, "the file starts no program of its own, so who will use the image, and for what, is unknown"
        )


def _image(model: Model) -> Iterator[Obstacle]:
    """Packages in the final stage that are there for root."""
    for stage in model.final.lineage:
        for step, name in stage.packages:
            bare = name.partition("=")[0]
            if bare in SERVICES:
                yield Obstacle(step.instruction, f"{bare} is installed, which works as root")


def _places(model: Model) -> Iterator[Obstacle]:
    """What lies in root's home, which nobody else can enter."""
    config = model.final.config
    if f"{config.workdir}/".startswith("/root/"):
        yield Obstacle(_last(model, "WORKDIR"), "the app lies under /root, which only root can enter")
    carried = carries_user_site(model)
    for key, value in config.env.items():
        values = [part for part in re.split(r"[:\s]", value) if part.startswith("/root")]
        if key in {"PATH", "PYTHONUSERBASE"} and carried and _sets(model, key) is not model.final.stage.base:
            values = [part for part in values if part not in {USER_SITE, f"{USER_SITE}/bin"}]
        if values:
            yield Obstacle(_sets(model, key), f"{key} leads to {values[0]}, which only root can enter")
    for step in model.final.all_steps:
        copy = step.instruction.copy
        if copy is None:
            continue
        target = join(step.before.workdir, copy.destination)
        if f"{target}/".startswith("/root/") and not (copy.from_ is not None and target == USER_SITE):
            yield Obstacle(step.instruction, f"{target} is under /root, which only root can enter")
        closed = copy.chmod is not None and re.fullmatch(r"[0-7]{3,4}", copy.chmod) and not int(copy.chmod[-1]) & 4
        owned = model.options.owner == "app" and f"{target}/".startswith(f"{model.folder.rstrip('/')}/")
        if closed and not owned:
            yield Obstacle(step.instruction, f"--chmod={copy.chmod} lets nobody but the owner in")


def carries_user_site(model: Model) -> bool:
    """Whether the final stage takes packages of pip's user site from another stage."""
    return any(
        step.instruction.copy is not None
        and step.instruction.copy.from_ is not None
        and step.instruction.copy.destination.rstrip("/") == USER_SITE
        for step in model.final.steps
    )


def _programs(model: Model, found: Writable) -> Iterator[Obstacle]:
    command = model.start.command
    installs = next((s for s in model.final.all_steps if Purpose.INSTALL in s.purposes), None)
    for program in programs(model):
        name, words = program.name, program.words
        if name in STEPPING:
            yield Obstacle(command, f"{name} ({program.origin}) {STEPPING[name]}")
        elif name in PRIVILEGED:
            yield Obstacle(command, f"{program.origin} calls {name}, which needs root")
        elif program.missing:
            yield Obstacle(
                command, f"what {words[0]} does ({program.origin}) cannot be told: it is not a script in the context"
            )
        elif name in DEVELOPMENT_SERVERS and not (name == "next" and "start" in words):
            why = f"{' '.join(words[:2])} ({program.origin}) builds when it starts, into folders of root's"
            yield Obstacle(command, why, among_modules=True)
        elif name in BUILDERS:
            yield Obstacle(command, f"{name} ({program.origin}) builds when it starts, into folders of root's")
        elif name in INSTALLERS and {"install", "ci", "i", "add"} & set(words[1:2]):
            why = f"{program.origin} installs packages when the container starts"
            yield Obstacle(command, why, among_modules=name in {"npm", "yarn", "pnpm"})
        elif name == "dotnet" and {"run", "watch"} & set(words[1:2]):
            yield Obstacle(
                command, f"dotnet {words[1]} ({program.origin}) builds when it starts, from packages in root's home"
            )
        elif name == "prisma" and installs is not None:
            why = "prisma writes its engines beside itself, where root installed it"
            yield Obstacle(command, why, among_modules=True)
        elif name in {"uv", "poetry", "pipenv", "pdm", "conda", "mamba"}:
            yield Obstacle(
                command, f"{name} ({program.origin}) looks after its environment when it starts, which is root's"
            )
        elif drop := _drops(model, program):
            yield Obstacle(command, f"{name} gives up root's rights by itself ({drop})")
        for redirect in (*words[1:], *program.redirects):
            if ROOT_HOME.search(redirect) and not program.missing:
                yield Obstacle(command, f"{program.origin} uses {redirect}, in root's home")
    runner = basename(model.start.words[0]) if model.start.words else ""
    for step in model.final.all_steps:
        for called in step.script.commands if step.script else ():
            if (
                called.name == "corepack"
                and runner in {"yarn", "pnpm"}
                and "COREPACK_HOME" not in model.final.config.env
            ):
                yield Obstacle(step.instruction, f"corepack keeps {runner} in root's home")
    for tool in found.tools:
        if basename(tool.value) in PRIVILEGED:
            yield Obstacle(command, f"the app calls {tool.value} ({tool.origin}), which needs root")


def _drops(model: Model, program: Program) -> str | None:
    """The option by which a server changes its own user, as root only can."""
    options = {"gunicorn": ("--user", "-u", "--group", "-g"), "uwsgi": ("--uid", "--gid", "--chown-socket")}
    options |= {"celery": ("--uid", "--gid")}
    for word in program.words[1:]:
        if word.partition("=")[0] in options.get(program.name, ()):
            return word
    found = settings(model, program)
    match = re.search(r"^\s*(?:user|group|uid|gid|chown-socket)\s*=", found[1], re.MULTILINE) if found else None
    return found[0] if found is not None and match is not None else None


def _libraries(model: Model) -> Iterator[Obstacle]:
    """Libraries that reach for devices, and browsers kept in root's home."""
    base = model.final.stage.base
    for requirement in model.requirements:
        if requirement.name in DEVICES:
            yield Obstacle(base, f"{requirement.name} ({requirement.origin}) reaches what belongs to root")
    node = model.node
    if node is None:
        return
    for name, fact in node.dependencies.items():
        if name.rpartition("/")[2] in DEVICES:
            yield Obstacle(base, f"{name} ({fact.origin}) reaches what belongs to root")
        if name in BROWSERS and not any(variable in model.final.config.env for variable in BROWSERS[name]):
            yield Obstacle(base, f"{name} ({fact.origin}) keeps its browser in the home of root, who installs it")
    if node.manager == "yarn-berry":
        settings = model.app.root.read(node.path(".yarnrc.yml")) or b""
        if b"node-modules" not in settings:
            yield Obstacle(
                base,
                f"yarn's packages may lie in a cache under root's home ({model.app.origin(node.path('.yarnrc.yml'))})",
            )


def _runs(model: Model) -> Iterator[Obstacle]:
    """RUNs that may leave behind what only root can use."""
    for step in model.final.all_steps:
        if step.script is None:
            if step.instruction.keyword == "RUN":
                yield Obstacle(step.instruction, "what this RUN leaves behind cannot be told")
            continue
        if not step.script.ok:
            yield Obstacle(step.instruction, "what this RUN leaves behind cannot be told")
            continue
        yield from _run(model, step)
        if step in model.final.steps and step.purposes & RUNNING.get(model.server.language or "", set()):
            yield Obstacle(step.instruction, "what the build leaves in folders that the app writes to is root's")
    yield from _git(model)


def _run(model: Model, step: Step) -> Iterator[Obstacle]:
    assert step.script is not None
    at = step.instruction
    text = at.value
    for command in _unwrapped(step.script.commands):
        name = basename(command.name)
        words = " ".join(word.text for word in command.words)
        if not name:
            continue
        inside = [word.text for word in (*command.words[1:], *command.redirects) if ROOT_HOME.search(word.text)]
        if inside and name not in {"rm", "echo", "printf", "ls"}:
            yield Obstacle(at, f"{name} uses {inside[0]}, in root's home")
        elif name in {"sh", "bash", "ash"} and command.joiner == "|":
            if not any(place in text for place in REPOSITORIES):
                yield Obstacle(at, "a script from elsewhere installs something, perhaps in root's home")
        elif name.startswith("python"):
            if not _known_python(command):
                yield Obstacle(at, f"what `{_short(words)}` leaves behind, and for whom, cannot be told")
        elif called := next((c for c in step.invocations if c.command is command), None):
            yield from _manager(model, step, called.manager, called.verb, command)
            if called.manager in TOOLCHAINS and purpose(command) is Purpose.UNKNOWN:
                yield Obstacle(at, f"what `{_short(words)}` leaves behind, and for whom, cannot be told")
        elif name in {"npx", "pnpx", "bunx", "playwright"}:
            if "install" in command.args or "playwright" in command.args or name == "playwright":
                yield Obstacle(at, f"{words} keeps browsers in root's home")
        elif name == "chmod":
            yield from _mode(model, step, command)
        elif name == "umask" or (name not in HARMLESS and purpose(command) is Purpose.UNKNOWN):
            yield Obstacle(at, f"what `{_short(words)}` leaves behind, and for whom, cannot be told")


def _unwrapped(commands: Iterable[ShellCommand]) -> Iterator[ShellCommand]:
    """*commands*, and in place of ``sh -c`` the commands of its line, where that is plain."""
    for command in commands:
        args = command.args
        line = args[1] if command.name in {"sh", "bash"} and args[:1] == ("-c",) and len(args) == 2 else None
        inner = parse_shell(line) if line is not None and command.words[2].static else None
        if inner is not None and inner.ok and inner.commands:
            yield from inner.commands
        else:
            yield command


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= 40 else f"{words[:39]}…"


def _known_python(command: ShellCommand) -> bool:
    args = command.args
    if args[:1] in {("-V",), ("--version",)} or {"collectstatic", "compilemessages"} & set(args):
        return True
    if args[:1] == ("-m",) and args[1:2] and args[1] in {"pip", "venv", "compileall", "spacy", "ensurepip", "build"}:
        return True
    return any(basename(arg) == "setup.py" for arg in args[:1])


def _manager(model: Model, step: Step, manager: str, verb: str, command: ShellCommand) -> Iterator[Obstacle]:
    """Package managers that install under the home of whoever calls them."""
    environment = step.before.env
    if manager == "pip" and "--user" in command.args:
        yield Obstacle(step.instruction, "pip --user installs in root's home")
    elif manager == "poetry" and verb == "install":
        text = " ".join(s.instruction.value for s in model.final.all_steps)
        kept = {
            "POETRY_VIRTUALENVS_CREATE",
            "POETRY_VIRTUALENVS_IN_PROJECT",
            "POETRY_VIRTUALENVS_PATH",
        } & environment.keys()
        if not kept and not re.search(r"virtualenvs\.(?:create|in-project|path)", text):
            yield Obstacle(step.instruction, "poetry keeps its environment in root's home")
    elif manager == "pipenv" and "--system" not in command.args and "PIPENV_VENV_IN_PROJECT" not in environment:
        yield Obstacle(step.instruction, "pipenv keeps its environment in root's home")
    elif (
        manager == "bundle"
        and verb == "config"
        and not {"--local", "BUNDLE_USER_CONFIG"} & {*command.args, *environment}
    ):
        yield Obstacle(step.instruction, "bundle config without --local may keep its settings in root's home")
    elif (manager == "dotnet" and verb == "tool" and {"-g", "--global"} & set(command.args)) or (
        manager == "composer" and verb == "global" and "COMPOSER_HOME" not in environment
    ):
        yield Obstacle(step.instruction, f"{manager} keeps global tools in root's home")
    elif manager == "uv" and verb == "python" and "UV_PYTHON_INSTALL_DIR" not in environment:
        yield Obstacle(step.instruction, "uv keeps its interpreters in root's home")


def _mode(model: Model, step: Step, command: ShellCommand) -> Iterator[Obstacle]:
    """A chmod that keeps others out of what the app's account will not own."""
    args = [arg for arg in command.args if not arg.startswith("-")] or [""]
    mode, targets = args[0], args[1:]
    closed = bool(re.fullmatch(r"[0-7]{3,4}", mode)) and not int(mode[-1]) & 4
    closed = closed or bool(re.search(r"(?:^|,)(?:u\+\w*x|u=|go?-|o-|go=)", mode)) or bool(re.match(r"-\w*[rx]", mode))
    for target in targets if closed else ():
        place = join(step.before.workdir, target)
        owned = model.options.owner == "app" and any(
            place == p.target or (p.folder and place.startswith(f"{p.target.rstrip('/')}/"))
            for p in model.final.placements
            if f"{p.target}/".startswith(f"{model.folder.rstrip('/')}/")
        )
        if not owned:
            yield Obstacle(step.instruction, f"chmod {mode} keeps everybody but root out of {target}")


def _git(model: Model) -> Iterator[Obstacle]:
    """git refuses to read a folder of another owner, so that a RUN by root must not call it on the app's sources.

    https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
    """
    if model.options.owner == "root" or model.app.ignore.ignores(".git"):
        return
    seen = False
    for step in model.final.steps:
        seen = seen or step.role is Role.SOURCES
        if not seen or step.script is None:
            continue
        if any(command.name == "git" for command in step.script.commands):
            yield Obstacle(step.instruction, "git is called on the sources, which must then be root's")
        if Purpose.BUILD in step.purposes and model.node is not None:
            for fact in model.node.scripts.values():
                if re.search(r"\bgit\s", fact.value):
                    yield Obstacle(
                        step.instruction, f"git is called on the sources ({fact.origin}), which must then be root's"
                    )
        if Purpose.INSTALL in step.purposes:
            data = (model.app.root.read("pyproject.toml") or b"") + (model.app.root.read("setup.py") or b"")
            if re.search(rb"setuptools[-_]scm|hatch-vcs|versioneer|dynamic-versioning|\bpbr\b", data):
                yield Obstacle(step.instruction, "the version is read from git, so that the sources must be root's")


def _compose(model: Model, found: Writable) -> Iterator[Obstacle]:
    for service in final_services(model):
        if service.privileged:
            yield Obstacle(None, f"service {service.name} is privileged ({service.origin('privileged')})")
        for volume in service.volumes:
            reason = _volume(model, service, volume, found)
            if reason is not None:
                yield Obstacle(None, f"{reason} ({volume.origin})")
    for call in model.app.compose_calls:
        name = basename(call.words[0]) if call.words else ""
        installs = name in {"npm", "yarn", "pnpm", "pip", "pip3"} and {"install", "add", "ci", "i"} & set(
            call.words[1:2]
        )
        if name in PRIVILEGED or installs:
            yield Obstacle(
                None, f"{' '.join(call.words[:3])} is run in the container ({call.origin}), which needs root"
            )


def _volume(model: Model, service: Service, volume: Volume, found: Writable) -> str | None:
    """Why a mount keeps the service root's."""
    target = join("/", volume.target)
    if "docker.sock" in target or "docker.sock" in (volume.source or ""):
        return "Docker's socket is mounted, which belongs to root"
    if f"{target}/".startswith("/root/"):
        return f"compose mounts {target}, in root's home"
    if target.startswith("/dev/"):
        return f"compose mounts the device {target}"
    if volume.kind == "tmpfs" and not target.startswith(("/tmp", "/dev/shm")):
        for fact in found.folders:
            if covers(target, fact.value):
                return f"the app writes to {fact.value} ({fact.origin}), over which compose lays a tmpfs of root's"
    if volume.kind != "bind" or volume.read_only:
        return None
    for fact in found.folders:
        if covers(target, fact.value) and not _mounted_over(service, fact.value, target):
            return f"the app writes to {fact.value} ({fact.origin}), which the host's folder {volume.source} covers"
    doubt = found.unknown
    told = doubt is None or not (covers(target, model.folder) or model.app.files.is_dir(volume.path or ""))
    if doubt is not None and not told:
        return f"the host's folder {volume.source} is mounted at {target}, and {doubt.value} cannot be told"
    if covers(target, model.folder):
        return None
    if volume.path is not None and doubt is None:
        return None  # read only by the app, and what a developer or Docker makes there can be read by everybody
    if volume.path is None or not (model.app.files.exists(volume.path) or model.app.files.is_dir(volume.path)):
        return f"the host's {volume.source} is mounted at {target}, which Docker makes as root's if it is not there"
    return None


def covers(place: str, path: str) -> bool:
    """Whether *path* is *place* or lies in it."""
    return f"{path.rstrip('/')}/".startswith(f"{place.rstrip('/')}/")


def _mounted_over(service: Service, path: str, bind: str) -> bool:
    """Whether another volume lies between the bind and the folder that is written."""
    return any(
        other.kind in {"named", "anonymous", "tmpfs"}
        and f"{path}/".startswith(f"{other.target.rstrip('/')}/")
        and len(other.target) > len(bind)
        for other in service.volumes
    )


def _kubernetes(model: Model, found: Writable) -> Iterator[Obstacle]:
    containers = model.app.kubernetes
    if not containers:
        return
    low = low_port(model)
    if low is not None:
        yield Obstacle(
            None, f"port {low} needs root where Kubernetes has not allowed it otherwise ({containers[0].origin})"
        )
    for container in containers:
        for path in container.mounts:
            for fact in found.folders:
                if f"{fact.value}/".startswith(f"{path.rstrip('/')}/"):
                    why = f"the app writes to {fact.value}, where Kubernetes mounts a volume of root's"
                    yield Obstacle(None, f"{why} ({container.origin})")


def low_port(model: Model) -> int | None:
    """A port below 1024 that the app binds or the image exposes."""
    ports = [model.server.port.value] if model.server.port is not None else []
    ports += [int(port.partition("/")[0]) for port in model.final.config.expose if port.partition("/")[0].isdigit()]
    return next((port for port in ports if port < 1024), None)


def _last(model: Model, keyword: str) -> Instruction | None:
    step = model.final.last(keyword)
    return step.instruction if step is not None else None


def _sets(model: Model, variable: str) -> Instruction | None:
    for step in reversed(model.final.steps):
        if step.instruction.keyword == "ENV" and any(pair[0] == variable for pair in step.instruction.pairs()):
            return step.instruction
    return model.final.stage.base
