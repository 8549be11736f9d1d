//! The directives of a script as text: the place of each, and a key that stays the same when lines move.
//!
//! A key is a digest of the directive's words, without blanks and comments, and of the number of equal directives
//! before it. Lists of expected failures name directives by it, so that a new version of a suite does not break them.

use std::collections::HashMap;
use wast::lexer::{Lexer, TokenKind};

/// The place of a directive: its line, and its column in bytes, both counted from 1.
pub(crate) type Place = (u32, u32);

/// The directives of a script.
#[derive(Debug, Default)]
pub(crate) struct Forms {
    places: HashMap<String, Place>,
    keys: HashMap<Place, String>,
}

impl Forms {
    /// Finds the directives of a script. What follows a word that is none is left out.
    pub(crate) fn of(text: &str) -> Forms {
        let mut forms = Forms::default();
        let mut seen: HashMap<blake3::Hash, u32> = HashMap::new();
        let mut position = Position { place: (1, 1), offset: 0 };
        for (start, digest) in find_forms(text) {
            let count = seen.entry(digest).or_default();
            let key = key(&digest, *count);
            *count += 1;
            position.advance(text, start);
            forms.places.insert(key.clone(), position.place);
            forms.keys.insert(position.place, key);
        }
        forms
    }

    /// Returns the place of the directive with this key.
    pub(crate) fn place(&self, key: &str) -> Option<Place> {
        self.places.get(key).copied()
    }

    /// Returns the key of the directive at this place.
    pub(crate) fn key(&self, place: Place) -> Option<&str> {
        self.keys.get(&place).map(String::as_str)
    }
}

/// Returns the key of a directive after `count` equal ones.
fn key(digest: &blake3::Hash, count: u32) -> String {
    let hasher = &mut blake3::Hasher::new();
    let digest = hasher.update(digest.as_bytes()).update(&count.to_le_bytes()).finalize();
    digest.to_hex()[..KEY].to_string()
}

/// The number of hexadecimal digits of a key.
pub(crate) const KEY: usize = 12;

/// Returns the offset and the digest of each list at the top level of a text.
fn find_forms(text: &str) -> Vec<(usize, blake3::Hash)> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let (mut forms, mut depth, mut start) = (Vec::new(), 0u32, 0);
    let mut hasher = blake3::Hasher::new();
    for token in lexer.iter(0).map_while(Result::ok) {
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment => continue,
            TokenKind::LParen if depth == 0 => {
                start = token.offset;
                hasher.reset();
                depth = 1;
            }
            TokenKind::LParen => depth += 1,
            TokenKind::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        // The blank keeps words apart that only a blank or a comment had kept apart.
        hasher.update(token.src(text).as_bytes()).update(b" ");
        if depth == 0 && token.kind == TokenKind::RParen {
            forms.push((start, hasher.finalize()));
        }
    }
    forms
}

/// A position that moves forward in a text.
struct Position {
    place: Place,
    offset: usize,
}

impl Position {
    fn advance(&mut self, text: &str, offset: usize) {
        let (line, column) = &mut self.place;
        for &byte in &text.as_bytes()[self.offset..offset] {
            if byte == b'\n' {
                (*line, *column) = (line.saturating_add(1), 1);
            } else {
                *column = column.saturating_add(1);
            }
        }
        self.offset = offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_when_lines_move() {
        let old = Forms::of("(module)\n(invoke \"f\") (invoke \"f\")\n(invoke \"g\")");
        let new = Forms::of(";; new\n(module (;c;) )\n\n  (invoke\n \"f\")(invoke \"g\") (invoke \"f\")");
        let moved = [((1, 1), (2, 1)), ((2, 1), (4, 3)), ((2, 14), (5, 19)), ((3, 1), (5, 6))];
        for (old_place, new_place) in moved {
            let key = old.key(old_place).unwrap_or_else(|| panic!("{old_place:?} in {old:?}"));
            assert_eq!(new.place(key), Some(new_place), "{old_place:?}");
        }
        assert_eq!(old.place("000000000000"), None);
        assert_ne!(old.key((2, 1)), old.key((2, 14)));
        assert_eq!(old.key((1, 1)).map(str::len), Some(KEY));
    }

    #[test]
    fn words_stay_apart() {
        assert_ne!(Forms::of("(a bc)").key((1, 1)), Forms::of("(ab c)").key((1, 1)));
        assert!(Forms::of("(a").places.is_empty() && Forms::of("").places.is_empty());
    }
}
