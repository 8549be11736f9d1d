//! Arrays. Single elements are accessed in place. Instructions on many elements are library calls.

use super::{Extension, FuncTranslator};
use crate::abi::builtins::Builtin;
use crate::abi::heap::{self, ALIGNMENT, HEADER, Storage};
use crate::base::Trap;
use crate::compile::clif::trap_code;
use crate::compile::translate::access::immediate;
use crate::compile::translate::operators::operators;
use crate::wasm::composite::{CompositeType, FieldType};
use crate::wasm::index::TypeIndex;
use crate::wasm::types::ValType;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};

/// The offset of an array's length.
const LENGTH: i32 = 4;

/// The offset of an array's first element.
const ELEMENTS: i32 = HEADER as i32;

impl FuncTranslator<'_> {
    operators! {
        visit_array_new(self, array_type_index: u32) => self.array_new(TypeIndex(array_type_index));
        visit_array_new_default(self, array_type_index: u32) => {
            let length = self.pop();
            let array = self.allocate_array(TypeIndex(array_type_index), length);
            self.push(array);
        };
        visit_array_new_fixed(self, array_type_index: u32, array_size: u32) => {
            self.array_new_fixed(TypeIndex(array_type_index), array_size);
        };
        visit_array_new_data(self, array_type_index: u32, array_data_index: u32) => {
            self.array_new_from(Builtin::ArrayNewData, array_type_index, array_data_index);
        };
        visit_array_new_elem(self, array_type_index: u32, array_elem_index: u32) => {
            self.array_new_from(Builtin::ArrayNewElem, array_type_index, array_elem_index);
        };
        visit_array_get | visit_array_get_u (self, array_type_index: u32) => {
            self.array_get(TypeIndex(array_type_index), Extension::Unsigned);
        };
        visit_array_get_s(self, array_type_index: u32) => {
            self.array_get(TypeIndex(array_type_index), Extension::Signed);
        };
        visit_array_set(self, array_type_index: u32) => {
            let (array, index, value) = self.pop3();
            let element = self.element_type(TypeIndex(array_type_index));
            let address = self.element(array, index, element);
            self.store_field(element, value, address, ELEMENTS);
        };
        visit_array_len(self) => {
            let array = self.pop();
            let address = self.object(array);
            let length = self.array_length(address);
            self.push(length);
        };
    }

    // Instructions on many elements.
    operators! {
        visit_array_fill(self, array_type_index: u32) => {
            let count = self.pop();
            let (array, at, value) = self.pop3();
            self.fill_array(TypeIndex(array_type_index), array, at, value, count);
        };
        visit_array_copy(self, _array_type_index_dst: u32, _array_type_index_src: u32) => {
            let count = self.pop();
            let (source, from) = self.pop2();
            let (array, to) = self.pop2();
            self.call_builtin(Builtin::ArrayCopy, &[array, to, source, from, count]);
        };
        visit_array_init_data(self, _array_type_index: u32, array_data_index: u32) => {
            self.array_init(Builtin::ArrayInitData, array_data_index);
        };
        visit_array_init_elem(self, _array_type_index: u32, array_elem_index: u32) => {
            self.array_init(Builtin::ArrayInitElem, array_elem_index);
        };
    }

    fn array_new(&mut self, ty: TypeIndex) {
        let (value, length) = self.pop2();
        let array = self.allocate_array(ty, length);
        let start = self.iconst(types::I32, 0);
        self.fill_array(ty, array, start, value, length);
        self.push(array);
    }

    fn array_new_fixed(&mut self, ty: TypeIndex, length: u32) {
        let values = self.pop_many(length as usize);
        let element = self.element_type(ty);
        let bytes = Storage::from(element.storage).size();
        let size = u32::try_from(heap::array_size(bytes, length)).expect("validation bounds the number of operands");
        let array = self.allocate(ty, length, size);
        let address = self.object(array);
        for (index, value) in (0..).zip(values) {
            self.store_field(element, value, address, ELEMENTS + immediate(index * bytes));
        }
        self.push(array);
    }

    /// Emits the allocation of an array of zeros. Returns the reference.
    fn allocate_array(&mut self, ty: TypeIndex, length: Value) -> Value {
        let id = self.type_id(ty);
        let bytes = Storage::from(self.element_type(ty).storage).size();
        let (wide, bytes) = (self.ins().uextend(types::I64, length), self.iconst(types::I64, bytes.into()));
        // No overflow: a length of 32 bits times at most 16 bytes.
        let elements = self.ins().imul(wide, bytes);
        let rounding = self.iconst(types::I64, (HEADER + ALIGNMENT - 1).into());
        let mask = self.iconst(types::I64, -i64::from(ALIGNMENT));
        let size = self.ins().iadd(elements, rounding);
        let size = self.ins().band(size, mask);
        self.allocate_in_library(id, length, size)
    }

    fn array_new_from(&mut self, builtin: Builtin, ty: u32, segment: u32) {
        let (from, count) = self.pop2();
        let arguments = [self.type_id(TypeIndex(ty)), self.index(segment), from, count];
        let answer = self.call_builtin(builtin, &arguments);
        let array = self.object_of(answer);
        self.push(array);
    }

    fn array_init(&mut self, builtin: Builtin, segment: u32) {
        let (to, from, count) = self.pop3();
        let array = self.pop();
        let segment = self.index(segment);
        self.call_builtin(builtin, &[array, segment, to, from, count]);
    }

    fn fill_array(&mut self, ty: TypeIndex, array: Value, at: Value, value: Value, count: Value) {
        let (low, high) = self.halves(self.element_type(ty), value);
        self.call_builtin(Builtin::ArrayFill, &[array, at, low, high, count]);
    }

    /// Splits the bits of a value into the low 64 and the high 64.
    fn halves(&mut self, element: FieldType, value: Value) -> (Value, Value) {
        let zero = self.iconst(types::I64, 0);
        let plain = MemFlagsData::new();
        match element.storage.unpacked() {
            ValType::F32 => {
                let bits = self.ins().bitcast(types::I32, plain, value);
                (self.ins().uextend(types::I64, bits), zero)
            }
            ValType::F64 => (self.ins().bitcast(types::I64, plain, value), zero),
            ValType::V128 => {
                let flags = plain.with_endianness(cranelift_codegen::ir::Endianness::Little);
                let lanes = self.ins().bitcast(types::I64X2, flags, value);
                (self.ins().extractlane(lanes, 0), self.ins().extractlane(lanes, 1))
            }
            _ => (self.extend_to_64_bits(value), zero),
        }
    }

    fn array_get(&mut self, ty: TypeIndex, extension: Extension) {
        let (array, index) = self.pop2();
        let element = self.element_type(ty);
        let address = self.element(array, index, element);
        let value = self.load_field(element, extension, address, ELEMENTS);
        self.push_typed(value, element.storage.unpacked());
    }

    /// Emits the address of an element minus the header's size, after a check that the element exists.
    fn element(&mut self, array: Value, index: Value, element: FieldType) -> Value {
        let array = self.object(array);
        let length = self.array_length(array);
        let outside = self.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        self.ins().trapnz(outside, trap_code(Trap::ArrayOutOfBounds));
        let index = self.ins().uextend(types::I64, index);
        let log2_size = Storage::from(element.storage).size().ilog2();
        let log2_size = self.iconst(types::I64, log2_size.into());
        let position = self.ins().ishl(index, log2_size);
        self.ins().iadd(array, position)
    }

    /// Emits the length of the array at an address. It traps for null.
    fn array_length(&mut self, array: Value) -> Value {
        let flags = self.heap_flags().with_aligned().with_trap_code(Some(trap_code(Trap::NullReference)));
        self.ins().load(types::I32, flags, array, LENGTH)
    }

    fn element_type(&self, ty: TypeIndex) -> FieldType {
        match self.env.module.types[ty.index()].composite {
            CompositeType::Array(element) => element,
            _ => unreachable!("validation has checked that the type is an array type"),
        }
    }
}
