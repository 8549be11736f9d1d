//! The parts of the [script grammar](https://github.com/WebAssembly/spec/tree/main/interpreter#scripts) that the `wast`
//! crate does not parse. Everything else is handed to that crate.
//!
//! - quoted modules with a name, as a definition, or in any assertion
//! - `(module instance ..)` with only the name of the module, and in assertions
//! - `get` at the top level
//! - the patterns `(ref)` and `(ref.exn)`
//! - `assert_return_canonical_nan` and `assert_return_arithmetic_nan`, of the suites of 2017 to 2019
//! - meta commands
//! - empty scripts, and scripts that begin with `get`, `thread`, `wait` or a meta command

use wast::parser::{Cursor, Parse, Parser, Peek, Result};
use wast::token::{Id, Span};
use wast::{QuoteWat, WastDirective, WastExecute, WastRet, Wat, kw};

/// The limit of nesting for directives and patterns: these functions recurse once per level, and each level of `thread`
/// is a thread of the operating system.
const DEPTH: usize = 100;

/// A whole script.
pub(super) struct Document<'a> {
    pub(super) items: Vec<(Span, Item<'a>)>,
}

/// A directive.
pub(super) enum Item<'a> {
    /// A directive that the `wast` crate parses.
    Known(Box<WastDirective<'a>>),
    /// `(get $module? "global")`.
    Get { module: Option<Id<'a>>, global: &'a str },
    /// `(thread $id (shared (module $id))? ..)`, with any directives in it.
    Thread { id: Id<'a>, shared: Option<Id<'a>>, items: Vec<(Span, Item<'a>)> },
    /// `(module definition? $id? quote ..)`, or the same in an assertion.
    Quote { purpose: Purpose<'a>, text: QuoteWat<'a> },
    /// `(module instance ..)`.
    Instance(Instance<'a>),
    /// `(assert_trap (module instance ..) "..")` or `(assert_unlinkable (module instance ..) "..")`.
    FailingInstance { trap: bool, module: Option<Id<'a>>, message: &'a str },
    /// `(assert_return .. PATTERN*)`.
    AssertReturn { exec: WastExecute<'a>, expected: Vec<Expected<'a>> },
    /// `(assert_return_canonical_nan ..)` or `(assert_return_arithmetic_nan ..)`.
    AssertNan { canonical: bool, exec: WastExecute<'a> },
    /// A meta command: `(script $id? ..)`, `(input $id? "file")` or `(output $id? "file"?)`.
    Meta(&'static str),
}

/// The directive that a quoted module is part of.
pub(super) enum Purpose<'a> {
    /// `module`.
    Module { definition: bool, id: Option<Id<'a>> },
    /// `assert_malformed`.
    Malformed,
    /// `assert_invalid`.
    Invalid,
    /// `assert_malformed_custom`.
    MalformedCustom,
    /// `assert_invalid_custom`.
    InvalidCustom,
    /// `assert_trap`, with its message.
    Trap(&'a str),
    /// `assert_unlinkable`, with its message.
    Unlinkable(&'a str),
}

/// `module instance ($instance $module | $module)?`.
pub(super) struct Instance<'a> {
    pub(super) id: Option<Id<'a>>,
    pub(super) module: Option<Id<'a>>,
}

/// The pattern of a result.
pub(super) enum Expected<'a> {
    /// A pattern that the `wast` crate parses.
    Known(WastRet<'a>),
    /// `(ref)`.
    Ref,
    /// `(ref.exn)`.
    Exn,
    /// `(either ..)`.
    Either(Vec<Expected<'a>>),
}

impl<'a> Parse<'a> for Document<'a> {
    fn parse(parser: Parser<'a>) -> Result<Document<'a>> {
        let _custom = parser.register_annotation("custom");
        let _producers = parser.register_annotation("producers");
        let _name = parser.register_annotation("name");
        let _dylink = parser.register_annotation("dylink.0");
        let _hints = parser.register_annotation("metadata.code.branch_hint");
        let mut items = Vec::new();
        if !parser.is_empty() && !parser.peek2::<DirectiveKeyword>()? {
            // The script is the fields of one module, without `(module ..)` around them.
            let span = parser.cur_span();
            let module = QuoteWat::Wat(parser.parse::<Wat<'a>>()?);
            items.push((span, Item::Known(Box::new(WastDirective::Module(module)))));
        }
        items.extend(parse_directives(parser)?);
        Ok(Document { items })
    }
}

/// Parses directives up to the end.
fn parse_directives<'a>(parser: Parser<'a>) -> Result<Vec<(Span, Item<'a>)>> {
    check_depth(parser)?;
    let mut items = Vec::new();
    while !parser.is_empty() {
        let span = parser.cur_span();
        items.push((span, parser.parens(Item::parse)?));
    }
    Ok(items)
}

fn check_depth(parser: Parser<'_>) -> Result<()> {
    if parser.parens_depth() > DEPTH {
        return Err(parser.error(format_args!("nested too deep: {DEPTH} levels are the limit")));
    }
    Ok(())
}

/// The keywords that begin a directive.
const DIRECTIVES: &[&str] = &[
    "module",
    "component",
    "register",
    "invoke",
    "get",
    "thread",
    "wait",
    "script",
    "input",
    "output",
    "assert_return",
    "assert_return_canonical_nan",
    "assert_return_arithmetic_nan",
    "assert_trap",
    "assert_exhaustion",
    "assert_exception",
    "assert_suspension",
    "assert_malformed",
    "assert_malformed_custom",
    "assert_invalid",
    "assert_invalid_custom",
    "assert_unlinkable",
];

/// Returns whether a list that begins with this word is a directive, even an unknown one.
pub(super) fn is_directive(word: &str) -> bool {
    word.starts_with("assert_") || DIRECTIVES.contains(&word)
}

/// Returns the directive's name for a report: the keyword, or `directive` for one that is not known.
pub(super) fn directive_name(word: &str) -> &'static str {
    DIRECTIVES.iter().find(|known| **known == word).unwrap_or(&"directive")
}

struct DirectiveKeyword;

impl Peek for DirectiveKeyword {
    fn peek(cursor: Cursor<'_>) -> Result<bool> {
        Ok(cursor.keyword()?.is_some_and(|(keyword, _)| is_directive(keyword)))
    }

    fn display() -> &'static str {
        "a directive"
    }
}

impl<'a> Parse<'a> for Item<'a> {
    fn parse(parser: Parser<'a>) -> Result<Item<'a>> {
        let keyword = peek_keyword(parser)?;
        match keyword {
            "get" => {
                parser.step(skip_keyword)?;
                Ok(Item::Get { module: parser.parse()?, global: parser.parse()? })
            }
            "thread" => {
                parser.step(skip_keyword)?;
                let id = parser.parse()?;
                let shared =
                    if parser.peek2::<kw::shared>()? { Some(parser.parens(parse_shared_module)?) } else { None };
                Ok(Item::Thread { id, shared, items: parse_directives(parser)? })
            }
            "script" | "input" | "output" => parse_meta(parser, keyword),
            "module" if look_ahead(parser, is_quote)? => {
                let (definition, id, text) = parse_quoted(parser)?;
                Ok(Item::Quote { purpose: Purpose::Module { definition, id }, text })
            }
            "module" if look_ahead(parser, is_instance)? => Ok(Item::Instance(parse_instance(parser)?)),
            "assert_trap" | "assert_unlinkable" if look_ahead(parser, |c| in_parens(c, is_instance))? => {
                parser.step(skip_keyword)?;
                // The instance must not come to be, so its name is of no use.
                let Instance { module, .. } = parser.parens(parse_instance)?;
                Ok(Item::FailingInstance { trap: keyword == "assert_trap", module, message: parser.parse()? })
            }
            "assert_return" => {
                parser.step(skip_keyword)?;
                Ok(Item::AssertReturn {
                    exec: parser.parens(|parser| parser.parse())?,
                    expected: parse_patterns(parser)?,
                })
            }
            "assert_return_canonical_nan" | "assert_return_arithmetic_nan" => {
                parser.step(skip_keyword)?;
                let canonical = keyword == "assert_return_canonical_nan";
                Ok(Item::AssertNan { canonical, exec: parser.parens(|parser| parser.parse())? })
            }
            _ if look_ahead(parser, |c| in_parens(c, is_quote))? => parse_asserted_quote(parser, keyword),
            _ => Ok(Item::Known(Box::new(parser.parse()?))),
        }
    }
}

impl<'a> Parse<'a> for Expected<'a> {
    fn parse(parser: Parser<'a>) -> Result<Expected<'a>> {
        let expected = match peek_keyword(parser)? {
            "ref" => Expected::Ref,
            "ref.exn" => Expected::Exn,
            "either" => {
                check_depth(parser)?;
                parser.step(skip_keyword)?;
                return Ok(Expected::Either(parse_patterns(parser)?));
            }
            _ => return Ok(Expected::Known(parser.parse()?)),
        };
        parser.step(skip_keyword)?;
        Ok(expected)
    }
}

/// Parses patterns up to the end.
fn parse_patterns<'a>(parser: Parser<'a>) -> Result<Vec<Expected<'a>>> {
    let mut patterns = Vec::new();
    while !parser.is_empty() {
        patterns.push(parser.parens(|parser| parser.parse())?);
    }
    Ok(patterns)
}

/// Parses a meta command. The runner does not execute these, but their form has to be right.
fn parse_meta<'a>(parser: Parser<'a>, keyword: &str) -> Result<Item<'a>> {
    parser.step(skip_keyword)?;
    parser.parse::<Option<Id<'a>>>()?;
    Ok(Item::Meta(match keyword {
        "script" => {
            parse_directives(parser)?;
            "script"
        }
        "input" => {
            parser.parse::<&str>()?;
            "input"
        }
        _ => {
            parser.parse::<Option<&str>>()?;
            "output"
        }
    }))
}

/// Parses an assertion about a quoted module.
fn parse_asserted_quote<'a>(parser: Parser<'a>, keyword: &str) -> Result<Item<'a>> {
    let start = parser.cur_span();
    parser.step(skip_keyword)?;
    let (definition, _, text) = parser.parens(parse_quoted)?;
    let message = parser.parse()?;
    let purpose = match keyword {
        "assert_malformed" => Purpose::Malformed,
        "assert_invalid" => Purpose::Invalid,
        "assert_malformed_custom" => Purpose::MalformedCustom,
        "assert_invalid_custom" => Purpose::InvalidCustom,
        "assert_trap" if !definition => Purpose::Trap(message),
        "assert_unlinkable" if !definition => Purpose::Unlinkable(message),
        _ => return Err(parser.error_at(start, format_args!("`{keyword}` takes no such module"))),
    };
    Ok(Item::Quote { purpose, text })
}

