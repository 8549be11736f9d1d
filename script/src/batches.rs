//! The batches of a long script, which are parsed and run one after the other: what is parsed, and what lanes show of
//! it, takes many times as much memory as the text.

use super::grammar::is_directive;
use super::recovery::{self, Around, Parts};
use super::{Directive, Lines, parse_part, recover};
use std::vec;

/// The directives of a script, in batches. A script with threads is one batch, since a thread may run to the end of it;
/// so is a short one.
pub struct Batches<'a> {
    /// The text that is not parsed yet.
    rest: &'a str,
    /// The line and the column at which it begins.
    position: (u32, u32),
    /// The lengths of the pieces to parse. Each piece holds whole directives.
    pieces: vec::IntoIter<usize>,
    /// The surroundings of a piece.
    around: Around,
    /// True if all pieces together are one batch.
    is_one: bool,
    /// The number of directives, unless all are in the first batch.
    count: Option<usize>,
}

/// The length of a piece that is parsed at a time, in bytes. Few scripts are longer.
const PIECE: usize = 1 << 18;

impl<'a> Batches<'a> {
    /// Splits a script.
    pub fn of(source: &'a str) -> Batches<'a> {
        Batches::with_pieces(source, PIECE)
    }

    /// Splits a script into pieces of at least this length.
    pub fn with_pieces(source: &'a str, length: usize) -> Batches<'a> {
        let mut lengths = Vec::new();
        let (mut start, mut end, mut count) = (0, 0, 0);
        let (mut has_directive, mut has_thread) = (false, false);
        let parts = Parts::of(if source.len() > length { source } else { "" });
        for part in parts {
            let head = recovery::head(&source[part.clone()]);
            has_directive |= is_directive(head);
            has_thread |= head == "thread";
            count += 1;
            end = part.end;
            if end - start >= length {
                lengths.push(end - start);
                start = end;
            }
        }
        // The fields of a module alone are one directive.
        if !has_directive {
            lengths = vec![source.len()];
        } else if end > start {
            lengths.push(source.len() - start);
        }
        let around = if lengths.len() > 1 { Around::Directives } else { Around::Nothing };
        let is_one = has_thread || lengths.len() == 1;
        let count = if is_one { None } else { Some(count) };
        Batches { rest: source, position: (1, 1), pieces: lengths.into_iter(), around, is_one, count }
    }

    /// Returns the number of directives of the script, of which `first` is the first batch.
    pub fn directive_count(&self, first: &[Directive]) -> usize {
        self.count.unwrap_or(first.len())
    }

    /// Returns whether there is no further batch.
    pub fn is_at_end(&self) -> bool {
        self.pieces.len() == 0
    }

    /// Parses the next piece; if that fails, its parts one by one.
    fn parse_piece(&mut self) -> Option<Vec<Directive>> {
        let (piece, rest) = self.rest.split_at(self.pieces.next()?);
        let lines = Lines::of(piece, self.position);
        (self.rest, self.position) = (rest, lines.position(piece.len()));
        // A piece may be such that alone it would be the fields of a module.
        let whole = self.around == Around::Nothing || recovery::begins_with_directive(piece);
        let parsed = if whole { parse_part(piece, 0, &lines).ok() } else { None };
        Some(parsed.unwrap_or_else(|| recover(piece, 0, &lines, self.around)))
    }
}

impl Iterator for Batches<'_> {
    type Item = Vec<Directive>;

    fn next(&mut self) -> Option<Vec<Directive>> {
        let mut directives = self.parse_piece()?;
        while self.is_one
            && let Some(more) = self.parse_piece()
        {
            directives.extend(more);
        }
        Some(directives)
    }
}
