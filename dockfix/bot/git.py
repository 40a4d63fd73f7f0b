"""Plain git, where a forge's API does not do: objects are fetched into a bare repository, and nothing is checked out.

Nothing of the repository runs: there is no work tree, so no filter, hook or submodule of it is ever looked at; git sees
no configuration but what is given here, and may speak HTTPS alone (HTTP with this machine). The token is given in the
environment, as a header for one host: https://git-scm.com/docs/git-config#ENVIRONMENT
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio

from dockfix.bot.forge import Access, Entry, FileEdit, ForgeError, Head, MovedError
from dockfix.bot.http import demand_safe
from dockfix.bot.tree import TreeError, is_safe

SECONDS = 300.0
"""How long one command of git may take."""
MOST_OUTPUT = 200_000_000

_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.symlinks": "false",
    "credential.helper": "",
    "fetch.fsckObjects": "true",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "init.templateDir": "",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
}


@dataclass(frozen=True)
class Git:
    """A bare repository of its own in a temporary folder, connected with one repository on a forge.

    Attributes:
        folder: where it lies.
        url: the repository on the forge, without any secret.
        access: as whom; the token is shown to that host alone.
    """

    folder: Path
    url: str
    access: Access

    async def fetch(self, branch: str) -> Head:
        """Fetch the end of a branch, and nothing before it."""
        await self.run("fetch", "--quiet", "--no-tags", "--depth=1", self.url, f"+refs/heads/{branch}:refs/base")
        ends = await self.run("rev-parse", "refs/base^{commit}", "refs/base^{tree}")
        return Head(*ends.decode().split())

    async def deepen(self, branch: str) -> None:
        """Fetch what comes before the end of a branch, too."""
        await self.run("fetch", "--quiet", "--no-tags", "--unshallow", self.url, f"+refs/heads/{branch}:refs/base")

    async def holds(self, commit: str) -> bool:
        """Whether a commit has been fetched."""
        try:
            await self.run("cat-file", "-e", f"{commit}^{{commit}}")
        except ForgeError:
            return False
        return True

    async def branch(self, name: str) -> str | None:
        """Where a branch stands on the forge."""
        listed = (await self.run("ls-remote", "--quiet", self.url, f"refs/heads/{name}")).decode()
        return listed.split()[0] if listed.strip() else None

    async def entries(self, tree: str) -> tuple[Entry, ...]:
        """Every entry of a tree and of its folders."""
        listed = (await self.run("ls-tree", "-r", "-t", "-z", "--long", tree)).decode("utf-8", "surrogateescape")
        return tuple(_entry(line) for line in listed.split("\0") if line)

    async def blob(self, sha: str, limit: int) -> bytes:
        """The bytes of a blob, of which there are at most *limit*."""
        size = int(await self.run("cat-file", "-s", sha))
        if size > limit:
            raise TreeError(f"blob {sha} has {size:,} bytes; more than {limit:,} are not read")
        return await self.run("cat-file", "blob", sha)

    async def commit(self, base: str, edits: Sequence[FileEdit], message: Callable[[str], str]) -> str:
        """Make a commit on *base* that changes the files of *edits* and no other.

        Args:
            base: the commit that it stands on.
            edits: the files.
            message: makes its message for a tree.

        Raises:
            ForgeError: it would change anything else.
        """
        index = {"GIT_INDEX_FILE": str(self.folder / "index")}
        await self.run("read-tree", base, environment=index)
        for edit in edits:
            if not is_safe(edit.path):
                raise ForgeError(f"{edit.path!r} is no path for a file of a work tree")
            sha = (await self.run("hash-object", "-w", "--stdin", stdin=edit.content)).decode().strip()
            cache = f"{edit.mode},{sha},{edit.path}"
            await self.run("update-index", "--add", "--cacheinfo", cache, environment=index)
        tree = (await self.run("write-tree", environment=index)).decode().strip()
        made = (
            (await self.run("commit-tree", tree, "-p", base, "-F", "-", stdin=message(tree).encode())).decode().strip()
        )
        changed = await self.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", base, made)
        names = {name for name in changed.decode("utf-8", "surrogateescape").split("\0") if name}
        if names != {edit.path for edit in edits}:
            raise ForgeError(f"the commit would change {sorted(names)}, not what was planned")
        return made

    async def push(self, commit: str, branch: str, expected: str | None) -> None:
        """Point a branch at a commit, if it still stands at *expected*: git leaves that to the server, in one step.

        Raises:
            MovedError: it stands elsewhere.
        """
        lease = f"--force-with-lease=refs/heads/{branch}:{expected or ''}"
        try:
            await self.run("push", "--quiet", "--no-verify", lease, self.url, f"{commit}:refs/heads/{branch}")
        except ForgeError as error:
            if await self.branch(branch) == commit:
                return
            if "stale info" in str(error) or "fetch first" in str(error):
                raise MovedError(f"{branch} has moved") from None
            raise

    async def delete(self, branch: str, expected: str) -> None:
        """Delete a branch that still stands at *expected*; otherwise :class:`MovedError`."""
        lease = f"--force-with-lease=refs/heads/{branch}:{expected}"
        try:
            await self.run("push", "--quiet", "--no-verify", lease, self.url, f":refs/heads/{branch}")
        except ForgeError:
            stands = await self.branch(branch)
            if stands is None:  # only the answer got lost
                return
            if stands != expected:
                raise MovedError(f"{branch} has moved") from None
            raise

    def environment(self) -> dict[str, str]:
        """The whole environment of a command: nothing of ours but the path, and the token for one host."""
        settings = dict(_SETTINGS)
        address = urlsplit(self.url)
        settings[f"protocol.{address.scheme}.allow"] = "always"
        secret = self.access.secret
        if secret is not None:
            basic = base64.b64encode(f"{self.access.user}:{secret.reveal()}".encode()).decode()
            settings[f"http.{address.scheme}://{address.netloc}/.extraHeader"] = f"Authorization: Basic {basic}"
        name, mail = self.access.author
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_CONFIG_COUNT": str(len(settings)),
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": mail,
        }
        for number, (key, value) in enumerate(settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        for proxy in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
            if proxy in os.environ:
                environment[proxy] = os.environ[proxy]
        return environment

    async def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """What a command of git prints.

        Raises:
            ForgeError: it fails, takes too long, or prints too much.
        """
        process = await asyncio.create_subprocess_exec(
            "git",
            f"--git-dir={self.folder / 'objects.git'}",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env={**self.environment(), **(environment or {})},
            start_new_session=True,
        )
        try:
            with anyio.fail_after(SECONDS):
                output, errors = await process.communicate(stdin)
        except TimeoutError:
            raise ForgeError(f"git {arguments[0]} took more than {SECONDS:.0f} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            said = errors.decode("utf-8", "replace").strip()
            secret = self.access.secret
            raise ForgeError(f"git {arguments[0]}: {secret.scrub(said) if secret else said}")
        if len(output) > MOST_OUTPUT:
            raise TreeError(f"git {arguments[0]} prints more than {MOST_OUTPUT:,} bytes")
        return output


@asynccontextmanager
async def connected(url: str, access: Access) -> AsyncIterator[Git]:
    """A :class:`Git` that is gone afterwards, with all that it fetched.

    Args:
        url: the repository on the forge.
        access: as whom.

    Raises:
        ForgeError: git is missing, or the address is not one to send a token to.
    """
    demand_safe(url)
    if shutil.which("git") is None:
        raise ForgeError("git is not installed")
    folder = Path(tempfile.mkdtemp(prefix="dockfix-git-"))
    try:
        git = Git(folder, url, access)
        await git.run("init", "--quiet", "--bare", "--template=", str(folder / "objects.git"))
        yield git
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)


def _entry(line: str) -> Entry:
    """An entry of ``git ls-tree --long``: ``mode type object size<TAB>path``."""
    about, _, path = line.partition("\t")
    mode, _, sha, size = about.split()
    return Entry(path, mode, sha, None if size == "-" else int(size))