/// Parses `shared (module $id)`.
fn parse_shared_module<'a>(parser: Parser<'a>) -> Result<Id<'a>> {
    parser.parse::<kw::shared>()?;
    parser.parens(|parser| {
        parser.parse::<kw::module>()?;
        parser.parse()
    })
}

/// Returns whether `module definition? $id? quote ..` follows.
fn is_quote(cursor: Cursor<'_>) -> Result<bool> {
    let Some(("module", cursor)) = cursor.keyword()? else { return Ok(false) };
    let cursor = match cursor.keyword()? {
        Some(("definition", rest)) => rest,
        _ => cursor,
    };
    let cursor = cursor.id()?.map_or(cursor, |(_, rest)| rest);
    Ok(matches!(cursor.keyword()?, Some(("quote", _))))
}

/// Returns whether `module instance ..` follows.
fn is_instance(cursor: Cursor<'_>) -> Result<bool> {
    let Some(("module", cursor)) = cursor.keyword()? else { return Ok(false) };
    Ok(matches!(cursor.keyword()?, Some(("instance", _))))
}

/// Returns whether something follows in the parentheses after a keyword.
fn in_parens(cursor: Cursor<'_>, inside: fn(Cursor<'_>) -> Result<bool>) -> Result<bool> {
    let Some((_, cursor)) = cursor.keyword()? else { return Ok(false) };
    cursor.lparen()?.map_or(Ok(false), inside)
}

