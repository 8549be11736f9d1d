//! The fuzzing loop without libFuzzer: for the stable toolchain, without instrumentation, many times as fast.
//!
//! Input `k` of a campaign is eight bytes that follow from its seed and `k` alone, so a campaign can be repeated, or
//! continued with another seed. Findings with the same signature count as one: the first is reduced. While an input
//! runs, the file `running` of the directory holds it: if the process dies or hangs, that input is the finding.

use crate::generate::input::Random;
use crate::oracle::{Oracle, Report, Verdict};
use crate::target::PERIOD;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fs, io};

/// The number of findings with one signature that are written. Further ones are only counted.
const WRITTEN: u64 = 3;

/// The settings of a campaign.
pub struct Campaign {
    /// The seed that the inputs follow from.
    pub seed: u64,
    /// The most inputs to run.
    pub inputs: Option<u64>,
    /// The most time to take.
    pub wall: Option<Duration>,
    /// The most processor time to take, that of child processes not counted.
    pub processor: Option<Duration>,
    /// The directory for findings.
    pub directory: PathBuf,
    /// True to reduce the first finding with a signature.
    pub reduce: bool,
}

/// The findings of a campaign, counted by signature.
pub type Findings = BTreeMap<String, u64>;

impl Campaign {
    /// Runs inputs until the first limit is reached, and prints findings and statistics with `print`.
    ///
    /// # Errors
    ///
    /// If the directory cannot be written.
    pub fn run(&self, oracle: &mut dyn Oracle, print: &mut dyn FnMut(&str)) -> io::Result<Findings> {
        fs::create_dir_all(&self.directory)?;
        let running = self.directory.join("running");
        let began = Instant::now();
        let mut printed = began;
        let mut findings = Findings::new();
        for k in 0..self.inputs.unwrap_or(u64::MAX) {
            if self.is_over(began) {
                break;
            }
            let input = input(self.seed, k);
            fs::write(&running, input)?;
            if let Verdict::Found(report) = oracle.check(&input) {
                self.record(&mut findings, k, &*report, oracle, print)?;
            }
            if printed.elapsed() >= PERIOD {
                printed = Instant::now();
                print(&oracle.statistics().to_string());
            }
        }
        match fs::remove_file(&running) {
            // No input was run.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(findings),
            removed => removed.map(|()| findings),
        }
    }

    fn is_over(&self, began: Instant) -> bool {
        self.wall.is_some_and(|limit| began.elapsed() >= limit)
            || self.processor.is_some_and(|limit| processor_time() >= limit)
    }

    /// Counts the finding of input `k`, and writes it unless enough findings with its signature are written.
    fn record(
        &self,
        findings: &mut Findings,
        k: u64,
        report: &dyn Report,
        oracle: &mut dyn Oracle,
        print: &mut dyn FnMut(&str),
    ) -> io::Result<()> {
        let signature = report.signature();
        let count = findings.entry(signature.clone()).or_default();
        *count += 1;
        if *count > WRITTEN {
            return Ok(());
        }
        let input = input(self.seed, k);
        let path = self.directory.join(format!("{:016x}-{k}", self.seed));
        fs::write(path.with_extension("input"), input)?;
        let readable = match report.script() {
            Some(script) => write(path.with_extension("wast"), &script)?,
            None => write(path.with_extension("txt"), &report.details())?,
        };
        print(&format!("{signature}\n{}\n  {}", report.summary(), readable.display()));
        if *count == 1 && self.reduce {
            let reduced = oracle.reduce(&input).and_then(|report| report.script());
            if let Some(script) = reduced {
                fs::write(path.with_extension("small.wast"), script)?;
            }
        }
        Ok(())
    }
}

fn write(path: PathBuf, text: &str) -> io::Result<PathBuf> {
    fs::write(&path, text)?;
    Ok(path)
}

/// Returns input `k` of the campaign with this seed.
pub fn input(seed: u64, k: u64) -> [u8; 8] {
    Random::new(Random::new(seed).next_u64().wrapping_add(k)).next_u64().to_le_bytes()
}

/// Returns the processor time of this process so far.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
