//! HTML: the page of one run, which `touchstone report` makes of several.

use super::{Format, Report};
use crate::report::page;

pub(super) const FORMAT: Format = Format { name: "html", ..Format::of(render) };

fn render(report: &Report) -> Result<String, String> {
    page::render(report, None)
}