/// Returns the next keyword without consuming it; empty if something else is next.
fn peek_keyword<'a>(parser: Parser<'a>) -> Result<&'a str> {
    parser.step(|cursor| Ok((cursor.keyword()?.map_or("", |(keyword, _)| keyword), cursor)))
}

/// Looks ahead without consuming anything.
fn look_ahead(parser: Parser<'_>, look: impl FnOnce(Cursor<'_>) -> Result<bool>) -> Result<bool> {
    parser.step(|cursor| Ok((look(cursor)?, cursor)))
}

fn skip_keyword(cursor: Cursor<'_>) -> Result<((), Cursor<'_>)> {
    match cursor.keyword()? {
        Some((_, rest)) => Ok(((), rest)),
        None => Err(cursor.error("expected a keyword")),
    }
}

fn parse_quoted<'a>(parser: Parser<'a>) -> Result<(bool, Option<Id<'a>>, QuoteWat<'a>)> {
    let span = parser.parse::<kw::module>()?.0;
    let definition = parser.parse::<Option<kw::definition>>()?.is_some();
    let id = parser.parse()?;
    parser.parse::<kw::quote>()?;
    let mut pieces = Vec::new();
    while !parser.is_empty() {
        pieces.push((parser.cur_span(), parser.parse()?));
    }
    Ok((definition, id, QuoteWat::QuoteModule(span, pieces)))
}

fn parse_instance<'a>(parser: Parser<'a>) -> Result<Instance<'a>> {
    parser.parse::<kw::module>()?;
    parser.parse::<kw::instance>()?;
    let first: Option<Id<'a>> = parser.parse()?;
    let second: Option<Id<'a>> = parser.parse()?;
    Ok(match second {
        Some(_) => Instance { id: first, module: second },
        None => Instance { id: None, module: first },
    })
}
