//! Defined types: functions, structs and arrays, and their declared subtyping
//! ([Composite types](https://webassembly.github.io/spec/core/syntax/types.html#composite-types)).

use super::references::{CompositeKind, ConcreteType};
use super::stored;
use super::value::{FuncType, ValType};
use core::fmt;
use serde::{Deserialize, Serialize};

/// A defined type with its declared supertype
/// ([Recursive types](https://webassembly.github.io/spec/core/syntax/types.html#recursive-types)).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(crate) struct SubType {
    /// True if no other type may extend it.
    pub(crate) is_final: bool,
    /// The type that it extends, if any.
    #[serde(with = "stored")]
    pub(crate) supertype: Option<ConcreteType>,
    /// The description of the type.
    pub(crate) composite: CompositeType,
}

/// The description of a defined type.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(crate) enum CompositeType {
    /// Functions.
    Func(#[serde(with = "stored")] FuncType),
    /// Structs with these fields.
    Struct(StructType),
    /// Arrays with these elements.
    Array(FieldType),
}

/// A type of structs: the fields, and the type's neighbors in a chain of descriptors
/// ([Custom descriptors][descriptors]).
///
/// [descriptors]: https://github.com/WebAssembly/custom-descriptors/blob/main/proposals/custom-descriptors/Overview.md
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StructType {
    /// The type whose structs are described by those of this type. It is an earlier type of the group, and names this
    /// type as its descriptor.
    #[serde(with = "stored")]
    pub(crate) describes: Option<ConcreteType>,
    /// The type of the descriptor that each struct of this type has. It is a later type of the group.
    #[serde(with = "stored")]
    pub(crate) descriptor: Option<ConcreteType>,
    /// The fields, in order.
    pub(crate) fields: Box<[FieldType]>,
}

/// A field of a struct, or the elements of an array.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(crate) struct FieldType {
    /// The type of the content.
    pub(crate) storage: StorageType,
    /// True if the content can be set.
    pub(crate) mutable: bool,
}

/// The type of the content of a field or element.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub(crate) enum StorageType {
    /// The low 8 bits of an `i32`.
    I8,
    /// The low 16 bits of an `i32`.
    I16,
    /// A value.
    Val(#[serde(with = "stored")] ValType),
}

impl SubType {
    /// Returns a final type without a supertype, which is the meaning of a function type on its own.
    pub(crate) fn plain(composite: CompositeType) -> SubType {
        SubType { is_final: true, supertype: None, composite }
    }

    /// Returns the type with `rename` applied to every defined type that it names.
    pub(crate) fn map(&self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> SubType {
        SubType {
            is_final: self.is_final,
            supertype: self.supertype.map(rename),
            composite: self.composite.map(rename),
        }
    }

    /// Returns all defined types that the type names.
    pub(crate) fn names(&self) -> impl Iterator<Item = ConcreteType> {
        let (values, fields): (&[&[ValType]; 2], &[FieldType]) = match &self.composite {
            CompositeType::Func(ty) => (&[&ty.params, &ty.results], &[]),
            CompositeType::Struct(ty) => (&[&[], &[]], &ty.fields),
            CompositeType::Array(field) => (&[&[], &[]], core::slice::from_ref(field)),
        };
        let (describes, descriptor) = self.composite.clauses();
        let fields = fields.iter().map(|field| field.storage.unpacked());
        let values = values.concat().into_iter().chain(fields).filter_map(|ty| match ty {
            ValType::Ref(reference) => reference.heap.defined(),
            _ => None,
        });
        let clauses = [self.supertype, describes, descriptor].into_iter().flatten();
        clauses.chain(values.collect::<Vec<_>>())
    }
}

impl CompositeType {
    /// Returns the kind of the type.
    pub(crate) fn kind(&self) -> CompositeKind {
        match self {
            CompositeType::Func(_) => CompositeKind::Func,
            CompositeType::Struct(_) => CompositeKind::Struct,
            CompositeType::Array(_) => CompositeKind::Array,
        }
    }

    /// Returns the function type, if it is one.
    pub(crate) fn func(&self) -> Option<&FuncType> {
        match self {
            CompositeType::Func(ty) => Some(ty),
            _ => None,
        }
    }

    /// Returns the type that this one describes, and this one's descriptor.
    pub(crate) fn clauses(&self) -> (Option<ConcreteType>, Option<ConcreteType>) {
        match self {
            CompositeType::Struct(ty) => (ty.describes, ty.descriptor),
            _ => (None, None),
        }
    }

