from __future__ import annotations

from dockfix.facts import App, Tree

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      securityContext: {runAsNonRoot: true}
      containers:
        - name: web
          image: example/web:1
          args: [serve]
          ports: [{containerPort: 8080, name: http}]
          securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true}
          livenessProbe:
            httpGet: {path: /livez, port: http}
          readinessProbe: {exec: {command: [cat, /x]}}
          volumeMounts: [{name: d, mountPath: /data}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
"""


def test_containers() -> None:
    [found] = App(Tree({"k8s/web.yaml": MANIFEST})).kubernetes
    assert (found.workload, found.kind, found.image, found.args) == ("web", "Deployment", "example/web:1", ("serve",))
    assert (found.run_as_non_root, found.read_only, found.mounts) == (True, True, ("/data",))
    live = found.probe("liveness")
    assert live is not None
    assert (live.path, found.port(live), live.origin) == ("/livez", 8080, "k8s/web.yaml:14")
    ready = found.probe("readiness")
    assert ready is not None
    assert ready.command == ("cat", "/x")


def test_templates_are_read_as_far_as_they_are_yaml() -> None:
    template = MANIFEST.replace("example/web:1", "{{ .Values.image }}").replace(
        "metadata: {name: web}\nspec", "{{- if .x }}\nspec", 1
    )
    app = App(
        Tree(
            {
                "chart/templates/web.yaml": template,
                "chart/templates/bad.yaml": "apiVersion: 1\ncontainers: {{ if\n  x: [\n",
            }
        )
    )
    assert [(item.template, item.image) for item in app.kubernetes] == [(True, "X")]
    assert app.problems == ()


def test_broken_manifests_are_problems() -> None:
    app = App(Tree({"k8s/a.yaml": "apiVersion: v1\ncontainers: [\n"}))
    assert app.kubernetes == ()
    assert app.problems[0].origin.startswith("k8s/a.yaml:")
