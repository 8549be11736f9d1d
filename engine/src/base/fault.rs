//! Faults that a test plants into the engine, to prove that an oracle can fail.
//!
//! The feature `planted-faults` adds them. A build with the feature and one without never load each other's artifacts:
//! their format fingerprints differ.
//!
//! [`Config::fault`](super::Config::fault) plants a fault of the compiler into one engine. The environment variable
//! [`Fault::VARIABLE`] plants a fault into the whole process, which is the only way to plant one of the runtime. The
//! code of a fault asks with the macro `planted!`, which is `false` in a build without the feature.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::OnceLock;

/// Defines the faults: name, part, effect, and the mistakes of real engines that the fault is like.
macro_rules! faults {
    ($($name:ident: $part:ident, $effect:literal, $model:literal;)*) => {
        /// A fault that is planted into the engine.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
        pub enum Fault {
            $(#[doc = $effect] $name,)*
        }

        impl Fault {
            /// All faults.
            pub const ALL: &[Fault] = &[$(Fault::$name),*];

            /// Returns the name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Fault::$name => stringify!($name),)*
                }
            }

            /// Returns the part of the engine that is wrong.
            pub fn part(self) -> Part {
                match self {
                    $(Fault::$name => Part::$part,)*
                }
            }

            /// Returns a sentence that says what the fault does.
            pub fn effect(self) -> &'static str {
                match self {
                    $(Fault::$name => $effect,)*
                }
            }

            /// Returns the kind of mistakes, made by real engines, that the fault is like.
            pub fn model(self) -> &'static str {
                match self {
                    $(Fault::$name => $model,)*
                }
            }
        }
    };
}

/// A part of the engine that a fault is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The translation of operators to the compiler's IR.
    Translator,
    /// The counting of fuel.
    Fuel,
    /// The contents that the compiler writes into the artifact's tables.
    Tables,
    /// The placement of code and the filling of its references to other code.
    Linker,
    /// The lookups in a loaded artifact's tables.
    Reader,
    /// The checks and the mapping of an artifact that is loaded.
    Loader,
    /// Objects, casts and the garbage collector.
    Collector,
    /// Instances and what they hold.
    Runtime,
    /// Waiting and waking.
    Threads,
    /// The limits of a store.
    Limiter,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

