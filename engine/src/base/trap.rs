//! The one trap type: what compiled code, library calls, the trap table and the embedder all speak of.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why execution stopped ([Core specification, Traps](https://webassembly.github.io/spec/core/intro/overview.html#trap)).
        ///
        /// The discriminants are stored in artifacts: a code is never given another meaning.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum Trap { $($(#[$doc])* $name = $code,)* }

        impl Trap {
            /// Every trap, in the order of the codes.
            pub const ALL: &'static [Trap] = &[$(Trap::$name,)*];

            /// The trap with this code; `None` if the code names none.
            pub const fn from_code(code: u8) -> Option<Trap> {
                match code { $($code => Some(Trap::$name),)* _ => None }
            }

            /// The stable code, 1 to 250, as the trap table stores it.
            pub const fn code(self) -> u8 { self as u8 }

            /// The text that the official test suite uses for this trap.
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
    /// `call_indirect` with an index outside the table.
    UndefinedElement = 4, "undefined element";
    /// `call_indirect` through a null entry.
    UninitializedElement = 5, "uninitialized element";
    /// `call_indirect` to a function of another type.
    IndirectCallTypeMismatch = 6, "indirect call type mismatch";
    /// Integer overflow: `INT_MIN / -1`, or a float too large for the integer type.
    IntegerOverflow = 7, "integer overflow";
    /// Integer division or remainder by zero.
    IntegerDivisionByZero = 8, "integer divide by zero";
    /// NaN converted to an integer.
    InvalidConversionToInteger = 9, "invalid conversion to integer";
    /// The stack limit of the store was reached.
    StackOverflow = 10, "call stack exhausted";
    /// The store's fuel is used up.
    OutOfFuel = 11, "all fuel consumed";
    /// The store's epoch deadline passed.
    Interrupted = 12, "interrupted";
    /// A null reference where something was to be done with what it refers to.
    NullReference = 13, "null reference";
    /// A reference is not of the type that a cast names.
    CastFailure = 14, "cast failure";
    /// An access outside an array.
    ArrayOutOfBounds = 15, "out of bounds array access";
    /// The heap of garbage-collected objects is full: what is reachable and the new object together are larger than the
    /// store's limiter, the operating system or the region of 4 GiB allow.
    OutOfHeap = 16, "heap exhausted";
    /// An atomic access at an address that is not a multiple of its size.
    UnalignedAtomic = 17, "unaligned atomic";
    /// `memory.atomic.wait32` or `memory.atomic.wait64` in a memory that no other thread can reach.
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
