//! A `.wast` script, parsed and encoded once for all lanes.
//!
//! In: the text. Out: directives with binaries and plain data, independent of the lifetime of the text. Text that does
//! not parse or encode is kept as such: for `assert_malformed` it is the expected answer, for other directives a
//! failure. Nothing is dropped: a directive that does not parse, or that the runner cannot execute, becomes
//! [`DirectiveKind::Unsupported`], which every lane reports as a failure.
//!
//! - `batches` parses a long script batch by batch.
//! - `directive` holds what a directive asks for, packed where a script may have millions of it.
//! - `grammar` parses what the `wast` crate does not.
//! - `recovery` finds the parts of a script that does not parse as a whole.
//! - `rewrite` changes text that the `wast` crate does not read, and `folded` refuses text that it should not read.
//! - `annotation` decides the assertions about custom sections.
//! - [`pattern`](mod@pattern) says which results an assertion expects.

mod annotation;
mod batches;
mod directive;
mod folded;
mod grammar;
pub mod pattern;
mod recovery;
mod rewrite;

pub use batches::Batches;
pub use directive::{Action, Directive, DirectiveKind, Encoded, Kind, Source};

use core::fmt;
use grammar::{Document, Expected, Instance, Item, Purpose};
use lanes::Binary;
use pattern::{Float, Pattern};
use recovery::Around;
use wast::lexer::{Lexer, Token, TokenKind};
use wast::parser::{self, ParseBuffer};
use wast::token::{Id, Span};
use wast::{QuoteWat, WastDirective, WastExecute, WastInvoke, Wat};

/// A parsed script.
#[derive(Debug)]
pub struct Script {
    /// The directives, in order.
    pub directives: Vec<Directive>,
}

