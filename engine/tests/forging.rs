//! Limits of safe code: it makes neither a type nor a handle from a number.

use engine::{
    AnyRef, ArrayRef, ConcreteType, ExternType, FuncType, GlobalType, HeapType, Limits, MemoryType, RefType, StructRef,
    TableType, Trap, Val, ValType,
};
use std::marker::PhantomData;

/// Returns the names of the types that implement a trait.
macro_rules! all_that_implement {
    ([$($ty:ty),*]: $bound:path) => {{
        trait Ask {
            fn answer(&self) -> bool {
                false
            }
        }
        struct Asked<T>(PhantomData<T>);
        impl<T> Ask for &Asked<T> {}
        // A method of the value itself is preferred to one of a reference to it.
        impl<T: $bound> Asked<T> {
            fn answer(&self) -> bool {
                true
            }
        }
        // A number implements all of these traits. Its answers are the first, and what the second would be.
        let asked = Asked::<u32>(PhantomData);
        assert_eq!((asked.answer(), Ask::answer(&&asked)), (true, false));
        let answers = [$((stringify!($ty), (&Asked::<$ty>(PhantomData)).answer())),*];
        answers.into_iter().filter_map(|(name, found)| found.then_some(name)).collect::<Vec<_>>()
    }};
}

#[test]
fn no_type_with_an_id_is_made_from_data() {
    macro_rules! with_ids {
        ($bound:path) => {
            all_that_implement!([
                ConcreteType, HeapType, RefType, ValType, FuncType, TableType, GlobalType, ExternType, Val, AnyRef,
                StructRef, ArrayRef, engine::ExternRef, engine::ExnRef, engine::Extern, engine::Func, engine::Global,
                engine::Memory, engine::Table, engine::Tag, engine::Instance
            ]: $bound)
        };
    }
    let none: [&str; 0] = [];
    assert_eq!(with_ids!(serde::de::DeserializeOwned), none);
    assert_eq!(with_ids!(Default), none);
    // The question can be answered with yes.
    let others = all_that_implement!([MemoryType, Limits, ConcreteType, Trap]: serde::de::DeserializeOwned);
    assert_eq!(others, ["MemoryType", "Limits", "Trap"]);
}
