//! Defined types spelled out, for messages: their ids say nothing to a reader.
//!
//! A type shows what tells it from others: its supertype, whether it is final, and its position in a recursive group of
//! several types. A type that is being spelled out already, or that is nested too deep, is `..`.

use super::canonical::CanonicalTypes;
use super::composite::{CompositeType, FieldType, StorageType, SubType};
use super::external::{EntityType, GlobalType, TableType};
use super::name::TypeId;
use super::reference::{HeapType, RefType};
use super::value::{FuncType, ValType};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Display, Write};

/// The number of defined types that are spelled out within each other at most.
const MAX_DEPTH: usize = 4;

/// The length of a text in bytes from which on no more defined types are spelled out.
const MAX_LENGTH: usize = 500;

impl CanonicalTypes {
    /// Describes the type of an import or export.
    pub(crate) fn describe(&self, ty: EntityType) -> String {
        self.write(|text| text.entity(ty))
    }

    /// Describes the type of a value.
    pub(crate) fn describe_value(&self, ty: ValType) -> String {
        self.write(|text| text.value(ty))
    }

    /// Describes a defined type.
    pub(crate) fn describe_defined(&self, id: TypeId) -> String {
        self.write(|text| text.defined(id))
    }

    fn write(&self, ty: impl FnOnce(&mut Text<'_>)) -> String {
        let mut text = Text { types: self, out: String::new(), open: Vec::new() };
        ty(&mut text);
        text.out
    }
}

/// A text that is being written.
struct Text<'a> {
    types: &'a CanonicalTypes,
    out: String,
    /// The types that are being spelled out, outermost first.
    open: Vec<TypeId>,
}

impl Text<'_> {
    fn put(&mut self, item: impl Display) {
        write!(self.out, "{item}").expect("a string takes any text");
    }

    fn entity(&mut self, ty: EntityType) {
        match ty {
            EntityType::Func { ty, exact } => {
                self.put(if exact { "exact func " } else { "func " });
                self.declared(ty);
            }
            EntityType::Tag(ty) => {
                self.put("tag ");
                self.declared(ty);
            }
            EntityType::Memory(ty) => self.put(format_args!("memory {ty}")),
            EntityType::Table(TableType { limits, index64, shared, element }) => {
                let (index, shared) = (if index64 { "i64 " } else { "" }, if shared { "shared " } else { "" });
                self.put(format_args!("table {index}{shared}{limits} "));
                self.reference(element);
            }
            EntityType::Global(GlobalType { content, mutable, shared }) => {
                self.put(match (shared, mutable) {
                    (true, true) => "global (shared mut ",
                    (true, false) => "global (shared ",
                    (false, true) => "global (mut ",
                    (false, false) => "global ",
                });
                self.value(content);
                self.put(if shared || mutable { ")" } else { "" });
            }
        }
    }

    /// Writes the type of a function or tag: its signature if nothing else tells the type from others.
    fn declared(&mut self, id: TypeId) {
        let (_, count) = self.types.position(id);
        match self.types.get(id) {
            SubType { shared: false, is_final: true, supertype: None, composite: CompositeType::Func(ty), .. }
                if count == 1 =>
            {
                self.function(ty);
            }
            _ => self.defined(id),
        }
    }

    fn function(&mut self, ty: &FuncType) {
        self.list(&ty.params);
        self.put(" -> ");
        self.list(&ty.results);
    }

    fn list(&mut self, types: &[ValType]) {
        self.put("[");
        for (position, &ty) in types.iter().enumerate() {
            self.put(if position == 0 { "" } else { " " });
            self.value(ty);
        }
        self.put("]");
    }

    fn value(&mut self, ty: ValType) {
        match ty {
            ValType::Ref(ty) => self.reference(ty),
            ty => self.put(ty),
        }
    }

    fn reference(&mut self, ty: RefType) {
        let (id, is_exact) = match ty.heap {
            HeapType::Defined(id) => (id, false),
            HeapType::Exact(id) => (id, true),
            _ => return self.put(ty),
        };
        self.put(if ty.nullable { "(ref null " } else { "(ref " });
        self.put(if is_exact { "(exact " } else { "" });
        self.defined(id);
        self.put(if is_exact { "))" } else { ")" });
    }

    fn defined(&mut self, id: TypeId) {
        if self.open.contains(&id) || self.open.len() >= MAX_DEPTH || self.out.len() >= MAX_LENGTH {
            return self.put("..");
        }
        self.open.push(id);
        let (position, count) = self.types.position(id);
        if count > 1 {
            self.put(format_args!("(rec {}/{count} ", position + 1));
        }
        self.subtype(self.types.get(id));
        self.put(if count > 1 { ")" } else { "" });
        self.open.pop();
    }

    fn subtype(&mut self, ty: &SubType) {
        let is_plain = ty.is_final && ty.supertype.is_none();
        if !is_plain {
            self.put(if ty.is_final { "(sub final " } else { "(sub " });
        }
        if let Some(supertype) = ty.supertype {
            self.defined(supertype);
            self.put(" ");
        }
        for (word, name) in [("describes", ty.describes), ("descriptor", ty.descriptor)] {
            if let Some(name) = name {
                self.put(format_args!("({word} "));
                self.defined(name);
                self.put(") ");
            }
        }
        self.put(if ty.shared { "(shared " } else { "" });
        self.composite(&ty.composite);
        self.put(if ty.shared { ")" } else { "" });
        self.put(if is_plain { "" } else { ")" });
    }

    fn composite(&mut self, ty: &CompositeType) {
        match ty {
            CompositeType::Func(ty) => {
                self.put("(func ");
                self.function(ty);
            }
            CompositeType::Struct(ty) => {
                self.put("(struct");
                for &field in &ty.fields {
                    self.put(" (field ");
                    self.field(field);
                    self.put(")");
                }
            }
            CompositeType::Array(ty) => {
                self.put("(array ");
                self.field(ty.element);
            }
            CompositeType::Cont(func) => {
                self.put("(cont ");
                self.defined(*func);
            }
        }
        self.put(")");
    }

    fn field(&mut self, field: FieldType) {
        self.put(if field.mutable { "(mut " } else { "" });
        match field.storage {
            StorageType::I8 => self.put("i8"),
            StorageType::I16 => self.put("i16"),
            StorageType::Val(ty) => self.value(ty),
        }
        self.put(if field.mutable { ")" } else { "" });
    }
}
