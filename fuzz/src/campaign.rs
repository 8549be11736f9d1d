//! The fuzzing loop without libFuzzer: for the stable toolchain, without instrumentation, many times as fast.
//!
//! Input `k` of a campaign is eight bytes that follow from its seed and `k` alone, so a campaign can be run again, or
//! be continued with another seed. Findings with the same signature count as one: the first is made smaller. While an
//! input runs, the file `running` of the directory holds it: if the process dies or hangs, that is the finding.

use crate::generate::input::Random;
use crate::panel::Panel;
use crate::statistics::Census;
use crate::triage::known::{New, Verdict};
use crate::triage::{reduce, report};
use crate::{PERIOD, check};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, io};

/// So many findings with one signature are written; the others are counted.
const WRITTEN: u64 = 3;
/// With how many runs a finding is made smaller: a minute or two.
const RUNS: u32 = 3000;

/// How the loop runs.
pub struct Campaign {
    /// What the inputs follow from.
    pub seed: u64,
    /// The most inputs to run.
    pub inputs: Option<u64>,
    /// The most time to take.
    pub wall: Option<Duration>,
    /// The most processor time to take, that of child processes not counted.
    pub processor: Option<Duration>,
    /// Where findings are written.
    pub directory: PathBuf,
    /// Whether the first finding with a signature is made smaller.
    pub reduce: bool,
}

/// What a campaign gave.
pub struct Summary {
    /// What was executed.
    pub census: Census,
    /// How many findings there were of each signature.
    pub findings: BTreeMap<String, u64>,
}

impl Campaign {
    /// Runs inputs until the first limit is reached.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written.
    pub fn run(&self, panel: &Panel, say: &mut dyn FnMut(&str)) -> io::Result<Summary> {
        fs::create_dir_all(&self.directory)?;
        let running = self.directory.join("running");
        let began = Instant::now();
        let mut said = began;
        let mut summary = Summary { census: Census::default(), findings: BTreeMap::new() };
        for k in 0..self.inputs.unwrap_or(u64::MAX) {
            if self.wall.is_some_and(|limit| began.elapsed() >= limit)
                || self.processor.is_some_and(|limit| processor_time() >= limit)
            {
                break;
            }
            let input = input(self.seed, k);
            fs::write(&running, input)?;
            let verdict = check(&input, panel);
            summary.census.count(verdict.as_ref());
            if let Some(Verdict::New(new)) = verdict {
                self.found(&mut summary, k, &new, panel, say)?;
            }
            if said.elapsed() >= PERIOD {
                said = Instant::now();
                say(&summary.census.to_string());
            }
        }
        match fs::remove_file(&running) {
            // No input was run.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(summary),
            removed => removed.map(|()| summary),
        }
    }

    fn found(
        &self,
        summary: &mut Summary,
        k: u64,
        new: &New,
        panel: &Panel,
        say: &mut dyn FnMut(&str),
    ) -> io::Result<()> {
        let signature = new.finding.signature();
        let count = summary.findings.entry(signature.clone()).or_default();
        *count += 1;
        if *count > WRITTEN {
            return Ok(());
        }
        let first = *count == 1;
        let path = self.directory.join(format!("{:016x}-{k}", self.seed));
        fs::write(path.with_extension("input"), input(self.seed, k))?;
        fs::write(path.with_extension("wast"), report::script(new))?;
        say(&format!("{signature}\n{}\n  {}", new.finding, path.with_extension("wast").display()));
        if first && self.reduce {
            let small = reduce::shrink(new, panel, RUNS);
            fs::write(path.with_extension("small.wast"), report::script(&small))?;
        }
        Ok(())
    }
}

/// Input `k` of the campaign with this seed.
pub fn input(seed: u64, k: u64) -> [u8; 8] {
    Random::new(Random::new(seed).next_u64().wrapping_add(k)).next_u64().to_le_bytes()
}

/// The processor time of this process so far.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
