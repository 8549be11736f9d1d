//! Modules ([Modules](https://webassembly.github.io/spec/core/syntax/modules.html)): bytes that have been decoded and
//! validated, with a description of all but the instructions.
//!
//! Function bodies and constant expressions stay in the bytes. A store reads them there when they are first run.
//!
//! | file | holds |
//! |---|---|
//! | `description` | what a module consists of |
//! | `read` | bytes to description, with validation by wasmparser |
//! | `refusal` | why a module is refused: malformed, invalid, or too large |
//! | `names` | the name section |

mod description;
mod names;
mod read;
mod refusal;
#[cfg(test)]
mod tests;

use crate::config::Engine;
use crate::error::Result;
use crate::rewrite::{self, Code};
use crate::types::{ExternType, TypeIndex};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use names::Names;
use once_cell::race::OnceBox;
use wasmparser::{BinaryReader, FunctionBody, OperatorsReader, WasmFeatures};

pub(crate) use description::{
    ConstExpr, DataMode, DataSegment, Description, ElementItems, ElementMode, ElementSegment, Export, ExportItem,
    Import,
};

/// A validated module. Clones share it, and stores of several threads can.
#[derive(Clone)]
pub struct Module(Arc<Contents>);

struct Contents {
    engine: Engine,
    bytes: Box<[u8]>,
    features: WasmFeatures,
    description: Description,
    /// The code of the defined functions, which the first call of each makes.
    code: Box<[OnceBox<Arc<Code>>]>,
    /// For each offset of the binary, whether straight code that begins there was executed. Empty unless the engine
    /// tracks code.
    executed: Box<[AtomicBool]>,
    /// The number of instructions that code which is still to be made may have.
    room_for_code: AtomicUsize,
    names: OnceBox<Names>,
}

/// An import of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportType<'a> {
    /// The name of the module that it comes from.
    pub module: &'a str,
    /// The name within that module.
    pub name: &'a str,
    /// The type. Its defined types are those of the module.
    pub ty: ExternType<TypeIndex>,
}

/// An export of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportType<'a> {
    /// The name.
    pub name: &'a str,
    /// The type. Its defined types are those of the module.
    pub ty: ExternType<TypeIndex>,
}

impl Module {
    /// Decodes and validates a module in the binary format.
    ///
    /// # Errors
    /// Kind [`Malformed`](crate::ErrorKind::Malformed), [`Invalid`](crate::ErrorKind::Invalid),
    /// [`TooLarge`](crate::ErrorKind::TooLarge) or [`Unsupported`](crate::ErrorKind::Unsupported), with the offset in
    /// the binary.
    pub fn new(engine: &Engine, wasm: &[u8]) -> Result<Module> {
        let features = read::parser_features(engine.config().features);
        let description = read::read(features, wasm)?;
        let code = description.bodies.iter().map(|_| OnceBox::new()).collect();
        let room_for_code = rewrite::room_for_code(wasm.len()).into();
        let tracked = if engine.config().tracks_code { wasm.len() } else { 0 };
        let executed = (0..tracked).map(|_| AtomicBool::new(false)).collect();
        let (engine, bytes, names) = (engine.clone(), wasm.into(), OnceBox::new());
        let contents = Contents { engine, bytes, features, description, code, executed, room_for_code, names };
        Ok(Module(Arc::new(contents)))
    }

    /// Validates a module in the binary format.
    ///
    /// # Errors
    /// Those of [`Module::new`].
    pub fn validate(engine: &Engine, wasm: &[u8]) -> Result<()> {
        read::read(read::parser_features(engine.config().features), wasm).map(drop)
    }

    /// Returns the engine that the module was made with.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Returns the module's name, from its name section.
    pub fn name(&self) -> Option<&str> {
        self.names().module()
    }

