//! Tests of types at run time, by comparison of canonical ids ([`canonical`](crate::wasm::canonical)), and the
//! instructions that make them ([Reference
//! instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#reference-instructions)).

use super::FuncTranslator;
use super::access::immediate;
use super::operators::operators;
use crate::abi::builtins::Builtin;
use crate::abi::vmctx::{CHUNK_BITS, CHUNKS, DISPLAY, FuncRef, TypeEntry, VmContext};
use crate::base::Trap;
use crate::compile::clif::trap_code;
use crate::wasm::canonical::KIND_SHIFT;
use crate::wasm::index::TypeIndex;
use crate::wasm::types::{self as wasm, CompositeKind, ConcreteType};
use core::mem::offset_of;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};
use wasmparser::{AbstractHeapType, FuncValidator, HeapType, Operator, RefType, WasmModuleResources};

/// A test whether a reference that is not null is of a type.
#[derive(Clone, Copy)]
enum Test {
    /// Every reference is of the type (`true`), or none is (`false`).
    All(bool),
    /// The reference is an `i31`, which its low bit tells.
    I31,
    /// The reference is to an object whose id passes the test, or it is an `i31` and `i31` is set.
    Object { i31: bool, test: IdTest },
    /// The reference is to a function whose type's id passes the test.
    Func(IdTest),
    /// The reference is to a struct with this descriptor.
    Descriptor(Value),
}

/// A test of a canonical id.
#[derive(Clone, Copy)]
enum IdTest {
    /// The id of any defined type.
    Defined,
    /// The id of a type of this kind.
    Kind(CompositeKind),
    /// The id of this type or one that extends it.
    Type(TypeIndex),
    /// The id of this type.
    Exactly(TypeIndex),
}

