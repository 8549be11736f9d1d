//! The linker: pieces of machine code in, the bytes of an artifact out.
//!
//! It places the pieces in the order of their symbols, resolves every relocation, adds the start of its piece to each
//! offset in a table, and hands everything to [`artifact::write`](crate::artifact::write). All relocations refer to the
//! text itself; any other is an error. The same pieces make the same bytes.

use super::arch;
use super::codegen::CompiledCode;
use super::debug_info::{self, DebugInput};
#[cfg(feature = "planted-faults")]
use super::planted_faults;
use super::symbol::Symbol;
use crate::abi::signature::LoweredSignature;
#[cfg(feature = "cache")]
use crate::artifact::digest;
use crate::artifact::functions::{FunctionEntry, FunctionKind};
use crate::artifact::handlers;
use crate::artifact::metadata::{self, Metadata};
use crate::artifact::write::{self, PAGE, Parts};
use crate::base::{Config, Error, ErrorKind, Result, TextOffset, Trap, WasmOffset};
use crate::wasm::index::{DefinedFuncIndex, FuncIndex};
use crate::wasm::module::Module;
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::settings::Value;
use gimli::write::FrameDescriptionEntry;

/// The contents of an artifact.
pub(crate) struct LinkInput<'a> {
    pub(crate) config: &'a Config,
    pub(crate) isa: &'a dyn TargetIsa,
    pub(crate) module: &'a Module,
    /// The functions' names, sorted by index.
    pub(crate) func_names: &'a [(FuncIndex, String)],
    /// The bytes of all data segments, which are ranges of them.
    pub(crate) data: &'a [u8],
    /// All pieces of code, sorted by symbol.
    pub(crate) code: Vec<CompiledCode>,
    /// The binary, for the debug information.
    pub(crate) wasm: &'a [u8],
}

/// Links an artifact.
///
/// # Errors
/// Kind [`TooLarge`](ErrorKind::TooLarge) if the code does not fit, and [`Unsupported`](ErrorKind::Unsupported) if the
/// compiler made something that an artifact cannot hold.
pub(crate) fn link(input: LinkInput<'_>) -> Result<Vec<u8>> {
    let LinkInput { config, isa, module, func_names, data, code, wasm } = input;
    debug_assert!(code.is_sorted_by(|one, other| one.symbol < other.symbol), "one piece per symbol, in order");
    if 1usize.checked_shl(isa.page_size_align_log2().into()).is_none_or(|page| page > PAGE) {
        return Err(internal_error("the target's pages are larger than the artifact's"));
    }
    let placed = place(&code)?;
    let text = fill(&code, &placed)?;
    let functions = functions(&code, &placed, module);
    #[cfg(feature = "planted-faults")]
    let functions = planted_faults::plant_in_functions(functions, config.fault);
    #[cfg(feature = "planted-faults")]
    let func_names = &planted_faults::plant_in_names(func_names, config.fault);
    let metadata = Metadata {
        module: module.clone(),
        target: target(isa),
        cpu_features: cpu_features(&isa.isa_flags())?,
        settings: config.into(),
        entries: trampolines(&code, &placed, |symbol| match symbol {
            Symbol::Entry(signature) => Some(signature),
            _ => None,
        }),
        exits: trampolines(&code, &placed, |symbol| match symbol {
            Symbol::Exit(signature) => Some(signature),
            _ => None,
        }),
        unoptimized: unoptimized(&code),
    };
    let pieces = || code.iter().zip(&placed);
    write::write(Parts {
        metadata: &metadata,
        functions: &functions,
        cie: isa.create_systemv_cie().ok_or_else(|| internal_error("the target has no unwind information"))?,
        fdes: pieces().map(|(piece, start)| fde(piece, *start, text.len())).collect(),
        text,
        traps: &traps(pieces())?,
        source_map: &source_map(pieces()),
        names: func_names,
        handlers: &pieces().flat_map(|(piece, start)| handlers(piece, *start)).collect::<Vec<_>>(),
        stack_maps: &pieces().flat_map(|(piece, start)| stack_maps(piece, *start)).collect::<Vec<_>>(),
        data,
        debug_info: config
            .debug_info
            .then(|| debug_info::build(&DebugInput { wasm, module, func_names, code: &code, placed: &placed })),
        key: config.artifact_key.as_ref(),
    })
}

