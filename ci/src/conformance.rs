//! The runner's JSON report over the official suites: every directive ran in every lane, and passed unless it is listed
//! as an expected failure.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The version of the report's format that this check reads.
const SCHEMA: u32 = 2;

/// The counts that a report must have for a suite, in each lane.
struct Expected {
    /// The name on the runner's command line without `spec:`, or `checkout` for a whole official checkout.
    suite: &'static str,
    /// The beginning of the paths of the suite's scripts. `checkout/` stands for the directory of the checkout.
    prefix: &'static str,
    scripts: u64,
    directives: u64,
    /// The number of directives that are listed as expected failures.
    listed: u64,
}

const fn all_pass(suite: &'static str, prefix: &'static str, scripts: u64, directives: u64) -> Expected {
    Expected { suite, prefix, scripts, directives, listed: 0 }
}

/// The suites. A script belongs to the first prefix that fits.
const EXPECTED: &[Expected] = &[
    all_pass("1.0", "spec:1.0/", 73, 19_245),
    all_pass("2.0", "spec:2.0/simd/", 59, 25_990),
    all_pass("2.0", "spec:2.0/", 90, 28_012),
    all_pass("3.0", "spec:3.0/", 242, 57_529),
    all_pass("checkout", "checkout/core/", 258, 65_294),
    all_pass("checkout", "checkout/custom/", 3, 28),
    all_pass("checkout", "checkout/legacy/", 4, 96),
    all_pass("checkout", "checkout/proposals/threads/", 4, 619),
    all_pass("checkout", "checkout/proposals/custom-page-sizes/", 5, 207),
    all_pass("checkout", "checkout/proposals/wide-arithmetic/", 1, 109),
    Expected { listed: 5, ..all_pass("checkout", "checkout/proposals/custom-descriptors/", 14, 876) },
];

#[derive(Deserialize)]
struct Report {
    schema: u32,
    lanes: Vec<String>,
    scripts: Vec<ScriptRun>,
    disagreements: Vec<serde_json::Value>,
    totals: Totals,
}

#[derive(Deserialize)]
struct ScriptRun {
    path: String,
    lane: String,
    status: String,
    directives: u64,
    passed: u64,
    failed: u64,
    expected: u64,
    skipped: u64,
}

#[derive(Deserialize, Debug, Default, PartialEq, Eq)]
struct Totals {
    scripts: u64,
    directives: u64,
    passed: u64,
    failed: u64,
    expected: u64,
    skipped: u64,
    crashed: u64,
    timed_out: u64,
    disagreements: u64,
}

/// Complains about a report that is not of exactly these lanes and suites, or in which something failed.
///
/// `checkout` is the directory of the official checkout as the runner was given it, if the suites have one.
pub fn check(report: &str, lanes: &[String], suites: &[String], checkout: Option<&str>) -> Vec<String> {
    let mut report: Report = match serde_json::from_str(report) {
        Ok(report) => report,
        Err(error) => return vec![format!("the report cannot be read: {error}")],
    };
    for run in &mut report.scripts {
        if let Some(within) = checkout.and_then(|checkout| run.path.strip_prefix(checkout)) {
            run.path = format!("checkout{within}");
        }
    }
    let mut complaints = Vec::new();
    if report.schema != SCHEMA {
        complaints.push(format!("the report has schema {}, not {SCHEMA}", report.schema));
    }
    let found: BTreeSet<&String> = report.lanes.iter().collect();
    if found != lanes.iter().collect() || report.lanes.len() != lanes.len() {
        complaints.push(format!("the report is of the lanes {:?}, not {lanes:?}", report.lanes));
    }
    let unknown = suites.iter().filter(|suite| EXPECTED.iter().all(|expected| expected.suite != **suite));
    complaints.extend(unknown.map(|suite| format!("nothing is known of the suite {suite}")));
    let expected: Vec<&Expected> =
        EXPECTED.iter().filter(|expected| suites.iter().any(|suite| suite == expected.suite)).collect();
    complaints.extend(report.scripts.iter().filter_map(|run| check_script(run, &expected)));
    complaints.extend(lanes.iter().flat_map(|lane| check_lane(&report.scripts, lane, &expected)));
    complaints.extend(check_totals(&report));
    complaints
}

