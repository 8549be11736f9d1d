//! The store: everything that exists at run time, but for the embedder's data and its host functions.

use super::{GlobalInstance, Metering, StoreLimits, TableInstance, TagInstance};
use crate::Trap;
use crate::config::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::execute::{Frame, Prompt};
#[cfg(feature = "planted-faults")]
use crate::fault::Fault;
use crate::gc::{Heap, Roots, StoreId};
use crate::memory::MemoryInstance;
use crate::module::Module;
use crate::rewrite::{self, Code};
use crate::slot::{RawRef, WINDOW};
use crate::types::{CanonicalTypes, TypeId};
use crate::values::Referents;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// The number of slots that frames may take in the first stack of a store, if the limit allows them.
const FIRST_STACK: usize = 1024;

/// The part of a store that does not depend on the embedder's data
/// ([Store](https://webassembly.github.io/spec/core/exec/runtime.html#store)). What it holds is named by address, an
/// index into one of the lists.
pub(crate) struct StoreInner {
    pub(crate) engine: Engine,
    pub(crate) types: CanonicalTypes,
    pub(crate) functions: Vec<Function>,
    pub(crate) instances: Vec<ModuleInstance>,
    pub(crate) tables: Vec<TableInstance>,
    pub(crate) memories: Vec<MemoryInstance>,
    pub(crate) globals: Vec<GlobalInstance>,
    pub(crate) tags: Vec<TagInstance>,
    pub(crate) heap: Heap,
    pub(crate) metering: Metering,
    pub(crate) limits: StoreLimits,
    /// The slots of all frames, and the rest of the window of the last one. It grows as calls need it.
    pub(crate) stack: Vec<u64>,
    /// The number of slots that frames may take before the stack grows.
    pub(crate) stack_ready: usize,
    /// The number of slots that frames may take.
    pub(crate) stack_limit: usize,
    /// The active calls, the outermost first.
    pub(crate) frames: Vec<Frame>,
    /// The beginnings of the continuations that run, the outermost first.
    pub(crate) prompts: Vec<Prompt>,
    /// The number of active calls that are allowed.
    pub(crate) max_depth: usize,
    /// The number of calls by the embedder that are under way, one inside the other.
    pub(crate) activations: usize,
    /// The first slot that nothing uses, while the embedder's code runs.
    pub(crate) first_free: usize,
}

/// A function ([Function instances](https://webassembly.github.io/spec/core/exec/runtime.html#function-instances)).
pub(crate) struct Function {
    pub(crate) ty: TypeId,
    /// The address of the instance that the function is defined in; that of a host function is never used.
    pub(crate) instance: u32,
    pub(crate) kind: FunctionKind,
    /// The code of a WebAssembly function, once it has been called.
    pub(crate) code: Option<Arc<Code>>,
}

/// The origin of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FunctionKind {
    /// Defined in a module, with this index.
    Wasm(u32),
    /// Defined by the embedder, with this index among the host functions of the store.
    Host(u32),
    /// A constant expression that is evaluated.
    Expression,
}

/// An instance of a module
/// ([Module instances](https://webassembly.github.io/spec/core/exec/runtime.html#module-instances)): for each index space
/// the addresses.
pub(crate) struct ModuleInstance {
    pub(crate) module: Module,
    pub(crate) types: Box<[TypeId]>,
    pub(crate) functions: Box<[u32]>,
    pub(crate) tables: Box<[u32]>,
    pub(crate) memories: Box<[u32]>,
    pub(crate) globals: Box<[u32]>,
    pub(crate) tags: Box<[u32]>,
    /// The elements of each segment, as references; none once it was dropped.
    pub(crate) elements: Vec<Box<[u64]>>,
    /// For each data segment, whether it was dropped.
    pub(crate) dropped_data: Box<[bool]>,
}

impl StoreInner {
    /// Returns an empty store.
    pub(crate) fn new(engine: &Engine) -> StoreInner {
        let config = engine.config();
        let stack_limit = config.max_stack / size_of::<u64>();
        let limits = StoreLimits::new();
        StoreInner {
            engine: engine.clone(),
            types: CanonicalTypes::default(),
            functions: Vec::new(),
            instances: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            heap: Heap::new(Roots::new(StoreId::new()), limits.largest_heap(), config.gc_zeal),
            metering: Metering::new(engine),
            limits,
            stack: Vec::new(),
            stack_ready: 0,
            stack_limit,
            frames: Vec::new(),
            prompts: Vec::new(),
            max_depth: config.max_call_depth,
            activations: 0,
            first_free: 0,
        }
    }

    /// Returns the identity of the store, which its handles carry.
    pub(crate) fn id(&self) -> StoreId {
        self.heap.roots.store()
    }