/// Returns a digest of everything but the module that decides an artifact.
///
/// # Errors
/// Kind [`Unsupported`](ErrorKind::Unsupported) if the loader has no check for a CPU feature that the code would use.
#[cfg(feature = "cache")]
pub(crate) fn identity(config: &Config, isa: &dyn TargetIsa) -> Result<[u8; 32]> {
    let cpu_features = cpu_features(&isa.isa_flags())?;
    Ok(digest::identity(&target(isa), &cpu_features, &config.into(), config.artifact_key.as_ref()))
}

/// Returns the name of the target, as artifacts record it.
fn target(isa: &dyn TargetIsa) -> String {
    metadata::target(&isa.triple().architecture.to_string(), &isa.triple().operating_system.to_string())
}

/// The error for a mistake of the compiler: it made something that an artifact cannot hold.
fn internal_error(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("the compiled code cannot be linked (an internal error of the compiler): {what}"),
    )
}

/// Returns an offset of a piece as an offset of the text.
fn text_offset(start: TextOffset, offset: u32) -> TextOffset {
    TextOffset(start.0 + offset)
}

/// Assigns each piece the offset at which it starts.
fn place(code: &[CompiledCode]) -> Result<Vec<TextOffset>> {
    let mut starts = Vec::with_capacity(code.len());
    let mut end = 0u64;
    for piece in code {
        let start = end.next_multiple_of(piece.alignment.into());
        end = start + piece.code.len() as u64;
        // Relocations and FDEs hold distances of 32 bits, which must span the text and the unwind tables after it.
        if end >= (i32::MAX / 2) as u64 {
            return Err(Error::new(ErrorKind::TooLarge, "the module compiles to more than 1 GiB of machine code"));
        }
        starts.push(TextOffset(start as u32));
    }
    Ok(starts)
}

/// Builds the text: all pieces at their offsets, relocated. It consists of whole pages, at least one.
fn fill(code: &[CompiledCode], placed: &[TextOffset]) -> Result<Vec<u8>> {
    // The protection of the text applies to whole pages: another section must not share its last one.
    let end = code.iter().zip(placed).map(|(piece, start)| start.0 as usize + piece.code.len()).max().unwrap_or(0);
    let mut text = vec![arch::PADDING; end.next_multiple_of(PAGE).max(PAGE)];
    for (piece, start) in code.iter().zip(placed) {
        let bytes = &mut text[start.0 as usize..][..piece.code.len()];
        bytes.copy_from_slice(&piece.code);
        for relocation in &piece.relocs {
            let target = code.binary_search_by(|other| other.symbol.cmp(&relocation.target)).map_err(|_| {
                internal_error(&format!("{:?} refers to {:?}, which does not exist", piece.symbol, relocation.target))
            })?;
            let place = i64::from(start.0) + i64::from(relocation.offset);
            let field = bytes.get_mut(relocation.offset as usize..).unwrap_or_default();
            arch::relocate(field, relocation.kind, place, placed[target].0.into(), relocation.addend)
                .map_err(|reason| internal_error(&reason))?;
        }
    }
    Ok(text)
}

/// Builds the table of functions. The number of a trampoline is its position in the metadata's list.
fn functions(code: &[CompiledCode], placed: &[TextOffset], module: &Module) -> Vec<FunctionEntry> {
    let (mut entries, mut exits) = (0.., 0..);
    let mut function = |(piece, &start): (&CompiledCode, &TextOffset)| {
        let kind = match piece.symbol {
            Symbol::Function(index) => FunctionKind::Function(module.func_index(index)),
            Symbol::Entry(_) => FunctionKind::Entry(entries.next().expect("the range has no end")),
            Symbol::Exit(_) => FunctionKind::Exit(exits.next().expect("the range has no end")),
            Symbol::Builtin(builtin) => FunctionKind::Builtin(builtin),
            Symbol::Fallback(fallback) => FunctionKind::Fallback(fallback as u32),
        };
        FunctionEntry { kind, start, end: text_offset(start, piece.code.len() as u32) }
    };
    code.iter().zip(placed).map(&mut function).collect()
}

/// Lists the functions past their budget.
fn unoptimized(code: &[CompiledCode]) -> Vec<DefinedFuncIndex> {
    let unoptimized = code.iter().filter(|piece| piece.is_unoptimized);
    let index = |piece: &CompiledCode| match piece.symbol {
        Symbol::Function(index) => Some(index),
        _ => None,
    };
    unoptimized.filter_map(index).collect()
}

