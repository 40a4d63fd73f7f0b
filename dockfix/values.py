"""Frozen dataclasses that cost a quarter of the standard library's, when they are defined and when one is made.

``dataclasses.dataclass`` compiles half a dozen methods for each frozen class, which takes half a millisecond, and a
start defines more than a hundred classes: a third of its time. Here ``__init__`` alone is compiled, the other methods
are shared. Nothing stops an assignment to a value at run time; the type checker does, which sees the decorator of the
standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses
    import operator
    from functools import partial

    def dataclass(cls=None, /, *, frozen=False, eq=True, order=False, slots=False):
        """Like :func:`dataclasses.dataclass`, as far as it is used here; quick for frozen classes."""
        if cls is None:
            return partial(dataclass, frozen=frozen, eq=eq, order=order, slots=slots)
        if not (frozen and eq):
            return dataclasses.dataclass(cls, frozen=frozen, eq=eq, order=order, slots=slots)
        cls.__doc__ = cls.__doc__ or cls.__name__  # else the signature is worked out to stand in for it
        made = dataclasses.dataclass(cls, eq=False, repr=False, slots=slots)
        names = [field.name for field in dataclasses.fields(made) if field.compare]
        made._values = operator.attrgetter(*names) if names else lambda _: ()
        for name, method in (_METHODS | _ORDER if order else _METHODS).items():
            if name not in cls.__dict__:
                setattr(made, name, method)
        return made

    def _comparison(name):
        compare = getattr(operator, name)

        def method(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return compare(self._values(self), other._values(other))

        return method

    def _hash(self):
        return hash(self._values(self))

    def _repr(self):
        shown = (f"{item.name}={getattr(self, item.name)!r}" for item in dataclasses.fields(self) if item.repr)
        return f"{self.__class__.__qualname__}({', '.join(shown)})"

    _METHODS = {"__eq__": _comparison("__eq__"), "__hash__": _hash, "__repr__": _repr}
    _ORDER = {name: _comparison(name) for name in ("__lt__", "__le__", "__gt__", "__ge__")}
