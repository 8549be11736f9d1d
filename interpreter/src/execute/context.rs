//! The view of the store that a rare instruction has: operands, and what indices of its instance name.

use super::Frame;
use crate::Trap;
use crate::gc::{Failure, Heap};
use crate::memory::MemoryInstance;
use crate::rewrite::Code;
use crate::rewrite::rare::Rare;
use crate::slot::{Operand, RawRef, Reg};
use crate::store::{ModuleInstance, StoreInner, TableInstance};
use crate::types::TypeId;
use crate::values::Referents;

/// The store while an instruction of its innermost frame is executed.
pub(crate) struct Context<'a> {
    pub(crate) store: &'a mut StoreInner,
    frame: Frame,
}

impl<'a> Context<'a> {
    pub(super) fn new(store: &'a mut StoreInner, frame: Frame) -> Context<'a> {
        Context { store, frame }
    }

    /// Reads the value whose first slot is `at`.
    #[inline(always)]
    pub(crate) fn get<T: Operand>(&mut self, at: Reg) -> T {
        T::read(super::window(&mut self.store.stack, self.frame.base), at)
    }

    /// Reads an operand of the instruction; 0 is the lowest.
    #[inline(always)]
    pub(crate) fn operand<T: Operand>(&mut self, rare: &Rare, index: usize) -> T {
        self.get(rare.operands[index])
    }

    /// Writes the result of the instruction.
    #[inline(always)]
    pub(crate) fn set_result(&mut self, rare: &Rare, value: impl Operand) {
        value.write(super::window(&mut self.store.stack, self.frame.base), rare.d);
    }

    /// Makes an object. If the heap has no room, collects garbage and tries again.
    ///
    /// # Errors
    ///
    /// [`Trap::OutOfHeap`] if there is no room for it, or the trap of the instruction.
    pub(crate) fn allocate(&mut self, make: impl Fn(&mut Heap) -> Result<RawRef, Failure>) -> Result<RawRef, Trap> {
        self.store.allocate(make)
    }

    /// Makes an object of slots of the frame that lie in a row, as [`allocate`](Context::allocate) does. The slots are
    /// read where they are.
    ///
    /// # Errors
    ///
    /// Those of [`allocate`](Context::allocate).
    pub(crate) fn allocate_from_row(
        &mut self,
        first: u32,
        count: u32,
        make: impl Fn(&mut Heap, &[u64]) -> Result<RawRef, Failure>,
    ) -> Result<RawRef, Trap> {
        let start = (self.frame.base + first) as usize;
        let row = start..start + count as usize;
        let StoreInner { heap, stack, .. } = &mut *self.store;
        match make(heap, &stack[row.clone()]) {
            Ok(object) => return Ok(object),
            Err(Failure::Trap(trap)) => return Err(trap),
            Err(Failure::NoRoom(size)) => self.store.make_room(size)?,
        }
        let StoreInner { heap, stack, .. } = &mut *self.store;
        make(heap, &stack[row]).map_err(|failure| match failure {
            Failure::Trap(trap) => trap,
            Failure::NoRoom(_) => Trap::OutOfHeap,
        })
    }

    /// Returns a slot of the frame.
    pub(crate) fn slot(&self, index: u32) -> u64 {
        self.store.stack[(self.frame.base + index) as usize]
    }

    /// Writes the old size of something that was to grow, or -1; `y` tells whether sizes have 64 bits.
    pub(crate) fn set_size(&mut self, rare: &Rare, old: u64) {
        if rare.y == 1 { self.set_result(rare, old) } else { self.set_result(rare, old as u32) }
    }

    /// Returns the address of the instance of the function.
    pub(crate) fn instance_address(&self) -> usize {
        self.frame.instance as usize
    }

    /// Returns the instance of the function.
    pub(crate) fn instance(&self) -> &ModuleInstance {
        &self.store.instances[self.frame.instance as usize]
    }

    /// Returns the instance of the function.
    pub(crate) fn instance_mut(&mut self) -> &mut ModuleInstance {
        &mut self.store.instances[self.frame.instance as usize]
    }

    /// Returns the code of the function.
    pub(crate) fn code(&self) -> &Code {
        self.store.functions[self.frame.function as usize].code.as_deref().expect("a function that runs has code")
    }

    /// Returns the type that an index of the module names.
    pub(crate) fn ty(&self, index: u32) -> TypeId {
        self.instance().types[index as usize]
    }

    /// Returns the address of the memory that an index of the module names.
    pub(crate) fn memory_address(&self, index: u32) -> usize {
        self.instance().memories[index as usize] as usize
    }

    /// Returns the memory that an index of the module names.
    pub(crate) fn memory(&mut self, index: u32) -> &mut MemoryInstance {
        let address = self.memory_address(index);
        &mut self.store.memories[address]
    }

    /// Returns the address of the table that an index of the module names.
    pub(crate) fn table_address(&self, index: u32) -> usize {
        self.instance().tables[index as usize] as usize
    }

    /// Returns the table that an index of the module names.
    pub(crate) fn table(&mut self, index: u32) -> &mut TableInstance {
        let address = self.table_address(index);
        &mut self.store.tables[address]
    }
}
