//! The file formats of reports. A format is a module of this folder with a constant `FORMAT`, which stands in
//! [`FORMATS`]: the command line and the tests find it there.

mod baseline;
mod expected;
mod github;
mod html;
mod json;
mod junit;

use super::Report;

/// A format that reports are written in.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The name in `--report NAME=FILE`.
    pub name: &'static str,
    /// The destination of the report.
    pub destination: Destination,
    /// The readers of the report.
    pub audience: Audience,
    /// True if the report shows the directives that passed, one by one.
    pub shows_passed: bool,
    /// Writes a report in this format; the error says why that is impossible.
    pub render: fn(&Report) -> Result<String, String>,
}

/// The destination of the reports of a format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    /// To a file that the user names.
    File,
    /// To standard output, where another program looks for it.
    StandardOutput,
}

/// The readers of the reports of a format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience {
    /// People, perhaps through another program.
    People,
    /// Programs, such as this one.
    Programs,
}

impl Format {
    /// A format without a name, for people, in a file, that does not show the directives that passed.
    const fn of(render: fn(&Report) -> Result<String, String>) -> Format {
        let (destination, audience) = (Destination::File, Audience::People);
        Format { name: "", destination, audience, shows_passed: false, render }
    }

    /// Returns whether people read the reports, so that they have to say in words what is wrong.
    pub fn is_for_people(&self) -> bool {
        self.audience == Audience::People
    }
}

/// All formats.
pub const FORMATS: &[Format] =
    &[json::FORMAT, junit::FORMAT, junit::BY_SCRIPT, html::FORMAT, github::FORMAT, baseline::FORMAT, expected::FORMAT];
