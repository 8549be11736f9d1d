//! Vectors: a length and an array, which C programs read, fill and free.
//!
//! The array is one of `malloc`. A vector in Rust owns its elements, as an `own` vector does in C.

use core::{mem::MaybeUninit, ptr, slice};

/// An array with its length. `data` may be null if `size` is 0.
#[repr(C)]
pub struct Vector<T> {
    /// The number of elements.
    pub size: usize,
    /// The elements.
    pub data: *mut T,
}

impl<T> Vector<T> {
    /// The vector without elements.
    pub(crate) const EMPTY: Vector<T> = Vector { size: 0, data: ptr::null_mut() };

    /// Allocates a vector of zero bytes, which is a valid value of each type of elements.
    pub(crate) fn zeroed(size: usize) -> Vector<T> {
        if size == 0 {
            return Vector::EMPTY;
        }
        // SAFETY: `calloc` has no preconditions, and checks the product.
        let data = unsafe { libc::calloc(size, size_of::<T>()) }.cast::<T>();
        assert!(!data.is_null(), "no memory for a vector of {size} elements");
        Vector { size, data }
    }

    /// Returns the elements.
    pub(crate) fn as_slice(&self) -> &[T] {
        if self.size == 0 || self.data.is_null() {
            return &[];
        }
        // SAFETY: a vector has this many elements, whoever made it.
        unsafe { slice::from_raw_parts(self.data, self.size) }
    }

    /// Overwrites the elements, without reading the old ones, which may be uninitialized. Elements that do not fit are
    /// dropped.
    pub(crate) fn overwrite(&mut self, values: impl IntoIterator<Item = T>) {
        let size = if self.data.is_null() { 0 } else { self.size };
        for (position, value) in values.into_iter().take(size).enumerate() {
            // SAFETY: the array has room for `size` elements.
            unsafe { self.data.add(position).write(value) };
        }
    }
}

impl<T> FromIterator<T> for Vector<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Vector<T> {
        let values: Vec<T> = values.into_iter().collect();
        let mut vector = Vector::zeroed(values.len());
        vector.overwrite(values);
        vector
    }
}

impl<T: Clone> Clone for Vector<T> {
    fn clone(&self) -> Vector<T> {
        self.as_slice().iter().cloned().collect()
    }
}

impl<T> Drop for Vector<T> {
    fn drop(&mut self) {
        if self.data.is_null() {
            return;
        }
        // SAFETY: the vector owns the array and its elements. The array came from `calloc`.
        unsafe {
            ptr::drop_in_place(ptr::slice_from_raw_parts_mut(self.data, self.size));
            libc::free(self.data.cast());
        }
    }
}

impl<T> Default for Vector<T> {
    fn default() -> Vector<T> {
        Vector::EMPTY
    }
}

/// The place for a value that a function returns through a pointer. Its old bytes mean nothing.
pub type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

/// Writes a value where the caller wants it.
pub(crate) fn write<T>(out: Out<'_, T>, value: T) {
    if let Some(out) = out {
        out.write(value);
    }
}

/// Defines the five functions of a type of vectors.
macro_rules! declare_vec {
    ($vec:ident of $element:ty: $empty:ident, $uninitialized:ident, $new:ident, $copy:ident, $delete:ident) => {
        /// A vector of the standard interface.
        pub type $vec = $crate::vec::Vector<$element>;

        /// Makes a vector without elements.
        #[unsafe(no_mangle)]
        pub extern "C" fn $empty(out: $crate::vec::Out<'_, $vec>) {
            $crate::vec::write(out, $crate::vec::Vector::EMPTY);
        }

        /// Makes a vector of `size` elements, which the caller fills. Until then their bytes are zero.
        #[unsafe(no_mangle)]
        pub extern "C" fn $uninitialized(out: $crate::vec::Out<'_, $vec>, size: usize) {
            $crate::vec::write(out, $crate::vec::Vector::zeroed(size));
        }

        /// Makes a vector of an array's elements, which it takes over.
        ///
        /// # Safety
        /// The array has `size` elements.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $new(out: $crate::vec::Out<'_, $vec>, size: usize, elements: *const $element) {
            let mut vector = $crate::vec::Vector::zeroed(if elements.is_null() { 0 } else { size });
            // SAFETY: the caller vouches for the array, whose elements nobody uses afterwards.
            vector.overwrite((0..vector.size).map(|position| unsafe { elements.add(position).read() }));
            $crate::vec::write(out, vector);
        }

        /// Copies a vector and its elements.
        #[unsafe(no_mangle)]
        pub extern "C" fn $copy(out: $crate::vec::Out<'_, $vec>, vector: Option<&$vec>) {
            $crate::vec::write(out, vector.cloned().unwrap_or_default());
        }

        /// Deletes a vector and its elements, and leaves an empty one.
        #[unsafe(no_mangle)]
        pub extern "C" fn $delete(vector: Option<&mut $vec>) {
            vector.map(core::mem::take);
        }
    };
}

declare_vec!(wasm_byte_vec_t of u8: wasm_byte_vec_new_empty, wasm_byte_vec_new_uninitialized, wasm_byte_vec_new,
    wasm_byte_vec_copy, wasm_byte_vec_delete);
