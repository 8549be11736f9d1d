//! The page: one HTML file that needs no other and no network. It holds the data once, as compact JSON, and a script
//! that shows what its filters choose.
//!
//! Reports hold text from outside: names of files, lines of scripts, words of engines. In the JSON no character is left
//! that could end its element, and the script makes text of it, never markup. Only our own script runs, because only it
//! has the nonce, a digest of the data: text cannot hold a digest of itself.

mod data;

use super::visible::{acts, visible};
use super::{Changes, Report, terminal};

/// The skeleton, with a word in double braces for each part.
const SKELETON: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The comparison with an older report.
#[derive(Clone, Debug)]
pub struct Against {
    /// The name of the older report.
    pub name: String,
    /// The changes since then.
    pub changes: Changes,
}

/// Returns the page of a report.
///
/// # Errors
///
/// Says why the report cannot be JSON.
pub fn render(report: &Report, against: Option<&Against>) -> Result<String, String> {
    let data = serde_json::to_string(&data::Data::of(report, against)).map_err(|error| error.to_string())?;
    let data = harmless(&data);
    let verdict = if report.exit_code() == 0 { "passed" } else { "failed" };
    let complaints: String =
        report.complaints.iter().map(|complaint| format!("<p class=\"complaint\">{}</p>", escape(complaint))).collect();
    let summary = escape(&terminal::counts(report));
    let nonce = blake3::hash(data.as_bytes()).to_hex()[..32].to_string();
    let mut page = String::with_capacity(data.len() + (1 << 16));
    for (position, part) in SKELETON.split("{{").enumerate() {
        let (word, rest) = if position == 0 { ("", part) } else { part.split_once("}}").unwrap_or(("", part)) };
        page += match word {
            "VERDICT" => verdict,
            "SUMMARY" => &summary,
            "COMPLAINTS" => &complaints,
            "NONCE" => &nonce,
            "STYLE" => STYLE,
            "DATA" => &data,
            "SCRIPT" => SCRIPT,
            _ => "",
        };
        page += rest;
    }
    Ok(page)
}

/// Escapes each character of a JSON text that could act outside of it: those of markup, and those that [`visible`]
/// replaces. Outside of strings JSON has none of them.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, '<' | '>' | '&') || acts(c) {
            text += &format!("\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// Escapes text for HTML.
fn escape(text: &str) -> String {
    visible(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Failure, LaneReport, Results, Status};

    const HOSTILE: &str = "</script><script>alert(1)</script><!--\"'\\ {{DATA}} \u{2028}\u{202e}\u{7f}\x1b";

    #[test]
    fn hostile_text_cannot_leave_the_data() {
        let failure =
            Failure { line: 1, message: HOSTILE.to_string(), source: HOSTILE.to_string(), ..Failure::default() };
        let script = LaneReport {
            path: HOSTILE.to_string(),
            lane: HOSTILE.to_string(),
            status: Status::Fail,
            directives: 1,
            failures: vec![failure],
            ..LaneReport::default()
        };
        let lanes = vec![HOSTILE.to_string()];
        let mut report = Report::new(Results { lanes, scripts: vec![script], ..Results::default() });
        report.complaints.push(HOSTILE.to_string());
        let page = render(&report, None).expect("a page");
        assert_eq!(page.matches("<script").count(), 2, "the data and our own");
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("<!--") && !page.contains(['\u{2028}', '\u{202e}', '\u{7f}', '\x1b']));
        // The data are still there, and say the same.
        let data = page.split_once("id=\"data\">").and_then(|(_, rest)| rest.split_once("</script>")).expect("data").0;
        let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(data["scripts"][0]["path"], HOSTILE);
        assert_eq!(data["scripts"][0]["blocks"][0]["failures"][0]["message"], HOSTILE);
    }

    #[test]
    fn every_word_of_the_skeleton_has_its_part() {
        let words = SKELETON.split("{{").skip(1).filter_map(|part| part.split_once("}}")).map(|(word, _)| word);
        let mut words: Vec<&str> = words.collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words, ["COMPLAINTS", "DATA", "NONCE", "SCRIPT", "STYLE", "SUMMARY", "VERDICT"]);
        assert!(![SKELETON, STYLE, SCRIPT].iter().any(|part| part.contains("://")), "the page needs no network");
    }
}
