from __future__ import annotations

import pytest

from dockfix.facts import App, Tree
from dockfix.facts.javaproject import project
from dockfix.facts.msbuild import Solution
from dockfix.facts.xmltext import tree

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
DOCUMENT_TYPES = {
    "empty": "<!DOCTYPE top>",
    "entity": '<!DOCTYPE top [<!ENTITY a "b">]>',
    "unfolding": f'<!DOCTYPE top [<!ENTITY a0 "ha">{LAUGHS}]>',
    "file": '<!DOCTYPE top [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
    "elsewhere": '<!DOCTYPE top SYSTEM "http://127.0.0.1:1/top.dtd">',
}
POM = "<project><artifactId>orders</artifactId></project>"
CSPROJ = '<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup/></Project>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("declared", DOCUMENT_TYPES.values(), ids=DOCUMENT_TYPES)
def test_refuses_a_document_type(declared: str, encoding: str) -> None:
    assert tree("<top/>".encode(encoding)) is not None
    assert tree(f"{declared}<top/>".encode(encoding)) is None


@pytest.mark.parametrize(
    "data", [b"", b"<a>", b"<a/><b/>", b"\xff\xfe<", b'<?xml version="1.0" encoding="x-none"?><a/>']
)
def test_refuses_what_is_no_xml(data: bytes) -> None:
    assert tree(data) is None


def test_names_are_without_their_namespaces() -> None:
    found = tree(b'<p xmlns="http://maven.apache.org/POM/4.0.0" xmlns:x="urn:x"><x:a b="c">text &amp; more</x:a></p>')
    assert found is not None
    assert [(each.tag, each.text, dict(each.attrib)) for each in found] == [("a", "text & more", {"b": "c"})]


@pytest.mark.parametrize("declared", DOCUMENT_TYPES.values(), ids=DOCUMENT_TYPES)
def test_no_reader_of_build_files_takes_a_document_type(declared: str) -> None:
    def orders(before: str) -> object:
        return project(Tree({"pom.xml": before + POM}), "", "")

    def api(before: str) -> object:
        return Solution(App(Tree({"api.csproj": before + CSPROJ}))).project("api.csproj")

    assert orders("") is not None
    assert orders(declared) is None
    assert api("") is not None
    assert api(declared) is None


def test_properties_of_a_file_with_a_document_type_are_not_inherited() -> None:
    props = "<Project><PropertyGroup><AssemblyName>server</AssemblyName></PropertyGroup></Project>"

    def name(before: str) -> str:
        files = {"src/api.csproj": CSPROJ, "Directory.Build.props": before + props}
        found = Solution(App(Tree(files))).project("src/api.csproj")
        assert found is not None
        return found.assembly.value

    assert name("") == "server"
    assert name(DOCUMENT_TYPES["entity"]) == "api"
