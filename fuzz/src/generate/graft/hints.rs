//! Branch hints ([Branch hinting](https://webassembly.github.io/branch-hinting/core/appendix/custom.html)): they tell
//! how likely a branch is. Right or wrong, they must make no difference.

use arbitrary::{Error, Result, Unstructured};
use wasm_encoder::{BranchHint, BranchHints, Module, RawSection};
use wasmparser::{Operator, Parser, Payload};

/// Returns `wasm` with hints for some of its branches.
///
/// # Errors
///
/// If `u` has no choices left, or `wasm` does not decode.
pub(super) fn hints(u: &mut Unstructured<'_>, wasm: &[u8]) -> Result<Vec<u8>> {
    let section = section(u, wasm)?;
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|_| Error::IncorrectFormat)?;
        let code = matches!(payload, Payload::CodeSectionStart { .. });
        if let Some((id, range)) = payload.as_section() {
            if code {
                module.section(&section);
            }
            let at = |offset: u64| usize::try_from(offset).expect("the module is in memory");
            module.section(&RawSection { id, data: &wasm[at(range.start)..at(range.end)] });
        }
    }
    Ok(module.finish())
}

fn section(u: &mut Unstructured<'_>, wasm: &[u8]) -> Result<BranchHints> {
    let (mut section, mut imports, mut bodies) = (BranchHints::new(), 0, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|_| Error::IncorrectFormat)? {
            Payload::ImportSection(imported) => {
                imports = imported.into_imports().flatten().filter(|import| is_function(import)).count();
            }
            Payload::CodeSectionEntry(body) => {
                let hints = of_body(u, &body)?;
                if !hints.is_empty() {
                    section.function_hints(super::index(imports + bodies), hints);
                }
                bodies += 1;
            }
            _ => {}
        }
    }
    Ok(section)
}

fn is_function(import: &wasmparser::Import<'_>) -> bool {
    matches!(import.ty, wasmparser::TypeRef::Func(_))
}

/// Chooses hints for some branches of a body. Their offsets count from the start of its locals.
fn of_body(u: &mut Unstructured<'_>, body: &wasmparser::FunctionBody<'_>) -> Result<Vec<BranchHint>> {
    let mut hints = Vec::new();
    let start = body.range().start;
    let operators = body.get_operators_reader().map_err(|_| Error::IncorrectFormat)?;
    for item in operators.into_iter_with_offsets() {
        let (operator, offset) = item.map_err(|_| Error::IncorrectFormat)?;
        if matches!(operator, Operator::If { .. } | Operator::BrIf { .. }) && u.ratio(2, 3)? {
            let branch_func_offset = u32::try_from(offset - start).map_err(|_| Error::IncorrectFormat)?;
            hints.push(BranchHint { branch_func_offset, branch_hint_value: u.int_in_range(0..=1)? });
        }
    }
    Ok(hints)
}
