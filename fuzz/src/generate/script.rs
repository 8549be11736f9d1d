//! Texts of scripts: a few directives of every form, with mistakes in most of them.

use super::input::{SEED_LEN, extend};
use arbitrary::{Result, Unstructured};

/// The number of bytes of an input that are read.
pub const CHOICES: usize = SEED_LEN + 120;
/// The most samples of a text.
const SAMPLES_OF_TEXT: usize = 8;
/// The most changes of a text.
const CHANGES: usize = 3;
/// The most repetitions of one word. Parsers that recurse have to stop before their stack ends.
const REPETITIONS: usize = 3_000;

/// One directive of every form, and what may stand between directives.
pub const SAMPLES: &[&str] = &[
    "(module $m (func (export \"f\") (param i32) (result i32) (local.get 0)))",
    "(module $legacy (func (export \"f\") (try (do (nop)) (catch_all (nop)))))",
    "(module binary \"\\00asm\" \"\\01\\00\\00\\00\")",
    "(module $q quote \"(func (export \\\"f\\\"))\")",
    "(module definition $d (memory (export \"m\") 1))",
    "(module definition $e quote \"(func)\")",
    "(module instance $i $d)",
    "(register \"lib\" $m)",
    "(invoke $m \"f\" (i32.const 1))",
    "(get $m \"g\")",
    "(assert_return (invoke \"f\" (i32.const -1)) (i32.const 0xffff_ffff))",
    "(assert_return (invoke \"f\" (f32.const nan:0x200000)) (f32.const nan:canonical))",
    "(assert_return (invoke \"f\" (v128.const i32x4 1 2 3 4)) (v128.const f32x4 nan:arithmetic 0 -0 1))",
    "(assert_return (invoke \"f\" (ref.extern 1) (ref.null func)) (ref.extern 1) (ref.null) (ref.func 2) (ref))",
    "(assert_return (invoke \"f\") (either (i32.const 0) (either (i32.const 1) (i32.const 2))))",
    "(assert_return (get \"g\") (i64.const 0))",
    "(assert_return_canonical_nan (invoke \"f\"))",
    "(assert_trap (invoke \"f\") \"unreachable\")",
    "(assert_trap (module (func $start unreachable) (start $start)) \"unreachable\")",
    "(assert_exhaustion (invoke \"f\") \"call stack exhausted\")",
    "(assert_exception (invoke \"f\"))",
    "(assert_malformed (module quote \"(func\") \"unexpected token\")",
    "(assert_malformed (module binary \"\\00as\") \"unexpected end\")",
    "(assert_invalid (module definition (func (result i32))) \"type mismatch\")",
    "(assert_unlinkable (module (import \"no\" \"f\" (func))) \"unknown import\")",
    "(assert_unlinkable (module instance $d) \"unknown import\")",
    "(assert_malformed_custom (module quote \"(@name)\") \"expected a name\")",
    "(assert_invalid_custom (module quote \"(func (@metadata.code.branch_hint \\\"\\\\01\\\"))\") \"no branch\")",
    "(thread $t (shared (module $m)) (register \"lib\" $m) (module (func)) (assert_return (invoke \"f\")))",
    "(wait $t)",
    "(func $alone)",
    "(component $c)",
    "(input $s \"other.wast\")",
    "(; a comment (; in a comment ;) ;)",
    ";; a comment to the end of the line\n",
    "(@annotation (module) \"in it\")",
];

/// Words that a change puts in.
const WORDS: &[&str] = &[
    "(",
    ")",
    "\"",
    "(;",
    ";)",
    ";;",
    "\n",
    "(module",
    "(assert_return",
    "(invoke",
    "(thread",
    "(register",
    "quote",
    "binary",
    "$x",
    "$\"x\"",
    "\"\\ff\"",
    "\"\\u{0}\"",
    "\u{202e}",
    "é",
    "(ref.extern",
    "nan:canonical",
    "(either",
    "(try",
    "definition",
    "instance",
    "(get",
    "(@custom",
    "0x",
    "-",
];

/// Returns the text that an input describes.
///
/// # Errors
///
/// The choices in the bytes do not lead to a text.
pub fn generate(input: &[u8]) -> Result<String> {
    let bytes = extend(input, CHOICES);
    let mut u = Unstructured::new(&bytes[SEED_LEN..]);
    let mut text = String::new();
    for _ in 0..u.int_in_range(1..=SAMPLES_OF_TEXT)? {
        text += u.choose(SAMPLES)?;
        text += u.choose(&["\n", "\n\n", " ", ""])?;
    }
    for _ in 0..u.int_in_range(0..=CHANGES)? {
        change(&mut text, &mut u)?;
    }
    Ok(text)
}

/// Changes a text at a place or two where a word ends.
///
/// # Errors
///
/// The choices are at an end.
pub fn change(text: &mut String, u: &mut Unstructured<'_>) -> Result<()> {
    let ends = |next: char| next.is_ascii_whitespace() || next == ')';
    let ends: Vec<usize> = text.match_indices(ends).map(|(at, _)| at).chain([text.len()]).collect();
    let first = u.choose_index(ends.len())?;
    // Long ranges would leave little of the text.
    let (start, end) = (ends[first], ends[(first + u.int_in_range(1..=3)?).min(ends.len() - 1)]);
    match u.int_in_range(0..=5)? {
        0 => text.replace_range(start..end, ""),
        1 => {
            let again = text[start..end].to_string();
            text.insert_str(start, &again);
        }
        2 => text.truncate(end),
        3 if u.ratio(1, 8)? => text.insert_str(start, &u.choose(WORDS)?.repeat(u.int_in_range(2..=REPETITIONS)?)),
        _ => text.insert_str(start, &format!(" {}", u.choose(WORDS)?)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use script::{DirectiveKind, Script};

    #[test]
    fn samples_are_sound_but_for_those_that_nobody_executes() {
        let mut unsupported = Vec::new();
        let mut directives = 0;
        for sample in SAMPLES {
            // A module comes first, since a text without directives is the fields of one.
            for directive in Script::parse(&format!("(module) {sample}")).directives.iter().skip(1) {
                directives += 1;
                if matches!(*directive.kind(), DirectiveKind::Unsupported { .. }) {
                    unsupported.push(*sample);
                }
            }
        }
        assert_eq!(unsupported, ["(func $alone)", "(component $c)", "(input $s \"other.wast\")"]);
        assert_eq!(directives, SAMPLES.len() - 3, "the last three are no directives");
    }

    #[test]
    fn any_bytes_are_a_text() {
        for bytes in [&[][..], &[1], &[255; 200], &[0; 200]] {
            assert_eq!(generate(bytes), generate(bytes));
            assert!(generate(bytes).is_ok_and(|text| !text.is_empty()));
        }
    }
}
