//! A part of the planted-fault benchmark: a few faults that differ in how they show, and none without a fault.

use std::process::Command;

/// Runs the benchmark with these arguments and a target, and returns its rows.
fn run(target: &str, arguments: &[&str]) -> Vec<serde_json::Value> {
    let json = tempfile::NamedTempFile::new().expect("there is room for a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_planted"));
    command.args(arguments).args(["--targets", target, "--json"]).arg(json.path());
    let output = command.output().expect("the benchmark starts");
    assert!(output.status.code() != Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = std::fs::read_to_string(json.path()).expect("the benchmark writes the file");
    rows.lines().map(|row| serde_json::from_str(row).expect("a row is JSON")).collect()
}

#[test]
fn nothing_is_found_without_a_fault() {
    let rows = run("differential", &["--fault", "SubtractionAdds", "--inputs", "20"]);
    assert!(rows[0]["fault"].is_null() && rows[0]["target"].is_null(), "{}", rows[0]);
    assert_eq!(rows[0]["inputs"], 20);
}

/// A wrong result, a wrong lookup, wrong tables, and a fault that the process does not survive.
#[test]
fn faults_are_found_and_their_lanes_are_named() {
    const FAULTS: [&str; 5] =
        ["SubtractionAdds", "CallerOffsetAfterCall", "WrongTrapCode", "OuterHandlerFirst", "LastByteUnchecked"];
    let faults = FAULTS.iter().flat_map(|fault| ["--fault", fault]);
    let arguments: Vec<&str> = faults.chain(["--no-sound-run", "--inputs", "300"]).collect();
    let rows = run("differential", &arguments);
    assert_eq!(rows.len(), FAULTS.len());
    let last = rows[FAULTS.len() - 1]["signature"].as_str().expect("a finding");
    assert!(last.starts_with("crash in speed/") || last.starts_with("crash in quick/"), "{last}");
    for row in rows {
        assert!(row["target"] == "differential" && row["named"] == "yes", "{row}");
    }
}
