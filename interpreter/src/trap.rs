//! The reasons for execution to stop.

use core::fmt;

macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A reason for execution to stop
        /// ([Traps](https://webassembly.github.io/spec/core/intro/overview.html#trap)).
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Trap { $($(#[$doc])* $name,)* }

        impl Trap {
            /// All traps.
            pub const ALL: &'static [Trap] = &[$(Trap::$name,)*];

            /// Returns the text that the official test suite uses for this trap.
            pub const fn text(self) -> &'static str {
                match self { $(Trap::$name => $text,)* }
            }
        }
    };
}

traps! {
    /// An `unreachable` instruction was executed.
    Unreachable = "unreachable";
    /// A load, store or bulk operation touched bytes outside its memory or data segment.
    MemoryOutOfBounds = "out of bounds memory access";
    /// A table access or bulk operation touched elements outside its table or element segment.
    TableOutOfBounds = "out of bounds table access";
    /// `call_indirect` used an index outside its table.
    UndefinedElement = "undefined element";
    /// `call_indirect` found a null entry.
    UninitializedElement = "uninitialized element";
    /// `call_indirect` found a function of another type.
    IndirectCallTypeMismatch = "indirect call type mismatch";
    /// An integer division overflowed (`INT_MIN / -1`), or a float was too large for the integer type.
    IntegerOverflow = "integer overflow";
    /// An integer was divided by zero.
    IntegerDivisionByZero = "integer divide by zero";
    /// NaN was converted to an integer.
    InvalidConversionToInteger = "invalid conversion to integer";
    /// A call reached the limit of the stack.
    StackOverflow = "call stack exhausted";
    /// The store's fuel is used up.
    OutOfFuel = "all fuel consumed";
    /// The store's epoch deadline passed.
    Interrupted = "interrupted";
    /// An instruction needed the referent of a null reference.
    NullReference = "null reference";
    /// A reference was not of the type that a cast names.
    CastFailure = "cast failure";
    /// An instruction accessed an element outside its array.
    ArrayOutOfBounds = "out of bounds array access";
    /// The reachable objects and a new one are together larger than the store's limit.
    OutOfHeap = "heap exhausted";
    /// An atomic access used an address that is not a multiple of its size.
    UnalignedAtomic = "unaligned atomic";
    /// `memory.atomic.wait32` or `memory.atomic.wait64` used a memory that is not shared.
    ExpectedSharedMemory = "expected shared memory";
    /// A continuation was used a second time.
    ContinuationConsumed = "continuation already consumed";
    /// A stack was suspended, or switched from, with a tag that no enclosing handler takes.
    UnhandledTag = "unhandled tag";
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Trap {}
