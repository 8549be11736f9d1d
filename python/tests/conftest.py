"""The fixtures of the tests: an engine, a store, and modules of text."""

from __future__ import annotations

import faulthandler
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import touchstone as t

Load = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    """Ends the process if a test hangs, even one that never gives the interpreter lock back."""
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def engine() -> t.Engine:
    """An engine with the default configuration."""
    return t.Engine()


@pytest.fixture
def store(engine: t.Engine) -> t.Store:
    """An empty store."""
    return t.Store(engine)


@pytest.fixture
def load(engine: t.Engine, store: t.Store) -> Load:
    """A function that instantiates a module of text in the store and returns its exports."""

    def instantiate(text: str, *imports: Any) -> dict[str, Any]:
        return t.Instance(store, t.Module(engine, text), imports).exports(store)

    return instantiate