/// Lists the trampolines that `select` selects, with their offsets.
fn trampolines(
    code: &[CompiledCode],
    placed: &[TextOffset],
    select: impl Fn(&Symbol) -> Option<&LoweredSignature>,
) -> Vec<(LoweredSignature, TextOffset)> {
    code.iter().zip(placed).filter_map(|(piece, &start)| Some((select(&piece.symbol)?.clone(), start))).collect()
}

/// Builds the unwind information of a piece.
fn fde(piece: &CompiledCode, start: TextOffset, text: usize) -> FrameDescriptionEntry {
    let mut fde = FrameDescriptionEntry::new(write::fde_address(start, text), piece.code.len() as u32);
    for (offset, rule) in &piece.unwind {
        fde.add_instruction(*offset, rule.clone());
    }
    fde
}

/// Merges the traps of all pieces. Two different traps of one instruction are an error: a lookup would find only one.
fn traps<'a>(pieces: impl Iterator<Item = (&'a CompiledCode, &'a TextOffset)>) -> Result<Vec<(TextOffset, Trap)>> {
    let mut all: Vec<(TextOffset, Trap)> = pieces
        .flat_map(|(piece, &start)| piece.traps.iter().map(move |&(at, trap)| (text_offset(start, at), trap)))
        .collect();
    all.dedup();
    if !all.is_sorted_by(|one, other| one.0 < other.0) {
        return Err(internal_error("two traps at one instruction, or traps out of order"));
    }
    Ok(all)
}

fn source_map<'a>(
    pieces: impl Iterator<Item = (&'a CompiledCode, &'a TextOffset)>,
) -> Vec<(TextOffset, TextOffset, WasmOffset)> {
    let ranges = |(piece, &start): (&'a CompiledCode, &'a TextOffset)| {
        piece
            .source_map
            .iter()
            .map(move |&(first, end, wasm)| (text_offset(start, first), text_offset(start, end), wasm))
    };
    pieces.flat_map(ranges).collect()
}

fn handlers(
    piece: &CompiledCode,
    start: TextOffset,
) -> impl Iterator<Item = (TextOffset, u32, Vec<handlers::Handler>)> {
    piece.call_sites.iter().map(move |site| {
        let handler = |handler: &super::codegen::CompiledHandler| handlers::Handler {
            catch: handler.catch,
            target: text_offset(start, handler.target),
        };
        (text_offset(start, site.return_offset), site.frame_offset, site.handlers.iter().map(handler).collect())
    })
}

fn stack_maps(piece: &CompiledCode, start: TextOffset) -> impl Iterator<Item = (TextOffset, u32, Vec<u32>)> {
    piece.stack_maps.iter().map(move |map| (text_offset(start, map.return_offset), map.frame_size, map.slots.clone()))
}