    fn map(&self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> CompositeType {
        match self {
            CompositeType::Func(ty) => CompositeType::Func(ty.map(rename)),
            CompositeType::Struct(ty) => CompositeType::Struct(StructType {
                describes: ty.describes.map(rename),
                descriptor: ty.descriptor.map(rename),
                fields: ty.fields.iter().map(|field| field.map(rename)).collect(),
            }),
            CompositeType::Array(field) => CompositeType::Array(field.map(rename)),
        }
    }

    /// Returns whether a defined type with this description may be declared a subtype of one with the description
    /// `wanted` ([Matching](https://webassembly.github.io/spec/core/valid/matching.html#composite-types)).
    pub(crate) fn matches(
        &self,
        wanted: &CompositeType,
        extends: &impl Fn(ConcreteType, ConcreteType) -> bool,
    ) -> bool {
        let all = |own: &[ValType], wanted: &[ValType]| {
            own.len() == wanted.len() && own.iter().zip(wanted).all(|(own, &wanted)| own.matches(wanted, extends))
        };
        match (self, wanted) {
            (CompositeType::Func(own), CompositeType::Func(wanted)) => {
                all(&wanted.params, &own.params) && all(&own.results, &wanted.results)
            }
            (CompositeType::Struct(own), CompositeType::Struct(wanted)) => {
                own.clauses_match(wanted, extends)
                    && own.fields.len() >= wanted.fields.len()
                    && own.fields.iter().zip(&wanted.fields).all(|(own, wanted)| own.matches(wanted, extends))
            }
            (CompositeType::Array(own), CompositeType::Array(wanted)) => own.matches(wanted, extends),
            _ => false,
        }
    }
}

impl StructType {
    /// Returns whether the clauses allow this type to be a subtype of `wanted`: a subtype may have a descriptor where
    /// its supertype has none; otherwise both clauses must name subtypes of those that the supertype's clauses name.
    fn clauses_match(&self, wanted: &StructType, extends: &impl Fn(ConcreteType, ConcreteType) -> bool) -> bool {
        let below = |own: Option<ConcreteType>, wanted: Option<ConcreteType>| match (own, wanted) {
            (Some(own), Some(wanted)) => extends(own, wanted),
            (own, wanted) => own == wanted,
        };
        below(self.describes, wanted.describes)
            && (wanted.descriptor.is_none() || below(self.descriptor, wanted.descriptor))
    }
}

impl FieldType {
    fn map(&self, rename: &impl Fn(ConcreteType) -> ConcreteType) -> FieldType {
        let storage = match self.storage {
            StorageType::Val(ty) => StorageType::Val(ty.map(rename)),
            packed => packed,
        };
        FieldType { storage, ..*self }
    }

    fn matches(&self, wanted: &FieldType, extends: &impl Fn(ConcreteType, ConcreteType) -> bool) -> bool {
        let below = |own: &FieldType, wanted: &FieldType| match (own.storage, wanted.storage) {
            (StorageType::Val(own), StorageType::Val(wanted)) => own.matches(wanted, extends),
            (own, wanted) => own == wanted,
        };
        self.mutable == wanted.mutable && below(self, wanted) && (!self.mutable || below(wanted, self))
    }
}

impl StorageType {
    /// Returns the type of the value that is read from or written to a field or element of this type.
    pub(crate) fn unpacked(self) -> ValType {
        match self {
            StorageType::I8 | StorageType::I16 => ValType::I32,
            StorageType::Val(ty) => ty,
        }
    }
}

impl fmt::Display for CompositeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompositeType::Func(ty) => ty.fmt(f),
            CompositeType::Struct(ty) => {
                let clause = |f: &mut fmt::Formatter<'_>, word: &str, ty: Option<ConcreteType>| match ty {
                    Some(ty) => write!(f, "({word} {}) ", ty.index),
                    None => Ok(()),
                };
                clause(f, "describes", ty.describes)?;
                clause(f, "descriptor", ty.descriptor)?;
                f.write_str("(struct")?;
                ty.fields.iter().try_for_each(|field| write!(f, " (field {field})"))?;
                f.write_str(")")
            }
            CompositeType::Array(field) => write!(f, "(array {field})"),
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let storage: &dyn fmt::Display = match &self.storage {
            StorageType::I8 => &"i8",
            StorageType::I16 => &"i16",
            StorageType::Val(ty) => ty,
        };
        if self.mutable {
            return write!(f, "(mut {storage})");
        }
        storage.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::references::{HeapType, RefType};

    fn field(storage: StorageType, mutable: bool) -> FieldType {
        FieldType { storage, mutable }
    }

    fn record(fields: &[FieldType]) -> CompositeType {
        CompositeType::Struct(StructType { fields: fields.into(), ..StructType::default() })
    }

