//! The lanes that a fuzzer compares: our own, made anew for each case with its options, and other engines.
//!
//! The interpreter runs first if it is among them. It needs no compiler, and it can be stopped: no other lane compiles
//! or runs a case that does not end.

pub mod compare;
mod coverage;
pub mod finding;
pub mod rewriting;
pub mod run;
#[cfg(test)]
pub(crate) mod scripted_engine;
pub mod trial;
pub mod watch;

use crate::generate::case::{Case, TIERS};
use crate::generate::feature_set::Audience;
use crate::generate::input::Random;
use compare::Agreement;
use finding::Finding;
use lanes::{Coverage, EngineOption, Lane, LaneInfo, Options, Settings};
use run::Run;
use std::collections::BTreeMap;

/// The environment variable that names the lanes where the fuzzer does not own the command line, as under libFuzzer.
pub const VARIABLE: &str = "TOUCHSTONE_LANES";

/// The lane that runs each case first.
pub const INTERPRETER: &str = "interp";

/// A claim about cases, which runs in the lanes of a panel can refute.
pub trait Check {
    /// Checks the claim on one case.
    ///
    /// # Errors
    ///
    /// The first finding.
    fn check(&self, case: &Case) -> Result<Agreement, Box<Finding>>;

    /// Returns the lanes.
    fn panel(&self) -> &Panel;

    /// Returns the least number of lanes that can refute the claim.
    fn least_lanes(&self) -> usize {
        1
    }
}

/// The claim that a case does the same in all lanes.
impl Check for Panel {
    fn check(&self, case: &Case) -> Result<Agreement, Box<Finding>> {
        Panel::check(self, case)
    }

    fn panel(&self) -> &Panel {
        self
    }

    fn least_lanes(&self) -> usize {
        2
    }
}

/// The lanes of a run.
pub struct Panel {
    /// The names of our own lanes, in the order in which they run.
    own: Vec<String>,
    foreign: Vec<Box<dyn Lane>>,
    /// True if the interpreter counts the ways of guests.
    watches_guests: bool,
}

impl Panel {
    /// Returns all our own lanes.
    pub fn own() -> Panel {
        Panel::parse("all").expect("our own lanes always exist")
    }

    /// Returns our own lanes that compile, fresh and reloaded.
    pub fn compiled() -> Panel {
        Panel::new(&["quick/fresh", "quick/reload", "speed/fresh", "speed/reload"], Vec::new())
    }

    /// Returns the lanes of a comma-separated list of names, where `all` stands for our own.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Panel::open).
    pub fn parse(list: &str) -> Result<Panel, String> {
        Panel::open(list, &Options::default())
    }

    /// Returns the lanes of a comma-separated list of names, with options for lanes of other engines: the commands of
    /// adapters among them. The options of our own lanes come from the cases.
    ///
    /// # Errors
    ///
    /// If the list is empty, if there is no such lane, or if this build or this machine lacks it and the list does not
    /// say that it may be absent. A fuzzer that silently runs with fewer lanes would report a comparison that did not
    /// take place.
    pub fn open(list: &str, options: &Options) -> Result<Panel, String> {
        let lanes = lanes::parse(list, options).map_err(|error| error.to_string())?;
        if let Some(absent) = lanes.absent.iter().find(|absent| !absent.optional) {
            return Err(absent.to_string());
        }
        if lanes.present.is_empty() {
            return Err("no lane is named".to_string());
        }
        let (own, foreign): (Vec<_>, Vec<_>) = lanes.present.into_iter().partition(|lane| lane.info().is_own());
        let mut own: Vec<String> = own.iter().map(|lane| lane.info().name.clone()).collect();
        own.sort_by_key(|name| name != INTERPRETER);
        Ok(Panel { own, foreign, watches_guests: false })
    }

    /// Returns a panel of these of our own lanes and of other lanes.
    pub fn new(own: &[&str], foreign: Vec<Box<dyn Lane>>) -> Panel {
        Panel { own: own.iter().map(ToString::to_string).collect(), foreign, watches_guests: false }
    }

    /// Returns the lanes that the environment names ([`VARIABLE`]), or all our own if it names none.
    ///
    /// # Errors
    ///
    /// If the list is not one that [`parse`](Panel::parse) accepts.
    pub fn from_environment() -> Result<Panel, String> {
        match std::env::var(VARIABLE) {
            Ok(list) => Panel::parse(&list).map_err(|error| format!("{VARIABLE}: {error}")),
            Err(_) => Ok(Panel::own()),
        }
    }

