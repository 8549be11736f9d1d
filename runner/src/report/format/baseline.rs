//! A baseline: what each lane passed of each script, for `--baseline`.

use super::{Audience, Format, Report};
use crate::baseline::Baseline;

pub(super) const FORMAT: Format = Format { name: "baseline", audience: Audience::Programs, ..Format::of(render) };

fn render(report: &Report) -> Result<String, String> {
    Ok(Baseline::of(report).to_string())
}
