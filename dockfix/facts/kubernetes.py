"""A Kubernetes manifest beside the app: probes, ports and what the pods demand of the account.

The format: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import decoded
from dockfix.facts.yamltext import Yaml, parse, scalars

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "ReplicaSet", "Rollout", "Service"}
)
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_CONTROL = re.compile(r"^\s*(?:\{\{.*\}\}\s*)+$")


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe of a container.

    Attributes:
        kind: when it is asked.
        path: the path of an HTTP probe; None for the other sorts.
        port: its port, or the port's name, as written.
        command: the words of an exec probe.
        origin: where it is written.
    """

    kind: Literal["liveness", "readiness", "startup"]
    path: str | None
    port: str | None
    command: tuple[str, ...]
    origin: str


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod template.

    Attributes:
        workload: the name of the Deployment, Job …
        kind: its kind.
        name: the container's name.
        image: the image as written; template expressions are replaced by ``X``.
        ports: container ports.
        probes: its probes.
        run_as_non_root: whether the pod or the container demands a numeric account other than root.
        read_only: whether the root file system is read-only.
        command: what replaces the image's ENTRYPOINT.
        args: what replaces the image's CMD.
        mounts: the paths where volumes are mounted.
        capabilities: the capabilities that it is given.
        privileged: where it says that it runs privileged; None where it does not.
        template: whether the manifest is a Helm template, so that values are guesses.
        origin: where the container is written.
    """

    workload: str
    kind: str
    name: str
    image: str | None
    ports: tuple[Fact[int], ...]
    probes: tuple[Probe, ...]
    run_as_non_root: bool
    read_only: bool
    command: tuple[str, ...]
    args: tuple[str, ...]
    mounts: tuple[str, ...]
    capabilities: tuple[Fact[str], ...]
    privileged: str | None
    template: bool
    origin: str

    def probe(self, kind: str) -> Probe | None:
        """The probe of a kind."""
        return next((probe for probe in self.probes if probe.kind == kind), None)

    def port(self, probe: Probe) -> int | None:
        """The number of a probe's port; None where it is a name that cannot be told."""
        if probe.port is None or not probe.port.isdigit():
            return self.ports[0].value if len(self.ports) == 1 and probe.port else None
        return int(probe.port)


@lru_cache(maxsize=256)  # every Dockerfile of a repository asks for the same files
def contents(path: str, data: bytes) -> tuple[tuple[Container, ...], Problem | None]:
    """The containers of one manifest, and what keeps it from being read; a template that is no YAML has neither.

    Args:
        path: the manifest, from the root.
        data: its bytes.
    """
    source = decoded(data)
    template = "{{" in source
    if template:
        source = "\n".join("" if _CONTROL.match(line) else _TEMPLATE.sub("X", line) for line in source.split("\n"))
    documents = parse(source, path)
    if isinstance(documents, Problem):
        return (), None if template else documents
    return tuple(found for document in documents for found in _workload(document, template)), None


def _workload(document: Yaml, template: bool) -> Iterator[Container]:
    kind, name = document.text("kind"), document.text("metadata", "name")
    if kind is not None and kind.value == "List":
        items = document.at("items")
        for item in items.values() if items is not None else ():
            yield from _workload(item, template)
        return
    if kind is None or kind.value not in _KINDS:
        return
    pod = (
        document.at("spec", "template", "spec")
        or document.at("spec", "jobTemplate", "spec", "template", "spec")
        or document.at("spec")
    )
    listed = pod.at("containers") if pod is not None else None
    if pod is None or listed is None:
        return
    for node in listed.values():
        yield _container(kind.value, name.value if name else "", pod, node, template)


def _container(kind: str, workload: str, pod: Yaml, node: Yaml, template: bool) -> Container:
    name, image = node.text("name"), node.text("image")
    ports = node.at("ports")
    mounts = node.at("volumeMounts")
    numbers = [port.text("containerPort") for port in (ports.values() if ports is not None else ())]
    paths = [mount.text("mountPath") for mount in (mounts.values() if mounts is not None else ())]
    securities = [found for found in (node.at("securityContext"), pod.at("securityContext")) if found is not None]
    read_only = node.at("securityContext", "readOnlyRootFilesystem")
    privileged = node.at("securityContext", "privileged")
    demand = next((found for security in securities if (found := security.at("runAsNonRoot"))), None)
    return Container(
        workload=workload,
        kind=kind,
        name=name.value if name else "",
        image=image.value if image else None,
        ports=tuple(Fact(int(fact.value), fact.origin) for fact in numbers if fact and fact.value.isdigit()),
        probes=tuple(_probes(node)),
        run_as_non_root=demand is not None and demand.truth,
        read_only=read_only is not None and read_only.truth,
        command=tuple(fact.value for fact in scalars(node.at("command"))),
        args=tuple(fact.value for fact in scalars(node.at("args"))),
        mounts=tuple(fact.value for fact in paths if fact),
        capabilities=tuple(scalars(node.at("securityContext", "capabilities", "add"))),
        privileged=privileged.origin if privileged is not None and privileged.truth else None,
        template=template,
        origin=node.origin,
    )


def _probes(node: Yaml) -> Iterator[Probe]:
    kinds: tuple[Literal["liveness", "readiness", "startup"], ...] = ("liveness", "readiness", "startup")
    for kind in kinds:
        probe = node.at(f"{kind}Probe")
        if probe is None:
            continue
        path = probe.text("httpGet", "path")
        port = probe.text("httpGet", "port") or probe.text("tcpSocket", "port") or probe.text("grpc", "port")
        yield Probe(
            kind,
            path.value if path else ("/" if probe.at("httpGet") else None),
            port.value if port else None,
            tuple(fact.value for fact in scalars(probe.at("exec", "command"))),
            probe.origin,
        )