    /// Returns the panel with an interpreter that counts the ways of guests, for libFuzzer.
    pub fn watching_guests(self) -> Panel {
        Panel { watches_guests: true, ..self }
    }

    /// Returns what the generator has to know of the lanes.
    pub fn audience(&self) -> Audience {
        Audience::with(self.foreign.iter().map(|lane| &**lane))
    }

    /// Returns the names of all lanes.
    pub fn names(&self) -> Vec<&str> {
        let foreign = self.foreign.iter().map(|lane| lane.info().name.as_str());
        self.own.iter().map(String::as_str).chain(foreign).collect()
    }

    /// Draws values for the options that the lanes of other engines declare, by lane. Half of them keep their first
    /// value, which is left out.
    pub fn draw_settings(&self, input: &[u8]) -> BTreeMap<String, Settings> {
        let mut random = Random::of(input);
        let mut settings: BTreeMap<String, Settings> = BTreeMap::new();
        for lane in &self.foreign {
            for EngineOption { name, values } in lane.options() {
                let last = (values.len() as u64).saturating_sub(1);
                let (keeps, value) = (random.next_u64().is_multiple_of(2), random.next_u64());
                if last > 0 && !keeps {
                    let value = usize::try_from(1 + value % last).expect("it is in memory");
                    let chosen = settings.entry(lane.info().name.clone()).or_default();
                    chosen.insert(name, values[value].clone());
                }
            }
        }
        settings
    }

    /// Draws the tier of our compiler whose lanes take no part in a case, since to compile takes most of its time. One
    /// case of eight runs in both tiers, and so do all cases if fewer than two lanes would remain.
    pub fn draw_tier(&self, input: &[u8]) -> Option<&'static str> {
        // The low bits choose among the settings of other engines.
        let drawn = Random::of(input).next_u64() >> 32;
        let tier = TIERS[usize::from(drawn.is_multiple_of(2))];
        let case = Case { without: Some(tier), ..Case::default() };
        let remaining = self.own.iter().filter(|lane| case.has_lane(lane)).count() + self.foreign.len();
        (remaining >= 2 && !(drawn / 2).is_multiple_of(8)).then_some(tier)
    }

    /// Returns the name of each lane, with the engine that it runs.
    ///
    /// # Errors
    ///
    /// Says which engine does not start, and why.
    pub fn engines(&self) -> Result<Vec<String>, String> {
        let own: Vec<_> = self.own.iter().map(|name| own_lane(name, &Options::default())).collect();
        let describe = |lane: &dyn Lane| {
            let name = &lane.info().name;
            let engine = lane.engine().map_err(|error| format!("the lane `{name}` is not there: {error}"))?;
            Ok(format!("{name} ({engine})"))
        };
        own.iter().chain(&self.foreign).map(|lane| describe(&**lane)).collect()
    }

    /// Returns the run of `case` in the lane of this name; `None` if there is no such lane.
    pub fn run_alone(&self, name: &str, case: &Case) -> Option<Run> {
        if self.own.iter().any(|own| own == name) {
            return Some(run::run_alone(case, &*own_lane(name, &case.options_of(name))));
        }
        let lane = self.foreign.iter().find(|lane| lane.info().name == name)?;
        Some(run::run_alone(case, &**lane))
    }

    /// Calls `visit` with each lane as `case` configures it, and returns the results. Only the interpreter, which is
    /// the first if it is among the lanes, ends a case that has no fuel and never ends. So `visit` also returns whether
    /// the lane gave the case up, after which no other lane is visited.
    ///
    /// # Errors
    ///
    /// The first error of `visit`.
    pub fn visit_lanes<R, E>(
        &self,
        case: &Case,
        mut visit: impl FnMut(&dyn Lane) -> Result<(R, bool), E>,
    ) -> Result<Vec<R>, E> {
        self.with_lanes(case, |lanes| {
            let mut results = Vec::with_capacity(lanes.len());
            for lane in lanes {
                let (result, gave_up) = visit(*lane)?;
                results.push(result);
                if gave_up {
                    break;
                }
            }
            Ok(results)
        })
    }

    /// Calls `visit` with all lanes that take part in `case`, as it configures them.
    pub fn with_lanes<R>(&self, case: &Case, visit: impl FnOnce(&[&dyn Lane]) -> R) -> R {
        coverage::begin();
        let coverage = self.watches_guests.then_some(Coverage(coverage::note));
        let options = |name: &str| Options { coverage, ..case.options_of(name) };
        let names = self.own.iter().filter(|name| case.has_lane(name));
        let own: Vec<_> = names.map(|name| own_lane(name, &options(name))).collect();
        let lanes: Vec<&dyn Lane> = own.iter().chain(&self.foreign).map(|lane| &**lane).collect();
        visit(&lanes)
    }

    /// Returns what is known of the lane of this name; `None` if there is no such lane.
    pub fn info(&self, name: &str, case: &Case) -> Option<LaneInfo> {
        self.with_lanes(case, |lanes| {
            let found = lanes.iter().find(|lane| lane.info().name == name);
            found.map(|lane| lane.info().clone())
        })
    }

    /// Runs `case` in all lanes that take part in it, and compares them.
    ///
    /// # Errors
    ///
    /// The first finding.
    pub fn check(&self, case: &Case) -> Result<Agreement, Box<Finding>> {
        self.with_lanes(case, |lanes| compare::check(case, lanes))
    }
}

