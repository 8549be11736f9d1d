//! The benchmark's own modules, as text.

/// A computation.
pub struct Kernel {
    /// The name in the table.
    pub name: &'static str,
    /// A module that exports `run`, of type `(i32) -> i64`.
    pub text: &'static str,
    /// The argument for a run of some milliseconds.
    pub argument: i32,
    /// An argument for a short run, and the result. V8 computes the same.
    pub known: (i32, i64),
}

/// The six computations.
pub const KERNELS: [Kernel; 6] = [
    Kernel {
        name: "integer",
        text: include_str!("../kernels/integer.wat"),
        argument: 1_000_000,
        known: (1000, 6_951_358_153_079_994_484),
    },
    Kernel { name: "float", text: include_str!("../kernels/float.wat"), argument: 400, known: (8, 17_163) },
    Kernel {
        name: "memory",
        text: include_str!("../kernels/memory.wat"),
        argument: 1_000_000,
        known: (1000, 12_283_168_771_523),
    },
    Kernel { name: "direct calls", text: include_str!("../kernels/direct.wat"), argument: 27, known: (20, 6765) },
    Kernel {
        name: "indirect calls",
        text: include_str!("../kernels/indirect.wat"),
        argument: 1_000_000,
        known: (1000, -476_542_760_625_508_130),
    },
    Kernel {
        name: "branches",
        text: include_str!("../kernels/branchy.wat"),
        argument: 1_000_000,
        known: (1000, 111_655_105_162_273_375),
    },
];

/// Three computations on objects of the garbage-collected heap.
pub const OBJECT_KERNELS: [Kernel; 3] = [
    Kernel { name: "binary trees", text: include_str!("../kernels/trees.wat"), argument: 100, known: (3, 6141) },
    Kernel { name: "array of structs", text: include_str!("../kernels/objects.wat"), argument: 300, known: (5, 2188) },
    Kernel {
        name: "long-lived list",
        text: include_str!("../kernels/lists.wat"),
        argument: 3000,
        known: (1000, 204_559_500),
    },
];

/// A small module with imports, a memory, a table, and the exports `add`, `typed` and `untyped`. The last two call the
/// host.
pub const CALLS: &str = include_str!("../kernels/calls.wat");
