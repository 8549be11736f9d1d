//! The terminal during a run: a progress bar, failures as they are found, and the summary.

use super::output::{say, tell};
use crate::inputs::Input;
use crate::pool::Finished;
use crate::report::terminal::{self, Paint};
use crate::report::{self, Report, visible};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// The terminal.
pub(super) struct Screen {
    paint: Paint,
    quiet: bool,
    bar: ProgressBar,
}

impl Screen {
    /// Starts the progress bar of a run with this many scripts.
    pub(super) fn new(paint: Paint, quiet: bool, scripts: usize) -> Screen {
        // indicatif draws nothing if standard error is not a terminal.
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} scripts {elapsed} {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(u64::try_from(scripts).ok(), target).with_style(style);
        Screen { paint, quiet, bar }
    }

    /// Prints a remark: something that is no failure, and that the user should know.
    pub(super) fn remark(&self, remark: &str) {
        if !self.quiet {
            self.bar.suspend(|| tell(&format_args!("note: {}", visible(remark))));
        }
    }

    /// Prints a warning: something of a script that was not understood, and has no effect.
    pub(super) fn warn(&self, warning: &str) {
        self.bar.suspend(|| tell(&format_args!("warning: {}", visible(warning))));
    }

    /// Prints the failures of a script that has finished, with the lines of its text.
    pub(super) fn show(
        &self,
        input: &Input,
        finished: &Finished,
        lanes: &[String],
        source: Option<&str>,
    ) -> Result<(), String> {
        if finished.lanes.iter().all(|report| report.status == report::Status::Pass && report.directives == 0) {
            self.remark(&format!("{} has no directives", input.path));
        }
        let mut text = String::new();
        if !finished.has_passed() {
            let failed = finished.lanes.iter().filter(|report| report.status != report::Status::Pass);
            text += &terminal::failures(&failed.collect::<Vec<_>>(), source, self.paint);
            for disagreement in &finished.disagreements {
                text += &terminal::disagreement(disagreement, lanes, self.paint);
            }
        }
        text += &terminal::flaky(&finished.lanes, source, self.paint);
        let said = self.bar.suspend(|| say(&text));
        self.bar.set_message(visible(&input.path).into_owned());
        self.bar.inc(1);
        said
    }

    /// Prints the summary.
    pub(super) fn end(&self, report: &Report, elapsed: Duration) -> Result<(), String> {
        self.bar.finish_and_clear();
        let seconds = elapsed.as_secs_f64();
        if self.quiet {
            return say(&format_args!("{}\n", terminal::verdict(report, seconds, self.paint)));
        }
        say(&terminal::summary(report, seconds, self.paint))
    }
}