/// Makes one of our own lanes.
///
/// # Panics
///
/// If there is no such lane.
pub fn own_lane(name: &str, options: &Options) -> Box<dyn Lane> {
    let mut lanes = lanes::parse(name, options).expect("our own lanes always exist");
    lanes.present.pop().expect("our own lanes always exist")
}

#[cfg(test)]
mod tests {
    use super::scripted_engine::ScriptedEngine;
    use super::*;
    use crate::statistics::Statistics;
    use crate::triage::known::Judgment;

    #[test]
    fn an_absent_lane_is_an_error() {
        let mut names = Panel::own().names().into_iter().map(String::from).collect::<Vec<_>>();
        assert_eq!(names[0] == INTERPRETER, cfg!(feature = "interp"));
        names.rotate_left(usize::from(cfg!(feature = "interp")));
        assert_eq!(names, lanes::own_lanes());
        assert_eq!(Panel::own().audience(), Audience::OWN);
        assert!(Panel::parse("speed/fresh,swift").is_err());
        assert!(Panel::parse("").is_err());
    }

    #[test]
    fn a_tier_is_left_out_of_most_cases() {
        let drawn = |panel: &Panel| -> BTreeMap<Option<&str>, usize> {
            let mut drawn = BTreeMap::new();
            (0..1600_u32).for_each(|input| *drawn.entry(panel.draw_tier(&input.to_le_bytes())).or_default() += 1);
            drawn
        };
        let counts = drawn(&Panel::compiled());
        assert!([Some("quick"), Some("speed")].iter().all(|tier| (600..800).contains(&counts[tier])), "{counts:?}");
        assert!((150..250).contains(&counts[&None]), "{counts:?}");
        let two = drawn(&Panel::new(&["quick/fresh", "speed/fresh"], Vec::new()));
        assert_eq!(two, BTreeMap::from([(None, 1600)]));

        let case =
            Case { without: Some("quick"), ..Case::of_module(wat::parse_str("(module)").expect("it parses"), []) };
        let agreement = Panel::compiled().check(&case).unwrap_or_else(|finding| panic!("{finding}"));
        assert_eq!(agreement.compared, ["speed/fresh", "speed/reload"]);
    }

    /// No lane after the interpreter runs a case that does not end, and the statistics count nothing as compared.
    #[cfg(feature = "interp")]
    #[test]
    fn a_case_that_does_not_end_is_given_up() {
        let main = wat::parse_str("(module (func (export \"f\") (loop (br 0))))").expect("it parses");
        let case = Case::of_module(main, [("f".to_string(), Vec::new())]);
        let theirs = ScriptedEngine::new("theirs", "theirs", Vec::new()).refusing(|_| panic!("another lane runs it"));
        let panel = Panel::new(&[INTERPRETER, "speed/fresh"], vec![Box::new(theirs)]);
        let agreement = panel.check(&case).unwrap_or_else(|finding| panic!("{finding}"));
        let mut statistics = Statistics::default();
        statistics.count(&case, &Judgment::Agreed(agreement));
        assert_eq!((statistics.given_up, statistics.executed, statistics.compared.len()), (1, 0, 0));
    }
}