    fn plain_struct(describes: Option<u32>, descriptor: Option<u32>) -> CompositeType {
        let ty = |index| ConcreteType::in_module(CompositeKind::Struct, index);
        let (describes, descriptor) = (describes.map(ty), descriptor.map(ty));
        CompositeType::Struct(StructType { describes, descriptor, ..StructType::default() })
    }

    fn below(one: &CompositeType, other: &CompositeType) -> bool {
        one.matches(other, &|_, _| false)
    }

    const EQ: StorageType = StorageType::Val(ValType::Ref(RefType { nullable: true, heap: HeapType::Eq }));
    const I31: StorageType = StorageType::Val(ValType::Ref(RefType { nullable: true, heap: HeapType::I31 }));

    #[test]
    fn fields_vary_only_where_they_cannot_be_set() {
        let [eq, i31] = [EQ, I31].map(|storage| record(&[field(storage, false)]));
        assert!(below(&i31, &eq) && !below(&eq, &i31));
        let [eq, i31] = [EQ, I31].map(|storage| record(&[field(storage, true)]));
        assert!(!below(&i31, &eq) && !below(&eq, &i31) && below(&eq, &eq));
        let [packed, wide] = [StorageType::I8, StorageType::Val(ValType::I32)].map(|it| record(&[field(it, false)]));
        assert!(!below(&packed, &wide) && !below(&wide, &packed));
    }

    #[test]
    fn structs_grow_at_the_end() {
        let byte = field(StorageType::I8, false);
        let (short, long) = (record(&[byte]), record(&[byte, byte]));
        assert!(below(&long, &short) && !below(&short, &long));
        assert!(
            !below(&CompositeType::Array(byte), &short)
                && below(&CompositeType::Array(byte), &CompositeType::Array(byte))
        );
    }

    #[test]
    fn descriptors_go_along_with_what_they_describe() {
        // A higher number extends the lower ones.
        let below =
            |one: &CompositeType, other: &CompositeType| one.matches(other, &|one, other| one.index >= other.index);
        let (none, described, describing) =
            (plain_struct(None, None), plain_struct(None, Some(2)), plain_struct(Some(2), None));
        assert!(below(&described, &none) && !below(&none, &described), "a subtype may have what its supertype lacks");
        assert!(!below(&describing, &none) && !below(&none, &describing), "but describes if its supertype does");
        assert!(below(&plain_struct(None, Some(3)), &described) && !below(&plain_struct(None, Some(1)), &described));
        assert!(below(&plain_struct(Some(3), None), &describing) && !below(&plain_struct(Some(1), None), &describing));
        assert!(below(&plain_struct(Some(3), Some(9)), &plain_struct(Some(2), Some(8))));
        assert!(!below(&plain_struct(Some(3), Some(7)), &plain_struct(Some(2), Some(8))));
    }

    #[test]
    fn functions_take_more_and_return_less() {
        let [eq, i31] = [EQ, I31].map(StorageType::unpacked);
        let func = |param, result| CompositeType::Func(FuncType::new([param], [result]));
        assert!(below(&func(eq, i31), &func(i31, eq)) && !below(&func(i31, eq), &func(eq, i31)));
    }

    #[test]
    fn every_name_is_found() {
        let [one, two, three] = [1, 2, 3].map(|index| ConcreteType::in_module(CompositeKind::Func, index));
        let [two_ref, three_ref] =
            [two, three].map(|ty| ValType::Ref(RefType { nullable: true, heap: HeapType::Concrete(ty) }));
        let composite = CompositeType::Func(FuncType::new([ValType::I32, two_ref], [three_ref]));
        let ty = SubType { is_final: false, supertype: Some(one), composite };
        assert!(ty.names().eq([one, two, three]));
        let array = CompositeType::Array(field(StorageType::Val(two_ref), true));
        assert!(SubType::plain(array).names().eq([two]));
        let exact = ValType::Ref(RefType { nullable: true, heap: HeapType::Exact(three) });
        assert!(SubType::plain(record(&[field(StorageType::Val(exact), true)])).names().eq([three]));
        let clauses = SubType::plain(plain_struct(Some(4), Some(5)));
        assert!(clauses.names().map(|ty| ty.index).eq([4, 5]));
    }

    #[test]
    fn display() {
        let ty = record(&[field(StorageType::I8, true), field(EQ, false)]);
        assert_eq!(ty.to_string(), "(struct (field (mut i8)) (field eqref))");
        assert_eq!(CompositeType::Array(field(StorageType::I16, false)).to_string(), "(array i16)");
        let ty = plain_struct(Some(4), Some(5));
        assert_eq!(ty.to_string(), "(describes 4) (descriptor 5) (struct)");
    }
}