/// An error in the text of a script.
struct ParseError {
    /// The line, counted from 1.
    line: u32,
    /// The column in bytes, counted from 1.
    column: u32,
    /// The cause.
    message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl Script {
    /// Parses a script, and encodes its modules. A part that does not parse is a directive that fails.
    pub fn parse(source: &str) -> Script {
        Script { directives: Batches::of(source).flatten().collect() }
    }
}

/// Parses each part of a text alone that does not parse as a whole. The text begins at the offset `start` of `lines`.
fn recover(text: &str, start: usize, lines: &Lines, around: Around) -> Vec<Directive> {
    let mut directives = Vec::new();
    let parts = recovery::split(text, around);
    let is_alone = around == Around::Nothing && parts.len() == 1;
    for range in parts {
        let (part, start) = (&text[range.clone()], start + range.start);
        let parsed = if is_alone { parse_part(part, start, lines) } else { parse_directive(part, start, lines) };
        match parsed {
            Ok(parsed) => directives.extend(parsed),
            Err(error) => {
                let thread = if around == Around::Thread { None } else { recover_thread(part, start, lines) };
                directives.push(thread.unwrap_or_else(|| unparsable(part, start, &error, lines)));
            }
        }
    }
    directives
}

/// Parses a thread of which only some directives do not parse; `None` if it is anything else that is wrong.
fn recover_thread(part: &str, start: usize, lines: &Lines) -> Option<Directive> {
    let (header, body) = recovery::split_thread(part)?;
    let thread = parse_part(&format!("{header})"), start, lines).ok()?.pop()?;
    let (place, name) = ((thread.line, thread.column), thread.name);
    let DirectiveKind::Thread { id, shared, .. } = thread.into_kind() else { return None };
    let directives = recover(body, start + header.len(), lines, Around::Thread);
    let is_unparsable = |directive: &Directive| matches!(*directive.kind(), DirectiveKind::Unsupported { .. });
    let any = directives.iter().any(is_unparsable);
    any.then(|| Directive::new(place, name, DirectiveKind::Thread { id, shared, directives: directives.into() }))
}

/// Parses a part of a script that has to be a directive: between others, the fields of a module are no module.
fn parse_directive(part: &str, start: usize, lines: &Lines) -> Result<Vec<Directive>, ParseError> {
    let parsed = parse_part(part, start, lines)?;
    // An annotation is nothing.
    if parsed.is_empty() || recovery::begins_with_directive(part) {
        return Ok(parsed);
    }
    let (line, column) = lines.position(start);
    Err(ParseError { line, column, message: "expected a directive, and this is the field of a module".to_string() })
}

/// Parses a part of a script, which begins at the offset `start` of `lines`.
fn parse_part(source: &str, start: usize, lines: &Lines) -> Result<Vec<Directive>, ParseError> {
    let rewritten = rewrite::rewrite(source);
    let text = rewritten.as_ref().map_or(source, |rewritten| &rewritten.text);
    let position = |span: Span| {
        let offset = span.offset();
        lines.position(start + rewritten.as_ref().map_or(offset, |rewritten| rewritten.source_offset(offset)))
    };
    let error = |error: wast::Error| {
        let (line, column) = position(error.span());
        ParseError { line, column, message: error.message() }
    };
    folded::check(text).map_err(error)?;
    let mut lexer = Lexer::new(text);
    // The suite's `names.wast` is full of look-alike and bidirectional characters.
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(error)?;
    let document: Document<'_> = parser::parse(&buffer).map_err(error)?;
    Ok(convert_directives(document.items, &position))
}

/// Returns the directive that stands for a part of a script that does not parse.
fn unparsable(part: &str, start: usize, error: &ParseError, lines: &Lines) -> Directive {
    let (line, column) = lines.position(start);
    let reason = match recovery::is_of_component(part) {
        true => NO_COMPONENTS.to_string(),
        false => format!("it does not parse: {error}"),
    };
    let name = grammar::directive_name(recovery::head(part));
    Directive::new((line, column), name, DirectiveKind::Unsupported { reason, id: recovery::id(part) })
}

/// The reason why the runner does not execute what has to do with components.
const NO_COMPONENTS: &str = "components are not supported";

/// Converts the directives of a script, or of a thread in it.
fn convert_directives(items: Vec<(Span, Item<'_>)>, position: &dyn Fn(Span) -> (u32, u32)) -> Vec<Directive> {
    let directive = |(span, item)| {
        let (line, column) = position(span);
        let (name, kind) = convert_item(item, position);
        let kind = kind.unwrap_or_else(|reason| DirectiveKind::Unsupported { reason, id: None });
        Directive::new((line, column), name, kind)
    };
    items.into_iter().map(directive).collect()
}

/// The positions in a text, which begins somewhere in a script.
struct Lines {
    /// The line and the column of the beginning.
    first: (u32, u32),
    /// The offsets at which the lines after the first begin.
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str, first: (u32, u32)) -> Lines {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines { first, starts: newlines.map(|(offset, _)| offset + 1).collect() }
    }

    fn position(&self, offset: usize) -> (u32, u32) {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let (line, column) = self.first;
        let newlines = self.starts.partition_point(|start| *start <= offset);
        match newlines.checked_sub(1) {
            None => (line, column.saturating_add(small(offset))),
            Some(last) => (line.saturating_add(small(newlines)), small(offset - self.starts[last] + 1)),
        }
    }
}

/// Returns the keyword of a directive, and its kind or the reason why the runner cannot execute it.
fn convert_item(
    item: Item<'_>,
    position: &dyn Fn(Span) -> (u32, u32),
) -> (&'static str, Result<DirectiveKind, String>) {
    match item {
        Item::Thread { id, shared, items } => {
            let directives = convert_directives(items, position).into();
            ("thread", Ok(DirectiveKind::Thread { id: id.name().to_string(), shared: name(shared), directives }))
        }
        Item::Known(directive) => convert_known(*directive),
        Item::Get { module, global } => {
            let action = Action::Get { instance: name(module), global: global.to_string() };
            ("get", Ok(DirectiveKind::Action(action)))
        }
        Item::Quote { purpose, text } => {
            let (name, kind) = convert_quote(purpose, text);
            (name, Ok(kind))
        }
        Item::Instance(Instance { id, module }) => {
            ("module", Ok(DirectiveKind::Instance { id: name(id), module: name(module) }))
        }
        Item::AssertReturn { exec, expected } => ("assert_return", convert_assert_return(exec, &expected)),
        Item::AssertNan { canonical, exec } => convert_assert_nan(canonical, exec),
        Item::Meta(name) => unsupported(name),
        Item::FailingInstance { trap, module, message } => {
            let source = Source::Definition(name(module));
            if trap {
                return ("assert_trap", Ok(DirectiveKind::AssertInstantiationTrap(source, message.to_string())));
            }
            ("assert_unlinkable", Ok(DirectiveKind::AssertUnlinkable(source, message.to_string())))
        }
    }
}

fn convert_quote(purpose: Purpose<'_>, mut text: QuoteWat<'_>) -> (&'static str, DirectiveKind) {
    let module = encode(&mut text);
    match purpose {
        Purpose::Module { definition: true, id } => ("module", DirectiveKind::Definition { id: name(id), module }),
        Purpose::Module { definition: false, id } => ("module", DirectiveKind::Module { id: name(id), module }),
        Purpose::Malformed => ("assert_malformed", DirectiveKind::AssertMalformed(module)),
        Purpose::MalformedCustom => {
            let plain = quoted_text(&mut text).ok().and_then(|text| annotation::without_annotations(&text));
            let plain = plain.map(|text| encode_text(&text));
            ("assert_malformed_custom", DirectiveKind::AssertMalformedCustom { module, plain })
        }
        Purpose::Invalid => ("assert_invalid", DirectiveKind::AssertInvalid(module)),
        Purpose::InvalidCustom => ("assert_invalid_custom", convert_invalid_custom(module)),
        Purpose::Trap(message) => {
            ("assert_trap", DirectiveKind::AssertInstantiationTrap(Source::Inline(module), message.to_string()))
        }
        Purpose::Unlinkable(message) => {
            ("assert_unlinkable", DirectiveKind::AssertUnlinkable(Source::Inline(module), message.to_string()))
        }
    }
}

fn convert_known(directive: WastDirective<'_>) -> (&'static str, Result<DirectiveKind, String>) {
    match directive {
        WastDirective::Module(module) => {
            let (id, keyword) = (name(module.name()), keyword(&module));
            (keyword, encode_core(module).map(|module| DirectiveKind::Module { id, module }))
        }
        WastDirective::ModuleDefinition(module) => {
            let (id, keyword) = (name(module.name()), keyword(&module));
            (keyword, encode_core(module).map(|module| DirectiveKind::Definition { id, module }))
        }
        // `Item` has its own form for modules.
        WastDirective::ModuleInstance { .. } => ("component", Err(NO_COMPONENTS.to_string())),
        WastDirective::Register { name: as_name, module, .. } => {
            ("register", Ok(DirectiveKind::Register { name: as_name.to_string(), instance: name(module) }))
        }
        WastDirective::Invoke(call) => ("invoke", convert_invoke(&call).map(DirectiveKind::Action)),
        WastDirective::AssertTrap { exec, message, .. } => ("assert_trap", convert_assert_trap(exec, message)),
        WastDirective::AssertExhaustion { call, message, .. } => (
            "assert_exhaustion",
            convert_invoke(&call).map(|call| DirectiveKind::AssertExhaustion(call, message.to_string())),
        ),
        WastDirective::AssertMalformed { module, .. } => {
            ("assert_malformed", encode_core(module).map(DirectiveKind::AssertMalformed))
        }
        WastDirective::AssertInvalid { module, .. } => {
            ("assert_invalid", encode_core(module).map(DirectiveKind::AssertInvalid))
        }
        WastDirective::AssertUnlinkable { module, message, .. } => {
            let kind = |module| DirectiveKind::AssertUnlinkable(Source::Inline(module), message.to_string());
            ("assert_unlinkable", encode_core(QuoteWat::Wat(module)).map(kind))
        }
        WastDirective::AssertMalformedCustom { module, .. } => {
            let kind = |module| DirectiveKind::AssertMalformedCustom { module, plain: None };
            ("assert_malformed_custom", encode_core(module).map(kind))
        }
        WastDirective::AssertInvalidCustom { module, .. } => {
            ("assert_invalid_custom", encode_core(module).map(convert_invalid_custom))
        }
        WastDirective::AssertException { exec, .. } => {
            ("assert_exception", convert_action(exec).map(DirectiveKind::AssertException))
        }
        WastDirective::AssertSuspension { exec, message, .. } => (
            "assert_suspension",
            convert_action(exec).map(|action| DirectiveKind::AssertSuspension(action, message.to_string())),
        ),
        WastDirective::Thread(_) | WastDirective::AssertReturn { .. } => {
            unreachable!("`Item` has its own form of this directive")
        }
        WastDirective::Wait { thread, .. } => ("wait", Ok(DirectiveKind::Wait { id: thread.name().to_string() })),
    }
}

fn unsupported(name: &'static str) -> (&'static str, Result<DirectiveKind, String>) {
    (name, Err(format!("the runner does not execute `{name}`")))
}

/// Encodes a core module. The error says that it is a component.
fn encode_core(mut module: QuoteWat<'_>) -> Result<Encoded, String> {
    match module {
        QuoteWat::Wat(Wat::Module(_)) | QuoteWat::QuoteModule(..) => Ok(encode(&mut module)),
        QuoteWat::Wat(Wat::Component(_)) | QuoteWat::QuoteComponent(..) => Err(NO_COMPONENTS.to_string()),
    }
}

/// Returns the keyword of a directive that defines a module or a component.
fn keyword(module: &QuoteWat<'_>) -> &'static str {
    match module {
        QuoteWat::Wat(Wat::Module(_)) | QuoteWat::QuoteModule(..) => "module",
        QuoteWat::Wat(Wat::Component(_)) | QuoteWat::QuoteComponent(..) => "component",
    }
}

fn convert_assert_return(exec: WastExecute<'_>, expected: &[Expected<'_>]) -> Result<DirectiveKind, String> {
    Ok(DirectiveKind::AssertReturn(convert_action(exec)?, convert_patterns(expected)?))
}

/// Converts an assertion of the old suites, which does not say the type of the result.
fn convert_assert_nan(canonical: bool, exec: WastExecute<'_>) -> (&'static str, Result<DirectiveKind, String>) {
    let (name, patterns) = match canonical {
        true => ("assert_return_canonical_nan", [Pattern::F32(Float::Canonical), Pattern::F64(Float::Canonical)]),
        false => ("assert_return_arithmetic_nan", [Pattern::F32(Float::Arithmetic), Pattern::F64(Float::Arithmetic)]),
    };
    let patterns = vec![Pattern::Either(patterns.into())];
    (name, convert_action(exec).map(|action| DirectiveKind::AssertReturn(action, patterns)))
}

fn convert_patterns(expected: &[Expected<'_>]) -> Result<Vec<Pattern>, String> {
    let pattern = |expected: &Expected<'_>| match expected {
        Expected::Known(result) => Pattern::from_wast(result),
        Expected::Ref => Ok(Pattern::Ref),
        Expected::Exn => Ok(Pattern::Exn),
        Expected::Either(expected) => convert_patterns(expected).map(Pattern::Either),
    };
    expected.iter().map(pattern).collect()
}

fn convert_assert_trap(exec: WastExecute<'_>, message: &str) -> Result<DirectiveKind, String> {
    match exec {
        WastExecute::Wat(module) => {
            let module = encode_core(QuoteWat::Wat(module))?;
            Ok(DirectiveKind::AssertInstantiationTrap(Source::Inline(module), message.to_string()))
        }
        exec => Ok(DirectiveKind::AssertTrap(convert_action(exec)?, message.to_string())),
    }
}

fn convert_action(exec: WastExecute<'_>) -> Result<Action, String> {
    match exec {
        WastExecute::Invoke(call) => convert_invoke(&call),
        WastExecute::Get { module, global, .. } => {
            Ok(Action::Get { instance: name(module), global: global.to_string() })
        }
        WastExecute::Wat(_) => Err("a module is no action".to_string()),
    }
}

fn convert_invoke(call: &WastInvoke<'_>) -> Result<Action, String> {
    let arguments = call.args.iter().map(pattern::convert_argument).collect::<Result<_, _>>()?;
    Ok(Action::Invoke { instance: name(call.module), function: call.name.to_string(), arguments })
}

fn name(id: Option<Id<'_>>) -> Option<String> {
    id.map(|id| id.name().to_string())
}

fn convert_invalid_custom(module: Encoded) -> DirectiveKind {
    let fault = module.as_ref().ok().and_then(|module| annotation::find_fault(module.bytes()));
    DirectiveKind::AssertInvalidCustom { module, fault }
}

fn encode(module: &mut QuoteWat<'_>) -> Encoded {
    match module {
        QuoteWat::QuoteModule(..) => encode_text(&quoted_text(module)?),
        _ => module.encode().map(Binary::new).map_err(|error| error.message()),
    }
}

/// Returns the text of a quoted module.
fn quoted_text(module: &mut QuoteWat<'_>) -> Result<String, String> {
    match module.to_test() {
        Ok(wast::QuoteWatTest::Text(text)) => {
            String::from_utf8(text).map_err(|_| "malformed UTF-8 encoding".to_string())
        }
        Ok(wast::QuoteWatTest::Binary(_)) => Err("the module is not quoted".to_string()),
        Err(error) => Err(error.message()),
    }
}

/// Encodes a text as `QuoteWat::encode` does, and accepts look-alike characters and folded legacy instructions too.
fn encode_text(source: &str) -> Encoded {
    let rewritten = rewrite::rewrite(source);
    let encode = || {
        let text = rewritten.as_ref().map_or(source, |rewritten| &rewritten.text);
        folded::check(text)?;
        let mut lexer = Lexer::new(text);
        lexer.allow_confusing_unicode(true);
        let blank = |token: &Token| {
            matches!(token.kind, TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment)
        };
        if lexer.iter(0).all(|token| token.as_ref().is_ok_and(blank)) {
            // Text without any field is an empty module, which the `wast` crate does not accept.
            lexer = Lexer::new("(module)");
        }
        let buffer = ParseBuffer::new_with_lexer(lexer)?;
        parser::parse::<Wat<'_>>(&buffer)?.encode()
    };
    encode().map(Binary::new).map_err(|error: wast::Error| error.message())
}

#[cfg(test)]
mod tests;
