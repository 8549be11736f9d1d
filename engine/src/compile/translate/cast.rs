//! Which type something is of: comparisons of canonical ids ([`canonical`](crate::wasm::canonical)).

use super::FuncTranslator;
use super::access::immediate;
use crate::abi::builtins::Builtin;
use crate::abi::vmctx::{DISPLAY, TypeEntry, VmContext};
use crate::wasm::canonical::SERIAL_BITS;
use crate::wasm::index::TypeIndex;
use core::mem::offset_of;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl FuncTranslator<'_> {
    /// The canonical id of a type of this module.
    pub(super) fn type_id(&mut self, ty: TypeIndex) -> Value {
        let (constant, vmctx) = (self.constant_flags(), self.vmctx);
        let ids = self.ins().load(types::I64, constant, vmctx, offset_of!(VmContext, type_ids) as i32);
        self.ins().load(types::I32, constant, ids, immediate(ty.0 * 4))
    }

    /// Whether the type with the id `actual` is `ty`, whose id is `expected`, or extends it; not zero if so.
    ///
    /// A type's chain of supertypes stands in its entry of the engine's table, by depth: `ty`, if it is in the chain, has
    /// its place there. Few chains are longer than an entry; the runtime walks those.
    pub(super) fn extends(&mut self, actual: Value, ty: TypeIndex, expected: Value) -> Value {
        let depth = self.depth(ty);
        if depth >= DISPLAY {
            let answer = self.call_builtin(Builtin::TypeExtends, &[actual, expected]);
            return self.ins().ireduce(types::I32, answer);
        }
        let (constant, vmctx) = (self.constant_flags(), self.vmctx);
        let table = self.ins().load(types::I64, constant, vmctx, offset_of!(VmContext, type_table) as i32);
        // The kind in the upper bits is shifted out.
        let position = self.ins().ishl_imm_u(actual, i64::from(u32::BITS - SERIAL_BITS));
        let position = self.ins().uextend(types::I64, position);
        let entry = self.ins().iadd(table, position);
        let place = offset_of!(TypeEntry, display) + depth * size_of::<u32>();
        let ancestor = self.ins().load(types::I32, constant, entry, place as i32);
        self.ins().icmp(IntCC::Equal, ancestor, expected)
    }

    /// How many types a type of this module extends.
    fn depth(&self, ty: TypeIndex) -> usize {
        let types = &self.env.module.types;
        let above = |ty: &usize| types[*ty].supertype.map(|supertype| supertype.index as usize);
        core::iter::successors(Some(ty.index()), above).count() - 1
    }
}