/// Complains about a script of another suite, and about one in which something failed or was skipped.
fn check_script(run: &ScriptRun, expected: &[&Expected]) -> Option<String> {
    let is_perfect = run.status == "pass"
        && run.passed + run.expected == run.directives
        && (run.failed, run.skipped) == (0, 0)
        && expected.iter().any(|suite| run.path.starts_with(suite.prefix));
    if is_perfect {
        return None;
    }
    Some(format!(
        "{} in {}: {}, {} of {} directives passed, {} failed, {} expected to fail, {} skipped",
        run.path, run.lane, run.status, run.passed, run.directives, run.failed, run.expected, run.skipped
    ))
}

/// Complains about suites whose scripts and directives are not all in a lane, and about scripts that are there twice.
fn check_lane(runs: &[ScriptRun], lane: &str, expected: &[&Expected]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut counts: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    let mut complaints = Vec::new();
    for run in runs.iter().filter(|run| run.lane == lane) {
        if !seen.insert(&run.path) {
            complaints.push(format!("{} is there twice in {lane}", run.path));
        }
        if let Some(suite) = expected.iter().find(|suite| run.path.starts_with(suite.prefix)) {
            let (scripts, directives, listed) = counts.entry(suite.prefix).or_default();
            *scripts += 1;
            *directives += run.directives;
            *listed += run.expected;
        }
    }
    for suite in expected {
        let (scripts, directives, listed) = counts.get(suite.prefix).copied().unwrap_or_default();
        if (scripts, directives) != (suite.scripts, suite.directives) {
            complaints.push(format!(
                "{} in {lane}: {scripts} scripts with {directives} directives, not {} with {}",
                suite.prefix, suite.scripts, suite.directives
            ));
        }
        if listed != suite.listed {
            complaints.push(format!("{} in {lane}: {listed} expected to fail, not {}", suite.prefix, suite.listed));
        }
    }
    complaints
}