impl FuncTranslator<'_> {
    operators! {
        visit_ref_test_non_null(self, hty: HeapType) => self.ref_test(hty, false);
        visit_ref_test_nullable(self, hty: HeapType) => self.ref_test(hty, true);
        visit_ref_cast_non_null(self, hty: HeapType) => self.ref_cast(hty, false);
        visit_ref_cast_nullable(self, hty: HeapType) => self.ref_cast(hty, true);
        visit_br_on_cast(self, relative_depth: u32, _from_ref_type: RefType, to_ref_type: RefType) => {
            let is = self.is_of(to_ref_type.heap_type(), to_ref_type.is_nullable());
            self.br_if_value(is, relative_depth);
        };
        visit_br_on_cast_fail(self, relative_depth: u32, _from_ref_type: RefType, to_ref_type: RefType) => {
            let is = self.is_of(to_ref_type.heap_type(), to_ref_type.is_nullable());
            self.br_unless_value(is, relative_depth);
        };
    }

    // Casts that compare descriptors. The type that they name is what validation concludes from the descriptor's: the
    // comparison of descriptors is the whole test.
    operators! {
        visit_ref_cast_desc_eq_non_null(self, _hty: HeapType) => self.ref_cast_desc_eq(false);
        visit_ref_cast_desc_eq_nullable(self, _hty: HeapType) => self.ref_cast_desc_eq(true);
        visit_br_on_cast_desc_eq(self, relative_depth: u32, _from_ref_type: RefType, to_ref_type: RefType) => {
            let is = self.has_descriptor(to_ref_type.is_nullable());
            self.br_if_value(is, relative_depth);
        };
        visit_br_on_cast_desc_eq_fail(self, relative_depth: u32, _from_ref_type: RefType, to_ref_type: RefType) => {
            let is = self.has_descriptor(to_ref_type.is_nullable());
            self.br_unless_value(is, relative_depth);
        };
    }

    /// Branches if an answer, which is 0 or 1, is 0.
    fn br_unless_value(&mut self, answer: Value, depth: u32) {
        let negated = self.ins().bxor_imm_u(answer, 1);
        self.br_if_value(negated, depth);
    }

    fn ref_cast_desc_eq(&mut self, nullable: bool) {
        let is = self.has_descriptor(nullable);
        self.ins().trapz(is, trap_code(Trap::CastFailure));
    }

    /// Pops a descriptor. Emits 1 if the reference below it, which stays on the stack, has this descriptor, else 0.
    fn has_descriptor(&mut self, nullable: bool) -> Value {
        let descriptor = self.pop_descriptor();
        self.passes(Test::Descriptor(descriptor), nullable)
    }

    fn ref_test(&mut self, heap: HeapType, nullable: bool) {
        let is = self.is_of(heap, nullable);
        self.pop();
        self.push(is);
    }

    fn ref_cast(&mut self, heap: HeapType, nullable: bool) {
        let is = self.is_of(heap, nullable);
        self.ins().trapz(is, trap_code(Trap::CastFailure));
    }

    /// Emits 1 if the reference on top of the stack, which stays there, is of the type, else 0.
    fn is_of(&mut self, heap: HeapType, nullable: bool) -> Value {
        let test = test_of(self.heap_type(heap));
        self.passes(test, nullable)
    }

    /// Emits 1 if the reference on top of the stack, which stays there, passes the test, else 0. The answer for null is
    /// `nullable`.
    fn passes(&mut self, test: Test, nullable: bool) -> Value {
        let reference = *self.stack.last().expect("validated code has the operand");
        if let Test::All(all) = test
            && all == nullable
        {
            return self.iconst(types::I32, all.into());
        }
        let done = self.builder.create_block();
        let answer = self.builder.append_block_param(done, types::I32);
        // What validation knows of the operand needs no test.
        let (may_be_null, may_be_i31) = self.cast_operand.map_or((true, true), |ty| (ty.is_nullable(), may_be_i31(ty)));
        if may_be_null {
            let for_null = self.iconst(types::I32, nullable.into());
            let not_null = self.builder.create_block();
            self.ins().brif(reference, not_null, &[], done, &[for_null.into()]);
            self.builder.seal_block(not_null);
            self.builder.switch_to_block(not_null);
        }
        let is = match test {
            Test::All(all) => self.iconst(types::I32, all.into()),
            Test::I31 => self.ins().band_imm_u(reference, 1),
            Test::Object { i31, test } => {
                if may_be_i31 {
                    self.answer_i31(reference, i31, done);
                }
                let id = self.object_id(reference);
                self.id_is(id, test)
            }
            Test::Func(test) => {
                let flags = self.context_flags();
                let id = self.ins().load(types::I32, flags, reference, offset_of!(FuncRef, type_id) as i32);
                self.id_is(id, test)
            }
            Test::Descriptor(descriptor) => {
                self.answer_i31(reference, false, done);
                self.is_described_by(reference, descriptor)
            }
        };
        self.ins().jump(done, &[is.into()]);
        self.builder.seal_block(done);
        self.builder.switch_to_block(done);
        answer
    }

    /// Emits 1 if the object is a struct with this descriptor, which is not null, else 0.
    fn is_described_by(&mut self, object: Value, descriptor: Value) -> Value {
        // The word is a descriptor in structs only, so that both must be compared. It is null in a struct without one.
        let id = self.object_id(object);
        let is_struct = self.id_is(id, IdTest::Kind(CompositeKind::Struct));
        let own = self.descriptor(object);
        let same = self.ins().icmp(IntCC::Equal, own, descriptor);
        let same = self.ins().uextend(types::I32, same);
        self.ins().band(is_struct, same)
    }

    /// Jumps to `done` with this answer if the reference is an `i31`, which has no header to look at.
    fn answer_i31(&mut self, reference: Value, answer: bool, done: Block) {
        let answer = self.iconst(types::I32, answer.into());
        let low = self.ins().band_imm_u(reference, 1);
        let object = self.builder.create_block();
        self.ins().brif(low, done, &[answer.into()], object, &[]);
        self.builder.seal_block(object);
        self.builder.switch_to_block(object);
    }

    /// Emits 1 if the id passes the test, else 0.
    fn id_is(&mut self, id: Value, test: IdTest) -> Value {
        let is = match test {
            IdTest::Defined => {
                // The kinds of defined types are below 3.
                let end = self.iconst(types::I32, 3 << KIND_SHIFT);
                self.ins().icmp(IntCC::UnsignedLessThan, id, end)
            }
            IdTest::Kind(kind) => {
                let found = self.ins().ushr_imm_u(id, i64::from(KIND_SHIFT));
                let kind = self.iconst(types::I32, kind as i64);
                self.ins().icmp(IntCC::Equal, found, kind)
            }
            IdTest::Exactly(ty) => {
                let expected = self.type_id(ty);
                self.ins().icmp(IntCC::Equal, id, expected)
            }
            IdTest::Type(ty) => return self.id_is_type(id, ty),
        };
        self.ins().uextend(types::I32, is)
    }

    /// Emits 1 if the id is that of the type or of one that extends it, else 0.
    pub(super) fn id_is_type(&mut self, id: Value, ty: TypeIndex) -> Value {
        // No type extends a final one.
        if self.env.module.types[ty.index()].is_final {
            return self.id_is(id, IdTest::Exactly(ty));
        }
        self.extends(id, ty)
    }

    /// Emits the canonical id of a type of this module. Ids are the engine's, so that code loads them through the
    /// vmctx.
    pub(super) fn type_id(&mut self, ty: TypeIndex) -> Value {
        let (constant, vmctx) = (self.constant_flags(), self.vmctx);
        let ids = self.ins().load(types::I64, constant, vmctx, offset_of!(VmContext, type_ids) as i32);
        self.ins().load(types::I32, constant, ids, immediate(ty.0 * 4))
    }

    /// Emits 1 if the type with the id `actual` is `ty` or extends it, else 0.
    ///
    /// The entry of a type in the engine's table of types lists its supertypes by depth (a display). If `ty` is one of
    /// them, it is at its own depth. Few chains are longer than the display of an entry; a library call walks these.
    fn extends(&mut self, actual: Value, ty: TypeIndex) -> Value {
        let expected = self.type_id(ty);
        let depth = self.depth(ty);
        if depth >= DISPLAY {
            let answer = self.call_builtin(Builtin::TypeExtends, &[actual, expected]);
            return self.ins().ireduce(types::I32, answer);
        }
        let (constant, vmctx) = (self.constant_flags(), self.vmctx);
        let directory = self.ins().load(types::I64, constant, vmctx, offset_of!(VmContext, type_table) as i32);
        // The id is of a type that the store holds, so neither its chunk nor its entry changes.
        let chunk = self.position(actual, CHUNK_BITS, CHUNKS, size_of::<*const TypeEntry>());
        let chunk = self.ins().iadd(directory, chunk);
        let chunk = self.ins().load(types::I64, constant, chunk, 0);
        let entry = self.position(actual, 0, 1 << CHUNK_BITS, size_of::<TypeEntry>());
        let entry = self.ins().iadd(chunk, entry);
        let offset = offset_of!(TypeEntry, display) + depth * size_of::<u32>();
        let ancestor = self.ins().load(types::I32, constant, entry, offset as i32);
        let is = self.ins().icmp(IntCC::Equal, ancestor, expected);
        self.ins().uextend(types::I32, is)
    }

    /// Emits the offset in bytes of an element of `size` bytes in an array of `count`. The element's index are the bits
    /// of the id from `shift` on.
    fn position(&mut self, id: Value, shift: u32, count: usize, size: usize) -> Value {
        let index = self.ins().ushr_imm_u(id, i64::from(shift));
        let index = self.ins().band_imm_u(index, count as i64 - 1);
        let index = self.ins().uextend(types::I64, index);
        self.ins().ishl_imm_u(index, i64::from(size.trailing_zeros()))
    }

    /// Returns the number of types that a type of this module extends.
    fn depth(&self, ty: TypeIndex) -> usize {
        let types = &self.env.module.types;
        let above = |ty: &usize| types[*ty].supertype.map(|supertype| supertype.index as usize);
        core::iter::successors(Some(ty.index()), above).count() - 1
    }
}

