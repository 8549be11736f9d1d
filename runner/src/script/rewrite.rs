//! Official text that the `wast` crate does not read, rewritten into text that it does.
//!
//! - A folded legacy `try`, and the folded instructions around it, become plain ones: `(try (do A) (catch $e B))` is
//!   `try A catch $e B end`
//!   ([legacy exceptions](https://github.com/WebAssembly/exception-handling/blob/main/proposals/exception-handling/legacy/Exceptions.md)).
//! - An assertion that a module, or a custom section of it, is malformed or invalid never instantiates it:
//!   `(module definition ..)` in it is `(module ..)`.
//!
//! In: the text of a script or of a quoted module. Out: the new text, and which place of the old one each of its places
//! comes from. Where the form is not what the grammar says, the text stays as it is, so that the parser refuses it.

use super::folded;
use core::ops::Range;
use wast::lexer::{Lexer, TokenKind};

/// Text with a memory of where it came from.
#[derive(Debug)]
pub(super) struct Rewritten {
    /// The text.
    pub(super) text: String,
    /// Where pieces begin, in `text` and in the source; sorted.
    pieces: Vec<(usize, usize)>,
}

impl Rewritten {
    /// The place in the source that an offset into the text stands for.
    pub(super) fn source_offset(&self, offset: usize) -> usize {
        let piece = self.pieces.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        self.pieces.get(piece).map_or(offset, |(start, source)| source + (offset - start))
    }
}

/// Rewrites a text; `None` if it has nothing to rewrite, or no parentheses that match.
pub(super) fn rewrite(source: &str) -> Option<Rewritten> {
    if !source.contains("try") && !source.contains("definition") {
        return None;
    }
    let nodes = parse(source)?;
    if !nodes.iter().any(Node::changes) {
        return None;
    }
    let mut writer = Writer { source, text: String::with_capacity(source.len() + 64), pieces: Vec::new() };
    writer.sequence(0, &nodes, source.len(), Place::Outside);
    Some(Rewritten { text: writer.text, pieces: writer.pieces })
}

/// How deep parentheses may be nested: these functions call themselves once per level.
const DEPTH: usize = 1_000;

enum Node {
    Atom(Range<usize>),
    List(List),
}

struct List {
    /// From the opening to behind the closing parenthesis.
    range: Range<usize>,
    children: Vec<Node>,
    /// Whether something in it is to be rewritten.
    changes: bool,
}

impl Node {
    fn range(&self) -> Range<usize> {
        match self {
            Node::Atom(range) => range.clone(),
            Node::List(list) => list.range.clone(),
        }
    }

    fn list(&self) -> Option<&List> {
        match self {
            Node::Atom(_) => None,
            Node::List(list) => Some(list),
        }
    }

    fn changes(&self) -> bool {
        self.list().is_some_and(|list| list.changes)
    }
}

impl List {
    fn head<'a>(&self, source: &'a str) -> &'a str {
        match self.children.first() {
            Some(Node::Atom(range)) => &source[range.clone()],
            _ => "",
        }
    }

    /// Where the closing parenthesis stands.
    fn close(&self) -> usize {
        self.range.end - 1
    }

    fn note_changes(&mut self, source: &str) {
        let own = match self.head(source) {
            "try" => true,
            head if REFUSING.contains(&head) => definition(self, source).is_some(),
            _ => false,
        };
        self.changes = own || self.children.iter().any(Node::changes);
    }
}

/// The assertions whose module is never instantiated.
const REFUSING: &[&str] = &["assert_malformed", "assert_invalid", "assert_malformed_custom", "assert_invalid_custom"];

/// The word `definition` of an assertion's module.
fn definition(assertion: &List, source: &str) -> Option<Range<usize>> {
    let module = assertion.children.get(1)?.list().filter(|list| list.head(source) == "module")?;
    match module.children.get(1)? {
        Node::Atom(range) if &source[range.clone()] == "definition" => Some(range.clone()),
        _ => None,
    }
}

fn parse(source: &str) -> Option<Vec<Node>> {
    let mut lexer = Lexer::new(source);
    lexer.allow_confusing_unicode(true);
    let mut open: Vec<(usize, Vec<Node>)> = vec![(0, Vec::new())];
    for token in lexer.iter(0) {
        let token = token.ok()?;
        let range = token.offset..token.offset + token.len as usize;
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment => {}
            TokenKind::LParen if open.len() > DEPTH => return None,
            TokenKind::LParen => open.push((range.start, Vec::new())),
            TokenKind::RParen => {
                let (start, children) = open.pop()?;
                let mut list = List { range: start..range.end, children, changes: false };
                list.note_changes(source);
                open.last_mut()?.1.push(Node::List(list));
            }
            _ => open.last_mut()?.1.push(Node::Atom(range)),
        }
    }
    let (_, nodes) = open.pop()?;
    open.is_empty().then_some(nodes)
}

/// What lists mean where they stand.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Directives, modules, fields.
    Outside,
    /// A sequence of instructions.
    Code,
}

struct Writer<'a> {
    source: &'a str,
    text: String,
    pieces: Vec<(usize, usize)>,
}

