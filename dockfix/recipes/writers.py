"""Programs by what they write when a container runs them, and their options that name it."""

from __future__ import annotations

import re

from dockfix.model.server import PYTHON_SERVERS

JAVASCRIPT = frozenset(
    {"bun", "node", "nodejs", "ts-node", "ts-node-dev", "tsnd", "tsx", "nodemon", "babel-node", "node-dev"}
    | {"pm2-runtime"}
)
"""Programs that run a source in JavaScript or TypeScript."""

PYTHON = PYTHON_SERVERS | frozenset({"waitress", "granian", "rq", "dramatiq", "arq", "huey", "sanic", "chainlit"})
"""Programs that run sources in Python, beside itself."""

READERS = frozenset(
    {
        "echo", "printf", "sleep", "cd", "export", "set", "unset", "true", "false", ":", "test", "[", "[[", "exit",
        "trap", "wait", "nc", "ncat", "pg_isready", "mysqladmin", "curl", "wget", "cat", "ls", "pwd", "env",
        "printenv", "date", "grep", "head", "tail", "tr", "cut", "sort", "id", "whoami", "hostname", "uname",
        "source", ".", "shift", "return", "local", "readonly", "declare", "let", "read", "wait-on", "wait-for-it",
        "dockerize", "which", "type", "serve", "http-server", "cross-env", "dotenv", "concurrently", "npm-run-all",
        "redis-cli", "psql", "ulimit", "umask", "ping", "dig", "nslookup", "host", "whois", "traceroute", "ps", "df",
        "du", "free", "uptime", "lsof", "netstat", "ss", "ip", "ifconfig", "file", "stat", "sha256sum", "md5sum",
        "nproc", "lscpu", "ffprobe", "identify", "nvidia-smi", "continue", "break", "kill", "jobs", "fg", "bg",
        "expr", "seq", "basename", "dirname", "dotenvx", "env-cmd",
    }
)  # fmt: skip
"""Programs that write nothing but where a redirection or an option sends it."""

MIGRATIONS = frozenset({"alembic", "sequelize", "sequelize-cli", "knex", "typeorm", "mikro-orm", "drizzle-kit"})
"""Programs that change a database, by settings which the server has as well."""

MAKERS = frozenset({"mkdir", "touch", "tee"})
"""Programs that make all that they are given."""

MOVERS = frozenset({"cp", "mv", "ln", "install", "rsync", "rm", "chmod", "tar", "unzip", "sed"})
"""Programs that change the last of what they are given."""

FILE_OPTIONS = frozenset(
    {"--access-logfile", "--error-logfile", "--log-file", "--logfile", "--pid", "--pidfile", "--statedb", "--schedule"}
    | {"--output", "--output-document", "--statistics"}
)
"""Options of servers that name a file which is written:
https://docs.gunicorn.org/en/stable/settings.html, https://docs.celeryq.dev/en/stable/reference/cli.html
"""

OWN_FILE_OPTIONS = {"celery": {"--db"}, "daphne": {"--access-log"}, "flower": {"--db"}}
"""Such options that other programs have for something else: https://flower.readthedocs.io/en/latest/config.html#db,
https://github.com/django/daphne#command-line-options
"""

FILE_SETTINGS = re.compile(
    r"^\s*(?:accesslog|errorlog|pidfile|bind|socket|http-socket|daemonize|logto|stats)\s*=\s*[\"']?((?:unix:)?[\w.]*/[\w./-]+)",
    re.MULTILINE,
)
"""The same in the settings of gunicorn and uWSGI."""

LOG_SETTINGS = frozenset({"--log-config", "--log-config-json"})
"""Options of servers that name settings of logs: https://www.uvicorn.org/settings/#logging"""

FOLDER_USERS = frozenset({"chainlit"})
"""Programs that write into the working directory: https://docs.chainlit.io/backend/config/overview"""
