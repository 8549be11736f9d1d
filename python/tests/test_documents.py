"""The documents: their Python code runs, and everything has a doc string."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path

import pytest
import touchstone

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "python.md"
BLOCKS = re.findall(r"^## ([^\n]+)$|^```python\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


def sections() -> list[tuple[str, str]]:
    """Returns the code of each section of the document that has any."""
    found: dict[str, str] = {}
    title = "the beginning"
    for heading, code in BLOCKS:
        title = heading or title
        if code:
            found[title] = found.get(title, "") + code
    return list(found.items())


@pytest.mark.parametrize(("title", "code"), sections(), ids=[title for title, _ in sections()])
def test_the_code_of_the_document_runs(
    title: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, f"{DOCUMENT.name}: {title}", "exec"), {"__name__": "document"})


def test_the_document_has_code() -> None:
    assert len(sections()) >= 6


def test_the_example_of_the_package_runs() -> None:
    assert doctest.testmod(touchstone) == doctest.TestResults(failed=0, attempted=6)


def test_everything_has_a_doc_string() -> None:
    lacking = []
    for name in touchstone.__all__:
        item = getattr(touchstone, name)
        if not item.__doc__:
            lacking.append(name)
        if not isinstance(item, type) or issubclass(item, int):
            continue
        for member, value in vars(item).items():
            is_own = not member.startswith("_") and (callable(value) or isinstance(value, (property, staticmethod)))
            is_native = type(value).__name__ in {"method_descriptor", "getset_descriptor", "builtin_function_or_method"}
            if (is_own or is_native and not member.startswith("_")) and not value.__doc__:
                lacking.append(f"{name}.{member}")
    assert lacking == []
    assert sys.modules["touchstone"].__doc__
