//! Custom annotations, and the sections that they are encoded as
//! ([Custom sections](https://webassembly.github.io/spec/core/appendix/custom.html)).
//!
//! A module whose custom sections are invalid is valid all the same, and no engine must refuse it. The runner itself
//! decides `assert_malformed_custom` and `assert_invalid_custom`. A lane is only asked to accept the module.

use wasmparser::{BranchHintSectionReader, FunctionBody, KnownCustom, Operator, Parser, Payload, TypeRef};
use wast::lexer::{Lexer, TokenKind};

/// Replaces the annotations of a text by blanks; `None` if it does not lex, or has none.
pub(super) fn without_annotations(text: &str) -> Option<String> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let tokens = lexer.iter(0).collect::<Result<Vec<_>, _>>().ok()?;
    let mut plain = String::with_capacity(text.len());
    // The nesting depth of the current token within an annotation; 0 outside.
    let (mut depth, mut found) = (0_usize, false);
    for (position, token) in tokens.iter().enumerate() {
        let opens = token.kind == TokenKind::LParen;
        let begins = opens && tokens.get(position + 1).is_some_and(|next| next.kind == TokenKind::Annotation);
        found |= begins;
        depth += usize::from(opens && (begins || depth > 0));
        match depth {
            0 => plain += token.src(text),
            _ => plain.push(' '),
        }
        depth -= usize::from(token.kind == TokenKind::RParen && depth > 0);
    }
    found.then_some(plain)
}

/// Returns the fault of a module's custom sections, if there is one. The module itself must be valid.
pub(super) fn find_fault(binary: &[u8]) -> Option<String> {
    let (mut bodies, mut hints, mut imported) = (Vec::new(), None, 0);
    for payload in Parser::new(0).parse_all(binary) {
        match payload {
            Ok(Payload::ImportSection(imports)) => {
                let imports = imports.into_imports().filter_map(Result::ok);
                imported =
                    imports.filter(|import| matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_))).count();
            }
            Ok(Payload::CodeSectionEntry(body)) => bodies.push(body),
            Ok(Payload::CustomSection(section)) => match section.as_known() {
                KnownCustom::BranchHints(_) if hints.is_some() => return Some("two branch hint sections".to_string()),
                KnownCustom::BranchHints(_) if !bodies.is_empty() => {
                    return Some("the branch hint section follows the code".to_string());
                }
                KnownCustom::BranchHints(reader) => hints = Some(reader),
                _ => {}
            },
            Ok(_) => {}
            Err(error) => return Some(error.to_string()),
        }
    }
    hints.and_then(|hints| find_fault_of_hints(hints, &bodies, imported))
}

fn find_fault_of_hints(
    hints: BranchHintSectionReader<'_>,
    bodies: &[FunctionBody<'_>],
    imported: usize,
) -> Option<String> {
    let mut last = None;
    for function in hints {
        let function = match function {
            Ok(function) => function,
            Err(error) => return Some(error.to_string()),
        };
        if last.is_some_and(|last| last >= function.func) {
            return Some("the functions of the branch hints are not in order".to_string());
        }
        last = Some(function.func);
        let body = usize::try_from(function.func).ok().and_then(|index| bodies.get(index.checked_sub(imported)?));
        let Some(body) = body else { return Some(format!("branch hints for function {}", function.func)) };
        for hint in function.hints {
            match hint {
                Ok(hint) if is_branch(body, u64::from(hint.func_offset)) => {}
                Ok(hint) => return Some(format!("no if or br_if at offset {:#x} of the function", hint.func_offset)),
                Err(error) => return Some(error.to_string()),
            }
        }
    }
    None
}

/// Returns whether an `if` or `br_if` begins at an offset, which counts from the start of the function's locals.
fn is_branch(body: &FunctionBody<'_>, offset: u64) -> bool {
    let start = body.range().start;
    let Ok(operators) = body.get_operators_reader() else { return false };
    operators
        .into_iter_with_offsets()
        .filter_map(Result::ok)
        .any(|(operator, at)| at == start + offset && matches!(operator, Operator::If { .. } | Operator::BrIf { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_become_blanks() {
        let plain = without_annotations("(module (@name \"M\" (nested \")\")) (func)) ;; (@x)");
        let words = plain.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(words.as_deref(), Some("(module (func)) ;; (@x)"));
        assert_eq!(without_annotations("(module \"(@name)\")"), None);
        assert_eq!(without_annotations("(module \"(@name"), None);
    }

    #[track_caller]
    fn fault_of(hints: &[u8], before_code: bool) -> Option<String> {
        let section = [&[0, 26 + hints.len() as u8, 25], &b"metadata.code.branch_hint"[..], hints].concat();
        // One function: no locals, `i32.const 0` at offset 1, `if` at 3, `end`, `end`.
        let code = vec![10, 9, 1, 7, 0, 0x41, 0, 0x04, 0x40, 0x0b, 0x0b];
        let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0";
        let sections = if before_code { [section, code] } else { [code, section] };
        find_fault(&[&module[..], &sections.concat()].concat())
    }

    #[test]
    fn hints_stand_on_branches() {
        assert_eq!(fault_of(&[1, 0, 1, 3, 1, 1], true), None);
        let on_constant = fault_of(&[1, 0, 1, 1, 1, 1], true);
        assert_eq!(on_constant.as_deref(), Some("no if or br_if at offset 0x1 of the function"));
        assert_eq!(fault_of(&[1, 7, 1, 3, 1, 1], true).as_deref(), Some("branch hints for function 7"));
        assert!(fault_of(&[1, 0, 1, 3, 1, 2], true).is_some_and(|fault| fault.contains("invalid")));
        let late = fault_of(&[1, 0, 1, 3, 1, 1], false);
        assert_eq!(late.as_deref(), Some("the branch hint section follows the code"));
    }
}
