//! Structs.

use super::{Extension, FuncTranslator};
use crate::compile::translate::access::immediate;
use crate::wasm::composite::{CompositeType, FieldType, StructType};
use crate::wasm::index::TypeIndex;
use crate::wasm::module::Module;
use cranelift_codegen::ir::Value;
use wasmparser::Operator;

impl FuncTranslator<'_> {
    pub(super) fn translate_struct(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::StructNew { struct_type_index } => self.struct_new(TypeIndex(struct_type_index)),
            Operator::StructNewDefault { struct_type_index } => self.struct_new_default(TypeIndex(struct_type_index)),
            Operator::StructGet { struct_type_index, field_index }
            | Operator::StructGetU { struct_type_index, field_index } => {
                self.struct_get(TypeIndex(struct_type_index), field_index, Extension::Unsigned);
            }
            Operator::StructGetS { struct_type_index, field_index } => {
                self.struct_get(TypeIndex(struct_type_index), field_index, Extension::Signed);
            }
            Operator::StructSet { struct_type_index, field_index } => {
                let (reference, value) = self.pop2();
                let (field, offset) = self.field(TypeIndex(struct_type_index), field_index);
                let address = self.object(reference);
                self.store_field(field, value, address, offset);
            }
            _ => return false,
        }
        true
    }

    fn struct_new(&mut self, ty: TypeIndex) {
        let count = struct_type(self.env.module, ty).fields.len();
        let values = self.pop_many(count);
        self.make_struct(ty, &values);
    }

    fn struct_new_default(&mut self, ty: TypeIndex) {
        let env = self.env;
        let fields = &struct_type(env.module, ty).fields;
        let zeros: Vec<Value> = fields.iter().map(|field| self.zero(field.storage.unpacked())).collect();
        self.make_struct(ty, &zeros);
    }

    fn make_struct(&mut self, ty: TypeIndex, values: &[Value]) {
        let env = self.env;
        let layout = env.struct_layout(ty);
        let reference = self.allocate(ty, 0, layout.size);
        let address = self.object(reference);
        let fields = struct_type(env.module, ty).fields.iter().zip(&layout.offsets);
        for ((&field, &offset), &value) in fields.zip(values) {
            self.store_field(field, value, address, immediate(offset));
        }
        self.push(reference);
    }

    fn struct_get(&mut self, ty: TypeIndex, index: u32, extension: Extension) {
        let reference = self.pop();
        let (field, offset) = self.field(ty, index);
        let address = self.object(reference);
        let value = self.load_field(field, extension, address, offset);
        self.push_typed(value, field.storage.unpacked());
    }

    /// A field and where it stands.
    fn field(&self, ty: TypeIndex, index: u32) -> (FieldType, i32) {
        let offset = self.env.struct_layout(ty).offsets[index as usize];
        (struct_type(self.env.module, ty).fields[index as usize], immediate(offset))
    }
}

fn struct_type(module: &Module, ty: TypeIndex) -> &StructType {
    match &module.types[ty.index()].composite {
        CompositeType::Struct(ty) => ty,
        _ => unreachable!("validation has seen that the type is a struct's"),
    }
}
