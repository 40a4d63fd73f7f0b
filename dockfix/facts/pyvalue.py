"""What expressions are worth in Python sources, in one environment and without running anything."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dockfix.facts.files import Files
from dockfix.facts.pynames import Names
from dockfix.facts.pyresult import ROOT, UNKNOWN, WILD, Unknown, Value, Variable
from dockfix.facts.pysource import Place, Scope, Source
from dockfix.facts.pysources import Sources
from dockfix.facts.pytree import arguments, returns

if TYPE_CHECKING:
    import libcst as cst


class Evaluator(Names):
    """Works out names and values over Python sources, in one environment.

    Attributes:
        environment: environment variables with known values.
        options: values of command-line options, for names that come from ``argparse``.
        settings: Django's settings module.
        config: Flask's settings, each with the expressions that are given for it.
        bound: what names of scopes are taken to be worth; see :meth:`binding`.
    """

    def __init__(
        self,
        sources: Sources,
        roots: Sequence[str],
        environment: Mapping[str, str],
        options: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sources, roots)
        self.environment = environment
        self.options = options or {}
        self.config: dict[str, list[tuple[Source, Scope, cst.BaseExpression]]] = {}
        self.settings: Source | None = None
        self.bound: dict[tuple[int, str], Value] = {}

    @contextmanager
    def binding(self, names: Mapping[tuple[int, str], Value]) -> Iterator[None]:
        """Take names of scopes, as ``(id(scope), name)``, and calls, as ``(id(call), "()")``, to be worth something."""
        before = self.bound
        self.bound = {**before, **names}
        try:
            yield
        finally:
            self.bound = before

    def text(self, value: Value) -> str:
        """*value* as a string that a path or an address is made of; :data:`WILD` where it is not decided."""
        value = self.settled(value)
        if isinstance(value, (str, int, float)):
            return str(value)
        return WILD

    def settled(self, value: Value) -> Value:
        """*value* with an environment variable replaced by what it holds."""
        while isinstance(value, Variable):
            value = self.environment.get(value.name, value.default)
        return value

    def number(self, value: Value) -> int | None:
        """*value* as a whole number."""
        value = self.settled(value)
        if isinstance(value, bool):
            return None
        if isinstance(value, int):
            return value
        return int(value) if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() else None

    def value(self, source: Source, scope: Scope, expression: cst.BaseExpression | None) -> Value:
        """What *expression* is worth."""
        if expression is None or self._depth > 40:
            return UNKNOWN
        self._depth += 1
        try:
            return self._value(source, scope, expression)
        finally:
            self._depth -= 1

    def _value(self, source: Source, scope: Scope, expression: cst.BaseExpression) -> Value:
        import libcst as cst

        if isinstance(expression, (cst.SimpleString, cst.ConcatenatedString)):
            if isinstance(expression, cst.ConcatenatedString):
                left = self.value(source, scope, expression.left)
                return self.text(left) + self.text(self.value(source, scope, expression.right))
            literal = expression.evaluated_value
            return literal if isinstance(literal, str) else UNKNOWN
        if isinstance(expression, cst.FormattedString):
            return "".join(
                part.value
                if isinstance(part, cst.FormattedStringText)
                else self.text(self.value(source, scope, part.expression))
                for part in expression.parts
                if isinstance(part, (cst.FormattedStringText, cst.FormattedStringExpression))
            )
        if isinstance(expression, cst.Integer):
            return int(expression.value.replace("_", ""), 0)
        if isinstance(expression, cst.Float):
            return float(expression.value)
        if isinstance(expression, cst.Name):
            return self._name_value(source, scope, expression)
        if isinstance(expression, cst.Attribute):
            return self._attribute_value(source, scope, expression)
        if isinstance(expression, cst.Call):
            return self._call_value(source, scope, expression)
        if isinstance(expression, cst.BinaryOperation):
            return self._operation(source, scope, expression)
        if isinstance(expression, cst.BooleanOperation):
            left = self.value(source, scope, expression.left)
            if isinstance(expression.operator, cst.Or):
                if isinstance(left, Variable):
                    right = self.value(source, scope, expression.right)
                    return left if isinstance(left.default, (str, int)) and left.default else Variable(left.name, right)
                if left is not UNKNOWN:
                    return left or self.value(source, scope, expression.right)
            return UNKNOWN
        if isinstance(expression, cst.IfExp):
            body = self.value(source, scope, expression.body)
            other = self.value(source, scope, expression.orelse)
            if isinstance(body, Variable) and not isinstance(other, Variable):
                return Variable(body.name, other)
            return body if body == other else UNKNOWN
        if isinstance(expression, (cst.Tuple, cst.List)):
            return tuple(self.value(source, scope, element.value) for element in expression.elements)
        if isinstance(expression, cst.Dict):
            return self._dict(source, scope, expression)
        if isinstance(expression, cst.Subscript):
            return self._subscript(source, scope, expression)
        return UNKNOWN

    def _dict(self, source: Source, scope: Scope, expression: cst.Dict) -> Value:
        import libcst as cst

        result: dict[str, Value] = {}
        for element in expression.elements:
            if isinstance(element, cst.DictElement):
                key = self.value(source, scope, element.key)
                if isinstance(key, str):
                    result[key] = self.value(source, scope, element.value)
        return result

    def _name_value(self, source: Source, scope: Scope, expression: cst.Name) -> Value:
        constants: dict[str, Value] = {"True": True, "False": False, "None": None, "__file__": f"{ROOT}/{source.path}"}
        if expression.value in constants:
            return constants[expression.value]
        if self.bound:
            key = (id(scope.binder(expression.value)), expression.value)
            if key in self.bound:
                return self.bound[key]
        place = self.look(source, scope, expression)
        return self.of(place) if place is not None else self._parameter(source, scope, expression.value)

    def _parameter(self, source: Source, scope: Scope, name: str) -> Value:
        """A parameter that click fills from the command line: the option given, or its default."""
        import libcst as cst

        if scope.kind != "function" or scope.parent is None or scope.names.get(name) != [None]:
            return UNKNOWN
        node = scope.parent.nodes.get(scope.name)
        for decorator in getattr(node, "decorators", ()):
            call = decorator.decorator
            if not isinstance(call, cst.Call) or self.canonical(source, call.func) != "click.option":
                continue
            positional, named = arguments(call)
            names = [self.text(self.value(source, scope.parent, item)) for item in positional]
            known = [item.lstrip("-").replace("-", "_") for item in names]
            if name in known:
                given = next((self.options[item] for item in names if item in self.options), None)
                value = self.value(source, scope.parent, named.get("default")) if given is None else given
                variable = self.settled(self.value(source, scope.parent, named.get("envvar")))
                return Variable(variable, value) if isinstance(variable, str) else value
        return UNKNOWN

    def of(self, place: Place) -> Value:
        """The value of the name at *place*."""
        if place.expression is None:
            return UNKNOWN
        if place.scope.kind == "class" and self._is_settings(place):
            return Variable(place.name.upper(), self.value(place.source, place.scope, place.expression))
        return self.value(place.source, place.scope, place.expression)

    def _is_settings(self, place: Place) -> bool:
        """pydantic-settings reads each field of such a class from the environment variable of the same name."""
        parent = place.scope.parent
        node = parent.nodes.get(place.scope.name) if parent is not None else None
        return any(
            self.canonical(place.source, base.value).rpartition(".")[2] == "BaseSettings"
            for base in getattr(node, "bases", ())
        )

    def _attribute_value(self, source: Source, scope: Scope, expression: cst.Attribute) -> Value:
        name = self.canonical(source, expression)
        attribute = expression.attr.value
        if self.settings is not None and name == f"django.conf.settings.{attribute}":
            setting = self.global_name(self.settings, attribute)
            return self.of(setting) if setting is not None else UNKNOWN
        if self.bound and name == f"self.{attribute}" and (id(scope.owner()), attribute) in self.bound:
            return self.bound[id(scope.owner()), attribute]
        if name in ("os.sep", "os.path.sep"):
            return "/"
        if name == "sys.executable":
            return "python"
        place = self.look(source, scope, expression)
        if place is not None:
            return self.of(place)
        if attribute in ("parent", "name", "stem", "suffix"):
            base = self.settled(self.value(source, scope, expression.value))
            if isinstance(base, str):
                return _path_part(base, attribute)
        if attribute == "root_path" and self._is_flask(source, scope, expression.value):
            return f"{ROOT}/{source.folder}".rstrip("/")
        if attribute == "instance_path" and self._is_flask(source, scope, expression.value):
            return instance_folder(source, self.sources.files)
        return self._option(source, scope, expression)

    def _is_flask(self, source: Source, scope: Scope, expression: cst.BaseExpression) -> bool:
        import libcst as cst

        place = self.look(source, scope, expression)
        made = place.expression if place is not None else None
        return (
            place is not None
            and isinstance(made, cst.Call)
            and self.canonical(place.source, made.func) in ("flask.Flask", "Flask")
        )

    def _option(self, source: Source, scope: Scope, expression: cst.Attribute) -> Value:
        """``args.port``, where ``args`` comes from ``argparse``: the option given, or its default."""
        import libcst as cst

        place = self.look(source, scope, expression.value)
        made = place.expression if place is not None else None
        if not isinstance(made, cst.Call) or not isinstance(made.func, cst.Attribute):
            return UNKNOWN
        if made.func.attr.value not in ("parse_args", "parse_known_args"):
            return UNKNOWN
        wanted = expression.attr.value
        for site in source.calls:
            if not (isinstance(site.node.func, cst.Attribute) and site.node.func.attr.value == "add_argument"):
                continue
            positional, named = arguments(site.node)
            names = [self.text(self.value(source, site.scope, item)) for item in positional]
            target = named.get("dest")
            known = [name.lstrip("-").replace("-", "_") for name in names if name.startswith("-")]
            if target is not None:
                known = [self.text(self.value(source, site.scope, target))]
            if wanted in known:
                for name in names:
                    if name in self.options:
                        return self.options[name]
                return self.value(source, site.scope, named.get("default"))
        return UNKNOWN

    def _operation(self, source: Source, scope: Scope, expression: cst.BinaryOperation) -> Value:
        import libcst as cst

        left = self.settled(self.value(source, scope, expression.left))
        right = self.settled(self.value(source, scope, expression.right))
        if isinstance(expression.operator, cst.Divide):
            first, second = self.text(left), self.text(right)
            return posixpath.join(first, second) if first != WILD or second != WILD else UNKNOWN
        if isinstance(expression.operator, cst.Add):
            if isinstance(left, (str, Unknown)) and isinstance(right, (str, Unknown)):
                both_unknown = left is UNKNOWN and right is UNKNOWN
                return UNKNOWN if both_unknown else self.text(left) + self.text(right)
            if isinstance(left, tuple) and isinstance(right, tuple):
                return left + right
            if isinstance(left, int) and isinstance(right, int):
                return left + right
            return UNKNOWN
        if isinstance(expression.operator, cst.Modulo) and isinstance(left, str):
            values = iter(right if isinstance(right, tuple) else (right,))
            return re.sub(r"%[-+ #0]*\d*(?:\.\d+)?[sdifr]", lambda _: self.text(next(values, UNKNOWN)), left)
        return UNKNOWN

    def _subscript(self, source: Source, scope: Scope, expression: cst.Subscript) -> Value:
        import libcst as cst

        if len(expression.slice) != 1 or not isinstance(expression.slice[0].slice, cst.Index):
            return UNKNOWN
        key = self.settled(self.value(source, scope, expression.slice[0].slice.value))
        name = self.canonical(source, expression.value)
        if name == "os.environ":
            return Variable(key) if isinstance(key, str) else UNKNOWN
        if isinstance(expression.value, cst.Attribute) and isinstance(key, (str, int)):
            if expression.value.attr.value == "config" and isinstance(key, str):
                return self.configured(key)
            if expression.value.attr.value == "parents" and isinstance(key, int):
                base = self.settled(self.value(source, scope, expression.value.value))
                if isinstance(base, str):
                    for _ in range(key + 1):
                        base = _path_part(base, "parent")
                    return base
        base_value = self.value(source, scope, expression.value)
        if isinstance(base_value, dict) and isinstance(key, str):
            return base_value.get(key, UNKNOWN)
        if isinstance(base_value, tuple) and isinstance(key, int) and -len(base_value) <= key < len(base_value):
            return base_value[key]
        return UNKNOWN

    def configured(self, key: str) -> Value:
        """The Flask setting *key*, where the sources set it once."""
        values = self.config.get(key, [])
        settled = [self.value(*item) for item in values]
        return settled[0] if settled and all(item == settled[0] for item in settled) else UNKNOWN

    def _call_value(self, source: Source, scope: Scope, call: cst.Call) -> Value:
        import libcst as cst

        if (id(call), "()") in self.bound:
            return self.bound[id(call), "()"]
        name = self.canonical(source, call.func)
        positional, named = arguments(call)

        def at(index: int, *names: str) -> Value:
            for item in names:
                if item in named:
                    return self.value(source, scope, named[item])
            return self.value(source, scope, positional[index]) if index < len(positional) else UNKNOWN

        if name in ("os.environ.get", "os.getenv", "os.environ.setdefault", "os.environ.pop"):
            key = self.settled(at(0, "key"))
            given = len(positional) > 1 or "default" in named
            return Variable(key, at(1, "default") if given else None) if isinstance(key, str) else UNKNOWN
        if name in ("int", "str", "float", "builtins.int", "builtins.str"):
            return self._converted(name, at(0))
        if name.rpartition(".")[2] in ("Path", "PurePath", "PosixPath", "PurePosixPath", "abspath", "realpath"):
            parts = [self.text(self.value(source, scope, item)) for item in positional]
            return posixpath.join(*parts) if parts else "."
        if name in ("os.path.normpath", "os.fspath", "os.path.expandvars", "posixpath.normpath"):
            return at(0)
        if name == "os.path.join":
            parts = [self.text(self.value(source, scope, item)) for item in positional]
            starred = any(item.star for item in call.args)
            return posixpath.join(*parts, *([WILD] if starred else [])) if parts else UNKNOWN
        if name == "os.path.dirname":
            if positional and isinstance(positional[0], cst.Name) and positional[0].value == "__name__":
                return "."  # a module's name has no slash in it
            base = self.settled(at(0))
            return _path_part(base, "parent") if isinstance(base, str) else UNKNOWN
        if name == "os.path.basename":
            base = self.settled(at(0))
            return posixpath.basename(base) if isinstance(base, str) else UNKNOWN
        if name == "os.path.expanduser":
            return at(0)
        if name in ("os.getcwd", "os.getcwdb", "pathlib.Path.cwd", "Path.cwd"):
            return "."
        if name in ("pathlib.Path.home", "Path.home"):
            return "~"
        if name in ("tempfile.gettempdir", "tempfile.mkdtemp", "tempfile.mkstemp", "tempfile.mktemp"):
            return "/tmp"
        if isinstance(call.func, cst.Attribute):
            value = self._method_value(source, scope, call, at)
            if value is not UNKNOWN:
                return value
        made = self.look(source, scope, call.func)
        if made is not None and made.node is not None:
            return self._result(made)
        return self._environment_reader(name, at)

    def _method_value(self, source: Source, scope: Scope, call: cst.Call, at: Any) -> Value:
        import libcst as cst

        assert isinstance(call.func, cst.Attribute)
        method = call.func.attr.value
        if method in ("resolve", "absolute", "expanduser", "as_posix", "strip", "lower", "rstrip", "lstrip"):
            return self.settled(self.value(source, scope, call.func.value))
        if method in ("joinpath", "with_name", "with_suffix", "split", "format", "path"):
            base = self.settled(self.value(source, scope, call.func.value))
            if method == "path" and isinstance(base, str) and ROOT in base:  # django-environ's root.path("x")
                return posixpath.join(base, self.text(at(0)))
            if not isinstance(base, str):
                return UNKNOWN
            if method == "joinpath":
                parts = [self.text(self.value(source, scope, item)) for item in arguments(call)[0]]
                return posixpath.join(base, *parts)
            if method == "with_name":
                return posixpath.join(_path_part(base, "parent"), self.text(at(0)))
            if method == "with_suffix":
                return posixpath.splitext(base)[0] + self.text(at(0))
            if method == "split":
                separator = at(0)
                pieces = base.split(separator if isinstance(separator, str) and separator else None)
                return tuple(piece for piece in pieces) if WILD not in base else UNKNOWN
            if method == "format":
                return re.sub(r"\{[^{}]*\}", WILD, base)
        if method == "get":
            holder = call.func.value
            if isinstance(holder, cst.Attribute) and holder.attr.value == "config":
                key = at(0)
                found = self.configured(key) if isinstance(key, str) else UNKNOWN
                return found if found is not UNKNOWN else at(1)
        return UNKNOWN

    def _result(self, function: Place) -> Value:
        """What a function of this tree returns, where all its ``return`` statements are worth the same."""
        import libcst as cst

        inner = function.scope.inner.get(function.name)
        if inner is None or not isinstance(function.node, cst.FunctionDef):
            return UNKNOWN
        values = [self.value(function.source, inner, item.value) for item in returns(function.node.body)]
        return values[0] if values and all(value == values[0] for value in values) else UNKNOWN

    def _environment_reader(self, name: str, at: Any) -> Value:
        """``env("X", default=…)`` of django-environ and environs, ``config("X", default=…)`` of python-decouple."""
        method = name.rpartition(".")[2]
        head = name.partition(".")[0]
        decouple = name in ("decouple.config", "decouple.AutoConfig", "starlette.config.Config")
        if not decouple and (head not in ("env", "environ", "config") or name.count(".") > 1 or method == "Env"):
            return UNKNOWN
        key = at(0)
        if not isinstance(key, str) or not re.fullmatch(r"[A-Z][A-Z0-9_]*", key):
            return UNKNOWN
        return Variable(key, at(1, "default"))

    def _converted(self, kind: str, value: Value) -> Value:
        if isinstance(value, Variable):
            return Variable(value.name, self._converted(kind, value.default))
        if kind.endswith("int"):
            number = self.number(value)
            return number if number is not None else UNKNOWN
        return self.text(value) if kind.endswith("str") and value is not UNKNOWN else value


def _path_part(path: str, part: str) -> str:
    if part == "parent":
        return posixpath.dirname(path.rstrip("/")) or ("." if not path.startswith("/") else "/")
    name = posixpath.basename(path)
    if part == "name":
        return name
    return posixpath.splitext(name)[0] if part == "stem" else posixpath.splitext(name)[1]


def instance_folder(source: Source, files: Files) -> str:
    """Flask's instance folder for an app made in *source*: beside the module, or beside the package that holds it.

    https://flask.palletsprojects.com/en/stable/config/#instance-folders
    """
    folder = source.folder
    while folder and files.exists(f"{folder}/__init__.py"):
        folder = posixpath.dirname(folder)
    return f"{ROOT}/{folder}/instance" if folder else f"{ROOT}/instance"