impl Writer<'_> {
    fn copy(&mut self, range: Range<usize>) {
        self.pieces.push((self.text.len(), range.start));
        self.text += &self.source[range];
    }

    /// Writes a word that the source does not have; errors in it are shown at `place`.
    fn insert(&mut self, word: &str, place: usize) {
        self.pieces.push((self.text.len(), place));
        self.text += word;
    }

    /// Writes nodes and everything between them, from `from` to `to`.
    fn sequence(&mut self, from: usize, nodes: &[Node], to: usize, place: Place) {
        let mut at = from;
        for node in nodes {
            let range = node.range();
            self.copy(at..range.start);
            match node {
                Node::List(list) if list.changes => self.list(list, place),
                _ => self.copy(range.clone()),
            }
            at = range.end;
        }
        self.copy(at..to);
    }

    fn list(&mut self, list: &List, place: Place) {
        match list.head(self.source) {
            head if REFUSING.contains(&head) => self.assertion(list),
            "func" | "global" | "table" | "elem" | "data" | "item" | "offset" => self.around(list, Place::Code),
            _ if place == Place::Outside => self.around(list, Place::Outside),
            _ => {
                if self.instruction(list).is_none() {
                    self.copy(list.range.clone());
                }
            }
        }
    }

    fn around(&mut self, list: &List, place: Place) {
        let start = list.range.start;
        self.sequence(start, &list.children, list.range.end, place);
    }

    fn assertion(&mut self, list: &List) {
        let Some(word) = definition(list, self.source) else { return self.around(list, Place::Outside) };
        self.copy(list.range.start..word.start);
        let Some(module) = list.children[1].list() else { return };
        self.sequence(word.end, &module.children[2..], module.range.end, Place::Outside);
        self.sequence(module.range.end, &list.children[2..], list.range.end, Place::Outside);
    }

    /// Writes a folded instruction as plain ones; `None`, with nothing written, if its form is wrong.
    fn instruction(&mut self, list: &List) -> Option<()> {
        let head = list.head(self.source);
        let header = self.header(list, head);
        let start = list.children.first()?.range().start;
        let header_end = list.children[header - 1].range().end;
        let rest = &list.children[header..];
        match head {
            "try" => {
                let delegates = clauses(rest, self.source)?;
                self.insert(" ", start);
                self.copy(start..header_end);
                self.clauses(header_end, rest, list.close());
                self.insert(if delegates { " " } else { " end " }, list.close());
            }
            "block" | "loop" | "try_table" => {
                self.insert(" ", start);
                self.copy(start..header_end);
                self.sequence(header_end, rest, list.close(), Place::Code);
                self.insert(" end ", list.close());
            }
            "if" => {
                let then = rest.iter().position(|node| self.is(node, "then"))?;
                let (conditions, arms) = rest.split_at(then);
                let well_formed = match arms {
                    [_] => true,
                    [_, other] => self.is(other, "else"),
                    _ => false,
                };
                if !well_formed || conditions.iter().any(|node| node.list().is_none()) {
                    return None;
                }
                self.sequence(header_end, conditions, arms[0].range().start, Place::Code);
                self.insert(" ", start);
                self.copy(start..header_end);
                self.arms(arms, list.close());
                self.insert(" end ", list.close());
            }
            _ => {
                if folded::is_part(head) || rest.iter().any(|node| node.list().is_none()) {
                    return None;
                }
                self.sequence(header_end, rest, list.close(), Place::Code);
                self.insert(" ", start);
                self.copy(start..header_end);
                self.insert(" ", header_end);
            }
        }
        Some(())
    }

    fn is(&self, node: &Node, head: &str) -> bool {
        node.list().is_some_and(|list| list.head(self.source) == head)
    }

    /// How many of the children are the instruction's name and immediates.
    fn header(&self, list: &List, head: &str) -> usize {
        let lists: &[&str] = match head {
            "try_table" => &["type", "param", "result", "catch", "catch_ref", "catch_all", "catch_all_ref"],
            _ => &["type", "param", "result", "ref"],
        };
        let block = matches!(head, "try" | "block" | "loop" | "if" | "try_table");
        let immediate = |node: &&Node| match node {
            // Of a block only the label: plain instructions may follow it.
            Node::Atom(range) => !block || self.source[range.clone()].starts_with('$'),
            Node::List(list) => lists.contains(&list.head(self.source)),
        };
        1 + list.children[1..].iter().take_while(immediate).count()
    }

    /// The clauses of a `try`, which [`clauses`] has checked.
    fn clauses(&mut self, from: usize, nodes: &[Node], to: usize) {
        let mut at = from;
        for list in nodes.iter().filter_map(Node::list) {
            self.copy(at..list.range.start);
            let words = match list.head(self.source) {
                "do" => 0,
                "catch" => 2,
                "catch_all" => 1,
                _ => list.children.len(),
            };
            self.insert(" ", list.range.start);
            if let Some(last) = words.checked_sub(1) {
                self.copy(list.range.start + 1..list.children[last].range().end);
            }
            let body = words.max(1);
            self.sequence(list.children[body - 1].range().end, &list.children[body..], list.close(), Place::Code);
            at = list.range.end;
        }
        self.copy(at..to);
    }

    /// `then` and `else`.
    fn arms(&mut self, arms: &[Node], to: usize) {
        let mut at = to;
        for (position, list) in arms.iter().filter_map(Node::list).enumerate() {
            let head = list.children[0].range();
            self.insert(if position == 0 { " " } else { " else " }, head.start);
            self.sequence(head.end, &list.children[1..], list.close(), Place::Code);
            self.insert(" ", list.close());
            at = list.range.end;
        }
        self.copy(at..to);
    }
}

