//! The options of our own lanes, for a client in another process: `touchstone adapter` declares them.

use super::Own;
use crate::{Cpu, EngineOption, Failure, MemoryChecks, Options, Settings};
use std::sync::OnceLock;

/// An option: its name, its values, and what a value changes. The first value changes nothing.
struct Row {
    name: &'static str,
    values: [&'static str; 2],
    change: fn(&mut Options),
}

const ROWS: [Row; 3] = [
    Row {
        name: "memory-checks",
        values: ["guard", "explicit"],
        change: |options| options.memory_checks = MemoryChecks::Explicit,
    },
    Row { name: "cpu", values: ["host", "baseline"], change: |options| options.cpu = Cpu::Baseline },
    Row { name: "gc-zeal", values: ["off", "on"], change: |options| options.gc_zeal = true },
];

/// A lane for each combination of values. The first is never made: it is the lane itself.
#[derive(Default)]
pub(super) struct Variants([OnceLock<Box<Own>>; 1 << ROWS.len()]);

/// Returns the options, for [`Lane::options`](crate::Lane::options).
pub(super) fn list() -> Vec<EngineOption> {
    let option = |row: &Row| EngineOption {
        name: row.name.to_string(),
        values: row.values.iter().map(ToString::to_string).collect(),
    };
    ROWS.iter().map(option).collect()
}

impl Own {
    /// Returns the same lane with these values of its options.
    ///
    /// # Errors
    ///
    /// There is no such option or value.
    pub(crate) fn variant(&self, settings: &Settings) -> Result<&Own, Failure> {
        let (mut number, mut options) = (0, self.options.clone());
        for (name, value) in settings {
            let row = ROWS.iter().position(|row| row.name == name);
            let row = row.ok_or_else(|| Failure::Usage(format!("there is no option `{name}`")))?;
            let chosen = ROWS[row].values.iter().position(|known| known == value);
            match chosen {
                Some(0) => {}
                Some(_) => {
                    number |= 1 << row;
                    (ROWS[row].change)(&mut options);
                }
                None => return Err(Failure::Usage(format!("the option `{name}` has no value `{value}`"))),
            }
        }
        if number == 0 {
            return Ok(self);
        }
        Ok(self.variants.0[number].get_or_init(|| Box::new(Own::new(self.tier, self.origin, &options))))
    }
}

#[cfg(test)]
mod tests {
    use crate::own::{Origin, Own, Tier};
    use crate::{Cpu, Lane, MemoryChecks, Options, Settings};

    #[test]
    fn each_value_changes_its_option() {
        let lane = Own::new(Tier::Quick, Origin::Fresh, &Options::default());
        let variant = |settings: &[(&str, &str)]| {
            let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string()));
            lane.variant(&settings.collect::<Settings>())
                .map(|lane| lane.options.clone())
                .map_err(|error| error.to_string())
        };
        assert_eq!(variant(&[("cpu", "host")]), Ok(Options::default()));
        let both = Options { cpu: Cpu::Baseline, gc_zeal: true, ..Options::default() };
        assert_eq!(variant(&[("cpu", "baseline"), ("gc-zeal", "on")]), Ok(both));
        let explicit = Options { memory_checks: MemoryChecks::Explicit, ..Options::default() };
        assert_eq!(variant(&[("memory-checks", "explicit")]), Ok(explicit));
        assert!(variant(&[("cpu", "other")]).is_err_and(|error| error.contains("no value `other`")));
        assert!(variant(&[("color", "red")]).is_err_and(|error| error.contains("no option `color`")));
        assert!(lane.options().iter().all(|option| option.values.len() == 2));
    }
}
