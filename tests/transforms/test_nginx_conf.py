"""What a health check can ask nginx for, from its configuration."""

from __future__ import annotations

import pytest

from dockfix.recipes.nginx_conf import Site, parse, site

FILES = "root /usr/share/nginx/html;"


def test_blocks_are_nested_and_comments_left_out() -> None:
    tree = parse('http { # a { comment\n server { listen 80; location / { return 200 "a; b"; } } }')
    server = tree.block[0].block[0]
    assert [directive.name for directive in server.block] == ["listen", "location"]
    assert server.block[1].block[0].args == ("200", "a; b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server { listen 80; %s }", Site(80)),
        ("server { %s }", Site(80)),
        ("server { listen 8080 default_server; listen [::]:8080 default_server; %s }", Site(8080)),
        ("server { listen 0.0.0.0:3000; %s }", Site(3000)),
        ("http { server { listen 80; %s } server { listen 443 ssl; %s } }", Site(80)),
        ("server { listen 80; listen 8080 proxy_protocol; %s }", Site(80)),
        ("server { listen 80; allow 127.0.0.0/8; deny all; %s }", Site(80)),
        ("http { deny all; server { listen 80; deny 192.168.1.7; %s } }", Site(80)),
        ("server { listen 80; if ($request_method = TRACE) { return 405; } %s }", Site(80)),
        ("server { listen 80; deny all; location = /healthz { return 204; } }", None),
        ("server { listen 80; location = /healthz { return 204; } location / { proxy_pass http://a; } }", None),
        ("server { %s location = /healthz { if ($http_x = '') { return 403; } return 204; } }", Site(80)),
        ("server { %s location = /healthz { if ($request_method = TRACE) { return 405; } return 204; } }", None),
        ("server { listen 80; location /api/ { proxy_pass http://api; } %s }", Site(80)),
        ("server { listen 80; root /srv/site; location / { try_files $uri /index.html; } }", Site(80)),
        ("server { %s index index.html; location ~ \\.php$ { fastcgi_pass php:9000; } location {} }", Site(80)),
        ("server { %s location / { try_files $uri =404; } location = /index { proxy_pass http://app; } }", Site(80)),
    ],
)
def test_site_that_answers(text: str, expected: Site | None) -> None:
    assert site([text.replace("%s", FILES)]) == (expected or Site(80, "/healthz"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gzip on;", "no server block was found"),
        ("server { listen 443 ssl; }", "no server block listens without TLS on IPv4"),
        ("server { listen 80; %s } server { listen 80 proxy_protocol; %s }", "nginx expects the PROXY protocol on 80"),
        ("server { listen 80; allow 10.0.0.0/8; deny all; %s }", "the site turns away requests from 127.0.0.1"),
        ("http { deny all; server { listen 80; %s } }", "the site turns away requests from 127.0.0.1"),
        (
            "server { listen 80; if ($host != 'a.example') { return 444; } location = /healthz { return 200; } }",
            "what the server block answers depends on the request",
        ),
        ("server { listen [::]:80; }", "no server block listens without TLS on IPv4"),
        ("server { listen 443; ssl on; }", "no server block listens without TLS on IPv4"),
        ("server { listen 80; } server { listen 8080; }", "the server blocks listen on 80 and 8080"),
        (
            "server { listen 80; return 301 https://$host$request_uri; }",
            "the server block sends every request elsewhere",
        ),
        ("server { listen 80; location / { proxy_pass http://api; } }", "nginx hands requests on to another server"),
        (
            "server { %s index index.html index.php; location ~ \\.php$ { fastcgi_pass php:9000; } }",
            "nginx hands requests on to another server",
        ),
        (
            "server { %s location / { try_files $uri @app; } location @app { proxy_pass http://app; } }",
            "nginx hands requests on to another server",
        ),
        (
            "server { location ~ \\.php$ { fastcgi_pass php:9000; } }",
            "no root and no location is there that would answer /",
        ),
        (
            "server { location / { try_files $uri /index.html; } }",
            "no root and no location is there that would answer /",
        ),
        ("server { listen 80; auth_basic staff; }", "the site asks for a password"),
        ("auth_basic staff; server { listen 80; }", "the site asks for a password"),
        ("server { listen 80; include snippets/site.conf; }", "the server block includes snippets/site.conf"),
    ],
)
def test_site_that_cannot_be_told(text: str, problem: str) -> None:
    assert site([text.replace("%s", FILES)]).problem == problem
