"""Everything that the files around one Dockerfile say of the app, each worked out when it is first asked for."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import Files, Overlay, below, join, normal

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from dockfix.facts.ci import Build, Call
    from dockfix.facts.compose import Service
    from dockfix.facts.ignore import Ignore
    from dockfix.facts.kubernetes import Container
    from dockfix.facts.node import Node
    from dockfix.facts.python import Python
    from dockfix.facts.scripts import Script

T = TypeVar("T")

#: Endings of files from which only ``ignore`` is worked out: changing them leaves every other fact as it was.
_WITHOUT_FACTS = (".dockerignore", ".conf", ".md", "Dockerfile", ".Dockerfile", ".dockerfile", "Containerfile")


class App:
    """The facts of one Dockerfile's build context.

    Args:
        files: the repository's files; every path and origin counts from their root.
        dockerfile: the Dockerfile's path.
        context: the folder that the build sends.
    """

    def __init__(self, files: Files, dockerfile: str = "Dockerfile", context: str = "") -> None:
        self.files = files
        self.dockerfile = dockerfile
        self.context = normal(context) or ""
        self.root = below(files, self.context)

    def __repr__(self) -> str:
        return f"App({self.dockerfile!r}, context={self.context!r})"

    @classmethod
    def discover(cls, files: Files, dockerfile: str) -> App:
        """The facts of *dockerfile* in the context that :func:`contexts` decides for it."""
        around = cls(files, dockerfile)
        app = cls(files, dockerfile, around.decided_context.value)
        app.__dict__.update({name: around.__dict__[name] for name in ("_compose", "_ci") if name in around.__dict__})
        return app

    def overlay(self, changes: Mapping[str, str]) -> App:
        """The same app with companion files changed or added; paths count from the root of the files."""
        app = App(Overlay(self.files, changes), self.dockerfile, self.context)
        if all(path.endswith(_WITHOUT_FACTS) for path in changes):
            kept = self.__dict__.keys() - app.__dict__.keys() - {"ignore"}
            app.__dict__.update({name: self.__dict__[name] for name in kept})
        return app

    def origin(self, path: str, line: int | None = None) -> str:
        """How reports name a file of the context."""
        name = join(self.context, path)
        return name if line is None else f"{name}:{line}"

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What *make* returns, worked out once for a key.

        Args:
            key: what is asked for; it begins with the name of the facts module's own.
            make: the work.
        """
        if key not in self._once:
            self._once[key] = make()
        found: T = self._once[key]
        return found

    @cached_property
    def _once(self) -> dict[Hashable, Any]:
        return {}

    # -- the context ---------------------------------------------------------------------------------------------

    def sends(self, path: str) -> bool:
        """Whether *path* is in the build context that the engine gets: it is there, and not ignored."""
        return self.root.exists(path) and not self.ignore.ignores(path)

    @cached_property
    def ignore(self) -> Ignore:
        """What the build does not see."""
        from dockfix.facts.ignore import read

        return read(self.files, self.dockerfile, self.context)

    @cached_property
    def node(self) -> Node | None:
        """The package.json at the context's root."""
        return self.node_at("")

    def node_at(self, folder: str) -> Node | None:
        """The package.json in a folder of the context."""
        found = self._node(normal(folder) or "")
        return None if isinstance(found, Problem) else found

    def node_problem(self, folder: str = "") -> Problem | None:
        """What keeps the package.json of a folder of the context from being read; None where nothing does."""
        found = self._node(normal(folder) or "")
        return found if isinstance(found, Problem) else None

    def _node(self, folder: str) -> Node | Problem | None:
        if folder not in self._nodes:
            self._nodes[folder] = self._read_node(folder)
        return self._nodes[folder]

    def _read_node(self, folder: str) -> Node | Problem | None:
        if not self.root.exists(join(folder, "package.json")):
            return None
        from dockfix.facts.node import read

        return read(self.root, folder, self.context)

    @cached_property
    def _nodes(self) -> dict[str, Node | Problem | None]:
        return {}

    @cached_property
    def python(self) -> Python | None:
        """What the Python sources and manifests of the context say."""
        from dockfix.facts.python import read

        return read(self.root, self.context)

    @cached_property
    def scripts(self) -> tuple[Script, ...]:
        """The shell scripts of the context."""
        from dockfix.facts.scripts import scripts

        return tuple(scripts(self.root, self.context))

    def script(self, path: str) -> Script | None:
        """The shell script at a path of the context; None where there is none or another interpreter runs it."""
        from dockfix.facts.scripts import script

        if path not in self._known_scripts:
            self._known_scripts[path] = script(self.root, path, self.context)
        return self._known_scripts[path]

    @cached_property
    def _known_scripts(self) -> dict[str, Script | None]:
        return {}

    @cached_property
    def decided_context(self) -> Fact[str]:
        """The context in which the Dockerfile is built: as compose says, else as CI says, else its own folder."""
        for service in self.compose:
            if service.context is not None:
                return Fact(service.context, service.origin("context"))
        for build in self.builds:
            if build.context is not None and self.files.is_dir(build.context):
                return Fact(build.context, build.origin)
        return Fact(posixpath.dirname(self.dockerfile), self.dockerfile)

    # -- around it -----------------------------------------------------------------------------------------------

    @cached_property
    def _compose(self) -> tuple[tuple[Service, ...], tuple[Problem, ...]]:
        from dockfix.facts.composefiles import compose

        return compose(self.files)

    @property
    def all_services(self) -> tuple[Service, ...]:
        """Every service of every compose file."""
        return self._compose[0]

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """The names by which builds find this Dockerfile: docker takes ``dockerfile`` where there is no ``Dockerfile``.

        https://github.com/docker/buildx/blob/master/build/opt.go
        """
        folder, name = posixpath.split(self.dockerfile)
        usual = posixpath.join(folder, "Dockerfile")
        return (self.dockerfile, usual) if name == "dockerfile" and not self.files.exists(usual) else (self.dockerfile,)

    @cached_property
    def compose(self) -> tuple[Service, ...]:
        """The compose services that are built from this Dockerfile, those of main files first."""
        return tuple(service for service in self.all_services if service.dockerfile in self._names)

    @cached_property
    def _ci(self) -> tuple[tuple[Build, ...], tuple[Call, ...], tuple[Problem, ...]]:
        from dockfix.facts.cifiles import builds

        return builds(self.files)

    @cached_property
    def builds(self) -> tuple[Build, ...]:
        """The builds of this Dockerfile in CI files, Makefiles and scripts."""
        return tuple(build for build in self._ci[0] if build.dockerfile in self._names)

    @cached_property
    def ci_targets(self) -> tuple[Fact[str], ...]:
        """The stages that CI files and Makefiles build; also where they do not tell of which Dockerfile."""
        return tuple(
            Fact(build.target, build.origin)
            for build in self._ci[0]
            if build.target and build.dockerfile in (*self._names, None)
        )

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """What CI files, Makefiles and scripts run in the services and the images of this Dockerfile."""
        services = {service.name for service in self.compose}
        images = {tag for build in self.builds for tag in build.tags} - {""}
        images |= {service.image for service in self.compose if service.image}
        return tuple(call for call in self._ci[1] if call.service in (images if call.image else services))

    @cached_property
    def _kubernetes(self) -> tuple[tuple[Container, ...], tuple[Problem, ...]]:
        from dockfix.facts.kubernetesfiles import containers

        return containers(self.files)

    @property
    def kubernetes(self) -> tuple[Container, ...]:
        """The containers of all Kubernetes manifests in the repository."""
        return self._kubernetes[0]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Companions that could not be read, as far as they were asked for up to now."""
        state = self.__dict__
        found: list[Problem] = [problem for problem in self._nodes.values() if isinstance(problem, Problem)]
        for node in self._nodes.values():
            if node is not None and not isinstance(node, Problem):
                found += node.problems if "_locked" in node.__dict__ else ()
        found += state["ignore"].problems if "ignore" in state else ()
        for name in ("_compose", "_ci", "_kubernetes"):
            found += state[name][-1] if name in state else ()
        if state.get("python") is not None:
            found += getattr(state["python"], "problems", ())
        return tuple(dict.fromkeys(found))


def contexts(files: Files, dockerfile: str) -> Fact[str]:
    """The context in which *dockerfile* is built: as compose says, else as CI says, else its own folder."""
    return App(files, dockerfile).decided_context