    /// Returns the imports, in the order of the binary.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        let description = self.description();
        description.imports.iter().map(|import| ImportType {
            module: &import.module,
            name: &import.name,
            ty: import.ty.spell_out(|ty| description.func_type(ty)),
        })
    }

    /// Returns the exports, in the order of the binary.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        let description = self.description();
        let ty = |item| description.entity_type(item).spell_out(|ty| description.func_type(ty));
        description.exports.iter().map(move |export| ExportType { name: &export.name, ty: ty(export.item) })
    }

    /// Returns the type of an export; `None` if there is none of this name.
    pub fn get_export(&self, name: &str) -> Option<ExternType<TypeIndex>> {
        let description = self.description();
        let ty = description.entity_type(description.export(name)?.item);
        Some(ty.spell_out(|ty| description.func_type(ty)))
    }

    /// Returns whether any store has called the function with this index, which the module defines.
    pub fn was_called(&self, func: u32) -> bool {
        self.description().defined(func).is_some_and(|defined| self.code(defined).get().is_some())
    }

    /// Returns where straight code begins, as offsets in the binary in order, that no store has executed in a function
    /// which was called. Straight code ends at calls, branches, and beginnings and ends of blocks. Empty unless the
    /// engine [tracks code](crate::Config::track_code).
    pub fn skipped_code(&self, func: u32) -> Vec<u32> {
        let defined = self.description().defined(func);
        let Some(code) = defined.and_then(|defined| self.code(defined).get()) else { return Vec::new() };
        code.straight.iter().copied().filter(|at| !self.was_executed(*at)).collect()
    }

    fn was_executed(&self, offset: u32) -> bool {
        self.0.executed[offset as usize].load(Ordering::Relaxed)
    }

    /// Notes that the straight code at this offset is executed.
    pub(crate) fn mark_executed(&self, offset: u32) {
        self.0.executed[offset as usize].store(true, Ordering::Relaxed);
    }

    /// Returns the bytes of the module.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Returns all but the instructions.
    #[inline]
    pub(crate) fn description(&self) -> &Description {
        &self.0.description
    }

    /// Returns the cell for the code of the defined function at this position.
    #[inline]
    pub(crate) fn code(&self, defined: u32) -> &OnceBox<Arc<Code>> {
        &self.0.code[defined as usize]
    }

    /// Returns the number of instructions that code which is still to be made may have.
    pub(crate) fn room_for_code(&self) -> usize {
        self.0.room_for_code.load(Ordering::Relaxed)
    }

    /// Notes that code with this number of instructions was made. Threads that make code at one time may together
    /// exceed the room once.
    pub(crate) fn take_room_for_code(&self, ops: usize) {
        let taken = |room: usize| Some(room.saturating_sub(ops));
        // The closure never refuses.
        let _ = self.0.room_for_code.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
    }

    /// Returns the body of the defined function at this position: its locals and instructions.
    pub(crate) fn body(&self, defined: u32) -> FunctionBody<'_> {
        let (start, end) = self.description().bodies[defined as usize];
        FunctionBody::new(self.reader(start, end))
    }

    /// Returns the instructions of a constant expression.
    pub(crate) fn const_expr(&self, expression: ConstExpr) -> OperatorsReader<'_> {
        OperatorsReader::new(self.reader(expression.start, expression.end))
    }

    /// Returns the bytes of a data segment.
    pub(crate) fn data(&self, segment: &DataSegment) -> &[u8] {
        &self.0.bytes[segment.start as usize..segment.end as usize]
    }

    /// Returns the name of a function, from the name section.
    pub(crate) fn func_name(&self, func: u32) -> Option<&str> {
        self.names().func(func)
    }

    fn names(&self) -> &Names {
        self.0.names.get_or_init(|| Box::new(Names::read(self.bytes(), self.description())))
    }

    /// Reads a part of the bytes as validation has read it, for which the features matter.
    fn reader(&self, start: u32, end: u32) -> BinaryReader<'_> {
        BinaryReader::new_features(&self.0.bytes[start as usize..end as usize], start.into(), self.0.features)
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.name()).field("bytes", &self.bytes().len()).finish()
    }
}