/// Whether the clauses of a `try` are `(do ..)` and then `(catch $e ..)* (catch_all ..)?` (false) or
/// `(delegate $l)` (true); `None` if they are neither.
fn clauses(nodes: &[Node], source: &str) -> Option<bool> {
    let lists: Vec<&List> = nodes.iter().map(Node::list).collect::<Option<_>>()?;
    let (body, handlers) = lists.split_first()?;
    if body.head(source) != "do" {
        return None;
    }
    if let [only] = handlers
        && only.head(source) == "delegate"
    {
        return matches!(only.children[..], [_, Node::Atom(_)]).then_some(true);
    }
    let catches = match handlers.split_last() {
        Some((last, catches)) if last.head(source) == "catch_all" => catches,
        _ => handlers,
    };
    let catch = |list: &&List| list.head(source) == "catch" && matches!(list.children.get(1), Some(Node::Atom(_)));
    catches.iter().all(catch).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(source: &str, expected: &str) {
        let text = rewrite(source).map_or_else(|| source.to_string(), |rewritten| rewritten.text);
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&text.replace(')', " )")), words(&expected.replace(')', " )")));
    }

    #[test]
    fn folded_try() {
        becomes("(func (try (do nop) (catch $e drop) (catch_all)))", "(func try nop catch $e drop catch_all end)");
        becomes("(func (try $l (result i32) (do (i32.const 1))))", "(func try $l (result i32) (i32.const 1) end)");
        becomes("(func nop(try (do) (delegate 0))nop)", "(func nop try delegate 0 nop)");
        becomes("(func (try (do (try (do) (delegate 0)))))", "(func try try delegate 0 end)");
    }

    #[test]
    fn what_stands_around_a_folded_try() {
        becomes("(func (drop (try (do))))", "(func try end drop)");
        becomes("(func (i32.add (try (do)) (local.get 0)))", "(func try end (local.get 0) i32.add)");
        becomes("(func (call_indirect $t (type 0) (try (do))))", "(func try end call_indirect $t (type 0))");
        becomes("(func (block $b (result i32) (try (do)) br 0))", "(func block $b (result i32) try end br 0 end)");
        becomes(
            "(func (if $l (result i32) (try (do)) (then nop) (else (nop))))",
            "(func try end if $l (result i32) nop else (nop) end)",
        );
        becomes("(func (if (nop) (then (try (do)))))", "(func (nop) if try end end)");
        becomes("(func (try_table (catch_all 0) (try (do))))", "(func try_table (catch_all 0) try end end)");
    }

    #[test]
    fn wrong_forms_stay_for_the_parser_to_refuse() {
        for wrong in ["(func (try))", "(func (try nop))", "(func (try (catch_all)))", "(func (try (do) (do)))"] {
            becomes(wrong, wrong);
        }
        let both = "(func (try (do) (delegate 0) (catch_all)))";
        becomes(both, both);
        let order = "(func (try (do) (catch_all) (catch $e)))";
        becomes(order, order);
        becomes("(func (try (do))", "(func (try (do))");
        becomes("(func (end (try (do))))", "(func (end (try (do))))");
        becomes("(func (drop (catch_all (try (do)))))", "(func (catch_all (try (do))) drop)");
    }

    #[test]
    fn definitions_in_assertions() {
        becomes("(assert_invalid (module definition (func)) \"\")", "(assert_invalid (module (func)) \"\")");
        becomes("(module definition (func)) ;; try", "(module definition (func)) ;; try");
    }

    #[test]
    fn other_text_is_left_alone() {
        assert!(rewrite("(module (func (try_table (nop))))").is_none());
        assert!(rewrite("(module) ;; (try (do))").is_none());
        assert!(rewrite("(module quote \"(try (do))\")").is_none());
        let deep = format!("{}(try (do)){}", "(block ".repeat(5_000), ")".repeat(5_000));
        assert!(rewrite(&deep).is_none());
    }

    #[test]
    fn places_lead_back_to_the_source() {
        let source = "(func (drop (try (do)))) (modul)";
        let rewritten = rewrite(source).expect("there is a folded try");
        let place = rewritten.text.find("modul").expect("it is copied");
        assert_eq!(rewritten.source_offset(place), source.find("modul").expect("it is there"));
        let place = rewritten.text.find("drop").expect("it is copied");
        assert_eq!(rewritten.source_offset(place), source.find("drop").expect("it is there"));
    }
}