/// Complains about totals that are not the sums over the scripts, or that count a failure.
fn check_totals(report: &Report) -> Vec<String> {
    let sum = |count: fn(&ScriptRun) -> u64| report.scripts.iter().map(count).sum::<u64>();
    let mut complaints = Vec::new();
    let Totals { directives, passed, expected, .. } = report.totals;
    let sums = (sum(|run| run.directives), sum(|run| run.passed), sum(|run| run.expected));
    if (directives, passed, expected) != sums {
        complaints.push("the totals are not what the scripts add up to".to_owned());
    }
    let Totals { failed, skipped, crashed, timed_out, disagreements, .. } = report.totals;
    if [failed, skipped, crashed, timed_out, disagreements] != [0; 5] {
        complaints.push(format!("not everything passed: {:?}", report.totals));
    }
    if !report.disagreements.is_empty() {
        complaints.push(format!("lanes disagree {} times", report.disagreements.len()));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const LANES: [&str; 2] = ["speed/fresh", "quick/reload"];
    const SUITES: [&str; 3] = ["1.0", "2.0", "3.0"];

    /// A report without a flaw: the first script of each suite has all of its directives, the others have none.
    fn perfect_of(suites: &[&str]) -> Value {
        let (mut scripts, mut totals) = (Vec::new(), Totals::default());
        let known = || EXPECTED.iter().filter(|expected| suites.contains(&expected.suite));
        for (lane, suite) in LANES.into_iter().flat_map(|lane| known().map(move |suite| (lane, suite))) {
            for number in 0..suite.scripts {
                let (directives, listed) = if number == 0 { (suite.directives, suite.listed) } else { (0, 0) };
                let passed = directives - listed;
                scripts.push(json!({
                    "path": format!("{}{number}.wast", suite.prefix.replacen("checkout/", "x/suite/", 1)),
                    "lane": lane, "status": "pass",
                    "milliseconds": 1, "directives": directives, "passed": passed, "failed": 0,
                    "expected": listed, "skipped": 0, "failures": [],
                }));
                totals.directives += directives;
                totals.passed += passed;
                totals.expected += listed;
            }
        }
        let Totals { directives, passed, expected, .. } = totals;
        json!({
            "schema": 2, "lanes": LANES, "disagreements": [],
            "totals": {"scripts": scripts.len(), "directives": directives, "passed": passed, "failed": 0,
                       "expected": expected, "skipped": 0, "crashed": 0, "timed_out": 0, "disagreements": 0},
            "scripts": scripts,
        })
    }

    fn perfect() -> Value {
        perfect_of(&SUITES)
    }

    fn complaints(report: &Value) -> Vec<String> {
        complaints_of(report, &SUITES)
    }

    fn complaints_of(report: &Value, suites: &[&str]) -> Vec<String> {
        let suites: Vec<String> = suites.iter().map(|&suite| suite.to_owned()).collect();
        check(&report.to_string(), &LANES.map(str::to_owned), &suites, Some("x/suite"))
    }

    #[test]
    fn a_perfect_report_passes() {
        assert_eq!(complaints(&perfect()), Vec::<String>::new());
    }

    #[test]
    fn every_planted_flaw_is_noticed() {
        type Flaw = fn(&mut Value);
        let flaws: [(&str, Flaw); 13] = [
            ("schema", |report| report["schema"] = json!(1)),
            ("lane missing", |report| report["lanes"] = json!(["speed/fresh"])),
            ("lane twice", |report| report["lanes"] = json!(["speed/fresh", "speed/fresh", "quick/reload"])),
            ("crash", |report| report["scripts"][0]["status"] = json!("crash")),
            ("skipped", |report| report["scripts"][0]["skipped"] = json!(1)),
            ("expected failure", |report| report["scripts"][5]["expected"] = json!(1)),
            ("failed", |report| report["scripts"][5]["failed"] = json!(1)),
            ("not passed", |report| report["scripts"][0]["passed"] = json!(0)),
            ("foreign script", |report| report["scripts"][1]["path"] = json!("tests/a.wast")),
            ("script twice", |report| report["scripts"][1]["path"] = json!("spec:1.0/2.wast")),
            ("disagreement", |report| report["disagreements"] = json!([{"path": "a"}])),
            ("total", |report| report["totals"]["timed_out"] = json!(1)),
            ("sum", |report| report["totals"]["directives"] = json!(261_551)),
        ];
        for (name, plant) in flaws {
            let mut report = perfect();
            plant(&mut report);
            assert!(!complaints(&report).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_missing_directive_is_noticed_even_if_the_totals_agree() {
        let mut report = perfect();
        for count in ["directives", "passed"] {
            report["scripts"][0][count] = json!(19_244);
            report["totals"][count] = json!(261_551);
        }
        let complaints = complaints(&report);
        assert_eq!(complaints, ["spec:1.0/ in speed/fresh: 73 scripts with 19244 directives, not 73 with 19245"]);
    }

    #[test]
    fn as_many_failures_as_are_listed_are_expected_and_no_other() {
        let checkout = ["checkout"];
        let mut report = perfect_of(&checkout);
        assert_eq!(complaints_of(&report, &checkout), Vec::<String>::new());
        // One script has a listed failure too many, and another one too few; the totals agree.
        let listed = report["scripts"].as_array().expect("scripts").iter().position(|run| run["expected"] == json!(5));
        for (place, change) in [(0, 1), (listed.expect("custom descriptors"), -1)] {
            for (count, change) in [("passed", -change), ("expected", change)] {
                report["scripts"][place][count] =
                    json!(report["scripts"][place][count].as_i64().expect("a count") + change);
            }
        }
        let found = complaints_of(&report, &checkout);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("core/ in speed/fresh: 1 expected to fail, not 0"), "{found:?}");
        assert!(found[1].ends_with("custom-descriptors/ in speed/fresh: 4 expected to fail, not 5"), "{found:?}");
    }

    #[test]
    fn a_missing_script_is_noticed() {
        let mut report = perfect();
        report["scripts"].as_array_mut().expect("it is an array").remove(1);
        assert_eq!(complaints(&report).len(), 1);
        assert!(!complaints(&json!({})).is_empty());
        assert!(!check("", &[], &[], None).is_empty());
    }

    #[test]
    fn a_report_is_of_the_suites_that_were_asked_for() {
        let of = |suites: &[&str]| complaints_of(&perfect(), suites);
        assert_eq!(of(&SUITES), Vec::<String>::new());
        assert!(of(&["1.0", "2.0"]).iter().all(|complaint| complaint.starts_with("spec:3.0/")));
        assert!(!of(&["1.0", "2.0"]).is_empty());
        assert_eq!(of(&["1.0", "2.0", "3.0", "4.0"]), ["nothing is known of the suite 4.0"]);
    }
}
