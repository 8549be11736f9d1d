//! Parts of folded instructions: words in parentheses that are not instructions of their own
//! ([text format](https://webassembly.github.io/spec/core/text/instructions.html#folded-instructions)).
//!
//! The `wast` crate accepts them wherever it accepts an instruction, as in `(func block (end))`. In: text that has been
//! rewritten, so that it has no folded legacy `try`. Out: an error at the first of these words that is misplaced.

use wast::Error;
use wast::lexer::{Lexer, TokenKind};
use wast::token::Span;

/// Returns whether a word in parentheses is part of the instruction around it.
pub(super) fn is_part(head: &str) -> bool {
    matches!(head, "end" | "then" | "else" | "catch" | "catch_all" | "delegate")
}

/// A list whose closing parenthesis has not been read.
#[derive(Default)]
struct Open<'a> {
    /// The first word; empty if none has been read.
    head: &'a str,
    /// The first word of the last list within this one.
    last: &'a str,
    /// True if clauses of a `try_table` may come next: only its label, its type and other clauses follow the keyword.
    clauses: bool,
    /// True if the list is an annotation or within one. An annotation may contain anything.
    annotation: bool,
}

impl Open<'_> {
    /// Returns whether a list with this first word may come next.
    fn accepts(&self, head: &str) -> bool {
        match head {
            "then" => self.head == "if",
            "else" => self.head == "if" && self.last == "then",
            "catch" | "catch_all" => self.clauses,
            "try" => false,
            head => !is_part(head),
        }
    }
}

/// Refuses text with a misplaced part of an instruction. Text that does not lex is left to the parser, which refuses
/// it.
pub(super) fn check(text: &str) -> Result<(), Error> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let mut open = vec![Open::default()];
    for token in lexer.iter(0).map_while(Result::ok) {
        let word = token.src(text);
        match (token.kind, open.as_mut_slice()) {
            (TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment, _) => {}
            (TokenKind::LParen, [.., around]) => {
                let annotation = around.annotation;
                open.push(Open { annotation, ..Open::default() });
            }
            (TokenKind::RParen, [.., around, list]) => {
                around.close(list);
                open.pop();
            }
            (TokenKind::Annotation, [.., list]) => list.annotation = true,
            (_, [.., around, list]) if list.head.is_empty() => {
                if !list.annotation && !around.accepts(word) {
                    let message = format!("unexpected token: `({word}` begins no instruction here");
                    return Err(Error::new(Span::from_offset(token.offset), message));
                }
                list.head = word;
                list.clauses = word == "try_table";
            }
            (_, [.., list]) => list.clauses = word == "try_table" || (list.clauses && word.starts_with('$')),
            (_, []) => break,
        }
    }
    Ok(())
}

impl<'a> Open<'a> {
    /// Notes that a list within this one is complete.
    fn close(&mut self, list: &Open<'a>) {
        if list.annotation {
            return;
        }
        self.last = list.head;
        self.clauses &=
            matches!(list.head, "type" | "param" | "result" | "catch" | "catch_ref" | "catch_all" | "catch_all_ref");
    }
}
