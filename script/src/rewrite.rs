//! Rewrites official text that the `wast` crate does not read into text that it reads.
//!
//! - A folded legacy `try`, and the folded instructions around it, become plain ones: `(try (do A) (catch $e B))` is
//!   `try A catch $e B end`. The syntax is described in
//!   <https://github.com/WebAssembly/exception-handling/blob/main/proposals/exception-handling/legacy/Exceptions.md>.
//! - An assertion that a module, or a custom section of it, is malformed or invalid never instantiates it:
//!   `(module definition ..)` in it is `(module ..)`.
//! - The orderings of atomic instructions that the scripts of shared-everything threads write as `seq_cst` and
//!   `acq_rel` are `seqcst` and `acqrel`.
//!
//! In: the text of a script or of a quoted module. Out: the new text, and for each of its offsets the one in the old
//! text. Text whose form is not what the grammar says stays as it is: the parser refuses it.

use super::folded;
use core::ops::Range;
use wast::lexer::{Lexer, TokenKind};

/// Rewritten text, which can map its offsets to the source.
#[derive(Debug)]
pub(super) struct Rewritten {
    /// The text.
    pub(super) text: String,
    /// The offsets at which pieces begin, in `text` and in the source, sorted.
    pieces: Vec<(usize, usize)>,
}

impl Rewritten {
    /// Maps an offset in the text to the source.
    pub(super) fn source_offset(&self, offset: usize) -> usize {
        let piece = self.pieces.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        self.pieces.get(piece).map_or(offset, |(start, source)| source + (offset - start))
    }
}

/// Rewrites a text; `None` if it has nothing to rewrite, or its parentheses do not match.
pub(super) fn rewrite(source: &str) -> Option<Rewritten> {
    let has_orderings = ORDERINGS.iter().any(|(word, _)| source.contains(word));
    if !source.contains("try") && !source.contains("definition") && !has_orderings {
        return None;
    }
    let nodes = parse(source)?;
    let mut orderings = Vec::new();
    if has_orderings {
        collect_orderings(source, &nodes, &mut orderings);
    }
    if orderings.is_empty() && !nodes.iter().any(Node::changes) {
        return None;
    }
    let text = String::with_capacity(source.len() + 64);
    let mut writer = Writer { source, text, pieces: Vec::new(), orderings };
    writer.write_sequence(0, &nodes, source.len(), Context::Outside);
    Some(Rewritten { text: writer.text, pieces: writer.pieces })
}

/// Other spellings of orderings, and those that the `wast` crate reads.
const ORDERINGS: [(&str, &str); 2] = [("seq_cst", "seqcst"), ("acq_rel", "acqrel")];

