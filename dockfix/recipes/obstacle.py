"""Why a container stays root's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction


@dataclass(frozen=True)
class Obstacle:
    """Why the container stays root's.

    Attributes:
        at: the instruction that it is about.
        why: one sentence.
        among_modules: it falls away where the account itself installs the modules.
    """

    at: Instruction | None
    why: str
    among_modules: bool = False


class ObstacleError(Exception):
    """An obstacle that was met on the way."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.why)
        self.obstacle = obstacle
