//! Slots: the untyped 64-bit cells that hold values while code runs.
//!
//! Validation has checked the types, so a slot need not tell which type its value has. A number has its bits in the low
//! end of one slot, zero-extended; a vector takes two slots, the low half first; a reference is a [`RawRef`].

/// The window of slots that the instructions of one function see. Reads and writes take the index of a [`Reg`] modulo
/// the window's length, a power of two, instead of a check of bounds.
pub(crate) type Registers = [u64; WINDOW];

/// The number of slots in a window.
pub(crate) const WINDOW: usize = 1 << 12;

/// The index of a slot in the window of a function. Code has no greater ones, but for [`LAST`].
pub(crate) type Reg = u16;

/// Stands for a first operand that is the result of the instruction before.
pub(crate) const LAST: Reg = Reg::MAX;

/// A vector of 128 bits. Lane 0 is in the lowest bits.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct V128(pub(crate) u128);

/// A reference as slots, tables, globals and objects hold it.
///
/// The high 16 bits tell the kind. The collector reads slots of the stack without their types, so the kinds of
/// references to objects are patterns that numbers seldom have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct RawRef(pub(crate) u64);

impl RawRef {
    /// The null of every type.
    pub(crate) const NULL: RawRef = RawRef(0);
    const I31: u64 = 0xfff1 << 48;
    const FUNC: u64 = 0xfff2 << 48;
    const OBJECT: u64 = 0xfff3 << 48;
    const KIND: u64 = 0xffff << 48;

    /// Returns a reference to the low 31 bits of an integer.
    pub(crate) fn from_i31(value: u32) -> RawRef {
        RawRef(RawRef::I31 | u64::from(value & 0x7fff_ffff))
    }

    /// Returns a reference to the function at this address of the store.
    pub(crate) fn from_func(address: u32) -> RawRef {
        RawRef(RawRef::FUNC | u64::from(address))
    }

    /// Returns a reference to a struct, an array, an exception or a host value by its index in the heap.
    pub(crate) fn from_object(index: u32) -> RawRef {
        RawRef(RawRef::OBJECT | u64::from(index))
    }

    /// Returns whether the reference is null.
    pub(crate) fn is_null(self) -> bool {
        self == RawRef::NULL
    }

    /// Returns the integer, zero-extended, if the reference holds one.
    pub(crate) fn as_i31(self) -> Option<u32> {
        self.payload(RawRef::I31)
    }

    /// Returns the address of the function, if the reference is to one.
    pub(crate) fn as_func(self) -> Option<u32> {
        self.payload(RawRef::FUNC)
    }

    /// Returns the index of the object in the heap, if the reference is to one.
    pub(crate) fn as_object(self) -> Option<u32> {
        self.payload(RawRef::OBJECT)
    }

    fn payload(self, kind: u64) -> Option<u32> {
        if self.0 & RawRef::KIND == kind { Some(self.0 as u32) } else { None }
    }
}

/// A value that instructions read from slots and write to them.
pub(crate) trait Operand: Sized {
    /// The number of slots.
    const SLOTS: u32;

    /// Reads the value whose first slot is `at`.
    fn read(registers: &Registers, at: Reg) -> Self;

    /// Writes the value to the slots from `at` on.
    fn write(self, registers: &mut Registers, at: Reg);
}

/// A value of one slot.
pub(crate) trait Word: Operand {
    /// Returns the value of a slot with these bits.
    fn from_slot(bits: u64) -> Self;

    /// Returns the bits of the slot.
    fn to_slot(self) -> u64;
}

macro_rules! in_one_slot {
    ($($ty:ty: $value:ident => $to:expr, $bits:ident => $from:expr;)*) => {
        $(impl Operand for $ty {
            const SLOTS: u32 = 1;

            #[inline(always)]
            fn read(registers: &Registers, at: Reg) -> $ty {
                <$ty>::from_slot(registers[usize::from(at) % WINDOW])
            }

            #[inline(always)]
            fn write(self, registers: &mut Registers, at: Reg) {
                registers[usize::from(at) % WINDOW] = self.to_slot();
            }
        }

        impl Word for $ty {
            #[inline(always)]
            fn from_slot($bits: u64) -> $ty {
                $from
            }

            #[inline(always)]
            fn to_slot(self) -> u64 {
                let $value = self;
                $to
            }
        })*
    };
}

in_one_slot! {
    u32: value => u64::from(value), bits => bits as u32;
    i32: value => u64::from(value.cast_unsigned()), bits => bits as i32;
    u64: value => value, bits => bits;
    i64: value => value.cast_unsigned(), bits => bits as i64;
    f32: value => u64::from(value.to_bits()), bits => f32::from_bits(bits as u32);
    f64: value => value.to_bits(), bits => f64::from_bits(bits);
    bool: value => u64::from(value), bits => bits as u32 != 0;
    RawRef: value => value.0, bits => RawRef(bits);
}

impl Operand for V128 {
    const SLOTS: u32 = 2;

    #[inline(always)]
    fn read(registers: &Registers, at: Reg) -> V128 {
        let (low, high) = (registers[usize::from(at) % WINDOW], registers[(usize::from(at) + 1) % WINDOW]);
        V128(u128::from(low) | u128::from(high) << 64)
    }

    #[inline(always)]
    fn write(self, registers: &mut Registers, at: Reg) {
        registers[usize::from(at) % WINDOW] = self.0 as u64;
        registers[(usize::from(at) + 1) % WINDOW] = (self.0 >> 64) as u64;
    }
}
