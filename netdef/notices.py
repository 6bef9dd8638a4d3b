"""What a program wants to be told about the library's work; it sets the functions here."""

from __future__ import annotations

from collections.abc import Callable

# Called once, without arguments, before the first kernel is compiled rather than loaded from the cache.
on_first_compilation: Callable[[], None] | None = None
