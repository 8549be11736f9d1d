//! Tests that end or change their whole process, and so run in one of their own.

use std::process::{Command, Output};

const CHILD: &str = "ENGINE_TEST_CHILD";

/// The exit code of a child that ran to its end. Not zero: a child that runs no test must not look like a success.
const SUCCESS: i32 = 57;

/// Runs a test in a process of its own, which calls `child`. The exit code shows that `child` returned.
pub(crate) fn in_a_child(test: &str, child: impl FnOnce()) {
    in_a_child_with(test, &[], child);
}

/// Runs a test like [`in_a_child`], with these variables in the environment of the process.
pub(crate) fn in_a_child_with(test: &str, environment: &[(&str, &str)], child: impl FnOnce()) {
    let output = run_child(test, environment, child);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(SUCCESS), "{}{}", text(&output.stdout), text(&output.stderr));
}

/// Runs a test in a process of its own, which calls `child`. Returns how the process ended. For tests whose `child`
/// does not return.
pub(crate) fn run_child(test: &str, environment: &[(&str, &str)], child: impl FnOnce()) -> Output {
    if std::env::var(CHILD).is_ok_and(|name| name == test) {
        child();
        std::process::exit(SUCCESS);
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, test).envs(environment.iter().copied());
    command.output().unwrap()
}
