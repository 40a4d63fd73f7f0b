"""nginx as the server of a single-page app: its configuration, and the image that runs it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.facts import App
    from dockfix.facts.node import Node
    from dockfix.options import Base

CONF = "/etc/nginx/conf.d/default.conf"
PORT = 80
ROOT = "/usr/share/nginx/html"
START = ("nginx", "-g", "daemon off;")
"""What the image starts: https://github.com/nginx/docker-nginx/blob/master/Dockerfile-debian.template"""

HASHED = {"vite": "assets", "cra": "static", "vue-cli": None, "angular": None}
"""The folder of the output whose file names carry a hash of their content, by build tool.

Vite: https://vite.dev/config/build-options (build.assetsDir). Create React App:
https://create-react-app.dev/docs/production-build/. Vue CLI spreads hashed and plain files over the same folders,
and Angular's plain output is not hashed.
"""

CHOSEN = re.compile(rb"assetsDir|publicDir|FileNames")
"""Settings of Vite that name the files of the output."""


def image(base: Base) -> str:
    """The nginx image of the wanted family."""
    line = catalog.stable_nginx()
    return f"nginx:{line}-alpine" if base == "alpine" else f"nginx:{line}"


def conf_path(app: App, source: str) -> str:
    """Where the configuration lies in the build context.

    Args:
        app: the facts of the build context.
        source: the app's folder in it.

    Raises:
        UnfitError: there is one of that name already, or .dockerignore hides it.
    """
    path = f"{source}/nginx.conf" if source else "nginx.conf"
    if app.root.exists(path):
        raise UnfitError(None, f"{path} exists already, and what it is for cannot be told")
    if app.ignore.ignores(path):
        raise UnfitError(None, f"{path} would be ignored by {app.ignore.path}")
    return path


def hashed_folder(node: Node) -> str | None:
    """The folder of a site whose file names change with their content; ``None`` where there is none.

    Files of ``public`` are copied as they are, and Vite's names can be chosen in its configuration:
    https://vite.dev/guide/assets#the-public-directory
    """
    folder = HASHED.get(node.spa.value) if node.spa is not None else None
    if folder is None or node.files.is_dir(node.path(f"public/{folder}")):
        return None
    names = (name for name in node.files.list(node.folder) if name.startswith("vite.config."))
    configurations = [node.files.read(node.path(name)) or b"" for name in names]
    return None if any(CHOSEN.search(text) for text in configurations) else folder


def conf(port: int, hashed: str | None) -> str:
    """A server block for a single-page app.

    Routes of the app get ``index.html``, which is never kept by a browser; a missing file of the hashed folder and
    an unknown path under ``/api/`` are 404, so that a page is never taken for a script or for data.

    Args:
        port: where nginx listens, on IPv4 and IPv6: a conf of one's own switches off the image's script that adds
            IPv6.
        hashed: the folder whose file names change with their content, from the root of the site.
    """
    immutable = (
        ""
        if hashed is None
        else f"""
    location /{hashed}/ {{
        add_header Cache-Control "public, max-age=31536000, immutable";
        try_files $uri =404;
    }}
"""
    )
    return f"""server {{
    listen {port};
    listen [::]:{port};
    root {ROOT};

    location / {{
        add_header Cache-Control "no-cache";
        try_files $uri /index.html;
    }}
{immutable}
    location /api/ {{
        try_files $uri =404;
    }}
}}
"""