/// Lists the CPU features that the code may use, by the names that the loader checks.
fn cpu_features(flags: &[Value]) -> Result<Vec<String>> {
    let used = flags.iter().filter(|flag| flag.name.starts_with("has_") && flag.as_bool() == Some(true));
    let known = used.map(|flag| match arch::CPU_FEATURES.iter().find(|(name, _)| *name == flag.name) {
        Some((_, name)) => Ok((*name).to_owned()),
        None => Err(internal_error(&format!("the loader has no check for the CPU feature `{}`", flag.name))),
    });
    let mut features = known.collect::<Result<Vec<_>>>()?;
    features.sort();
    Ok(features)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::builtins::Builtin;
    use crate::abi::signature::MachineType;
    use crate::artifact::{check, inspect};
    use crate::base::Tier;
    use crate::compile::codegen::{self, CompiledCallSite, CompiledHandler, CompiledStackMap, Relocation};
    use crate::compile::isa;
    use crate::compile::value_locations::Variables;
    use crate::wasm::index::TypeIndex;
    use crate::wasm::module::Function;
    use crate::wasm::types::{CompositeType, FuncType, SubType, ValType};
    use cranelift_codegen::binemit::Reloc;
    use cranelift_codegen::isa::OwnedTargetIsa;
    use gimli::write::CallFrameInstruction;

    fn target() -> OwnedTargetIsa {
        isa::build(&Config::new(), Tier::Speed).expect("this host is a target")
    }

    /// Compiles a function that does nothing. Returns its code and its unwind information.
    fn empty(isa: &dyn TargetIsa) -> (Vec<u8>, Vec<(u32, CallFrameInstruction)>) {
        use cranelift_codegen::cursor::{Cursor, FuncCursor};
        use cranelift_codegen::ir::{self, InstBuilder};
        let mut function = ir::Function::new();
        function.signature.call_conv = cranelift_codegen::isa::CallConv::Tail;
        let block = function.dfg.make_block();
        function.layout.append_block(block);
        FuncCursor::new(&mut function).at_bottom(block).ins().return_(&[]);
        let mut context = cranelift_codegen::Context::for_function(function);
        let compiled = context.compile(isa, &mut Default::default()).expect("an empty function compiles");
        let rules =
            arch::call_frame_rules(compiled.code_buffer(), &codegen::reached_blocks(compiled)).expect("it has a frame");
        (compiled.code_buffer().to_vec(), rules)
    }

    fn piece(isa: &dyn TargetIsa, symbol: Symbol) -> CompiledCode {
        let (code, unwind) = empty(isa);
        CompiledCode {
            symbol,
            code,
            alignment: 16,
            relocs: Vec::new(),
            called: Vec::new(),
            is_unoptimized: false,
            traps: Vec::new(),
            source_map: Vec::new(),
            unwind,
            call_sites: Vec::new(),
            stack_maps: Vec::new(),
            variables: Variables::default(),
        }
    }

    fn module(functions: usize) -> Module {
        Module {
            types: vec![SubType::plain(CompositeType::Func(FuncType::new([ValType::I32], [])))],
            rec_groups: vec![1],
            functions: vec![Function { ty: TypeIndex(0), exact: true, func_ref: None }; functions],
            ..Module::default()
        }
    }

    fn linked(isa: &dyn TargetIsa, functions: usize, code: Vec<CompiledCode>) -> Result<Vec<u8>> {
        let module = module(functions);
        link(LinkInput {
            config: &Config::new(),
            isa,
            module: &module,
            func_names: &[],
            data: b"data",
            code,
            wasm: &[],
        })
    }

    fn function(index: u32) -> Symbol {
        Symbol::Function(DefinedFuncIndex(index))
    }

    fn signature() -> LoweredSignature {
        LoweredSignature { params: Box::new([MachineType::I32]), results: Box::new([]) }
    }

    fn call(offset: u32, kind: Reloc, target: Symbol, addend: i64) -> Relocation {
        Relocation { offset, kind, target, addend }
    }

    #[test]
    fn tables_move_with_their_code() {
        let isa = target();
        let mut first = piece(&*isa, function(0));
        first.traps = vec![(0, Trap::Unreachable)];
        let mut second = piece(&*isa, function(1));
        second.traps = vec![(1, Trap::IntegerOverflow)];
        second.source_map = vec![(0, 2, WasmOffset(40))];
        let handlers = vec![CompiledHandler { catch: handlers::Catch::All, target: 1 }];
        second.call_sites = vec![CompiledCallSite { return_offset: 2, frame_offset: 8, handlers }];
        second.stack_maps = vec![CompiledStackMap { return_offset: 2, frame_size: 16, slots: vec![8] }];
        let entry = piece(&*isa, Symbol::Entry(signature()));
        let exit = piece(&*isa, Symbol::Exit(signature()));
        let builtin = piece(&*isa, Symbol::Builtin(Builtin::MemoryGrow));
        let bytes = linked(&*isa, 2, vec![first, second, entry, exit, builtin]).unwrap();

        let (sections, metadata) = check(&bytes, &Config::new()).unwrap();
        let table = crate::artifact::functions::Functions::new(&bytes[sections.functions.clone()]);
        let start = table.defined(DefinedFuncIndex(1)).unwrap().start;
        assert!(start.0 >= 16 && start.0.is_multiple_of(16));
        assert_eq!(metadata.entry(&signature()), Some(table.iter().nth(2).unwrap().start));
        assert_eq!(metadata.exit(&signature()), Some(table.iter().nth(3).unwrap().start));
        assert_eq!(table.iter().nth(4).unwrap().kind, FunctionKind::Builtin(Builtin::MemoryGrow));
        let traps = crate::artifact::traps::Traps::new(&bytes[sections.traps.clone()]);
        assert_eq!(traps.lookup(TextOffset(0)), Some(Trap::Unreachable));
        assert_eq!(traps.lookup(text_offset(start, 1)), Some(Trap::IntegerOverflow));
        let map = crate::artifact::source_map::SourceMap::new(&bytes[sections.source_map.clone()]);
        assert_eq!(map.lookup(text_offset(start, 1)), Some(WasmOffset(40)));
        assert_eq!(map.lookup(text_offset(start, 2)), None);
        let handlers = handlers::Handlers::new(&bytes[sections.handlers.clone()]);
        let site = handlers.lookup(text_offset(start, 2)).unwrap();
        assert_eq!(site.handlers().next().map(|handler| handler.target), Some(text_offset(start, 1)));
        let maps = crate::artifact::stack_maps::StackMaps::new(&bytes[sections.stack_maps.clone()]);
        assert!(maps.lookup(text_offset(start, 2)).unwrap().slots().eq([8]));
        let text = &bytes[sections.text.clone()];
        assert!(text.len().is_multiple_of(PAGE));
        let end = table.iter().last().unwrap().end.0 as usize;
        assert!(text[end..].iter().all(|&byte| byte == arch::PADDING), "the bytes after the code trap");
        assert!(inspect(&bytes).unwrap().is_sound());
    }

    #[test]
    fn relocations_reach_their_targets() {
        let isa = target();
        let mut caller = piece(&*isa, function(0));
        caller.code = vec![0x90; 40];
        caller.relocs = vec![
            call(1, Reloc::X86CallPCRel4, function(1), -4),
            call(10, Reloc::X86PCRel4, function(0), 7),
            call(36, Reloc::X86CallPLTRel4, function(1), -4),
        ];
        let code = [caller, piece(&*isa, function(1))];
        let placed = place(&code).unwrap();
        assert_eq!(placed, [TextOffset(0), TextOffset(48)]);
        let text = fill(&code, &placed).unwrap();
        let word = |at: usize| i32::from_le_bytes(*text[at..].first_chunk().unwrap());
        assert_eq!((word(1), word(10), word(36)), (48 - 4 - 1, 7 - 10, 48 - 4 - 36));
        assert_eq!(text[0], 0x90);
        assert_eq!(text[40..48], [arch::PADDING; 8]);
    }

    #[test]
    fn nothing_external_survives() {
        let isa = target();
        let refused = |relocation: Relocation| {
            let mut code = piece(&*isa, function(0));
            code.code.resize(8, 0x90);
            code.relocs = vec![relocation];
            let code = [code];
            fill(&code, &place(&code).unwrap()).expect_err("this relocation cannot be resolved").to_string()
        };
        assert!(refused(call(0, Reloc::Abs8, function(0), 0)).contains("would survive"));
        assert!(refused(call(0, Reloc::X86GOTPCRel4, function(0), 0)).contains("would survive"));
        assert!(refused(call(0, Reloc::X86CallPCRel4, function(1), -4)).contains("does not exist"));
        assert!(refused(call(0, Reloc::X86CallPCRel4, Symbol::Builtin(Builtin::Raise), -4)).contains("does not exist"));
        assert!(refused(call(5, Reloc::X86CallPCRel4, function(0), -4)).contains("outside of its code"));
        assert!(refused(call(0, Reloc::X86PCRel4, function(0), i64::MAX)).contains("too far"));
        assert!(refused(call(0, Reloc::X86PCRel4, function(0), 1 << 31)).contains("too far"));
    }

    #[test]
    fn no_record_hides_another() {
        let isa = target();
        let linked = |traps| {
            let mut code = piece(&*isa, function(0));
            code.traps = traps;
            linked(&*isa, 1, vec![code])
        };
        linked(vec![(0, Trap::Unreachable), (0, Trap::Unreachable)]).expect("twice the same is no conflict");
        assert!(linked(vec![(0, Trap::Unreachable), (0, Trap::OutOfFuel)]).is_err());
        assert!(linked(vec![(1, Trap::Unreachable), (0, Trap::Unreachable)]).is_err());
    }

    #[test]
    fn same_pieces_same_bytes() {
        let isa = target();
        let linked = || linked(&*isa, 2, vec![piece(&*isa, function(0)), piece(&*isa, function(1))]).unwrap();
        assert_eq!(linked(), linked());
        assert!(
            super::link(LinkInput {
                config: &Config::new(),
                isa: &*isa,
                module: &Module::default(),
                func_names: &[],
                data: &[],
                code: Vec::new(),
                wasm: &[],
            })
            .is_ok()
        );
    }

    #[test]
    fn every_feature_of_the_machine_has_a_check() {
        let isa = target();
        let features = cpu_features(&isa.isa_flags()).unwrap();
        assert!(features.is_sorted());
        let known = isa.isa_flags().iter().filter(|flag| flag.name.starts_with("has_")).count();
        assert_eq!(known, arch::CPU_FEATURES.len(), "the table has each of Cranelift's CPU features");
    }
}
