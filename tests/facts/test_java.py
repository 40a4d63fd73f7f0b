from __future__ import annotations

import pytest

from dockfix.facts import App, Tree
from dockfix.facts.java import archive, server_of
from dockfix.facts.javaproject import JavaProject, project
from dockfix.facts.server import Place, Running, Server

POM = """<project>
  <artifactId>orders</artifactId>
  <version>1.2.3</version>
  <build>
    <finalName>${project.artifactId}-app</finalName>
    <plugins><plugin><artifactId>spring-boot-maven-plugin</artifactId></plugin></plugins>
  </build>
  <dependencies>
    <dependency>
      <groupId>org.springframework.boot</groupId>
      <artifactId>spring-boot-starter-web</artifactId>
    </dependency>
    <dependency>
      <groupId>org.springframework.boot</groupId>
      <artifactId>spring-boot-starter-actuator</artifactId>
    </dependency>
    <dependency>
      <groupId>junit</groupId>
      <artifactId>junit</artifactId>
      <scope>test</scope>
    </dependency>
  </dependencies>
</project>
"""
PROPERTIES = "src/main/resources/application.properties"


def of(files: dict[str, str]) -> JavaProject:
    found = project(Tree(files), "", "")
    assert found is not None
    return found


def server(files: dict[str, str], *words: str) -> Server:
    app = App(Tree({"pom.xml": POM, "target/orders-app.jar": "", **files}))
    place = Place("/app/orders-app.jar", "target/orders-app.jar", ())
    found = server_of(app, Running(("java", "-jar", "orders-app.jar", *words), "/app", "", {}, lambda path: place))
    assert found is not None
    return found


def test_maven() -> None:
    found = of({"pom.xml": POM})
    assert found.archive == "target/orders-app.jar"
    assert found.fat == "Spring Boot"
    assert [(fact.value, fact.origin) for fact in found.dependencies] == [
        ("org.springframework.boot:spring-boot-starter-web", "pom.xml:11"),
        ("org.springframework.boot:spring-boot-starter-actuator", "pom.xml:15"),
    ]
    assert project(Tree({"pom.xml": "<project>"}), "", "") is None


def test_gradle() -> None:
    build = (
        "plugins {\n    id 'org.springframework.boot' version '3.3.4'\n}\nversion = '0.1'\n"
        "dependencies {\n    // implementation 'a:b:1'\n    implementation 'io.netty:netty-all:4.1'\n}\n"
    )
    found = of({"build.gradle": build, "settings.gradle": "rootProject.name = 'shop'\ninclude 'api'\n"})
    assert found.archive == "build/libs/shop-0.1.jar"
    assert [(fact.value, fact.origin) for fact in found.dependencies] == [("io.netty:netty-all", "build.gradle:7")]
    assert [fact.value for fact in found.modules] == ["api"]


def test_port_and_route_of_spring() -> None:
    found = server({PROPERTIES: "server.port=${PORT:9000}\nserver.servlet.context-path=/api\n"})
    assert (found.kind, found.port and found.port.value, found.variable and found.variable.value) == (
        "web",
        9000,
        "PORT",
    )
    assert found.health is not None
    assert found.health.value == "/api/actuator/health"
    assert found.port is not None
    assert found.port.origin == f"{PROPERTIES}:1"


def test_default_port_of_spring() -> None:
    found = server({})
    assert found.port is not None
    assert found.port.value == 8080
    assert found.variable is not None
    assert found.variable.value == "SERVER_PORT"


def test_yaml_and_its_profiles() -> None:
    found = server({"src/main/resources/application.yml": "server:\n  port: 8082\n---\nserver:\n  port: 9999\n"})
    assert found.port is None
    found = server({"src/main/resources/application.yml": "server:\n  port: 8082\n"})
    assert found.port is not None
    assert found.port.value == 8082


def test_command_line_wins() -> None:
    found = server({PROPERTIES: "server.port=9000\n"}, "--server.port=7000")
    assert found.port is not None
    assert found.port.value == 7000