/// An ordering in another spelling: its offsets, and the spelling that replaces it.
type OrderingWord = (Range<usize>, &'static str);

/// Collects the orderings in another spelling, in order.
fn collect_orderings(source: &str, nodes: &[Node], found: &mut Vec<OrderingWord>) {
    for node in nodes {
        match node {
            Node::List(list) => collect_orderings(source, &list.children, found),
            Node::Atom(range) => {
                let ordering = ORDERINGS.iter().find(|(word, _)| *word == &source[range.clone()]);
                found.extend(ordering.map(|(_, spelling)| (range.clone(), *spelling)));
            }
        }
    }
}

/// The limit of nesting: these functions recurse once per level.
const DEPTH: usize = 1_000;

enum Node {
    Atom(Range<usize>),
    List(List),
}

struct List {
    /// The offsets of the list, both parentheses included.
    range: Range<usize>,
    children: Vec<Node>,
    /// True if the list, or one within it, is to be rewritten.
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

    /// Returns the offset of the closing parenthesis.
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

/// The assertions that never instantiate their module.
const REFUSING: &[&str] = &["assert_malformed", "assert_invalid", "assert_malformed_custom", "assert_invalid_custom"];

/// Returns the word `definition` in the module of an assertion.
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

/// The context of a list, on which its meaning depends.
#[derive(Clone, Copy, PartialEq)]
enum Context {
    /// Directives, modules, fields.
    Outside,
    /// A sequence of instructions.
    Code,
}

struct Writer<'a> {
    source: &'a str,
    text: String,
    pieces: Vec<(usize, usize)>,
    orderings: Vec<OrderingWord>,
}

impl Writer<'_> {
    /// Copies text, but for the orderings in it.
    fn copy(&mut self, range: Range<usize>) {
        let mut at = range.start;
        let mut next = self.orderings.partition_point(|(word, _)| word.start < range.start);
        while let Some((word, spelling)) = self.orderings.get(next).cloned().filter(|(word, _)| word.end <= range.end) {
            self.copy_exactly(at..word.start);
            self.insert(spelling, word.start);
            at = word.end;
            next += 1;
        }
        self.copy_exactly(at..range.end);
    }

    fn copy_exactly(&mut self, range: Range<usize>) {
        self.pieces.push((self.text.len(), range.start));
        self.text += &self.source[range];
    }

    /// Writes a word that the source does not have. Errors in it are reported at `source_offset`.
    fn insert(&mut self, word: &str, source_offset: usize) {
        self.pieces.push((self.text.len(), source_offset));
        self.text += word;
    }

    /// Writes the nodes, and everything between them, from `from` to `to`.
    fn write_sequence(&mut self, from: usize, nodes: &[Node], to: usize, context: Context) {
        let mut at = from;
        for node in nodes {
            let range = node.range();
            self.copy(at..range.start);
            match node {
                Node::List(list) if list.changes => self.write_list(list, context),
                _ => self.copy(range.clone()),
            }
            at = range.end;
        }
        self.copy(at..to);
    }

    fn write_list(&mut self, list: &List, context: Context) {
        match list.head(self.source) {
            head if REFUSING.contains(&head) => self.write_assertion(list),
            "func" | "global" | "table" | "elem" | "data" | "item" | "offset" => self.write_around(list, Context::Code),
            _ if context == Context::Outside => self.write_around(list, Context::Outside),
            _ => {
                if self.write_instruction(list).is_none() {
                    self.copy(list.range.clone());
                }
            }
        }
    }

    fn write_around(&mut self, list: &List, context: Context) {
        let start = list.range.start;
        self.write_sequence(start, &list.children, list.range.end, context);
    }

    fn write_assertion(&mut self, list: &List) {
        let Some(word) = definition(list, self.source) else { return self.write_around(list, Context::Outside) };
        self.copy(list.range.start..word.start);
        let Some(module) = list.children[1].list() else { return };
        self.write_sequence(word.end, &module.children[2..], module.range.end, Context::Outside);
        self.write_sequence(module.range.end, &list.children[2..], list.range.end, Context::Outside);
    }

    /// Writes a folded instruction as plain ones; `None`, with nothing written, if its form is wrong.
    fn write_instruction(&mut self, list: &List) -> Option<()> {
        let head = list.head(self.source);
        let header = self.count_header(list, head);
        let start = list.children.first()?.range().start;
        let header_end = list.children[header - 1].range().end;
        let rest = &list.children[header..];
        match head {
            "try" => {
                let delegates = ends_with_delegate(rest, self.source)?;
                self.insert(" ", start);
                self.copy(start..header_end);
                self.write_clauses(header_end, rest, list.close());
                self.insert(if delegates { " " } else { " end " }, list.close());
            }
            "block" | "loop" | "try_table" => {
                self.insert(" ", start);
                self.copy(start..header_end);
                self.write_sequence(header_end, rest, list.close(), Context::Code);
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
                self.write_sequence(header_end, conditions, arms[0].range().start, Context::Code);
                self.insert(" ", start);
                self.copy(start..header_end);
                self.write_arms(arms, list.close());
                self.insert(" end ", list.close());
            }
            _ => {
                if folded::is_part(head) || rest.iter().any(|node| node.list().is_none()) {
                    return None;
                }
                self.write_sequence(header_end, rest, list.close(), Context::Code);
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

    /// Returns how many of the children are the name and the immediates of the instruction.
    fn count_header(&self, list: &List, head: &str) -> usize {
        let lists: &[&str] = match head {
            "try_table" => &["type", "param", "result", "catch", "catch_ref", "catch_all", "catch_all_ref"],
            _ => &["type", "param", "result", "ref"],
        };
        let block = matches!(head, "try" | "block" | "loop" | "if" | "try_table");
        let immediate = |node: &&Node| match node {
            // The only atom in the header of a block is its label: what follows may be plain instructions.
            Node::Atom(range) => !block || self.source[range.clone()].starts_with('$'),
            Node::List(list) => lists.contains(&list.head(self.source)),
        };
        1 + list.children[1..].iter().take_while(immediate).count()
    }

    /// Writes the clauses of a `try`, which [`ends_with_delegate`] has checked.
    fn write_clauses(&mut self, from: usize, nodes: &[Node], to: usize) {
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
            self.write_sequence(
                list.children[body - 1].range().end,
                &list.children[body..],
                list.close(),
                Context::Code,
            );
            at = list.range.end;
        }
        self.copy(at..to);
    }

    /// Writes `then` and `else`.
    fn write_arms(&mut self, arms: &[Node], to: usize) {
        let mut at = to;
        for (position, list) in arms.iter().filter_map(Node::list).enumerate() {
            let head = list.children[0].range();
            self.insert(if position == 0 { " " } else { " else " }, head.start);
            self.write_sequence(head.end, &list.children[1..], list.close(), Context::Code);
            self.insert(" ", list.close());
            at = list.range.end;
        }
        self.copy(at..to);
    }
}

/// Checks the clauses of a `try`. Returns false for `(do ..) (catch $e ..)* (catch_all ..)?`, true for
/// `(do ..) (delegate $l)`, and `None` for anything else.
fn ends_with_delegate(nodes: &[Node], source: &str) -> Option<bool> {
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
    fn instructions_around_a_folded_try() {
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
    fn orderings() {
        becomes(
            "(func (global.atomic.get seq_cst $acq_rel) struct.atomic.set acq_rel 0 0)",
            "(func (global.atomic.get seqcst $acq_rel) struct.atomic.set acqrel 0 0)",
        );
        becomes("(func (drop (try (do (f acq_rel)))))", "(func try (f acqrel) end drop)");
        becomes("(func $seq_cst) ;; seq_cst", "(func $seq_cst) ;; seq_cst");
        let source = "(func (f seq_cst 0) (g acq_rel 1)) (modul)";
        let rewritten = rewrite(source).expect("there are two orderings");
        for word in ["modul", "(g", "acqrel"] {
            let offset = rewritten.text.find(word).expect("it is there");
            let spelling = if word == "acqrel" { "acq_rel" } else { word };
            assert_eq!(rewritten.source_offset(offset), source.find(spelling).expect("it is there"), "{word}");
        }
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
    fn offsets_lead_back_to_the_source() {
        let source = "(func (drop (try (do)))) (modul)";
        let rewritten = rewrite(source).expect("there is a folded try");
        let offset = rewritten.text.find("modul").expect("it is copied");
        assert_eq!(rewritten.source_offset(offset), source.find("modul").expect("it is there"));
        let offset = rewritten.text.find("drop").expect("it is copied");
        assert_eq!(rewritten.source_offset(offset), source.find("drop").expect("it is there"));
    }
}
