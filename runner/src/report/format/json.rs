//! JSON: the whole report, in the schema that [`Report`] is.

use super::{Audience, Format, Report};
use std::borrow::Cow;

pub(super) const FORMAT: Format = Format { name: "json", audience: Audience::Programs, ..Format::of(render) };

fn render(report: &Report) -> Result<String, String> {
    let mut json = serde_json::to_string_pretty(&*without_passed(report)).map_err(|error| error.to_string())?;
    json.push('\n');
    Ok(json)
}

/// Returns the report without the directives that passed, which only other formats show.
fn without_passed(report: &Report) -> Cow<'_, Report> {
    if report.scripts.iter().all(|script| script.passed_on.is_empty()) {
        return Cow::Borrowed(report);
    }
    let mut report = report.clone();
    report.scripts.iter_mut().for_each(|script| script.passed_on.clear());
    Cow::Owned(report)
}
