//! Conversions between pointers to the types of C that are one type in Rust.

/// Defines a pair of functions, for mutable and constant pointers, that convert a pointer to `$from` to one to `$to`.
/// They return null if the object is not one of which `$check` holds. Both types have the same layout.
macro_rules! declare_cast {
    ($from:ty, $to:ty, $mutable:ident, $constant:ident, $check:expr) => {
        /// Converts a pointer; null if the object is of another kind. The object keeps its owner.
        #[unsafe(no_mangle)]
        pub extern "C" fn $mutable(object: Option<&mut $from>) -> Option<&mut $to> {
            let check: fn(&$from) -> bool = $check;
            let object = object.filter(|object| check(object))?;
            // SAFETY: both types are transparent wrappers of one type, and the check says that it may be a `$to`.
            Some(unsafe { &mut *std::ptr::from_mut(object).cast::<$to>() })
        }

        /// Converts a constant pointer; null if the object is of another kind. The object keeps its owner.
        #[unsafe(no_mangle)]
        pub extern "C" fn $constant(object: Option<&$from>) -> Option<&$to> {
            let check: fn(&$from) -> bool = $check;
            let object = object.filter(|object| check(object))?;
            // SAFETY: both types are transparent wrappers of one type, and the check says that it may be a `$to`.
            Some(unsafe { &*std::ptr::from_ref(object).cast::<$to>() })
        }
    };
}
