//! The script grammar ([reference](https://github.com/WebAssembly/spec/tree/main/interpreter#scripts)), as far as the
//! `wast` crate does not have it: quoted modules with a name or as a definition, `get` at the top level, assertions on
//! `(module instance ..)`, empty scripts, and scripts that begin with `get`, `thread` or `wait`. Everything else is
//! handed to the `wast` crate.

use wast::parser::{Cursor, Parse, Parser, Peek, Result};
use wast::token::{Id, Span};
use wast::{QuoteWat, WastDirective, Wat, kw};

/// A whole script.
pub(super) struct Document<'a> {
    pub(super) items: Vec<(Span, Item<'a>)>,
}

/// A directive.
pub(super) enum Item<'a> {
    /// One that the `wast` crate knows.
    Known(Box<WastDirective<'a>>),
    /// `(get $module? "global")`.
    Get { module: Option<Id<'a>>, global: &'a str },
    /// `(thread $id (shared (module $id))? ..)`; what stands in it may be anything that stands outside.
    Thread { id: Id<'a>, shared: Option<Id<'a>>, items: Vec<(Span, Item<'a>)> },
    /// `(module definition? $id? quote ..)`, or the same in an assertion.
    Quote { purpose: Purpose, definition: bool, id: Option<Id<'a>>, text: QuoteWat<'a> },
    /// `(assert_trap (module instance ..) "..")` or `(assert_unlinkable (module instance ..) "..")`.
    FailingInstance { trap: bool, module: Option<Id<'a>>, message: &'a str },
}

/// What a quoted module stands in.
pub(super) enum Purpose {
    /// The directive is the module.
    Module,
    /// `assert_malformed`.
    Malformed,
    /// `assert_invalid`.
    Invalid,
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
            // A module's fields without the module around them.
            let span = parser.cur_span();
            let module = QuoteWat::Wat(parser.parse::<Wat<'a>>()?);
            items.push((span, Item::Known(Box::new(WastDirective::Module(module)))));
        }
        items.extend(rest(parser)?);
        Ok(Document { items })
    }
}

/// Directives up to the end.
fn rest<'a>(parser: Parser<'a>) -> Result<Vec<(Span, Item<'a>)>> {
    let mut items = Vec::new();
    while !parser.is_empty() {
        let span = parser.cur_span();
        items.push((span, parser.parens(Item::parse)?));
    }
    Ok(items)
}

struct DirectiveKeyword;

impl Peek for DirectiveKeyword {
    fn peek(cursor: Cursor<'_>) -> Result<bool> {
        let keyword = cursor.keyword()?.map(|(keyword, _)| keyword);
        Ok(keyword.is_some_and(|keyword| {
            keyword.starts_with("assert_")
                || matches!(keyword, "module" | "component" | "register" | "invoke" | "get" | "thread" | "wait")
        }))
    }

    fn display() -> &'static str {
        "a directive"
    }
}

impl<'a> Parse<'a> for Item<'a> {
    fn parse(parser: Parser<'a>) -> Result<Item<'a>> {
        if parser.peek::<kw::get>()? {
            parser.parse::<kw::get>()?;
            return Ok(Item::Get { module: parser.parse()?, global: parser.parse()? });
        }
        if parser.peek::<kw::thread>()? {
            parser.parse::<kw::thread>()?;
            let id = parser.parse()?;
            let shared = if parser.peek2::<kw::shared>()? { Some(parser.parens(shared_module)?) } else { None };
            return Ok(Item::Thread { id, shared, items: rest(parser)? });
        }
        if ahead(parser, is_special_quote)? {
            let (definition, id, text) = quoted(parser)?;
            return Ok(Item::Quote { purpose: Purpose::Module, definition, id, text });
        }
        let malformed = parser.peek::<kw::assert_malformed>()?;
        if (malformed || parser.peek::<kw::assert_invalid>()?) && ahead(parser, |c| in_parens(c, is_special_quote))? {
            parser.step(skip_keyword)?;
            let (definition, id, text) = parser.parens(quoted)?;
            let _message: &str = parser.parse()?;
            let purpose = if malformed { Purpose::Malformed } else { Purpose::Invalid };
            return Ok(Item::Quote { purpose, definition, id, text });
        }
        let trap = parser.peek::<kw::assert_trap>()?;
        if (trap || parser.peek::<kw::assert_unlinkable>()?) && ahead(parser, |c| in_parens(c, is_instance))? {
            parser.step(skip_keyword)?;
            let module = parser.parens(instance)?;
            return Ok(Item::FailingInstance { trap, module, message: parser.parse()? });
        }
        Ok(Item::Known(Box::new(parser.parse()?)))
    }
}

/// `shared (module $id)`.
fn shared_module<'a>(parser: Parser<'a>) -> Result<Id<'a>> {
    parser.parse::<kw::shared>()?;
    parser.parens(|parser| {
        parser.parse::<kw::module>()?;
        parser.parse()
    })
}

/// `module definition? $id? quote ..`, where a definition or an id is there: the `wast` crate has the plain form.
fn is_special_quote(cursor: Cursor<'_>) -> Result<bool> {
    let Some(("module", cursor)) = cursor.keyword()? else { return Ok(false) };
    let (definition, cursor) = match cursor.keyword()? {
        Some(("definition", rest)) => (true, rest),
        _ => (false, cursor),
    };
    let (id, cursor) = match cursor.id()? {
        Some((_, rest)) => (true, rest),
        None => (false, cursor),
    };
    Ok((definition || id) && matches!(cursor.keyword()?, Some(("quote", _))))
}

fn is_instance(cursor: Cursor<'_>) -> Result<bool> {
    let Some(("module", cursor)) = cursor.keyword()? else { return Ok(false) };
    Ok(matches!(cursor.keyword()?, Some(("instance", _))))
}

fn in_parens(cursor: Cursor<'_>, inside: fn(Cursor<'_>) -> Result<bool>) -> Result<bool> {
    let Some((_, cursor)) = cursor.keyword()? else { return Ok(false) };
    cursor.lparen()?.map_or(Ok(false), inside)
}

/// Looks ahead without consuming anything.
fn ahead(parser: Parser<'_>, look: impl FnOnce(Cursor<'_>) -> Result<bool>) -> Result<bool> {
    parser.step(|cursor| Ok((look(cursor)?, cursor)))
}

fn skip_keyword(cursor: Cursor<'_>) -> Result<((), Cursor<'_>)> {
    match cursor.keyword()? {
        Some((_, rest)) => Ok(((), rest)),
        None => Err(cursor.error("expected a keyword")),
    }
}

fn quoted<'a>(parser: Parser<'a>) -> Result<(bool, Option<Id<'a>>, QuoteWat<'a>)> {
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

fn instance<'a>(parser: Parser<'a>) -> Result<Option<Id<'a>>> {
    parser.parse::<kw::module>()?;
    parser.parse::<kw::instance>()?;
    // With one id, it is the module's: an instance that must not come to be needs no name.
    let first: Option<Id<'a>> = parser.parse()?;
    let second: Option<Id<'a>> = parser.parse()?;
    Ok(second.or(first))
}
