//! JSON: the whole report, in the schema that [`Report`] is.

use super::{Destination, Format, Report};

pub(super) const FORMAT: Format = Format { name: "json", destination: Destination::File, render };

fn render(report: &Report) -> Result<String, String> {
    let mut json = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    json.push('\n');
    Ok(json)
}