    /// Checks that an item belongs to this store. `what` names its kind.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] if it belongs to another store.
    pub(crate) fn check(&self, owner: StoreId, what: &str) -> Result<()> {
        if owner == self.id() {
            return Ok(());
        }
        let message = format!("the {what} belongs to another store than the one with which it is used");
        Err(Error::new(ErrorKind::Usage, message))
    }

    /// Adds a function. Returns its address.
    pub(crate) fn add_function(&mut self, function: Function) -> u32 {
        self.functions.push(function);
        self.functions.len() as u32 - 1
    }

    /// Makes sure that the stack has room for frames up to a slot, and for a window that begins there.
    ///
    /// # Errors
    ///
    /// [`Trap::StackOverflow`] if that is past the limit.
    pub(crate) fn reserve_stack(&mut self, end: usize) -> Result<(), Trap> {
        if end > self.stack_limit {
            return Err(Trap::StackOverflow);
        }
        if end + WINDOW > self.stack.len() {
            self.grow_stack(end);
        }
        Ok(())
    }

    /// Makes the stack larger. A new store has none, and a small module never needs more than the first.
    #[cold]
    fn grow_stack(&mut self, end: usize) {
        self.stack_ready = end.max(2 * self.stack_ready).max(FIRST_STACK).min(self.stack_limit);
        // Zeroed memory comes from the system page by page, when it is touched; so only what is copied costs time.
        let mut stack = vec![0; self.stack_ready + WINDOW];
        stack[..self.stack.len()].copy_from_slice(&self.stack);
        self.stack = stack;
    }

    /// Removes the frames above the first `count`, and the continuations whose frames these were.
    pub(crate) fn leave_frames(&mut self, count: usize) {
        self.frames.truncate(count);
        let gone = |prompt: &Prompt| prompt.depth as usize >= count;
        while self.prompts.pop_if(|prompt| gone(prompt)).is_some() {}
    }

    /// Returns the end of the slots that the active calls use.
    pub(crate) fn end_of_frames(&self) -> usize {
        self.frames.last().map_or(0, |frame| {
            let code = self.functions[frame.function as usize].code.as_deref();
            frame.base as usize + code.map_or(0, |code| code.slots as usize)
        })
    }

    /// Returns the code of a WebAssembly function, which is made when the function is called for the first time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] if the body cannot be rewritten.
    pub(crate) fn code(&mut self, address: u32) -> Result<&Code> {
        let function = &mut self.functions[address as usize];
        if let (None, FunctionKind::Wasm(index)) = (&function.code, function.kind) {
            let module = &self.instances[function.instance as usize].module;
            function.code = Some(rewrite::code_of(module, index)?);
        }
        let code = self.functions[address as usize].code.as_deref();
        code.ok_or_else(|| Error::new(ErrorKind::Usage, "a host function has no code"))
    }

    /// Collects garbage, and makes sure that an object of so many bytes fits the heap.
    ///
    /// # Errors
    ///
    /// [`Trap::OutOfHeap`] if it does not.
    pub(crate) fn make_room(&mut self, size: u64) -> Result<(), Trap> {
        let end = self.end_of_frames();
        #[cfg(feature = "planted-faults")]
        let fault = self.engine.config().fault;
        let StoreInner { heap, stack, globals, tables, instances, .. } = self;
        heap.make_room(size, |marker| {
            #[cfg(feature = "planted-faults")]
            let end = if fault == Some(Fault::StackNotTraced) { 0 } else { end };
            marker.mark_slots(&stack[..end]);
            for global in globals.iter() {
                marker.mark(RawRef(global.slot()));
            }
            for table in tables.iter() {
                marker.mark_slots(table.slots());
            }
            for instance in instances.iter() {
                for segment in &instance.elements {
                    marker.mark_slots(segment);
                }
            }
        })
    }
}

impl Referents for StoreInner {
    fn heap(&self) -> &Heap {
        &self.heap
    }

    fn heap_mut(&mut self) -> &mut Heap {
        &mut self.heap
    }

    fn types(&self) -> &CanonicalTypes {
        &self.types
    }

    fn function_type(&self, address: u32) -> TypeId {
        self.functions[address as usize].ty
    }

    fn make_room(&mut self, size: u64) -> Result<(), Trap> {
        StoreInner::make_room(self, size)
    }
}

impl ModuleInstance {
    /// Returns the bytes of a data segment, which are none once it was dropped.
    pub(crate) fn data(&self, segment: u32) -> &[u8] {
        if self.dropped_data[segment as usize] {
            return &[];
        }
        self.module.data(&self.module.description().data[segment as usize])
    }
}
