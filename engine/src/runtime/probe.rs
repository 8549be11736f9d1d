//! Questions to the tables of a loaded module, as traps, exceptions, collections and backtraces ask them, but without
//! running code. The fuzzer's oracle of artifacts asks them about forged modules.

use super::Module;
use super::code::CODE;
use crate::unwind::frame::FrameAddress;
use crate::wasm::index::DefinedFuncIndex;

/// Asks the tables of a module about an address, given as an offset into its code. It may lie outside. Returns the
/// number of answers.
///
/// # Panics
/// When an answer points out of the code.
#[doc(hidden)]
pub fn ask_tables(module: &Module, offset: u64) -> usize {
    let text = module.code().addresses();
    let pc = text.start.wrapping_add(offset);
    let reader = CODE.read();
    let mut answers = 0;
    for address in [FrameAddress::Instruction(pc), FrameAddress::Return(pc)] {
        let Some(found) = reader.at(address.lookup()) else {
            assert!(!text.contains(&address.lookup()), "loaded code is not registered");
            continue;
        };
        let kind = found.function_kind_at(address.lookup());
        let frame = found.frame_at(address).map(|frame| frame.to_string());
        let slots = found.stack_map_at(address).map(|map| map.slots().filter(|&slot| slot < map.frame_size).count());
        answers += usize::from(found.trap_at(pc).is_some()) + usize::from(kind.is_some());
        answers += usize::from(frame.is_some()) + usize::from(found.unwind_rule(address).is_ok()) + slots.unwrap_or(0);
        for handler in found.handlers_at(address).iter().flat_map(|site| site.handlers()) {
            assert!(text.contains(&found.handler_address(handler)), "a handler is outside of the code");
            answers += 1;
        }
    }
    answers
}

/// Asks for the code of every function and trampoline of a module. Returns their number.
///
/// # Panics
/// When one is outside of the code.
#[doc(hidden)]
pub fn ask_functions(module: &Module) -> usize {
    let (code, wasm) = (module.code(), module.wasm());
    let text = code.addresses();
    let defined = wasm.functions.len() - wasm.imported_functions as usize;
    let functions = (0..defined).map(|position| code.function(DefinedFuncIndex::new(position)).addr());
    let metadata = code.metadata();
    let entries = metadata.entries.iter().filter_map(|(ty, _)| Some(code.entry(ty)? as usize));
    let exits = metadata.exits.iter().filter_map(|(ty, _)| Some(code.exit(metadata.exit(ty)?).addr()));
    let inside = |address: usize| assert!(text.contains(&(address as u64)), "a function is outside of the code");
    functions.chain(entries).chain(exits).map(inside).count()
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::*;
    use crate::runtime::Engine;

    #[test]
    fn a_sound_module_has_answers() {
        let text = "(module (import \"\" \"g\" (func)) (func $f (export \"f\") (param i32) (i32.div_u (local.get 0) (local.get 0)) drop))";
        let module = Module::new(&Engine::default(), text).unwrap();
        let text = module.code().addresses();
        let answers: usize = (0..text.end - text.start).map(|offset| ask_tables(&module, offset)).sum();
        assert!(answers > 100, "{answers}");
        assert_eq!(ask_tables(&module, text.end - text.start + 1), 0);
        assert_eq!(ask_tables(&module, u64::MAX), 0);
        assert_eq!(ask_functions(&module), 3, "a function, its entry, and the exit of the import");
    }
}
