from __future__ import annotations

import pytest

from dockfix.facts import App, Tree
from dockfix.facts.rust import crate_at, crate_of, server_of, workspace
from dockfix.facts.server import Place, Ran, Running, Server

MANIFEST = '[package]\nname = "api"\n\n[dependencies]\naxum = "0.7"\n'


def server(source: str, manifest: str = MANIFEST) -> Server:
    app = App(Tree({"Cargo.toml": manifest, "src/main.rs": source}))
    place = Place("/src/target/release/api", None, (Ran(("cargo", "build", "--release"), "/src", ""),))
    found = server_of(app, Running(("./api",), "/src", "", {}, lambda path: place))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("source", "port", "bind"),
    [
        ('bind("0.0.0.0:3000")', 3000, "0.0.0.0"),
        ('bind(("127.0.0.1", 8080))', 8080, "127.0.0.1"),
        ("SocketAddr::from(([0, 0, 0, 0], 4000))", 4000, "0.0.0.0"),
        ('// "0.0.0.0:1"\nbind("0.0.0.0:3000")', 3000, "0.0.0.0"),
        ('bind("0.0.0.0:3000"); connect("127.0.0.1:9000")', None, None),
        ('let port = env::var("PORT").unwrap_or("0.0.0.0:3000".into());', None, None),
    ],
)
def test_address(source: str, port: int | None, bind: str | None) -> None:
    found = server(f"fn main() {{\n{source}\n}}")
    assert (found.port and found.port.value, found.bind and found.bind.value) == (port, bind)


def test_listener_of_the_standard_library() -> None:
    plain = MANIFEST.replace('axum = "0.7"', "")
    found = server('TcpListener::bind("0.0.0.0:3000")', plain)
    assert (found.kind, found.name, found.port and found.port.value) == ("web", "TcpListener", 3000)
    assert server("TcpListener::bind(address)", plain).kind == "unknown"
    assert server('TcpStream::connect("0.0.0.0:3000")', plain).kind == "unknown"


def test_rocket_has_settings_of_its_own() -> None:
    assert server('bind("0.0.0.0:3000")', MANIFEST.replace("axum", "rocket")).port is None


def test_signals() -> None:
    assert server("fn main() {}").signals is None
    assert server("tokio::signal::ctrl_c()").signals is not None
    assert server("fn main() {}", MANIFEST.replace("axum", "actix-web")).signals is not None


def test_health_route() -> None:
    found = server('.route("/users", get(a)).route("/healthz", get(b))').health
    assert found is not None
    assert found.value == "/healthz"
    assert server('.nest("/api", x).route("/healthz", get(b))').health is None


def test_commands_of_the_process_only() -> None:
    assert server('use clap::Command;\nCommand::new("app")').tools == ()
    assert [fact.value for fact in server('use std::process::Command;\nCommand::new("git")').tools] == ["git"]


def test_program_of_a_workspace() -> None:
    tree = Tree(
        {
            "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n',
            "crates/a/Cargo.toml": '[package]\nname = "a"\n',
            "crates/a/src/lib.rs": "",
            "crates/b/Cargo.toml": '[package]\nname = "b"\n\n[[bin]]\nname = "serve"\n',
            "crates/b/src/bin/tool.rs": "",
        }
    )
    app = App(tree)
    assert [(c and c.folder) for name in ("serve", "tool", "a") for c in [crate_of(app, "", name)]] == [
        "crates/b",
        "crates/b",
        None,
    ]


def test_broken_manifest_is_no_crate() -> None:
    assert crate_of(App(Tree({"Cargo.toml": "[package\n"})), "", "api") is None


def test_members_of_a_workspace() -> None:
    package = '[package]\nname = "{}"\n[dependencies]\n'
    app = App(
        Tree(
            {
                "Cargo.toml": '[workspace]\nmembers = ["api", "crates/*"]\nexclude = ["crates/old"]\n',
                "api/Cargo.toml": package.format("api") + 'mail = { path = "../mail" }\n',
                "api/src/main.rs": "",
                "api/src/bin/seed.rs": "",
                "crates/store/Cargo.toml": package.format("store"),
                "crates/store/src/lib.rs": "",
                "crates/old/Cargo.toml": package.format("old"),
                "mail/Cargo.toml": package.format("mail"),
            }
        )
    )
    root = crate_at(app, "")
    assert root is not None
    found = workspace(root)
    assert found is not None
    assert [crate.folder for crate in found] == ["", "api", "crates/store", "mail"]
    assert found[1].mains == ("api/src/main.rs", "api/src/bin/seed.rs")
    assert [crate.library for crate in found] == [None, None, "crates/store/src/lib.rs", None]
    made = crate_of(app, "", "seed")
    assert made is not None
    assert made.folder == "api"


def test_member_that_is_not_there() -> None:
    root = crate_at(App(Tree({"Cargo.toml": '[workspace]\nmembers = ["api"]\n'})), "")
    assert root is not None
    assert workspace(root) is None