@pytest.mark.parametrize(
    ("dependency", "source", "port"),
    [
        ("org.slf4j:slf4j-api", "HttpServer.create(new InetSocketAddress(8000), 0);", 8000),
        ("org.slf4j:slf4j-api", 'HttpServer.create(new InetSocketAddress("0.0.0.0", 8000), 0);', 8000),
        ("org.slf4j:slf4j-api", "HttpServer.create(new InetSocketAddress(port), 0);", None),
        ("io.javalin:javalin", "Javalin.create().start(7070);", 7070),
        ("com.sparkjava:spark-core", "Spark.port(8081); get(a, b);", 8081),
        ("com.sparkjava:spark-core", "get(a, b);", 4567),
        ("com.sparkjava:spark-core", "port(fromEnvironment()); get(a, b);", None),
        ("com.sparkjava:spark-core", "port(1234); other.port(5);", 1234),
        ("com.sparkjava:spark-core", "if (a) { port(1234); } else { port(4321); }", None),
    ],
)
def test_servers_that_the_sources_start(dependency: str, source: str, port: int | None) -> None:
    group, _, artifact = dependency.partition(":")
    pom = POM.replace("org.springframework.boot", group).replace("spring-boot-starter-web", artifact)
    found = server({"pom.xml": pom, "src/main/java/Main.java": source})
    assert found.kind == "web"
    assert (found.port and found.port.value) == port


def test_program_that_starts_no_server() -> None:
    pom = POM.replace("spring-boot-starter-web", "spring-boot-starter")
    assert server({"pom.xml": pom, "src/main/java/Main.java": "thread.start();"}).kind == "unknown"


def test_route_behind_a_login_is_not_asked() -> None:
    pom = POM.replace("<groupId>junit</groupId>", "<groupId>org.springframework.security</groupId>").replace(
        "<scope>test</scope>", ""
    )
    assert server({"pom.xml": pom}).health is None


def test_files_that_are_written() -> None:
    assert server({}).writes_unknown is None
    written = server({"src/main/java/A.java": "class A {\n void a() { Files.write(p, b); }\n}\n"})
    assert written.writes_unknown is not None
    assert written.writes_unknown.origin == "src/main/java/A.java:2"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("logging.file.name=app.log", "app.log"),
        ("logging.file.name=/var/log/orders/app.log", "/var/log/orders/app.log"),
        ("spring.datasource.url=jdbc:h2:file:./data/orders;MODE=PostgreSQL", "./data/orders"),
        ("spring.datasource.url=jdbc:sqlite:/srv/orders.db", "/srv/orders.db"),
    ],
)
def test_files_that_settings_name(line: str, path: str) -> None:
    found = server({PROPERTIES: f"{line}\n"})
    assert [(fact.value, fact.origin) for fact in found.written_files] == [(path, f"{PROPERTIES}:1")]
    assert found.writes_unknown is None


@pytest.mark.parametrize(
    "line",
    ["logging.file.name=${LOGS}/app.log", "spring.datasource.url=jdbc:h2:~/orders", "logging.path=C:\\\\logs"],
)
def test_files_whose_place_is_open(line: str) -> None:
    found = server({PROPERTIES: f"{line}\n"})
    assert found.writes_unknown is not None
    assert found.writes_unknown.origin == f"{PROPERTIES}:1"
    assert not found.written_files
    assert not server({PROPERTIES: "spring.datasource.url=jdbc:h2:mem:orders\n"}).written_files


def test_files_of_appenders() -> None:
    logback = """<configuration>
      <property name="LOGS" value="/var/log/orders"/>
      <appender class="ch.qos.logback.core.rolling.RollingFileAppender">
        <file>${LOGS}/orders.log</file>
      </appender>
      <!-- <appender class="ch.qos.logback.core.FileAppender"><file>old.log</file></appender> -->
    </configuration>
    """
    place = "src/main/resources/logback-spring.xml"
    found = server({place: logback})
    assert [(fact.value, fact.origin) for fact in found.written_files] == [("/var/log/orders/orders.log", f"{place}:4")]
    assert server({place: logback.replace("${LOGS}", "${HOME}")}).writes_unknown is not None


def test_folders_that_settings_name_to_sources_that_write() -> None:
    given = "app.upload-dir=/var/uploads\nserver.servlet.context-path=/shop\napp.data.path=/srv/prices.json\n"
    uploads = {PROPERTIES: given}
    assert not server(uploads).writes
    found = server({**uploads, "src/main/java/A.java": "class A { void a() { file.transferTo(path); } }\n"})
    assert [fact.value for fact in found.writes] == ["/var/uploads"]


def test_archive() -> None:
    assert archive(("java", "-Xmx1g", "-jar", "a.jar", "x")) == "a.jar"
    assert archive(("java", "-cp", "a.jar", "Main")) is None
