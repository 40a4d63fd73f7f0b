# Sources read best on the line of their case.
# ruff: noqa: E501
from __future__ import annotations

import pytest

from dockfix.facts import Tree, gobuild, gomod, goserver
from dockfix.facts.gosource import GoSource, built
from dockfix.facts.server import Ran, Server


def server(body: str, *imports: str) -> Server:
    lines = "\n".join(f'import "{path}"' for path in imports)
    source = GoSource("main.go", f"package main\n{lines}\n{body}\n".encode())
    return goserver.server([source], truncated=False)


def port(body: str, *imports: str) -> tuple[int | None, str | None]:
    found = server(body, *imports)
    return found.port.value if found.port else None, found.variable.value if found.variable else None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('func main() { http.ListenAndServe(":8080", nil) }', (8080, None)),
        ('const addr = ":" + port\nconst port = "9000"\nfunc main() { http.ListenAndServe(addr, nil) }', (9000, None)),
        ('func main() { s := &http.Server{Addr: ":7000"}; s.ListenAndServe() }', (7000, None)),
        ('func main() { http.ListenAndServe(fmt.Sprintf(":%d", 8081), nil) }', (8081, None)),
        ('func main() { p := os.Getenv("PORT"); if p == "" { p = "3000" }; http.ListenAndServe(":"+p, nil) }', (3000, "PORT")),
        ('func main() { http.ListenAndServe(":"+getEnv("API_PORT", "4000"), nil) }', (4000, "API_PORT")),
        ('func main() { http.ListenAndServe(":"+os.Getenv("PORT"), nil) }', (None, "PORT")),
        ('var addr = flag.String("addr", ":5000", "")\nfunc main() { http.ListenAndServe(*addr, nil) }', (5000, None)),
        ('func main() { http.ListenAndServe(config.Addr, nil) }', (None, None)),
        ('func main() { go http.ListenAndServe(":9090", nil); http.ListenAndServe(":8080", nil) }', (None, None)),
        ('func main() { l, _ := net.Listen("tcp", ":50051"); s.Serve(l) }', (50051, None)),
        ('func main() { l, _ := net.Listen("unix", "/run/a.sock"); s.Serve(l) }', (None, None)),
    ],
)  # fmt: skip
def test_port(body: str, expected: tuple[int | None, str | None]) -> None:
    assert port(body) == expected


def test_port_of_a_framework() -> None:
    gin = "github.com/gin-gonic/gin"
    assert port("func main() { r := gin.Default(); r.Run() }", gin) == (8080, "PORT")
    assert port('func main() { r := gin.Default(); r.Run(":1234") }', gin) == (1234, None)
    assert server('func main() { cmd.Run(":1234") }').kind == "unknown"
    assert port('func main() { app := fiber.New(); app.Listen(":3000") }', "github.com/gofiber/fiber/v2") == (
        3000,
        None,
    )


def test_port_of_a_router_that_another_file_makes() -> None:
    routes = GoSource(
        "routes/r.go",
        b'package routes\nimport "github.com/gin-gonic/gin"\nfunc New() *gin.Engine { return gin.New() }\n',
    )
    main = GoSource("main.go", b'package main\nfunc main() { r := routes.New(); r.Run(":8080"); cmd.Run("x") }\n')
    found = goserver.server([main, routes], truncated=False)
    assert found.port is not None
    assert (found.port.value, found.port.origin) == (8080, "main.go:2")


def test_address_that_nobody_outside_reaches() -> None:
    bind = server('func main() { http.ListenAndServe("localhost:8080", nil) }').bind
    assert bind is not None
    assert bind.value == "localhost"


