//! Structs and their descriptors.

use super::{Extension, FuncTranslator, OBJECT};
use crate::abi::heap::{DESCRIPTOR, HEADER, LARGEST_IN_PLACE, Storage};
use crate::base::Trap;
use crate::compile::clif::trap_code;
use crate::compile::translate::access::immediate;
use crate::compile::translate::operators::operators;
use crate::wasm::composite::{CompositeType, FieldType, StructType};
use crate::wasm::index::TypeIndex;
use crate::wasm::module::Module;
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl FuncTranslator<'_> {
    operators! {
        visit_struct_new(self, struct_type_index: u32) => self.struct_new(TypeIndex(struct_type_index), None);
        visit_struct_new_default(self, struct_type_index: u32) => {
            self.struct_new_default(TypeIndex(struct_type_index), None);
        };
        visit_struct_new_desc(self, struct_type_index: u32) => {
            let descriptor = self.pop_descriptor();
            self.struct_new(TypeIndex(struct_type_index), Some(descriptor));
        };
        visit_struct_new_default_desc(self, struct_type_index: u32) => {
            let descriptor = self.pop_descriptor();
            self.struct_new_default(TypeIndex(struct_type_index), Some(descriptor));
        };
        visit_ref_get_desc(self, _type_index: u32) => {
            let reference = self.pop();
            let descriptor = self.descriptor(reference);
            self.push_typed(descriptor, OBJECT);
        };
        visit_struct_get | visit_struct_get_u (self, struct_type_index: u32, field_index: u32) => {
            self.struct_get(TypeIndex(struct_type_index), field_index, Extension::Unsigned);
        };
        visit_struct_get_s(self, struct_type_index: u32, field_index: u32) => {
            self.struct_get(TypeIndex(struct_type_index), field_index, Extension::Signed);
        };
        visit_struct_set(self, struct_type_index: u32, field_index: u32) => {
            let (reference, value) = self.pop2();
            let (field, offset) = self.field(TypeIndex(struct_type_index), field_index);
            let address = self.object(reference);
            self.store_field(field, value, address, offset);
        };
    }

    /// Pops a descriptor, which must not be null.
    pub(in crate::compile::translate) fn pop_descriptor(&mut self) -> Value {
        let descriptor = self.pop();
        self.ins().trapz(descriptor, trap_code(Trap::NullReference));
        descriptor
    }

    /// Emits a load of the word in which a struct has its descriptor. It traps for null.
    pub(in crate::compile::translate) fn descriptor(&mut self, reference: Value) -> Value {
        let address = self.object(reference);
        let flags = self.object_flags(Storage::Reference);
        self.ins().load(types::I32, flags, address, immediate(DESCRIPTOR))
    }

    fn struct_new(&mut self, ty: TypeIndex, descriptor: Option<Value>) {
        let count = struct_type(self.env.module, ty).fields.len();
        let values = self.pop_many(count);
        self.make_struct(ty, &values, descriptor);
    }

    fn struct_new_default(&mut self, ty: TypeIndex, descriptor: Option<Value>) {
        let size = self.env.struct_layout(ty).size;
        let (reference, address) = self.allocate_struct(ty, descriptor);
        // The default of every field is zero, which is what the library makes of larger objects. Objects are whole
        // words, which take fewer stores than fields.
        if size <= LARGEST_IN_PLACE {
            let flags = self.heap_flags().with_aligned().with_notrap();
            let zero = self.iconst(types::I64, 0);
            for offset in (HEADER..size).step_by(size_of::<u64>()) {
                self.ins().store(flags, zero, address, immediate(offset));
            }
        }
        self.push(reference);
    }

    fn make_struct(&mut self, ty: TypeIndex, values: &[Value], descriptor: Option<Value>) {
        let env = self.env;
        let (reference, address) = self.allocate_struct(ty, descriptor);
        let fields = struct_type(env.module, ty).fields.iter().zip(&env.struct_layout(ty).offsets);
        for ((&field, &offset), &value) in fields.zip(values) {
            self.store_field(field, value, address, immediate(offset));
        }
        self.push(reference);
    }

    /// Emits the allocation of a struct whose fields the caller initializes. Returns the reference and the address.
    fn allocate_struct(&mut self, ty: TypeIndex, descriptor: Option<Value>) -> (Value, Value) {
        let reference = self.allocate(ty, 0, self.env.struct_layout(ty).size);
        let address = self.object(reference);
        if let Some(descriptor) = descriptor {
            let flags = self.object_flags(Storage::Reference);
            self.ins().store(flags, descriptor, address, immediate(DESCRIPTOR));
        }
        (reference, address)
    }

    fn struct_get(&mut self, ty: TypeIndex, index: u32, extension: Extension) {
        let reference = self.pop();
        let (field, offset) = self.field(ty, index);
        let address = self.object(reference);
        let value = self.load_field(field, extension, address, offset);
        self.push_typed(value, field.storage.unpacked());
    }

    /// Returns the type and the offset of a field.
    fn field(&self, ty: TypeIndex, index: u32) -> (FieldType, i32) {
        let offset = self.env.struct_layout(ty).offsets[index as usize];
        (struct_type(self.env.module, ty).fields[index as usize], immediate(offset))
    }
}

fn struct_type(module: &Module, ty: TypeIndex) -> &StructType {
    match &module.types[ty.index()].composite {
        CompositeType::Struct(ty) => ty,
        _ => unreachable!("validation has checked that the type is a struct type"),
    }
}
