"""How the apps of each ecosystem are built, and what the end of an image needs of it.

One module an ecosystem; each gives ``split(model)``, a pure function over the model.
"""

from __future__ import annotations
