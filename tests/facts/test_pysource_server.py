"""What start commands of Python apps run: where they listen, how their health is told, what they write."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dockfix.facts import python
from dockfix.facts.files import Tree
from dockfix.facts.pyserver import PyServer

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"


def serve(
    files: Mapping[str, str | bytes] | str,
    command: str,
    environment: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> PyServer:
    found = python.read(Tree({"app.py": files} if isinstance(files, str) else files))
    assert found is not None
    return found.server_of(command.split(), environment, folder)


def values(facts: object) -> list[str]:
    return [fact.value for fact in facts]  # type: ignore[attr-defined]


def port(server: PyServer) -> int | None:
    return server.port.value if server.port is not None else None


def health(server: PyServer) -> str | None:
    return server.health.value if server.health is not None else None


@pytest.mark.parametrize(
    ("command", "environment", "wanted", "variable", "bind"),
    [
        pytest.param("flask run", {}, 5000, None, "127.0.0.1", id="flask-default"),
        pytest.param("python -m flask run --host=0.0.0.0 -p 81", {}, 81, None, "0.0.0.0", id="flask-module"),
        pytest.param(
            "flask --app app run", {"FLASK_RUN_PORT": "8001"}, 8001, "FLASK_RUN_PORT", "127.0.0.1", id="flask-env"
        ),
        pytest.param("gunicorn app:app", {}, 8000, "PORT", "127.0.0.1", id="gunicorn-default"),
        pytest.param("gunicorn app:app", {"PORT": "9000"}, 9000, "PORT", "0.0.0.0", id="gunicorn-PORT"),
        pytest.param("gunicorn -w4 -b :8080 app:app", {}, 8080, None, "0.0.0.0", id="gunicorn-short"),
        pytest.param("gunicorn --bind=[::]:80 app:create_app()", {}, 80, None, "::", id="gunicorn-ipv6"),
        pytest.param("gunicorn -b 0.0.0.0:${PORT:-7000} app:app", {}, 7000, "PORT", "0.0.0.0", id="gunicorn-variable"),
        pytest.param("gunicorn -b unix:/run/a.sock app:app", {}, None, None, None, id="gunicorn-socket"),
        pytest.param(
            "gunicorn app:app", {"GUNICORN_CMD_ARGS": "--bind=0.0.0.0:81"}, 81, None, "0.0.0.0", id="gunicorn-args"
        ),
        pytest.param("uvicorn app:app", {}, 8000, None, "127.0.0.1", id="uvicorn-default"),
        pytest.param(
            "python3 -m uvicorn app:app --host 0.0.0.0 --port 80", {}, 80, None, "0.0.0.0", id="uvicorn-module"
        ),
        pytest.param(
            "uvicorn app:app --port $PORT", {"PORT": "5555"}, 5555, "PORT", "127.0.0.1", id="uvicorn-variable"
        ),
        pytest.param("hypercorn app:app -b 0.0.0.0:5001", {}, 5001, None, "0.0.0.0", id="hypercorn"),
        pytest.param("daphne -b 0.0.0.0 -p 8100 app:app", {}, 8100, None, "0.0.0.0", id="daphne"),
        pytest.param("waitress-serve app:app", {}, 8080, None, "0.0.0.0", id="waitress-default"),
        pytest.param("waitress-serve --listen=*:8041 app:app", {}, 8041, None, "*", id="waitress-listen"),
        pytest.param("fastapi run app.py --port 80", {}, 80, None, "0.0.0.0", id="fastapi-run"),
        pytest.param("streamlit run app.py", {}, 8501, None, "0.0.0.0", id="streamlit"),
        pytest.param("streamlit run app.py --server.port=8502", {}, 8502, None, "0.0.0.0", id="streamlit-port"),
        pytest.param("dumb-init -- poetry run uvicorn app:app --port 82", {}, 82, None, "127.0.0.1", id="wrapped"),
    ],
)
def test_port_from_the_command_line(
    command: str, environment: dict[str, str], wanted: int | None, variable: str | None, bind: str | None
) -> None:
    found = serve(FLASK, command, environment)
    assert found.kind.value == "web"
    assert port(found) == wanted
    assert (found.port_variable.value if found.port_variable is not None else None) == variable
    assert (found.bind.value if found.bind is not None else None) == bind


@pytest.mark.parametrize(
    ("source", "wanted", "variable", "server"),
    [
        pytest.param(FLASK + "app.run(host='0.0.0.0', port=81)\n", 81, None, "flask", id="flask"),
        pytest.param(FLASK + "app.run('0.0.0.0', 82)\n", 82, None, "flask", id="positional"),
        pytest.param(FLASK + "app.run()\n", 5000, None, "flask", id="default"),
        pytest.param(
            "import os\n" + FLASK + "app.run(port=int(os.environ.get('PORT', 5001)))\n", 5001, "PORT", "flask", id="env"
        ),
        pytest.param(
            "from os import getenv as g\n" + FLASK + "P = g('P') or 83\napp.run(port=P)\n", 83, "P", "flask", id="or"
        ),
        pytest.param(
            FLASK + "def main():\n    port = 84\n    app.run(port=port)\nmain()\n", 84, None, "flask", id="local-name"
        ),
        pytest.param(
            FLASK + "import argparse\np = argparse.ArgumentParser()\n"
            "p.add_argument('--port', '-p', type=int, default=85)\n"
            "args = p.parse_args()\napp.run(port=args.port)\n",
            85,
            None,
            "flask",
            id="argparse",
        ),
        pytest.param(
            FLASK + "import click\n@click.command()\n@click.option('--port', default=86)\n"
            "def main(port):\n    app.run(port=port)\n",
            86,
            None,
            "flask",
            id="click",
        ),
        pytest.param(
            FLASK + "from flask_socketio import SocketIO\nio = SocketIO(app)\nio.run(app, port=87)\n",
            87,
            None,
            "flask",
            id="socketio",
        ),
        pytest.param(FLASK + "from waitress import serve\nserve(app, port=88)\n", 88, None, "waitress", id="waitress"),
        pytest.param(
            FASTAPI + "import uvicorn\nuvicorn.run('app:app', host='::', port=89)\n", 89, None, "uvicorn", id="uvicorn"
        ),
        pytest.param(
            "from http.server import HTTPServer, BaseHTTPRequestHandler as H\n"
            "HTTPServer(('', 90), H).serve_forever()\n",
            90,
            None,
            "http.server",
            id="http-server",
        ),
        pytest.param(
            "import grpc\ns = grpc.server(x)\nPORT = 50051\ns.add_insecure_port(f'[::]:{PORT}')\n",
            50051,
            None,
            "grpc",
            id="grpc",
        ),
        pytest.param(FLASK + "app.run(port=find_port())\n", None, None, "flask", id="unknown"),
        pytest.param(FLASK + "app.run(**options)\n", None, None, "flask", id="starred"),
    ],
)
def test_port_from_the_source(source: str, wanted: int | None, variable: str | None, server: str) -> None:
    found = serve(source, "python app.py")
    assert found.kind.value == "web"
    assert found.server is not None
    assert found.server.value == server
    assert port(found) == wanted
    assert (found.port_variable.value if found.port_variable is not None else None) == variable


def test_option_of_the_command_wins_over_its_default() -> None:
    source = FLASK + (
        "from argparse import ArgumentParser\np = ArgumentParser()\n"
        "p.add_argument('--port', default=1)\na = p.parse_args()\napp.run(port=a.port)\n"
    )
    assert port(serve(source, "python app.py --port 8123")) == 8123


def test_settings_object_from_another_module() -> None:
    files = {
        "main.py": "import uvicorn\nfrom config import settings\nfrom api import app\n"
        "uvicorn.run(app, host=settings.HOST, port=settings.port)\n",
        "config.py": "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n"
        "    HOST: str = '0.0.0.0'\n    port: int = 8077\nsettings = Settings()\n",
        "api.py": FASTAPI + "@app.get('/healthz')\ndef h():\n    return 1\n",
    }
    found = serve(files, "python main.py")
    assert (port(found), health(found)) == (8077, "/healthz")
    assert found.port_variable is not None
    assert found.port_variable.value == "PORT"
    assert found.framework is not None
    assert found.framework.value == "fastapi"


def test_main_guard_of_an_imported_module_does_not_run() -> None:
    files = {"main.py": "import other\n", "other.py": FLASK + "if __name__ == '__main__':\n    app.run(port=1)\n"}
    assert serve(files, "python main.py").kind.value == "none"
    assert serve(files, "python other.py").kind.value == "web"


def test_two_listeners_leave_the_port_open() -> None:
    found = serve(
        "import sys\n" + FLASK + "if sys.argv:\n    app.run(port=1)\nelse:\n    app.run(port=2)\n", "python app.py"
    )
    assert found.kind.value == "web"
    assert found.port is None
    assert found.unread


@pytest.mark.parametrize(
    ("config", "wanted", "variable"),
    [
        pytest.param("bind = '0.0.0.0:8010'\n", 8010, None, id="literal"),
        pytest.param("import os\nbind = f\"0.0.0.0:{os.getenv('PORT', '8011')}\"\n", 8011, "PORT", id="variable"),
        pytest.param(
            "import os\nport = os.environ.get('PORT', 8012)\nbind = '0.0.0.0:' + str(port)\n", 8012, "PORT", id="joined"
        ),
        pytest.param("bind = ['127.0.0.1:8013', '[::1]:8013']\n", 8013, None, id="list"),
        pytest.param("workers = 2\n", 8000, "PORT", id="without"),
    ],
)
def test_gunicorn_configuration_file(config: str, wanted: int, variable: str | None) -> None:
    for name, command in (("gunicorn.conf.py", "gunicorn app:app"), ("etc/g.py", "gunicorn -c etc/g.py app:app")):
        found = serve({"app.py": FLASK, name: config}, command)
        assert port(found) == wanted
        assert (found.port_variable.value if found.port_variable is not None else None) == variable


def test_command_line_wins_over_the_configuration_file() -> None:
    assert port(serve({"app.py": FLASK, "gunicorn.conf.py": "bind = ':1'\n"}, "gunicorn -b :2 app:app")) == 2


def test_missing_configuration_file_leaves_the_port_open() -> None:
    found = serve(FLASK, "gunicorn -c /etc/gunicorn.py app:app")
    assert found.port is None
    assert found.unread


@pytest.mark.parametrize(
    ("command", "config"),
    [
        pytest.param("gunicorn -b $BIND app:app", "", id="address-variable"),
        pytest.param("gunicorn -b 0.0.0.0:$(port) app:app", "", id="substitution"),
        pytest.param("uvicorn app:app --port $((80+1))", "", id="arithmetic"),
        pytest.param("gunicorn app:app", "bind = address()\n", id="call"),
        pytest.param("gunicorn app:app", "bind = 'unix:/run/app.sock'\n", id="socket"),
        pytest.param(
            "gunicorn app:app", "import sys\nif sys.argv:\n    bind = ':1'\nelse:\n    bind = ':2'\n", id="two"
        ),
    ],
)
def test_no_default_takes_the_place_of_what_is_not_understood(command: str, config: str) -> None:
    found = serve({"app.py": FLASK, "gunicorn.conf.py": config}, command)
    assert found.kind.value == "web"
    assert found.port is None


def test_start_script_is_followed() -> None:
    files = {
        "app.py": FLASK,
        "start.sh": "#!/bin/sh\nset -e\nflask db upgrade\nexport PORT=8021\nexec gunicorn -b 0.0.0.0:$PORT app:app\n",
        "run.sh": '#!/bin/sh\npython -m migrate\nexec "$@"\n',
    }
    assert port(serve(files, "./start.sh")) == 8021
    assert port(serve(files, "sh /app/run.sh uvicorn app:app --port 8022")) == 8022


def test_start_script_with_two_ports_leaves_it_open() -> None:
    script = "#!/bin/sh\nif [ $X ]; then uvicorn app:app --port 1 --reload; else uvicorn app:app --port 2; fi\n"
    found = serve({"app.py": FASTAPI, "s.sh": script}, "./s.sh")
    assert found.kind.value == "web"
    assert found.port is None


@pytest.mark.parametrize(
    ("command", "source", "kind"),
    [
        pytest.param("celery -A app worker -l info", "", "worker", id="celery"),
        pytest.param("rq worker high", "", "worker", id="rq"),
        pytest.param("python app.py", "while True:\n    work()\n", "worker", id="loop"),
        pytest.param("python app.py", "import discord\n", "worker", id="bot"),
        pytest.param("python app.py", "print(1)\n", "none", id="script"),
        pytest.param("alembic upgrade head", "", "none", id="migration"),
        pytest.param("flask db upgrade", FLASK, "none", id="flask-migration"),
        pytest.param("nginx", "", "none", id="other"),
        pytest.param(
            "python app.py",
            "from prometheus_client import start_http_server\nstart_http_server(9)\n",
            "worker",
            id="metrics",
        ),
    ],
)
def test_kind_without_web_server(command: str, source: str, kind: str) -> None:
    found = serve(source, command)
    assert found.kind.value == kind
    assert found.port is None
    assert found.health is None


def test_celery_beat_writes_its_schedule() -> None:
    found = serve("", "celery -A app worker -B")
    assert found.beat is not None
    assert found.beat.value == "celerybeat-schedule"
    assert serve("", "celery -A app worker").beat is None


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        pytest.param(FLASK + "@app.route('/health')\ndef h(): ...\n", "/health", id="flask"),
        pytest.param(FLASK + "@app.route('/health', methods=['POST'])\ndef h(): ...\n", None, id="post"),
        pytest.param(FLASK + "@app.route('/health/<x>')\ndef h(x): ...\n", None, id="parameter"),
        pytest.param(FLASK + "@app.route('/healthiness')\ndef h(): ...\n", None, id="another-word"),
        pytest.param(FLASK + "@app.route('/users/status')\n@login_required\ndef h(): ...\n", None, id="behind-login"),
        pytest.param(FLASK + "@app.get('/-/healthy')\ndef h(): ...\n", "/-/healthy", id="prometheus-style"),
        pytest.param(FLASK + "app.add_url_rule('/ping', view_func=lambda: 1)\n", "/ping", id="url-rule"),
        pytest.param(
            FLASK + "from flask import Blueprint\nbp = Blueprint('b', __name__, url_prefix='/api')\n"
            "@bp.route('/health')\ndef h(): ...\napp.register_blueprint(bp)\n",
            "/api/health",
            id="blueprint",
        ),
        pytest.param(
            FLASK + "from flask import Blueprint\nbp = Blueprint('b', __name__, url_prefix='/api')\n"
            "@bp.route('/health')\ndef h(): ...\n"
            "app.register_blueprint(bp, url_prefix='/v2')\n",
            "/v2/health",
            id="prefix-replaced",
        ),
        pytest.param(
            FLASK + "from flask import Blueprint\nbp = Blueprint('b', __name__)\n@bp.route('/health')\ndef h(): ...\n",
            None,
            id="unregistered",
        ),
        pytest.param(
            FLASK + "from flask import Blueprint\nbp = Blueprint('b', __name__)\n"
            "@bp.route('/health')\ndef h(): ...\n"
            "app.register_blueprint(bp, url_prefix=prefix())\n",
            None,
            id="prefix-unknown",
        ),
        pytest.param(
            FLASK + "from flask_restful import Api, Resource\nclass H(Resource):\n"
            "    def get(self): ...\napi = Api(app, prefix='/v1')\n"
            "api.add_resource(H, '/health')\n",
            "/v1/health",
            id="restful",
        ),
        pytest.param(
            FLASK + "from flask_restful import Api, Resource\nclass H(Resource):\n"
            "    def post(self): ...\nApi(app).add_resource(H, '/health')\n",
            None,
            id="restful-post",
        ),
        pytest.param(
            FASTAPI + "from fastapi import APIRouter\nr = APIRouter(prefix='/b')\n@r.get('/health')\n"
            "def h(): ...\napp.include_router(r, prefix='/a')\n",
            "/a/b/health",
            id="router",
        ),
        pytest.param(FASTAPI + "@app.get('/health')\ndef h(q: str): ...\n", None, id="needed-query"),
        pytest.param(FASTAPI + "@app.get('/health')\ndef h(q: str = 'x'): ...\n", "/health", id="optional-query"),
        pytest.param(FASTAPI + "@app.get('/health')\ndef h(u=Depends(get_current_user)): ...\n", None, id="dependency"),
        pytest.param(
            FASTAPI + "@app.get('/health')\ndef h():\n    raise HTTPException(status_code=401)\n", None, id="raises"
        ),
        pytest.param(
            "from flask import Flask, abort, request\napp = Flask(__name__)\n@app.route('/api/health')\n"
            "def h():\n    if 'X-Key' not in request.headers:\n        return {}, 401\n    return {}\n",
            None,
            id="returns-401",
        ),
        pytest.param(
            "from flask import Flask, abort\ndef make():\n    app = Flask(__name__)\n    @app.before_request\n"
            "    def known():\n        if not here():\n            abort(401)\n    return app\napp = make()\n"
            "@app.route('/health')\ndef h(): ...\n",
            None,
            id="before-request",
        ),
        pytest.param(
            FASTAPI + "@app.middleware('http')\nasync def check(request, call_next):\n"
            "    return JSONResponse({}, status_code=403)\n@app.get('/health')\ndef h(): ...\n",
            None,
            id="middleware",
        ),
        pytest.param(
            FASTAPI + "app.add_middleware(AuthMiddleware)\n@app.get('/health')\ndef h(): ...\n", None, id="added"
        ),
        pytest.param(
            FASTAPI + "app.add_middleware(CORSMiddleware)\n@app.middleware('http')\nasync def timed(r, call_next):\n"
            "    return await call_next(r)\n@app.get('/health')\ndef h():\n    return {}, 200\n"
            "@app.get('/x')\ndef x():\n    raise HTTPException(status_code=404)\n",
            "/health",
            id="middleware-that-lets-all-in",
        ),
        pytest.param(
            FASTAPI + "@app.get('/ready')\ndef r(): ...\n@app.get('/live')\ndef h(): ...\n",
            "/live",
            id="live-before-ready",
        ),
        pytest.param(
            FASTAPI + "@app.get('/health')\ndef r():\n    db.execute('select 1')\n@app.get('/ping')\ndef h(): ...\n",
            "/ping",
            id="without-database",
        ),
    ],
)
def test_health_route(source: str, wanted: str | None) -> None:
    assert health(serve(source, "gunicorn app:app")) == wanted


def test_health_that_asks_a_database_says_so() -> None:
    found = serve(FASTAPI + "@app.get('/health')\ndef r():\n    session.execute(x)\n", "uvicorn app:app")
    assert health(found) == "/health"
    assert found.health_backend is not None


def test_factory_and_blueprints_in_a_package() -> None:
    files = {
        "wsgi.py": "from shop import create_app\napp = create_app()\n",
        "shop/__init__.py": "from flask import Flask\ndef create_app():\n    app = Flask(__name__)\n"
        "    from .views import register\n    register(app)\n    return app\n",
        "shop/views/__init__.py": "from .core import bp\ndef register(app):\n"
        "    app.register_blueprint(bp, url_prefix='/core')\n",
        "shop/views/core.py": "from flask import Blueprint\nbp = Blueprint('core', __name__)\n"
        "@bp.get('/status')\ndef status(): ...\n",
    }
    found = serve(files, "gunicorn wsgi:app")
    assert health(found) == "/core/status"
    assert found.health is not None
    assert found.health.origin == "shop/views/core.py:3"
    assert found.sources == ("wsgi.py", "shop/__init__.py", "shop/views/__init__.py", "shop/views/core.py")
    assert found.framework is not None
    assert found.framework.value == "flask"


def test_routes_of_another_application_are_not_ours() -> None:
    files = {
        "main.py": FASTAPI + "import admin\n",
        "admin.py": "from fastapi import FastAPI\nadmin = FastAPI()\n@admin.get('/health')\ndef h(): ...\n",
    }
    assert health(serve(files, "uvicorn main:app")) is None
    assert health(serve(files, "uvicorn admin:admin")) == "/health"


def test_mounted_application_has_its_prefix() -> None:
    source = FASTAPI + "sub = FastAPI()\n@sub.get('/health')\ndef h(): ...\napp.mount('/v1', sub)\n"
    assert health(serve(source, "uvicorn app:app")) == "/v1/health"


def test_trusted_host_middleware() -> None:
    source = FASTAPI + (
        "from starlette.middleware.trustedhost import TrustedHostMiddleware\n"
        "app.add_middleware(TrustedHostMiddleware, allowed_hosts=['example.org'])\n"
    )
    hosts = serve(source, "uvicorn app:app").allowed_hosts
    assert hosts is not None
    assert hosts.value == ("example.org",)


def test_streamlit_has_its_own_health_route() -> None:
    files = {"app.py": "import streamlit\n", ".streamlit/config.toml": "[server]\nport = 8600\nbaseUrlPath = 'ui'\n"}
    found = serve(files, "streamlit run app.py")
    assert (port(found), health(found)) == (8600, "/ui/_stcore/health")


DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n",
    "site_/__init__.py": "",
    "site_/wsgi.py": "import os\nfrom django.core.wsgi import get_wsgi_application\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n"
    "application = get_wsgi_application()\n",
    "site_/settings.py": "from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n"
    "DEBUG = True\nALLOWED_HOSTS = []\n"
    "INSTALLED_APPS = ['django.contrib.admin', 'shop.apps.ShopConfig']\nROOT_URLCONF = 'site_.urls'\n"
    "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'data' / 'db.sqlite3'}}\n"
    "MEDIA_ROOT = BASE_DIR / 'media'\nSTATIC_ROOT = BASE_DIR / 'static_root'\n",
    "site_/urls.py": "from django.urls import include, path, re_path\nfrom shop import views\n"
    "urlpatterns = [path('admin/', x), path('api/', include('shop.urls')), re_path(r'^ping/?$', views.ping)]\n",
    "shop/__init__.py": "",
    "shop/apps.py": "",
    "shop/urls.py": "from django.urls import path\nfrom . import views\n"
    "urlpatterns = [path('healthz/', views.health), path('x/<int:y>/', views.health)]\n",
    "shop/views.py": "import os\ndef health(request): ...\ndef ping(request):\n"
    "    os.makedirs('exports', exist_ok=True)\n",
}


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        pytest.param("python manage.py runserver 0.0.0.0:8000", 8000, id="runserver"),
        pytest.param("python manage.py runserver", 8000, id="default"),
        pytest.param("python manage.py runserver 81", 81, id="port-alone"),
        pytest.param("gunicorn site_.wsgi -b :8001", 8001, id="gunicorn"),
    ],
)
def test_django(command: str, wanted: int) -> None:
    found = serve(DJANGO, command)
    assert found.kind.value == "web"
    assert (port(found), health(found)) == (wanted, "/api/healthz/")
    assert values(found.routes) == ["/admin/", "/api/healthz/", "/ping/"]
    assert found.settings is not None
    assert found.settings.value == "site_/settings.py"
    assert found.allowed_hosts is not None
    assert found.allowed_hosts.value == ("localhost", "127.0.0.1")
    assert set(values(found.writes)) == {"data", "media", "exports"}
    assert found.static_root is not None
    assert found.static_root.value == "static_root"


@pytest.mark.parametrize(
    ("line", "environment", "hosts"),
    [
        pytest.param("ALLOWED_HOSTS = ['*']", {}, ("*",), id="any"),
        pytest.param("ALLOWED_HOSTS = ['example.org', 'localhost']", {}, ("example.org", "localhost"), id="literal"),
        pytest.param("ALLOWED_HOSTS = os.environ.get('H', 'a,b').split(',')", {}, ("a", "b"), id="split-default"),
        pytest.param("ALLOWED_HOSTS = os.environ.get('H', 'a').split(',')", {"H": "c"}, ("c",), id="split-environment"),
        pytest.param("ALLOWED_HOSTS = os.environ['H'].split(',')", {}, (), id="unknown"),
        pytest.param("ALLOWED_HOSTS = hosts()", {}, (), id="call"),
    ],
)
def test_django_allowed_hosts(line: str, environment: dict[str, str], hosts: tuple[str, ...]) -> None:
    settings = f"import os\nDEBUG = False\n{line}\nROOT_URLCONF = 'site_.urls'\n"
    found = serve({**DJANGO, "site_/settings.py": settings}, "gunicorn site_.wsgi", environment)
    assert found.allowed_hosts is not None
    assert found.allowed_hosts.value == hosts


def test_django_rest_default_permissions_guard_the_health_view() -> None:
    view = "from rest_framework.views import APIView\nclass H(APIView):\n    def get(self, request): ...\n"
    files = {
        **DJANGO,
        "shop/views.py": view,
        "site_/urls.py": "from django.urls import path\nfrom shop.views import H\n"
        "urlpatterns = [path('health', H.as_view())]\n",
    }
    assert health(serve(files, "gunicorn site_.wsgi")) == "/health"
    guard = "REST_FRAMEWORK = {'DEFAULT_PERMISSION_CLASSES': ['rest_framework.permissions.IsAuthenticated']}\n"
    files["site_/settings.py"] += guard
    assert health(serve(files, "gunicorn site_.wsgi")) is None
    files["shop/views.py"] = view + "    permission_classes = [AllowAny]\n"
    assert health(serve(files, "gunicorn site_.wsgi")) == "/health"


def test_entry_under_an_absolute_path_of_the_image() -> None:
    found = serve({"src/app.py": FLASK + "app.run(port=7)\n"}, "python /code/src/app.py")
    assert found.entry is not None
    assert (found.entry.value, port(found)) == ("src/app.py", 7)


def test_entry_in_the_folder_that_is_copied() -> None:
    source = FLASK + "import os\nos.makedirs('uploads')\nos.makedirs(os.path.join(os.path.dirname(__file__), 'logs'))\n"
    for folder in ("backend", None):
        found = serve({"backend/app.py": source}, "gunicorn app:app", {}, folder)
        assert found.folder == "backend"
        assert values(found.writes) == ["uploads", "logs"]


def test_context_that_is_the_package_itself() -> None:
    files = {"main.py": "from backend.api import router\n" + FASTAPI + "app.include_router(router)\n"}
    files["api.py"] = "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/health')\ndef h(): ...\n"
    assert health(serve(files, "uvicorn backend.main:app")) == "/health"


def test_console_script() -> None:
    files = {
        "pyproject.toml": '[project]\nname = "x"\n[project.scripts]\nserve = "pkg.cli:main"\n',
        "pkg/__init__.py": "",
        "pkg/cli.py": FLASK + "def main():\n    app.run(port=99)\n",
    }
    assert port(serve(files, "serve")) == 99


def test_a_variable_in_uwsgis_file_is_looked_up_in_the_environment() -> None:
    files = {"app.ini": "[uwsgi]\nhttp = $ADDRESS\nmodule = app:app\n", "app.py": "app = object()\n"}
    found = python.read(Tree(files))
    assert found is not None
    server = found.server_of(["uwsgi", "--ini", "app.ini"], {"ADDRESS": "0.0.0.0:9000"})
    assert server.port is not None
    assert (server.port.value, server.port.origin) == (9000, "app.ini")


@pytest.mark.parametrize(
    ("source", "bind"),
    [
        ("app.run(host=socket.gethostname())\n", "socket.gethostname()"),
        (
            "host = find()\nif not host:\n    host = socket.gethostname()\napp.run(host)\n",
            "socket.gethostname()",
        ),
        ("name = socket.gethostname()\napp.run(socket.gethostbyname(name))\n", "socket.gethostname()"),
        ("def own():\n    return socket.gethostname()\napp.run(host=own())\n", "socket.gethostname()"),
        ("HTTPServer((socket.gethostname(), 80), H).serve_forever()\n", "socket.gethostname()"),
        ("app.run(host=os.getenv('H') or socket.gethostname())\n", "socket.gethostname()"),
        ("host = os.getenv('H', socket.gethostname())\napp.run(host=host)\n", "socket.gethostname()"),
        ("def page():\n    return socket.gethostname()\napp.run(host=settings.get('host'))\n", None),
    ],
)
def test_only_an_address_made_from_the_container_s_name_is_its_own(source: str, bind: str | None) -> None:
    head = "import os, socket\nfrom http.server import HTTPServer, BaseHTTPRequestHandler as H\n"
    found = serve(f"{head}{FLASK}{source}", "python app.py").bind
    assert (found.value if found is not None else None) == bind
