//! The file formats of reports. A format is a module of this folder with a constant `FORMAT`, which stands in
//! [`FORMATS`]: the command line and the tests find it there.

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

/// All formats.
pub const FORMATS: &[Format] = &[json::FORMAT, junit::FORMAT, html::FORMAT, github::FORMAT];