faults! {
    SubtractionAdds: Translator,
        "`i32.sub` is compiled as `i32.add`.",
        "a row of an opcode table that was copied and not changed";
    SpilledExtensionLosesSign: Translator,
        "`i64.extend_i32_s` extends with zeros in a function with more than twelve locals.",
        "a narrow value that is spilled and reloaded with the wrong extension (CVE-2021-32629)";
    LastLaneMissed: Translator,
        "`f32x4.replace_lane 3` replaces lane 2.",
        "lane immediates that are encoded wrongly for one lane";
    VectorShiftWraps: Translator,
        "`i64x2.shr_s` takes its amount modulo 32.",
        "a shift of 64-bit lanes that is made of 32-bit ones (CVE-2023-41880)";
    MinimumOfZeros: Translator,
        "`f64.min` returns its second operand if the operands are equal, as zeros of both signs are.",
        "the processor's minimum where WebAssembly orders the zeros";
    SwizzleWraps: Translator,
        "`i8x16.swizzle` takes an index from 16 to 127 modulo 16.",
        "the processor's shuffle, which looks at other bits of an index (CVE-2022-31104)";
    ShuffleOfSecond: Translator,
        "`i8x16.shuffle` with lanes of its second operand only takes them from the first.",
        "a shuffle of one operand that is recognized as the wrong one";
    RoundedProductOverflows: Translator,
        "`i16x8.q15mulr_sat_s` of the two smallest numbers is the smallest number.",
        "the processor's rounding product without the correction of its only overflow";
    UnsignedRoundsTwice: Translator,
        "`f32.convert_i64_u` converts through `f64`, which rounds twice.",
        "conversions of unsigned numbers in software";
    TruncationBoundRounded: Translator,
        "`i32.trunc_f64_s` traps for numbers between -2147483649 and -2147483648.",
        "a bound that is compared before the fraction is cut off";
    RemainderOverflows: Translator,
        "`i64.rem_s` of the smallest number and -1 traps.",
        "the processor's division, which traps where WebAssembly's remainder is 0";
    SelectOfVectorsSwapped: Translator,
        "`select` of vectors takes the other one.",
        "a select of vectors whose operands change places (CVE-2022-31104, CVE-2023-27477)";
    BranchTableShort: Translator,
        "The last label of a `br_table` with more than four gets no index.",
        "a jump table whose bound is one too small";
    LaneStoreOffsetLost: Translator,
        "`v128.store16_lane` ignores its offset.",
        "an immediate that one opcode of a family drops";
    LastByteUnchecked: Translator,
        "An explicit check of bounds allows an access that ends one byte after the memory.",
        "a bound with the wrong of two comparisons";
    Memory64IndexWraps: Translator,
        "An access to a 64-bit memory ignores the high half of the index.",
        "code for 32-bit memories that 64-bit ones share";
    MemoriesSwapped: Translator,
        "`memory.copy` takes each of two memories for the other one.",
        "two immediates of one type that change places";
    NarrowAtomicSigned: Translator,
        "An atomic access of 8 bits extends the sign of what it reads.",
        "narrow atomic instructions, whose result depends on the processor's one";
    PackedFieldUnsigned: Translator,
        "`struct.get_s` extends a packed field of 8 bits with zeros.",
        "an extension that is right for arrays and forgotten for structs";
    PayloadAltered: Translator,
        "`throw` adds one to the first integer of the payload.",
        "an argument register that is overwritten";
    CatchRefReversed: Translator,
        "`catch_ref` gets values of one type in reverse order.",
        "the payload order of the clauses with a reference";
    ClausesReversed: Translator,
        "The clauses of a `try_table` are tried in reverse order.",
        "handlers on a stack that are taken from its top";
    TailCallKeepsFrame: Translator,
        "A tail call is compiled as an ordinary call, followed by a return.",
        "tail calls that a tier does not support";
    OperatorFree: Fuel,
        "`table.size` costs nothing.",
        "one operator that is missing from a table of costs";
    TrapUncharged: Fuel,
        "The costs before an `unreachable` are not charged.",
        "fuel that is not charged before an unconditional trap";
    SourceMapOffByOne: Tables,
        "Every offset in the source map is one byte too large.",
        "an offset that is taken after the opcode was read";
    OffsetAfterLongNumber: Tables,
        "The offset of an operator is one too large if the four bytes before it can be the end of a long number.",
        "offsets that are computed from the lengths of numbers";
    WrongTrapCode: Tables,
        "Division by zero is recorded as integer overflow.",
        "one trap code for several causes of one instruction";
    TrapLost: Tables,
        "The trap table lacks a function's trap number 25.",
        "an artifact without a part of its trap table, whose traps the process does not survive";
    NamesShifted: Tables,
        "From the 65th name on, a function has the name of the one before it.",
        "names that are counted without those of imports";
    FunctionNumberByte: Tables,
        "The function table holds the low seven bits of a function's number.",
        "a number of the LEB128 format that is written as one byte";
    OuterHandlerFirst: Tables,
        "The last handler of a call comes first.",
        "handlers of nested blocks that are listed from the outermost on";
    MissingStackMap: Tables,
        "Each stack map lacks its first reference.",
        "references that are live across a call but not declared (CVE-2022-31146)";
    ColdStackMapLost: Tables,
        "The last call of a function with more than three safepoints has no stack map.",
        "safepoints in cold blocks that are skipped";
    LargeFrameStackMap: Tables,
        "The slots of a frame of more than 256 bytes are recorded eight bytes too high.",
        "frame sizes that are encoded in another way when they are large";
    EpiloguesWithoutRules: Tables,
        "Unwind information describes the prologue of a function and takes it to hold up to its end.",
        "call frame information that is wrong in epilogues (wasmtime#10422)";
    FarCallLosesAddend: Linker,
        "A call of a function more than 32 KiB away loses its addend.",
        "lost addends of relocations";
    ConstantsUnaligned: Linker,
        "Code is aligned to 4 bytes, and so are the vectors that it loads.",
        "constants whose alignment is lost when code is placed";
    CallerOffsetAfterCall: Reader,
        "A caller's frame names the instruction after the call.",
        "a return address that is looked up as it is";
    FrameNumberByte: Reader,
        "A frame names a function by the low seven bits of its number.",
        "a number of the LEB128 format that is read as one byte";
    UnwindIndexShort: Reader,
        "The unwind index is searched up to its record number 128 only.",
        "a count of records that is kept in one byte";
    DigestUnchecked: Loader,
        "The digest of the whole file is not compared.",
        "a cache that believes its files";
    TerminatorUnchecked: Loader,
        "Unwind information without its terminator is accepted.",
        "an `.eh_frame` without an end, which the platform's unwinder reads past";
    CpuUnchecked: Loader,
        "The CPU features that the code needs are not compared with the CPU's.",
        "artifacts that are loaded on another machine";
    TextLeftWritable: Loader,
        "Loaded code stays writable.",
        "memory that is both writable and executable";
    FramesUnregistered: Loader,
        "Loaded code is not registered with the platform's unwinder.",
        "backtraces of profilers that end at compiled code";
    ImageLosesLastPage: Loader,
        "A memory image is mapped without its last page.",
        "lengths that are rounded to pages in the wrong direction";
    PoolKeepsContents: Loader,
        "A memory that is used again keeps its contents.",
        "a pool of memories that leaks from one instance to the next (CVE-2022-39393)";
    DeepCastFails: Collector,
        "A cast to a type deeper than the display sees the type itself and its direct subtypes only.",
        "subtype chains that are longer than the table of supertypes";
    ArrayCopyForward: Collector,
        "`array.copy` within one array overwrites what it reads later.",
        "`memcpy` where ranges may overlap";
    TableTailUntraced: Collector,
        "The collector does not look at the elements by which a table has grown.",
        "roots that are listed when a table is made";
    LongArrayUntraced: Collector,
        "The collector looks at the first 64 elements of an array only.",
        "a collector that visits long arrays in parts";
    SegmentUntraced: Collector,
        "The collector does not look at element segments.",
        "a kind of roots that is forgotten";
    ExceptionUntraced: Collector,
        "The collector does not look at the payload of exceptions.",
        "exceptions that are kept outside of the heap";
    TableGrowthSkipsFirst: Runtime,
        "The first element by which a table grows stays null.",
        "a growth that starts after its old end";
    EmptyRangeUnchecked: Runtime,
        "An empty range of a table may be anywhere.",
        "the rule of an early version of the bulk proposal";
    MemoryRangeEndsEarly: Runtime,
        "A range that ends exactly at the end of a memory is outside of it.",
        "a bound with the wrong of two comparisons";
    ActiveSegmentKept: Runtime,
        "An active element segment is not dropped after it was written.",
        "`table.init` of a segment that instantiation has used up";
    ImportLimitsUnchecked: Runtime,
        "The size of an imported memory is not compared with the declared one.",
        "compiled code that relies on limits that nobody checks";
    TwinTagsMatch: Runtime,
        "A handler takes the exceptions of every tag with the type of its own.",
        "tags that are compared by type instead of identity";
    NotifyWakesAll: Threads,
        "`memory.atomic.notify` wakes all waiters, whatever the count.",
        "a condition variable that is broadcast";
    TimeoutTruncated: Threads,
        "A wait's timeout is taken modulo 2^32 nanoseconds.",
        "a timeout that passes through 32 bits";
    WaitComparesLow: Threads,
        "`memory.atomic.wait64` compares the low half only.",
        "a wait of the operating system, which compares 32 bits";
    MemoryRefusalIgnored: Limiter,
        "A memory grows although the limiter refuses.",
        "a limiter that is asked and not obeyed";
    TableRefusalIgnored: Limiter,
        "A table grows although the limiter refuses.",
        "a limiter that is asked and not obeyed";
}

impl Fault {
    /// The environment variable that names the fault of a process.
    pub const VARIABLE: &str = "TOUCHSTONE_FAULT";

    /// Returns the fault of this name.
    pub fn find(name: &str) -> Option<Fault> {
        Fault::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    /// Returns the fault that the environment plants into this process.
    ///
    /// # Panics
    /// If there is no fault of the name in [`Fault::VARIABLE`]: a test would take a sound engine for a faulty one.
    pub fn of_process() -> Option<Fault> {
        static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
        *FAULT.get_or_init(|| {
            let name = std::env::var(Fault::VARIABLE).ok()?;
            let fault = Fault::find(&name);
            Some(fault.unwrap_or_else(|| panic!("{}: there is no fault `{name}`", Fault::VARIABLE)))
        })
    }
}
