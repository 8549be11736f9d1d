//! Instructions on references, structs, and arrays.

use super::Rewriter;
use super::rare::{Instruction, Rare};
use crate::execute::{aggregate, reference};
use crate::slot::Reg;
use crate::types::{self, CompositeType, FieldType, RefType, StorageType, TypeIndex, ValType};
use wasmparser::{HeapType, Operator};

impl<'m> Rewriter<'m> {
    /// Rewrites an instruction on references, if it is one.
    pub(super) fn reference(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::RefFunc { function_index } => {
                self.emit_rare_with_result(0, 1, Rare::new(reference::ref_func).x(function_index));
            }
            Operator::RefAsNonNull => self.emit_rare_with_result(1, 1, Rare::new(reference::ref_as_non_null)),
            Operator::RefEq => self.emit_rare_with_result(2, 1, Rare::new(reference::ref_eq)),
            Operator::RefI31 | Operator::RefI31Shared => {
                self.emit_rare_with_result(1, 1, Rare::new(reference::ref_i31))
            }
            Operator::I31GetS => self.emit_rare_with_result(1, 1, Rare::new(reference::i31_get_s)),
            Operator::I31GetU => self.emit_rare_with_result(1, 1, Rare::new(reference::i31_get_u)),
            // Both hierarchies have the same references.
            Operator::AnyConvertExtern | Operator::ExternConvertAny => {}
            Operator::RefGetDesc { .. } => self.emit_rare_with_result(1, 1, Rare::new(reference::ref_get_desc)),
            _ => return false,
        }
        true
    }

    /// Rewrites a test or cast, or a branch on one, if it is one.
    pub(super) fn cast(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::RefTestNonNull { hty } => self.emit_cast(Rare::new(reference::ref_test), hty, false),
            Operator::RefTestNullable { hty } => self.emit_cast(Rare::new(reference::ref_test), hty, true),
            Operator::RefCastNonNull { hty } => self.emit_cast(Rare::new(reference::ref_cast), hty, false),
            Operator::RefCastNullable { hty } => self.emit_cast(Rare::new(reference::ref_cast), hty, true),
            Operator::RefCastDescEqNonNull { .. } => {
                self.emit_rare_with_result(2, 1, Rare::new(reference::ref_cast_desc_eq).y(0));
            }
            Operator::RefCastDescEqNullable { .. } => {
                self.emit_rare_with_result(2, 1, Rare::new(reference::ref_cast_desc_eq).y(1));
            }
            Operator::BrOnCast { relative_depth, to_ref_type, .. } => {
                self.br_on_cast(relative_depth, to_ref_type, true)
            }
            Operator::BrOnCastFail { relative_depth, to_ref_type, .. } => {
                self.br_on_cast(relative_depth, to_ref_type, false);
            }
            Operator::BrOnCastDescEq { relative_depth, to_ref_type, .. } => {
                self.br_on_cast_desc_eq(relative_depth, to_ref_type.is_nullable(), true);
            }
            Operator::BrOnCastDescEqFail { relative_depth, to_ref_type, .. } => {
                self.br_on_cast_desc_eq(relative_depth, to_ref_type.is_nullable(), false);
            }
            _ => return false,
        }
        true
    }

    /// Returns the position among the code's types of the one that a cast names.
    fn cast_type(&mut self, heap: HeapType, nullable: bool) -> u32 {
        let heap = types::heap_type(heap).expect("a valid module has supported types");
        self.cast_types.push(RefType { nullable, heap });
        self.cast_types.len() as u32 - 1
    }

    fn emit_cast(&mut self, rare: Rare, heap: HeapType, nullable: bool) {
        let x = self.cast_type(heap, nullable);
        self.emit_rare_with_result(1, 1, rare.x(x));
    }

    /// A branch on whether a cast succeeds, or whether it fails. The reference stays where it is on both ways.
    fn br_on_cast(&mut self, depth: u32, to: wasmparser::RefType, on: bool) {
        let x = self.cast_type(to.heap_type(), to.is_nullable());
        let reference = self.top_reference();
        self.emit_rare_with_result(0, 1, Rare { operands: [reference; 5], ..Rare::new(reference::ref_test).x(x) });
        let answer = self.pop_reg(0);
        self.br_on_answer(depth, answer, on);
    }

    /// A branch on whether a reference is to an object with a descriptor, or whether it is not.
    fn br_on_cast_desc_eq(&mut self, depth: u32, nullable: bool, on: bool) {
        let descriptor = self.pop_reg(1);
        let reference = self.top_reference();
        let operands = [reference, descriptor, descriptor, descriptor, descriptor];
        self.emit_rare_with_result(
            0,
            1,
            Rare { operands, ..Rare::new(reference::ref_test_desc_eq).y(nullable.into()) },
        );
        let answer = self.pop_reg(0);
        self.br_on_answer(depth, answer, on);
    }

    /// Returns the slot where the reference on top is, which stays there.
    fn top_reference(&mut self) -> Reg {
        let reference = *self.stack.last().expect("a reference");
        self.reg_of(reference, 0)
    }

    /// Rewrites an instruction on structs, if it is one.
    pub(super) fn structure(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::StructNew { struct_type_index: ty } => {
                self.struct_new(Rare::new(aggregate::struct_new), ty, false)
            }
            Operator::StructNewDesc { struct_type_index: ty } => {
                self.struct_new(Rare::new(aggregate::struct_new_desc), ty, true);
            }
            Operator::StructNewDefault { struct_type_index: ty } => {
                self.emit_rare_with_result(0, 1, Rare::new(aggregate::struct_new_default).x(ty));
            }
            Operator::StructNewDefaultDesc { struct_type_index: ty } => {
                self.emit_rare_with_result(1, 1, Rare::new(aggregate::struct_new_default_desc).x(ty));
            }
            Operator::StructGet { struct_type_index, field_index }
            | Operator::StructGetU { struct_type_index, field_index } => {
                let (slot, field) = self.field(struct_type_index, field_index);
                let slots = slots(field);
                let run = if slots == 2 { aggregate::struct_get_vector } else { aggregate::struct_get };
                self.emit_rare_with_result(1, slots, Rare::new(run).x(slot));
            }
            Operator::StructGetS { struct_type_index, field_index } => {
                let (slot, field) = self.field(struct_type_index, field_index);
                let is_byte = field.storage == StorageType::I8;
                let run = if is_byte { aggregate::struct_get_i8_s } else { aggregate::struct_get_i16_s };
                self.emit_rare_with_result(1, 1, Rare::new(run).x(slot));
            }
            Operator::StructSet { struct_type_index, field_index } => {
                let (slot, field) = self.field(struct_type_index, field_index);
                let run = match field.storage {
                    StorageType::I8 => aggregate::struct_set_i8,
                    StorageType::I16 => aggregate::struct_set_i16,
                    StorageType::Val(ValType::V128) => aggregate::struct_set_vector,
                    StorageType::Val(_) => aggregate::struct_set,
                };
                self.emit_rare(2, Rare::new(run).x(slot));
            }
            _ => return false,
        }
        true
    }

    /// Emits the making of a struct whose fields lie in a row, with the descriptor after them.
    fn struct_new(&mut self, rare: Rare, ty: u32, has_descriptor: bool) {
        let fields = self.fields(ty);
        let slots = fields.iter().copied().map(slots).sum();
        let row = self.take_row(fields.len() + usize::from(has_descriptor));
        self.emit_rare_with_result(0, 1, Rare { row, ..rare.x(ty).y(slots) });
    }

    /// Returns the fields of a struct type.
    fn fields(&self, ty: u32) -> &'m [FieldType<TypeIndex>] {
        match &self.module.types[ty as usize].composite {
            CompositeType::Struct(ty) => &ty.fields,
            _ => unreachable!("validation has checked the type"),
        }
    }

    /// Returns the first slot of a field, and its type.
    pub(super) fn field(&mut self, ty: u32, index: u32) -> (u32, FieldType<TypeIndex>) {
        let fields = self.fields(ty);
        let first_slots = self.first_slots.entry(ty).or_insert_with(|| {
            let starts = fields.iter().scan(0, |end, &field| {
                let start = *end;
                *end += slots(field);
                Some(start)
            });
            starts.collect()
        });
        (first_slots[index as usize], fields[index as usize])
    }

    /// Rewrites an instruction on arrays, if it is one.
    pub(super) fn array(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::ArrayNew { array_type_index: ty } => {
                let slots = slots(self.element(ty));
                self.emit_rare_with_result(2, 1, Rare::new(aggregate::array_new).x(ty).y(slots));
            }
            Operator::ArrayNewDefault { array_type_index: ty } => {
                self.emit_rare_with_result(1, 1, Rare::new(aggregate::array_new_default).x(ty));
            }
            Operator::ArrayNewFixed { array_type_index: ty, array_size } => {
                let slots = slots(self.element(ty)) * array_size;
                let row = self.take_row(array_size as usize);
                let rare = Rare::new(aggregate::array_new_fixed).x(ty).y(slots);
                self.emit_rare_with_result(0, 1, Rare { row, offset: array_size.into(), ..rare });
            }
            Operator::ArrayNewData { array_type_index: ty, array_data_index } => {
                self.emit_rare_with_result(2, 1, Rare::new(aggregate::array_new_data).x(ty).y(array_data_index));
            }
            Operator::ArrayNewElem { array_type_index: ty, array_elem_index } => {
                self.emit_rare_with_result(2, 1, Rare::new(aggregate::array_new_elem).x(ty).y(array_elem_index));
            }
            Operator::ArrayGet { array_type_index: ty } | Operator::ArrayGetU { array_type_index: ty } => {
                let element = self.element(ty);
                let (get, _) = accesses(element.storage);
                self.emit_rare_with_result(2, slots(element), Rare::new(get));
            }
            Operator::ArrayGetS { array_type_index: ty } => {
                let is_byte = self.element(ty).storage == StorageType::I8;
                let run = if is_byte { aggregate::array_get_i8_s } else { aggregate::array_get_i16_s };
                self.emit_rare_with_result(2, 1, Rare::new(run));
            }
            Operator::ArraySet { array_type_index: ty } => {
                let (_, set) = accesses(self.element(ty).storage);
                self.emit_rare(3, Rare::new(set));
            }
            Operator::ArrayLen => self.emit_rare_with_result(1, 1, Rare::new(aggregate::array_len)),
            _ => return self.array_in_bulk(operator),
        }
        true
    }

    /// Rewrites an instruction on many elements of an array, if it is one.
    fn array_in_bulk(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::ArrayFill { array_type_index: ty } => {
                let slots = slots(self.element(ty));
                self.emit_rare(4, Rare::new(aggregate::array_fill).y(slots));
            }
            Operator::ArrayCopy { .. } => self.emit_rare(5, Rare::new(aggregate::array_copy)),
            Operator::ArrayInitData { array_data_index, .. } => {
                self.emit_rare(4, Rare::new(aggregate::array_init_data).y(array_data_index));
            }
            Operator::ArrayInitElem { array_elem_index, .. } => {
                self.emit_rare(4, Rare::new(aggregate::array_init_elem).y(array_elem_index));
            }
            _ => return false,
        }
        true
    }

    /// Returns the element of an array type.
    pub(super) fn element(&self, ty: u32) -> FieldType<TypeIndex> {
        match &self.module.types[ty as usize].composite {
            CompositeType::Array(ty) => ty.element,
            _ => unreachable!("validation has checked the type"),
        }
    }

    /// Brings the top operands home, removes them, and returns the slot of the first one.
    pub(super) fn take_row(&mut self, count: usize) -> u32 {
        self.send_home(count);
        self.truncate(self.stack.len() - count);
        self.next_home()
    }
}

/// Returns the number of slots of a field's value.
fn slots(field: FieldType<TypeIndex>) -> u32 {
    field.storage.unpacked().slots() as u32
}

/// Returns the reading and the writing of an element, as its type stores it.
fn accesses(element: StorageType<TypeIndex>) -> (Instruction, Instruction) {
    match element {
        StorageType::I8 => (aggregate::array_get_8, aggregate::array_set_8),
        StorageType::I16 => (aggregate::array_get_16, aggregate::array_set_16),
        StorageType::Val(ValType::I32 | ValType::F32) => (aggregate::array_get_32, aggregate::array_set_32),
        StorageType::Val(ValType::V128) => (aggregate::array_get_vector, aggregate::array_set_vector),
        StorageType::Val(_) => (aggregate::array_get_64, aggregate::array_set_64),
    }
}
