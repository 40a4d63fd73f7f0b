"""Where answers lead."""

from __future__ import annotations

import pytest

from dockfix.verify.links import Origin, references

ORIGIN = Origin(3000, {"172.18.0.2", "c0ffee123456"})


@pytest.mark.parametrize(
    ("target", "path", "location"),
    [
        ("/login?next=/#top", "/login?next=/", "/login?next=/"),
        ("login", "/app/login", "/app/login"),
        ("http://localhost:3000/login", "/login", "/login"),
        ("http://localhost/login", "/login", "/login"),  # a server that leaves its port out
        ("http://172.18.0.2:3000", "/", "/"),
        ("http://c0ffee123456:3000/a b", "/a%20b", "/a%20b"),
        ("//LOCALHOST:3000/ä", "/%C3%A4", "/%C3%A4"),
        ("http://0.0.0.0:3000/a%2Fb", "/a%2Fb", "/a%2Fb"),
        ("https://localhost:3000/login#top", None, "https://localhost/login"),
        ("https://accounts.example.com/?at=2026-11-26", None, "https://accounts.example.com/?at=#"),
        ("http://localhost:5173/@vite/client", None, "http://localhost:5173/@vite/client"),
        ("http://[::1/", None, "http://[::1/"),
        ("mailto:me@example.com", None, "mailto:me@example.com"),
    ],
)
def test_where_a_redirect_leads(target: str, path: str | None, location: str) -> None:
    assert (ORIGIN.path(target, "/app/"), ORIGIN.location(target, "/app/")) == (path, location)


def test_what_varies_is_masked_in_a_location_and_asked_as_it_is() -> None:
    target = "/jobs/1f0e3dad-0000-4000-8000-99908345f743"
    assert (ORIGIN.path(target, "/"), ORIGIN.location(target, "/")) == (target, "/jobs/#")


PAGE = """
<!doctype html><head>{base}
<link rel="icon" href="/icon.svg"><link REL="Stylesheet preload" href="app.css">
<link rel="modulepreload" href="/vendor.js"/>
<!--[if IE]><script src="/ie.js"></script><![endif]-->
<script type="module" src="/main.js?v=1&amp;w=2"></script><script src="/main.js?v=1&amp;w=2"></script>
<script type="text/template" src="/rows.html"></script><script type="importmap" src="/map.json"></script>
<script src="https://cdn.example.com/x.js"></script><script src="http://localhost:3000/own.js"></script>
<script src="data:text/javascript,1"></script><script>"<script src='/said.js'>"</script><script src></script>
"""


def test_what_a_page_takes_from_its_server() -> None:
    found = [path for path, _ in references(PAGE.format(base=""), "/shop/", ORIGIN)]
    assert found == ["/shop/app.css", "/vendor.js", "/main.js?v=1&w=2", "/own.js"]
    found = [path for path, _ in references(PAGE.format(base='<base href="/ui/"><base href="/no/">'), "/shop/", ORIGIN)]
    assert found[0] == "/ui/app.css"
    assert [accept for _, accept in references(PAGE, "/", ORIGIN)][:2] == ["text/css,*/*;q=0.1", "*/*"]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<script src='", []),
        ("<script src=/a.js></script><![foo[x]]><script src=/b.js></script>", ["/a.js"]),
        ("<base href='http://[x'><script src=a.js></script>", ["/in/a.js"]),
        ("<script src='http://[x/a.js'></script><script src=/b.js></script>", ["/b.js"]),
        (" " * 100_000 + "<script src=/a.js></script>", []),
    ],
)
def test_a_page_that_no_browser_likes(page: str, found: list[str]) -> None:
    assert [path for path, _ in references(page, "/in/", ORIGIN)] == found