def test_tls_is_told() -> None:
    assert server('func main() { http.ListenAndServeTLS(":443", "a", "b", nil) }').tls is not None


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ('r := gin.Default(); r.GET("/health", h)', "/health"),
        ('r := gin.Default(); r.GET("/ping", h); r.GET("/healthz", h)', "/healthz"),
        ('r := gin.Default(); r.POST("/health", h)', None),
        ('r := gin.Default(); v1 := r.Group("/v1"); v1.GET("/health", h)', None),
        ('r := gin.Default(); r.Use(AuthMiddleware()); r.GET("/health", h)', None),
        ('http.HandleFunc("GET /livez", h)', "/livez"),
        ('r := mux.NewRouter(); r.HandleFunc("/health", h).Methods("POST")', None),
        ('r := gin.Default(); r.GET("/users", h)', None),
    ],
)
def test_health_route(routes: str, expected: str | None) -> None:
    found = server(f'func main() {{ {routes}; http.ListenAndServe(":80", nil) }}').health
    assert (found.value if found else None) == expected


def test_files_that_are_written_and_read() -> None:
    found = server('func main() { os.MkdirAll("uploads", 0755); os.Create("/tmp/x"); os.ReadFile("config.yml") }')
    assert [fact.value for fact in found.writes] == ["uploads"]
    assert [fact.value for fact in found.reads] == ["config.yml"]
    assert found.written_files == ()
    assert found.writes_unknown is None
    assert found.reads_unknown is None
    unknown = server("func main() { os.Create(name); os.ReadFile(name) }")
    assert unknown.writes_unknown is not None
    assert unknown.reads_unknown is not None


def test_database_of_sqlite_is_a_file() -> None:
    found = server(
        'func main() { sql.Open("sqlite3", "file:data/app.db?cache=shared"); sql.Open("postgres", "postgres://") }'
    )
    assert [fact.value for fact in found.written_files] == ["data/app.db"]


def test_programs_that_are_called() -> None:
    found = server(
        'func main() { exec.Command("git", "pull"); exec.Command("sh", "-c", "ls | sort"); exec.Command(name) }'
    )
    assert [fact.value for fact in found.tools] == ["git", "sh", "ls", "sort", ""]


@pytest.mark.parametrize(
    ("command", "module", "output"),
    [
        ("go build", "example.com/shop", "/app/shop"),
        ("go build .", "example.com/shop/v2", "/app/shop"),
        ("go build -o server .", None, "/app/server"),
        ("go build -ldflags=-s -o /bin/ ./cmd/api", None, "/bin/api"),
        ("go build -tags netgo ./cmd/api/", None, "/app/api"),
        ("go build main.go", "example.com/shop", "/app/main"),
        ("go install ./cmd/api", None, "/go/bin/api"),
        ("go -C x build", None, None),
        ("go install example.com/tool@latest", None, None),
        ("go build ./a ./b", None, None),
        ("go test ./...", None, None),
    ],
)
def test_what_a_command_builds(command: str, module: str | None, output: str | None) -> None:
    build = gobuild.build_of(Ran(tuple(command.split()), "/app", ""), module)
    assert (build.output if build else None) == output


def test_module() -> None:
    tree = Tree(
        {
            "svc/go.mod": "module example.com/svc\n\ngo 1.16\n\nrequire (\n\tgithub.com/a/b v1.0.0 // indirect\n)\n\nreplace github.com/c/d => ../lib\n"
        }
    )
    found = gomod.module(tree, "svc", "")
    assert found is not None
    assert (found.path, found.version, found.complete) == ("example.com/svc", "1.16", False)
    assert [(fact.value, fact.origin) for fact in found.requires] == [("github.com/a/b", "svc/go.mod:6")]
    assert [fact.value for fact in found.local] == ["lib"]
    assert found.package("example.com/svc/internal/x") == "svc/internal/x"
    assert found.package("example.com/svcs") is None


def test_files_for_other_systems_and_tests_do_not_count() -> None:
    assert built("main.go")
    assert not built("main_test.go")
    assert not built("exec_windows.go")
    assert GoSource("gen.go", b"//go:build ignore\n\npackage main\n").excluded
    assert not GoSource("main.go", b"//go:build linux\n\npackage main\n").excluded
