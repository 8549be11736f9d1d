//! Options of other engines: a case draws their values, a finding names them, and reduction drops those that do not
//! matter.

use fuzz::generate::input::Random;
use fuzz::generate::mixed;
use fuzz::oracle::differential::Differential;
use fuzz::oracle::{Oracle, Verdict};
use fuzz::panel::{Panel, own_lane};
use lanes::{EngineOption, Failure, Features, Lane, LaneInfo, Moves, Options, Session, Settings};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// An engine that fails with one value of one of its options.
struct Theirs {
    info: LaneInfo,
    inner: Box<dyn Lane>,
    /// The settings of all sessions.
    seen: &'static Mutex<BTreeSet<Settings>>,
}

impl Lane for Theirs {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        self.inner.lacks(features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        self.session_with(features, &Settings::new())
    }

    fn options(&self) -> Vec<EngineOption> {
        let option = |name: &str, values: &[&str]| EngineOption {
            name: name.to_string(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        vec![
            option("tier", &["slow", "middle", "fast"]),
            option("checks", &["guard", "explicit"]),
            option("one", &["x"]),
        ]
    }

    fn session_with(&self, features: Features, settings: &Settings) -> Result<Box<dyn Session + '_>, Failure> {
        self.seen.lock().expect("no thread panicked").insert(settings.clone());
        match settings.get("tier").map(String::as_str) {
            Some("fast") => Err(Failure::Internal("the tier is broken".to_string())),
            _ => self.inner.session(features),
        }
    }
}

static SEEN: Mutex<BTreeSet<Settings>> = Mutex::new(BTreeSet::new());

#[test]
fn options_are_drawn_named_and_dropped() {
    let name = "theirs".to_string();
    let info =
        LaneInfo { engine: name.clone(), code: String::new(), backend: name.clone(), moves: Moves::Nothing, name };
    // With the collector's limit of a case, so that the engine differs in nothing else.
    let inner = own_lane("quick/fresh", &Options { max_heap: Some(64 << 20), ..Options::default() });
    let theirs = Theirs { info, inner, seen: &SEEN };
    let mut oracle = Differential::new(mixed::generate, Panel::new(&["quick/fresh"], vec![Box::new(theirs)]));
    let (mut found, mut passed) = (0, 0);
    for seed in 0..60 {
        let input = Random::new(seed).next_u64().to_le_bytes();
        match oracle.check(&input) {
            Verdict::Found(report) => {
                let summary = report.summary();
                assert!(summary.contains("the tier is broken") && summary.contains("tier=fast"), "{summary}");
                found += 1;
                if summary.contains("checks=explicit") && found < 4 {
                    let reduced =
                        oracle.reduce(&input).expect("the finding shows again").report.script().expect("a script");
                    assert!(reduced.contains("\n;; options of theirs: tier=fast\n"), "{reduced}");
                    found = 10;
                }
            }
            Verdict::Passed(_) => passed += 1,
            Verdict::NoCase | Verdict::Known(_) => {}
        }
    }
    assert!(found >= 10 && passed > 20, "{found} findings, one of them reduced, and {passed} passes");
    // Three values of one option, two of the other; the option with one value is never set.
    assert_eq!(SEEN.lock().expect("no thread panicked").len(), 6);
}
