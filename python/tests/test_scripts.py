"""The script runner."""

from __future__ import annotations

from pathlib import Path

import pytest
import touchstone as t

WRONG = """(module (func (export "one") (result i32) (i32.const 1)))
(assert_return (invoke "one") (i32.const 1))
  (assert_return (invoke "one") (i32.const 2))
"""


def test_official_scripts_pass_in_each_lane() -> None:
    report = t.run_scripts("spec:3.0", ["speed/fresh", "quick/reload", "interp"], filter="/i32.wast")
    assert report.passed and report.failures == []
    assert report.lanes == ["speed/fresh", "quick/reload", "interp"]
    assert report.verdicts == {"spec:3.0/i32.wast": dict.fromkeys(report.lanes, "pass")}
    assert report.totals["scripts"] == 1
    assert report.totals["passed"] == report.totals["directives"] > 1000


def test_a_failure_has_a_location(tmp_path: Path) -> None:
    script = tmp_path / "wrong.wast"
    script.write_text(WRONG)
    report = t.run_scripts([script], ["speed/fresh", "interp"])
    assert not report.passed
    assert report.verdicts == {str(script): {"speed/fresh": "fail", "interp": "fail"}}
    assert (report.totals["passed"], report.totals["failed"]) == (4, 2)
    assert [str(failure) for failure in report.failures] == [
        f"{script}:3:3: assert_return: expected [i32 2], got [i32 1] [{lane}]" for lane in report.lanes
    ]


def test_an_unreadable_script_is_no_pass(tmp_path: Path) -> None:
    script = tmp_path / "binary.wast"
    script.write_bytes(b"(module)\n;; \xff")
    report = t.run_scripts(script, ["interp"])
    assert not report.passed
    assert report.verdicts[str(script)] == {"interp": "unreadable"}
    assert [failure.line for failure in report.failures] == [2]


def test_a_run_that_tests_nothing_is_no_pass(tmp_path: Path) -> None:
    (tmp_path / "empty.wast").write_text(";; nothing\n")
    assert not t.run_scripts(tmp_path, ["interp"]).passed


@pytest.mark.parametrize(
    ("path", "lanes", "message"),
    [
        ("nothing.wast", ["interp"], "cannot read nothing.wast"),
        ("spec:9.0", ["interp"], "9.0"),
        ("spec:1.0", ["swift"], "swift"),
        ("spec:1.0", ["wasmtime"], "wasmtime"),
    ],
)
def test_wrong_arguments_are_refused(path: str, lanes: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        t.run_scripts(path, lanes)


def test_features_can_be_chosen(tmp_path: Path) -> None:
    script = tmp_path / "simd.wast"
    script.write_text("(module (func (param v128)))")
    assert t.run_scripts(script, ["interp"]).passed
    assert not t.run_scripts(script, ["interp"], features="1.0").passed
    with pytest.raises(ValueError, match="unknown feature"):
        t.run_scripts(script, ["interp"], features="nonsense")
