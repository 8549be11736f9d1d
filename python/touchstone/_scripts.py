"""The script runner, and its report."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import _native


@dataclass(frozen=True)
class Failure:
    """A directive that failed in a lane. It prints as `PATH:LINE:COLUMN: DIRECTIVE: MESSAGE [LANE]`."""

    path: str
    """The script."""
    line: int
    """The line, counted from 1."""
    column: int
    """The column, counted from 1 in bytes."""
    directive: str
    """The keyword of the directive."""
    message: str
    """The expected outcome, and the actual one."""
    lane: str
    """The lane."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.directive}: {self.message} [{self.lane}]"


@dataclass(frozen=True)
class Report:
    """The results of a run."""

    lanes: list[str]
    """The lanes that ran."""
    totals: dict[str, int]
    """The sums: "scripts", "directives", "passed", "failed", "unsupported", "disagreements", and others."""
    verdicts: dict[str, dict[str, str]]
    """The verdict of each script in each lane: "pass", "fail" or "unreadable"."""
    failures: list[Failure]
    """The directives that failed."""
    disagreements: list[dict[str, Any]]
    """The directives on which lanes differ."""
    json: dict[str, Any]
    """The whole report, in the schema of `touchstone --report json`."""

    @property
    def passed(self) -> bool:
        """True if something was tested, nothing failed, and all lanes agree."""
        verdicts = [verdict for lanes in self.verdicts.values() for verdict in lanes.values()]
        is_complete = not self.disagreements and not self.json["complaints"]
        return is_complete and bool(verdicts) and all(verdict == "pass" for verdict in verdicts)


def run_scripts(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    lanes: Iterable[str] | None = None,
    *,
    features: str | None = None,
    filter: str | None = None,
) -> Report:
    """Runs `.wast` scripts in several lanes, compares the lanes, and returns the report.

    `paths` names files, folders that are searched, and official suites such as "spec:2.0". `lanes` are names such as
    "speed/fresh" or "interp"; by default those that `touchstone` runs. `features` overrides what scripts may use;
    `filter` is a text that their paths must contain.

    The scripts run in this process: one that crashes an engine ends it, and one that hangs is not stopped. The program
    `touchstone` has processes for that.
    """
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    names = [os.fspath(path) for path in listed]
    chosen = None if lanes is None else list(lanes)
    report = json.loads(_native.run_scripts(names, chosen, features=features, filter=filter))
    verdicts: dict[str, dict[str, str]] = {}
    failures = []
    for script in report["scripts"]:
        path, lane = script["path"], script["lane"]
        verdicts.setdefault(path, {})[lane] = script["status"]
        for failure in script["failures"]:
            location = failure["line"], failure["column"]
            failures.append(Failure(path, *location, failure["directive"], failure["message"], lane))
    return Report(report["lanes"], report["totals"], verdicts, failures, report["disagreements"], report)
