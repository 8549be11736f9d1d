//! Types as text for messages: defined types are spelled out, since their ids differ from engine to engine.
//!
//! A type that is not plain is shown with what tells it from others: its supertype, whether it is final, and its
//! position in a recursive group of several types. A type that is being spelled out already, or that is nested too
//! deep, is `..`.

use super::type_registry::TypeRegistry;
use crate::wasm::composite::{CompositeType, FieldType, StorageType, SubType};
use crate::wasm::types::{ConcreteType, ExternType, FuncType, GlobalType, HeapType, RefType, TableType, ValType};
use core::fmt::Write;

/// The number of defined types that are spelled out within each other at most.
const DEPTH: usize = 4;

/// The length of a text in bytes from which on no more defined types are spelled out.
const LENGTH: usize = 500;

/// Describes the type of an import or export that names types by canonical names.
pub(super) fn describe(types: &TypeRegistry, ty: &ExternType) -> String {
    write(types, |text| text.external(ty))
}

/// Describes the type of a value that names types by canonical names.
pub(super) fn describe_value(types: &TypeRegistry, ty: ValType) -> String {
    write(types, |text| text.value(ty))
}

/// Describes a defined type by its canonical name.
pub(super) fn describe_defined(types: &TypeRegistry, name: ConcreteType) -> String {
    write(types, |text| text.defined(name))
}

fn write(types: &TypeRegistry, ty: impl FnOnce(&mut TypeText<'_>)) -> String {
    let mut text = TypeText { types, text: String::new(), open: Vec::new() };
    ty(&mut text);
    text.text
}

/// A text that is being written.
struct TypeText<'a> {
    types: &'a TypeRegistry,
    text: String,
    /// The types that are being spelled out, outermost first.
    open: Vec<ConcreteType>,
}

impl TypeText<'_> {
    fn external(&mut self, ty: &ExternType) {
        match ty {
            ExternType::Func(ty) => self.after("func ", |text| text.function(ty)),
            ExternType::Tag(ty) => self.after("tag ", |text| text.function(ty)),
            ExternType::Global(GlobalType { content, mutable: false }) => {
                self.after("global ", |text| text.value(*content));
            }
            ExternType::Global(GlobalType { content, mutable: true }) => {
                self.after("global (mut ", |text| text.value(*content));
                self.text += ")";
            }
            ExternType::Table(TableType { index64, limits, element }) => {
                let index = if *index64 { "i64 " } else { "" };
                self.after(&format!("table {index}{limits} "), |text| text.reference(*element));
            }
            ExternType::Memory(_) => self.write(ty),
        }
    }

    fn after(&mut self, word: &str, rest: impl FnOnce(&mut Self)) {
        self.text += word;
        rest(self);
    }

    fn write(&mut self, ty: impl core::fmt::Display) {
        write!(self.text, "{ty}").expect("a string takes any text");
    }

    fn function(&mut self, ty: &FuncType) {
        self.list(&ty.params);
        self.text += " -> ";
        self.list(&ty.results);
    }

    fn list(&mut self, types: &[ValType]) {
        self.text += "[";
        for (position, ty) in types.iter().enumerate() {
            self.text += if position == 0 { "" } else { " " };
            self.value(*ty);
        }
        self.text += "]";
    }

    fn value(&mut self, ty: ValType) {
        match ty {
            ValType::Ref(ty) => self.reference(ty),
            ty => self.write(ty),
        }
    }

    fn reference(&mut self, ty: RefType) {
        let Some(defined) = ty.heap.defined() else { return self.write(ty) };
        self.text += if ty.nullable { "(ref null " } else { "(ref " };
        match ty.heap {
            HeapType::Exact(_) => {
                self.after("(exact ", |text| text.defined(defined));
                self.text += ")";
            }
            _ => self.defined(defined),
        }
        self.text += ")";
    }

    fn defined(&mut self, name: ConcreteType) {
        let is_open = self.open.contains(&name) || self.open.len() >= DEPTH || self.text.len() >= LENGTH;
        let Some((ty, position, count)) = self.types.description(name).filter(|_| !is_open) else {
            self.text += "..";
            return;
        };
        self.open.push(name);
        if count > 1 {
            self.write(format_args!("(rec {}/{count} ", position + 1));
        }
        self.subtype(&ty);
        self.text += if count > 1 { ")" } else { "" };
        self.open.pop();
    }

    fn subtype(&mut self, ty: &SubType) {
        if ty.is_final && ty.supertype.is_none() {
            return self.composite(&ty.composite);
        }
        self.text += if ty.is_final { "(sub final " } else { "(sub " };
        if let Some(supertype) = ty.supertype {
            self.defined(supertype);
            self.text += " ";
        }
        self.composite(&ty.composite);
        self.text += ")";
    }

    fn composite(&mut self, ty: &CompositeType) {
        match ty {
            CompositeType::Func(ty) => {
                self.after("(func ", |text| text.function(ty));
                self.text += ")";
            }
            CompositeType::Struct(ty) => {
                self.clause("describes", ty.describes);
                self.clause("descriptor", ty.descriptor);
                self.text += "(struct";
                for field in &ty.fields {
                    self.after(" (field ", |text| text.field(*field));
                    self.text += ")";
                }
                self.text += ")";
            }
            CompositeType::Array(field) => {
                self.after("(array ", |text| text.field(*field));
                self.text += ")";
            }
        }
    }

    fn clause(&mut self, word: &str, ty: Option<ConcreteType>) {
        if let Some(ty) = ty {
            self.after(&format!("({word} "), |text| text.defined(ty));
            self.text += ") ";
        }
    }

    fn field(&mut self, field: FieldType) {
        self.text += if field.mutable { "(mut " } else { "" };
        match field.storage {
            StorageType::I8 => self.text += "i8",
            StorageType::I16 => self.text += "i16",
            StorageType::Val(ty) => self.value(ty),
        }
        self.text += if field.mutable { ")" } else { "" };
    }
}
