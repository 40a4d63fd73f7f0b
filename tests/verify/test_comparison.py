"""Which verdict what was seen leads to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dockfix.verify.answer import Answer
from dockfix.verify.comparison import Seen, Verdict, hinges_on_bodies, hinges_on_chance, judge, of_both
from dockfix.verify.expectation import Expectation
from dockfix.verify.headers import VARIES
from dockfix.verify.image import ImageFacts
from dockfix.verify.observation import Observation, named_files
from dockfix.verify.result import Stopped
from dockfix.verify.table import runs
from dockfix.verify.verification import Side, Verification

ROOT = Answer("/", 200, "text/html", "<h1>hello</h1>", "Hello")
HEALTH = Answer("/health", 200, "application/json", '{"status":"ok"}')
UP = Observation(
    True, uid=0, ports=(3000,), port=3000, answers=(ROOT, HEALTH), stop=Stopped(10.2, 137), reaps=False, log="listening"
)
IMAGE = ImageFacts(1000, 8, (), {"Env": ["PATH=/bin", "NODE_VERSION=20"], "Cmd": ["npm", "start"], "User": ""})
EXPECTED = Expectation(provenance=frozenset({"NODE_VERSION"}), paths=("/", "/health"))


def verdict(
    old: Observation = UP,
    new: Observation = UP,
    expected: Expectation = EXPECTED,
    config: dict[str, Any] | None = None,
) -> Any:
    image = replace(IMAGE, config={**IMAGE.config, **(config or {})})
    return judge(Seen(IMAGE, old), Seen(image, new), expected)


def ended(code: int, log: str) -> Observation:
    return Observation(False, exit_code=code, log=log)


def test_the_same() -> None:
    better = replace(UP, uid=1001, health="healthy", healthy=0.5, stop=Stopped(0.2, 143), reaps=True)
    assert str(verdict(new=better)) == "same behaviour"


@pytest.mark.parametrize(
    ("uids", "expected"),
    [
        ((1000, 0), "different: process 1 was run by uid 1000 and is run by root"),
        ((1000, 1001), "same behaviour"),
        ((0, 0), "same behaviour"),
        ((None, 0), "same behaviour"),
    ],
)
def test_no_rewrite_gives_an_app_back_to_root(uids: tuple[int | None, int], expected: str) -> None:
    old, new = (replace(UP, uid=uid) for uid in uids)
    declared = Expectation(ports=((3000,), (3000,)), declared={"USER": ("app", "root")})
    assert str(verdict(old, new, declared)) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("/sbin/tini", "--", "puma"), "different: orphaned processes are not reaped any more"),
        (("/bin/sh", "-c", "puma"), "same behaviour"),
        ((), "different: orphaned processes are not reaped any more"),
    ],
    ids=["an init", "a shell line", "unknown"],
)
def test_who_reaped_orphans(command: tuple[str, ...], expected: str) -> None:
    assert str(verdict(replace(UP, command=command, reaps=True), replace(UP, command=("puma",)))) == expected


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"answers": (ROOT, replace(HEALTH, status=503))},
            "/health was 200 application/json and is 503 application/json",
        ),
        (
            {"answers": (replace(ROOT, type="text/plain"), HEALTH)},
            "/ was 200 text/html “Hello” and is 200 text/plain “Hello”",
        ),
        (
            {"answers": (replace(ROOT, body="<h1>hi</h1>"), HEALTH)},
            "/ answers otherwise: was …'<h1>hello</h1>', is …'<h1>hi</h1>'",
        ),
        ({"answers": (ROOT,)}, "/health was answered with 200, and is not answered"),
        (
            {"answers": (replace(ROOT, stable=False, turned=500), HEALTH)},
            "/, asked once more, was 200 and is 500",
        ),
        (
            {"answers": (replace(ROOT, stable=False, turned=0), HEALTH)},
            "/, asked once more, was 200 and is not answered",
        ),
        (
            {"answers": (replace(ROOT, stable=False), HEALTH)},
            "/ answers the same each time before, and otherwise each time after",
        ),
        ({"port": None, "answers": ()}, "the original answers on port 3000, the rewrite on none"),
        ({"ports": (8080,), "port": 8080}, "nothing listens on port 3000 any more"),
        ({"health": "unhealthy", "check": "refused"}, "the health check says unhealthy: refused"),
        ({"log": "listening\nError: EACCES: /app/logs"}, "the rewrite says: Error: EACCES: /app/logs"),
        (
            {"running": False, "exit_code": 1, "log": "Cannot find module 'x'"},
            "the rewrite does not stay up: exit code 1: Cannot find module 'x'",
        ),
        ({"running": False, "failure": "no such user"}, "the rewrite does not stay up: no such user"),
        ({"files": {"server.js": True, "dist/a.js": False}}, "its command names dist/a.js, which is not there"),
    ],
)
def test_a_difference_is_named(change: dict[str, Any], reason: str) -> None:
    found = verdict(new=replace(UP, **change))
    assert (found.kind, found.reasons) == ("different", (reason,))


SHORT = "ran out of the 512m of memory that a container is given (--memory)"
KILLED = Observation(False, exit_code=137, starved=SHORT)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (KILLED, KILLED, f"not comparable: both containers {SHORT}"),
        (KILLED, UP, f"not comparable: the original {SHORT}"),
        (replace(UP, starved=SHORT), UP, f"not comparable: the original {SHORT}"),
        (
            UP,
            KILLED,
            (
                "different: the rewrite does not stay up: exit code 137, without a word; "
                f"the rewrite, unlike the original, {SHORT}"
            ),
        ),
        (UP, replace(UP, starved=SHORT), f"different: the rewrite, unlike the original, {SHORT}"),
        (
            ended(0, "done"),
            KILLED,
            (
                "different: the original ends with exit code 0: done; the rewrite with exit code 137, without a word; "
                f"the rewrite, unlike the original, {SHORT}"
            ),
        ),
        (
            ended(0, "done"),
            replace(ended(0, "done"), starved=SHORT),
            f"different: the rewrite, unlike the original, {SHORT}",
        ),
    ],
)
def test_a_container_from_which_the_kernel_took_memory(old: Observation, new: Observation, expected: str) -> None:
    assert str(verdict(old, new)) == expected


CROWDED = "ran out of the 1 processes that a container is given (--pids)"


@pytest.mark.parametrize("new", [replace(ended(1, "Unable to fork"), starved=CROWDED), replace(UP, starved=CROWDED)])
def test_a_process_more_than_the_limit_is_a_difference_as_memory_is(new: Observation) -> None:
    found = verdict(UP, new)
    assert found.kind == "different"
    assert f"the rewrite, unlike the original, {CROWDED}" in found.reasons
    assert hinges_on_chance(verdict(UP, replace(UP, starved=CROWDED)))
    assert str(verdict(new, new)) == f"not comparable: both containers {CROWDED}"


def test_how_a_rewrite_ends_is_remarked_where_the_original_had_no_memory() -> None:
    assert verdict(KILLED, ended(1, "Cannot find module 'x'")).remarks == (
        "the rewrite does not stay up: exit code 1: Cannot find module 'x'",
    )


def test_memory_that_the_rewrite_alone_lacked_may_lack_in_another_run_of_the_original() -> None:
    short = replace(UP, starved=SHORT)
    assert hinges_on_chance(verdict(UP, short))
    assert not hinges_on_chance(verdict(UP, KILLED))
    assert verdict(of_both(UP, short), short).reasons == (f"both containers {SHORT}",)


def test_a_file_that_the_command_finds_elsewhere_on_both_sides_is_no_difference() -> None:
    aside = replace(UP, files={"app.py": False})  # cd api && python app.py
    assert verdict(old=aside, new=aside).kind == "same behaviour"


def test_an_exception_that_both_raise_is_no_difference() -> None:
    raised = "Traceback (most recent call last):\n  File x\nsocket.gaierror: [Errno -2] {}"
    old = replace(UP, log=raised.format("Name or service not known"))
    new = replace(UP, log=raised.format("Name does not resolve"))  # as musl says it
    assert verdict(old=old, new=new).kind == "same behaviour"
    other = verdict(old=old, new=replace(new, log=raised.format("x").replace("gaierror", "timeout")))
    assert other.reasons == ("the rewrite says: socket.timeout: [Errno -2] x",)


def test_of_two_that_end_alike_a_lacking_file_tells() -> None:
    waiting = ended(1, "ECONNREFUSED")
    found = verdict(old=waiting, new=replace(waiting, files={"./start.sh": False}))
    assert (found.kind, found.reasons) == ("different", ("its command names ./start.sh, which is not there",))


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (("dumb-init", "--", "node", "dist/server.js"), ("dist/server.js",)),
        (("/bin/sh", "-c", "cd api && python app.py --config=x.yml"), ("app.py",)),
        (("gunicorn", "-c", "gunicorn.conf.py", "app.main:app", "--bind", "0.0.0.0:8000"), ("gunicorn.conf.py",)),
        (("java", "-Xmx1g", "-jar", "/srv/app.jar"), ("/srv/app.jar",)),
        (("sh", "-c", "node $FILE.js; echo 'it's"), ()),
        (("./start.sh",), ()),
        (("nginx", "-g", "daemon off;"), ()),
    ],
)
def test_the_files_that_a_command_names(command: tuple[str, ...], files: tuple[str, ...]) -> None:
    assert named_files(command) == files


def test_a_stop_that_gets_worse_is_a_difference() -> None:
    found = verdict(old=replace(UP, stop=Stopped(0.3, 0)))
    assert found.reasons == ("it does not stop when asked to any more: killed after 10.2 s",)


def test_what_varies_by_itself_is_not_compared() -> None:
    old = replace(UP, answers=(replace(ROOT, body="1", stable=False), HEALTH))
    found = verdict(old=old, new=replace(UP, answers=(replace(ROOT, body="2", stable=False), HEALTH)))
    assert found.kind == "same behaviour"
    assert "varies" in found.remarks[0]


def test_what_varies_after_alone_may_have_varied_by_chance() -> None:
    found = verdict(new=replace(UP, answers=(replace(ROOT, stable=False), HEALTH)))
    assert hinges_on_chance(found)
    assert not hinges_on_chance(verdict(new=replace(UP, answers=(replace(ROOT, stable=False, turned=500), HEALTH))))


def test_of_two_runs_what_differs_varies() -> None:
    both = of_both(UP, replace(UP, answers=(replace(ROOT, status=500), HEALTH), log="bye"))
    assert both.answers == (replace(ROOT, stable=False), HEALTH)
    assert both.log == "listening\nbye"


PAGE = "<h1>Welcome to the shop</h1><p>Today all is {}.</p><footer>Made with love by us</footer>"
LACKING = "/ answers otherwise: after each start it had …'p><footer>Made with love by us</footer>', and has not"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (PAGE.format("sky blue"), "same behaviour"),
        (PAGE.format("GZ-_a.9-Qp"), "same behaviour"),
        (
            PAGE.format("red").replace("love", "care"),
            f"different: {LACKING}",
        ),
    ],
)
def test_what_a_start_chooses_is_taken_out_of_a_body(body: str, expected: str) -> None:
    bodies = (PAGE.format("green"), PAGE.format("lime-x.y-z"), body)
    old, again, new = (replace(UP, answers=(replace(ROOT, body=each), HEALTH)) for each in bodies)
    assert hinges_on_bodies(verdict(old, new))
    assert hinges_on_chance(verdict(old, new))
    found = verdict(of_both(old, again), new)
    assert str(found) == expected
    assert "/ varies from one start to the next, and the rest of it was compared" in found.remarks[0]
    assert str(verdict(of_both(old, old), new)).startswith("different: / answers otherwise: was ")
    assert str(verdict(of_both(of_both(old, old), again), new)) == expected
    assert str(verdict(of_both(of_both(old, again), old), new)) == expected


def test_pieces_that_change_places_are_not_demanded_in_one_order() -> None:
    first, second = "<p>the first of two parts</p>", "<i>and the second of them</i>"
    bodies = (f"{first} a {second}", f"{first} b {second}", f"{second} c {first}", f"{second} d {first}")
    one, two, three, new = (replace(UP, answers=(replace(ROOT, body=each), HEALTH)) for each in bodies)
    assert verdict(of_both(one, two), three).kind == "different"
    found = of_both(of_both(one, two), three)
    assert len(found.answers[0].lasting or ()) == 1
    assert verdict(found, new).kind == "same behaviour"


SENT = {"set-cookie": "sid", "cache-control": "no-store", "access-control-allow-origin": "*"}
ORIGIN = "/ answers otherwise: access-control-allow-origin was '*' and is "


def sent_without(name: str) -> dict[str, str]:
    return {each: value for each, value in SENT.items() if each != name}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (SENT, "same behaviour"),
        ({**SENT, "cache-control": VARIES}, "same behaviour"),
        ({**SENT, "cache-control": "public"}, "/ answers otherwise: cache-control was 'no-store' and is 'public'"),
        (sent_without("access-control-allow-origin"), f"{ORIGIN}not sent"),
        ({**SENT, "access-control-allow-origin": "https://a.b"}, f"{ORIGIN}'https://a.b'"),
        (sent_without("set-cookie"), "/ answers otherwise: set-cookie was 'sid' and is not sent"),
        ({**SENT, "x-frame-options": "DENY"}, "/ answers otherwise: x-frame-options was not sent and is 'DENY'"),
    ],
)
def test_what_is_sent_along(sent: dict[str, str], expected: str) -> None:
    old, new = (replace(UP, answers=(replace(ROOT, headers=each), HEALTH)) for each in (SENT, sent))
    found = verdict(old, new)
    assert str(found).removeprefix("different: ") == expected
    assert hinges_on_chance(found) == (found.kind == "different")
    assert str(verdict(of_both(old, new), new)) == "same behaviour"  # what another start sends, too
    assert str(verdict(old, new, replace(EXPECTED, other_server="nginx"))) == "same behaviour"
    broken = replace(new, answers=(replace(new.answers[0], status=500), HEALTH))
    assert "otherwise" not in str(verdict(replace(old, answers=(replace(old.answers[0], status=500), HEALTH)), broken))


def test_another_server_is_compared_by_its_page() -> None:
    expected = replace(EXPECTED, other_server="nginx")
    page = replace(ROOT, body="<h1>built</h1>")
    served = replace(UP, ports=(8080,), port=8080, answers=(page, replace(HEALTH, status=404)))
    assert verdict(new=served, expected=expected).kind == "same behaviour"
    other = replace(served, answers=(replace(page, title="Welcome to nginx!"), HEALTH))
    assert verdict(new=other, expected=expected).kind == "different"
    lost = replace(served, answers=(replace(page, stable=False, turned=500), HEALTH))
    assert verdict(new=lost, expected=expected).reasons == ("/, asked once more, was 200 and is 500",)


SCRIPT = Answer("/app.js", 200, "application/javascript", "1")


@pytest.mark.parametrize(
    ("now", "reasons"),
    [
        ({"type": "text/javascript", "body": "2"}, ()),  # another name for it, and a build's own content
        ({"type": "text/html"}, ("/app.js was 200 application/javascript and is 200 text/html",)),
        ({"status": 404}, ("/app.js was 200 application/javascript and is 404 application/javascript",)),
        ({"turned": 0}, ("/app.js, asked once more, was 200 and is not answered",)),
    ],
)
def test_what_a_person_asks_another_server_for_is_compared(now: dict[str, Any], reasons: tuple[str, ...]) -> None:
    expected = replace(EXPECTED, other_server="nginx", paths=("/", "/app.js"), asked=frozenset({"/app.js"}))
    old, new = replace(UP, answers=(ROOT, SCRIPT)), replace(UP, answers=(ROOT, replace(SCRIPT, **now)))
    assert verdict(old, new, expected).reasons == reasons
    assert verdict(old, new, replace(expected, asked=frozenset())).reasons == ()


@pytest.mark.parametrize("server", ["", "nginx"])
def test_what_a_page_takes_has_to_be_served(server: str) -> None:
    expected = replace(EXPECTED, other_server=server)
    new = replace(UP, unserved={"/env.js": "answered with 404", "/app-1b2c3d4e.js": "answered with 200 text/html"})
    reason = "its page refers to /env.js, which is answered with 404, and 1 more"
    assert verdict(new=new, expected=expected).reasons == (reason,)
    old = replace(UP, unserved={"/env.js": "answered with 200 text/html", "/app-5f6a7b8c.js": "not answered"})
    assert verdict(old, new, expected).kind == "same behaviour"  # the original lacks them as well
    assert verdict(new=replace(UP, unserved={"/main.ts": "not answered"}), expected=expected).kind == "same behaviour"
    mute = replace(UP, port=None, answers=())
    assert verdict(mute, new, replace(expected, ports=((3000,), (3000,)))).kind == "not comparable"


HOME = Answer("/", 302, "text/html", "", location="/login")
LOGIN = Answer("/login", 200, "text/html", "<h1>sign in</h1>", "Sign in", follows="/")
GUARDED = replace(UP, answers=(HOME, LOGIN))


@pytest.mark.parametrize(
    ("answers", "reasons"),
    [
        ((HOME, replace(LOGIN, status=500)), ("/login was 200 text/html “Sign in” and is 500 text/html “Sign in”",)),
        ((HOME,), ("/login was answered with 200, and is not answered",)),
        (
            (replace(HOME, location="/other"), replace(LOGIN, path="/other", title="Other")),
            ("/ led to /login, and leads to /other",),
        ),
        ((replace(HOME, status=200, location=""),), ("/ was 302 text/html and is 200 text/html",)),
        ((replace(HOME, location=""),), ("/ led to /login, and leads to nowhere",)),
    ],
)
@pytest.mark.parametrize("server", ["", "nginx"])
def test_a_redirect_leads_to_the_same_page(answers: tuple[Answer, ...], reasons: tuple[str, ...], server: str) -> None:
    found = verdict(GUARDED, replace(UP, answers=answers), replace(EXPECTED, other_server=server))
    assert found.reasons == reasons


def test_a_redirect_that_leads_elsewhere_each_time_is_no_difference() -> None:
    old = replace(UP, answers=(replace(HOME, location="#", stable=False), replace(LOGIN, path="/p/1", stable=False)))
    new = replace(UP, answers=(replace(HOME, location="/p/2"), replace(LOGIN, path="/p/2")))
    assert verdict(old, new).kind == "same behaviour"
    assert hinges_on_chance(verdict(new, old))


def test_a_query_that_varies_is_no_other_place() -> None:
    old, new = (
        replace(UP, answers=(replace(HOME, location=f"/login?state={state}", stable=False), replace(LOGIN, path=state)))
        for state in ("xyzzy", "plugh")
    )
    assert verdict(old, new).kind == "same behaviour"
    gone = replace(new.answers[1], status=500)
    assert verdict(old, replace(new, answers=(new.answers[0], gone))).kind == "different"


def test_a_health_check_that_tells_the_truth_of_the_original_is_no_difference() -> None:
    failing = (ROOT, replace(HEALTH, status=503))
    old, new = replace(UP, answers=failing), replace(UP, answers=failing, health="unhealthy", check="503")
    assert verdict(old=old, new=new).kind == "same behaviour"


def test_a_health_check_of_an_app_that_listens_on_neither_side_tells_nothing() -> None:
    mute = replace(UP, ports=(), port=None, answers=())
    unhealthy = replace(mute, health="unhealthy")
    awaited = replace(EXPECTED, ports=((3000,), (3000,)))
    assert verdict(old=mute, new=unhealthy, expected=awaited).kind == "not comparable"
    assert verdict(old=mute, new=replace(UP, health="unhealthy"), expected=awaited).kind == "different"
    assert verdict(old=mute, new=unhealthy).kind == "different"


@pytest.mark.parametrize(
    ("config", "declared", "kind"),
    [
        ({"Env": ["PATH=/bin", "NODE_VERSION=22"]}, {}, "same behaviour"),
        ({"Env": ["PATH=/bin", "NODE_VERSION=20", "NODE_ENV=production"]}, {}, "different"),
        (
            {"Env": ["PATH=/bin", "NODE_VERSION=20", "NODE_ENV=production"]},
            {"ENV NODE_ENV": (None, "production")},
            "same behaviour",
        ),
        (
            {"Env": ["PATH=/bin", "NODE_VERSION=20", "NODE_ENV=development"]},
            {"ENV NODE_ENV": (None, "production")},
            "different",
        ),
        ({"Env": ["PATH=/bin", "NODE_VERSION=20"]}, {"ENV NODE_ENV": (None, "production")}, "different"),
        ({"Env": ["PATH=/bin", "NODE_VERSION=20"]}, {"ENV NODE_ENV": (None, "$STAGE")}, "same behaviour"),
        (
            {"Env": ["PATH=/bin", "NODE_VERSION=20", "NODE_ENV=development"]},
            {"ENV NODE_ENV": (None, "$STAGE")},
            "same behaviour",
        ),
        ({"Env": ["PATH=/usr/bin", "NODE_VERSION=20"]}, {}, "different"),
        ({"WorkingDir": "/srv"}, {}, "different"),
        ({"WorkingDir": "/"}, {}, "same behaviour"),
        ({"Cmd": ["node", "index.js"]}, {}, "different"),
        ({"Cmd": ["node", "index.js"]}, {"CMD": (("npm", "start"), ("node", "index.js"))}, "same behaviour"),
    ],
)
def test_the_configuration_may_change_as_declared(config: dict[str, Any], declared: Any, kind: str) -> None:
    assert verdict(config=config, expected=replace(EXPECTED, declared=declared)).kind == kind


def test_both_lacking_the_same_cannot_be_compared() -> None:
    found = verdict(
        ended(1, "File /usr/local/lib/x.py\nOperationalError: could not connect to 10.0.0.1"),
        ended(1, "File /home/app/.local/lib/x.py\nOperationalError: could not connect to 10.0.0.1"),
    )
    assert found.kind == "not comparable"
    assert "OperationalError" in found.reasons[0]


def test_failing_of_something_else_is_a_difference() -> None:
    found = verdict(ended(1, "Error: connect ECONNREFUSED"), ended(1, "Error: Cannot find module 'pg'"))
    assert found.kind == "different"


def test_ending_well_with_the_same_words_is_the_same() -> None:
    assert verdict(ended(0, "done 3 files"), ended(0, "done 3 files")).kind == "same behaviour"
    assert verdict(ended(0, ""), ended(0, "")).kind == "not comparable"
    assert verdict(ended(0, "done"), ended(1, "Error")).kind == "different"


def test_an_original_that_fails_proves_nothing() -> None:
    assert verdict(ended(1, "Error: no key"), UP).kind == "not comparable"
    assert verdict(Observation(False, failure="no such file"), UP).kind == "not comparable"


def test_an_original_that_ends_well_while_the_rewrite_never_ends() -> None:
    idle = replace(UP, ports=(), port=None, answers=())
    soon = replace(ended(0, "done"), lasted=0.4)
    assert verdict(soon, idle).reasons == ("the original ends by itself, and the rewrite does not",)
    assert verdict(soon, UP).kind == "not comparable"  # a server that ended without a terminal
    assert verdict(replace(soon, lasted=30.0), idle).kind == "not comparable"
    assert verdict(replace(soon, exit_code=1), idle).kind == "not comparable"


def test_remarks_are_true() -> None:
    failing = replace(UP, answers=(replace(ROOT, status=502), HEALTH))
    assert verdict(failing, failing).remarks == ("/ is answered with 502 by both",)
    other = replace(UP, answers=(replace(ROOT, status=404), HEALTH))
    assert verdict(failing, other).remarks == ("/ is answered with 502 by the original",)
    mute = replace(UP, ports=(), port=None, answers=())
    assert verdict(mute, UP).remarks == ("the rewrite answers on port 3000, and the original on none",)
    assert verdict(UP, replace(UP, health="unhealthy")).remarks == ()
    sick = replace(UP, health="unhealthy")
    assert verdict(sick, sick).remarks == ("the health check says unhealthy on both sides",)


def test_a_server_that_listens_in_neither_is_not_comparable() -> None:
    waiting = replace(UP, ports=(), port=None, answers=(), log="waiting for the database: connection refused")
    found = verdict(waiting, waiting, replace(EXPECTED, ports=((8000,), (8000,))))
    assert found.kind == "not comparable"
    assert "neither listens on port 8000 here: waiting for the database: connection refused" in found.reasons[0]


AWAITED = replace(EXPECTED, ports=((3000,), (3000,)))
HUNG = replace(UP, port=None, answers=())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (HUNG, HUNG, "not comparable: both listen on port 3000, and neither answers there"),
        (HUNG, UP, "not comparable: both listen on port 3000, and the rewrite alone answers there"),
        (
            replace(HUNG, replies=(3000,)),
            HUNG,
            "different: something answers on port 3000 before, though not in HTTP, and nothing now",
        ),
        (replace(HUNG, replies=(3000,)), replace(HUNG, replies=(3000,)), "same behaviour"),
        (
            replace(HUNG, ports=()),
            UP,
            "not comparable: the original does not listen on port 3000 here: listening",
        ),
    ],
)
def test_silence_is_nothing_known(old: Observation, new: Observation, expected: str) -> None:
    assert str(verdict(old, new, AWAITED)) == expected


def test_an_answer_that_is_no_http_is_told() -> None:
    database = replace(HUNG, replies=(3000,))
    remark = "neither speaks HTTP: all that is known is that both answer on port 3000, though not in HTTP"
    assert verdict(database, database, AWAITED).remarks == (remark,)


def test_ports_dealt_out_by_the_system_do_not_count() -> None:
    assert verdict(replace(UP, ports=(3000, 40123)), UP).kind == "same behaviour"


def test_silent_programs_are_the_same_with_a_remark() -> None:
    silent = replace(UP, ports=(), port=None, answers=())
    found = verdict(silent, silent)
    assert found.kind == "same behaviour"
    assert found.remarks[0].startswith("neither answers from outside")


def test_how_an_original_fails_that_lacks_something_is_no_measure() -> None:
    found = verdict(
        ended(1, '[emerg] 1#1: host not found in upstream "api"'), ended(1, 'nginx: [emerg] host not found in "api"')
    )
    assert (found.kind, found.reasons[0].partition(":")[0]) == (
        "not comparable",
        "the original ends with exit code 1",
    )
    assert found.remarks == ('the rewrite ends with exit code 1: nginx: [emerg] host not found in "api"',)
    assert verdict(ended(1, "Error: no key"), ended(0, "")).kind == "not comparable"


def test_a_long_list_takes_one_cell_of_ordinary_width() -> None:
    lacking = {f"/assets/chunk-vendors.0123456789abcdef-{number}.js": "404" for number in range(12)}
    found = Verification("Dockerfile", Verdict("same behaviour"), Side(run=replace(UP, unserved=lacking)), Side(run=UP))
    (row,) = (row for row in runs(found) if row.name == "pages lack")
    assert row.before.startswith("/assets/chunk-vendors")
    assert row.before.endswith("… and 11 more")
    assert (len(row.before), row.after) == (40, "-")