/// Returns the type that validation knows of the operand of a cast, a test or a branch on a cast, before it takes the
/// operator. `None` for any other operator.
pub(super) fn cast_operand<R: WasmModuleResources>(
    operator: &Operator<'_>,
    validator: &FuncValidator<R>,
) -> Option<RefType> {
    match operator {
        Operator::RefTestNonNull { .. }
        | Operator::RefTestNullable { .. }
        | Operator::RefCastNonNull { .. }
        | Operator::RefCastNullable { .. }
        | Operator::BrOnCast { .. }
        | Operator::BrOnCastFail { .. } => validator.get_operand_type(0)??.as_reference_type(),
        _ => None,
    }
}

/// Returns whether a reference of the type can be an `i31`.
fn may_be_i31(ty: RefType) -> bool {
    match ty.heap_type() {
        HeapType::Concrete(_) | HeapType::Exact(_) => false,
        HeapType::Abstract { ty, .. } => !matches!(ty, AbstractHeapType::Struct | AbstractHeapType::Array),
    }
}

/// Returns the test for a heap type.
fn test_of(heap: wasm::HeapType) -> Test {
    use wasm::HeapType as Heap;
    match heap {
        Heap::NoFunc | Heap::NoExtern | Heap::None | Heap::NoExn => Test::All(false),
        Heap::Func | Heap::Extern | Heap::Any | Heap::Exn => Test::All(true),
        Heap::I31 => Test::I31,
        Heap::Eq => Test::Object { i31: true, test: IdTest::Defined },
        Heap::Struct => Test::Object { i31: false, test: IdTest::Kind(CompositeKind::Struct) },
        Heap::Array => Test::Object { i31: false, test: IdTest::Kind(CompositeKind::Array) },
        Heap::Concrete(ty) => test_of_defined(ty, IdTest::Type(TypeIndex(ty.index))),
        Heap::Exact(ty) => test_of_defined(ty, IdTest::Exactly(TypeIndex(ty.index))),
    }
}

fn test_of_defined(ty: ConcreteType, test: IdTest) -> Test {
    match ty.kind {
        CompositeKind::Func => Test::Func(test),
        CompositeKind::Struct | CompositeKind::Array => Test::Object { i31: false, test },
    }
}
