//! The lanes that a fuzzer compares: our own, made anew for each case with its options, and other engines.

pub mod compare;
pub mod finding;
#[cfg(test)]
pub(crate) mod scripted_engine;

use crate::generate::case::Case;
use crate::generate::feature_set::Audience;
use compare::Agreement;
use finding::Finding;
use lanes::{Lane, Options};

/// The variable that names the lanes where there is no command line to name them: libFuzzer has its own.
pub const VARIABLE: &str = "TOUCHSTONE_LANES";

/// The lanes of a run.
pub struct Panel {
    own: Vec<String>,
    foreign: Vec<Box<dyn Lane>>,
}

impl Panel {
    /// All our own lanes.
    pub fn own() -> Panel {
        Panel::parse("all").expect("our own lanes are always there")
    }

    /// The lanes of a list of names; `all` stands for our own.
    ///
    /// # Errors
    ///
    /// When there is no such lane, or this build or this machine lacks it: a fuzzer that quietly runs with fewer
    /// lanes would report a comparison that did not take place.
    pub fn parse(list: &str) -> Result<Panel, String> {
        let lanes = lanes::parse(list, &Options::default()).map_err(|error| error.to_string())?;
        if let Some(absent) = lanes.absent.first() {
            return Err(absent.to_string());
        }
        if lanes.present.is_empty() {
            return Err("no lane is named".to_string());
        }
        let (own, foreign): (Vec<_>, Vec<_>) = lanes.present.into_iter().partition(|lane| lane.info().is_own());
        Ok(Panel { own: own.iter().map(|lane| lane.info().name.clone()).collect(), foreign })
    }

    /// These of our own lanes, and others.
    pub fn new(own: &[&str], foreign: Vec<Box<dyn Lane>>) -> Panel {
        Panel { own: own.iter().map(ToString::to_string).collect(), foreign }
    }

    /// The lanes that the environment names, or all our own.
    ///
    /// # Errors
    ///
    /// As [`parse`](Panel::parse).
    pub fn from_environment() -> Result<Panel, String> {
        match std::env::var(VARIABLE) {
            Ok(list) => Panel::parse(&list).map_err(|error| format!("{VARIABLE}: {error}")),
            Err(_) => Ok(Panel::own()),
        }
    }

    /// Whom cases are made for.
    pub fn audience(&self) -> Audience {
        Audience::with(self.foreign.iter().map(|lane| &**lane))
    }

    /// The names of all lanes.
    pub fn names(&self) -> Vec<&str> {
        let foreign = self.foreign.iter().map(|lane| lane.info().name.as_str());
        self.own.iter().map(String::as_str).chain(foreign).collect()
    }

    /// Runs `case` in all lanes.
    ///
    /// # Errors
    ///
    /// The first finding.
    pub fn check(&self, case: &Case) -> Result<Agreement, Box<Finding>> {
        let own: Vec<_> =
            self.own.iter().map(|name| crate::generate::case::lane(name, case.options_of(name))).collect();
        let lanes: Vec<&dyn Lane> = own.iter().chain(&self.foreign).map(|lane| &**lane).collect();
        compare::check(case, &lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_an_error() {
        assert_eq!(Panel::own().names(), lanes::OWN_LANES);
        assert_eq!(Panel::own().audience(), Audience::OWN);
        assert!(Panel::parse("speed/fresh,swift").is_err());
        assert!(Panel::parse("").is_err());
    }
}
