//! The one trap type, shared by compiled code, library calls, the trap table and the embedder.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// A reason for execution to stop
        /// ([Core specification, Traps](https://webassembly.github.io/spec/core/intro/overview.html#trap)).
        ///
        /// Artifacts store the discriminants. They are stable: a code never takes another meaning.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Trap { $($(#[$doc])* $name = $code,)* }

        impl Trap {
            /// All traps, in the order of their codes.
            pub const ALL: &'static [Trap] = &[$(Trap::$name,)*];

            /// Returns the trap with this code; `None` if no trap has it.
            pub const fn from_code(code: u8) -> Option<Trap> {
                match code { $($code => Some(Trap::$name),)* _ => None }
            }

            /// Returns the stable code, 1 to 250, that the trap table stores.
            pub const fn code(self) -> u8 { self as u8 }

            /// Returns the text that the official test suite uses for this trap.
            pub const fn text(self) -> &'static str {
                match self { $(Trap::$name => $text,)* }
            }
        }
    };
}

traps! {
    /// An `unreachable` instruction was executed.
    Unreachable = 1, "unreachable";
    /// A load, store or bulk operation touched bytes outside its memory or data segment.
    MemoryOutOfBounds = 2, "out of bounds memory access";
    /// A table access or bulk operation touched elements outside its table or element segment.
    TableOutOfBounds = 3, "out of bounds table access";
    /// `call_indirect` used an index outside its table.
    UndefinedElement = 4, "undefined element";
    /// `call_indirect` found a null entry.
    UninitializedElement = 5, "uninitialized element";
    /// `call_indirect` found a function of another type.
    IndirectCallTypeMismatch = 6, "indirect call type mismatch";
    /// An integer division overflowed (`INT_MIN / -1`), or a float was too large for the integer type.
    IntegerOverflow = 7, "integer overflow";
    /// An integer was divided by zero.
    IntegerDivisionByZero = 8, "integer divide by zero";
    /// NaN was converted to an integer.
    InvalidConversionToInteger = 9, "invalid conversion to integer";
    /// A call reached the stack limit.
    StackOverflow = 10, "call stack exhausted";
    /// The store's fuel is used up.
    OutOfFuel = 11, "all fuel consumed";
    /// The store's epoch deadline passed.
    Interrupted = 12, "interrupted";
    /// An instruction needed the referent of a null reference.
    NullReference = 13, "null reference";
    /// A reference was not of the type that a cast names.
    CastFailure = 14, "cast failure";
    /// An instruction accessed an element outside its array.
    ArrayOutOfBounds = 15, "out of bounds array access";
    /// The heap of garbage-collected objects is full: the reachable objects and the new one are together larger than
    /// the store's limiter, the operating system or the region of 4 GiB allows.
    OutOfHeap = 16, "heap exhausted";
    /// An atomic access used an address that is not a multiple of its size.
    UnalignedAtomic = 17, "unaligned atomic";
    /// `memory.atomic.wait32` or `memory.atomic.wait64` used a memory that is not shared.
    ExpectedSharedMemory = 18, "expected shared memory";
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::Trap;

    #[test]
    fn codes_round_trip() {
        for &trap in Trap::ALL {
            assert_eq!(Trap::from_code(trap.code()), Some(trap));
            assert!((1..=250).contains(&trap.code()), "Cranelift reserves 251 and above");
        }
        assert_eq!(Trap::from_code(0), None);
    }
}
