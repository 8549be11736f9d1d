//! Words that stand in parentheses as parts of folded instructions, and not as instructions of their own
//! ([text format](https://webassembly.github.io/spec/core/text/instructions.html#folded-instructions)).
//!
//! The `wast` crate reads them as instructions wherever instructions may stand: `(func block (end))`. In: text that is
//! rewritten, so that no folded legacy `try` is in it. Out: an error at the first of these words that is misplaced.

use wast::Error;
use wast::lexer::{Lexer, TokenKind};
use wast::token::Span;

/// Whether a word in parentheses is part of an instruction around it.
pub(super) fn is_part(head: &str) -> bool {
    matches!(head, "end" | "then" | "else" | "catch" | "catch_all" | "delegate")
}

/// A list whose closing parenthesis is still to come.
#[derive(Default)]
struct Open<'a> {
    /// Its first word; empty as long as there is none.
    head: &'a str,
    /// The first word of the last list in it.
    last: &'a str,
    /// Whether clauses of a `try_table` may come next: behind it are only its label, its type and other clauses.
    clauses: bool,
    /// Whether it is an annotation, or in one: there anything may stand.
    annotation: bool,
}

impl Open<'_> {
    /// Whether a list with this first word may stand in it, here.
    fn takes(&self, head: &str) -> bool {
        match head {
            "then" => self.head == "if",
            "else" => self.head == "if" && self.last == "then",
            "catch" | "catch_all" => self.clauses,
            "try" => false,
            head => !is_part(head),
        }
    }
}

/// Refuses text with a misplaced part of an instruction. Text that does not lex is left for the parser to refuse.
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
                if !list.annotation && !around.takes(word) {
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
    /// Takes note of a list in it that is complete.
    fn close(&mut self, list: &Open<'a>) {
        if list.annotation {
            return;
        }
        self.last = list.head;
        self.clauses &=
            matches!(list.head, "type" | "param" | "result" | "catch" | "catch_ref" | "catch_all" | "catch_all_ref");
    }
}
