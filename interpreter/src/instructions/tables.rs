//! Tables
//! ([Table instructions](https://webassembly.github.io/spec/core/exec/instructions.html#table-instructions)). Those on
//! many elements check bounds before they change anything.

use crate::error::Result;
use crate::slot::RawRef;
use crate::store::{Metering, StoreLimits, TableInstance, elements_price};
use crate::trap::Trap;

/// Returns an [element](https://webassembly.github.io/spec/core/exec/instructions.html#exec-table.get).
///
/// # Errors
/// [`Trap::TableOutOfBounds`].
#[inline(always)]
pub(crate) fn table_get(table: &TableInstance, index: u64) -> Result<RawRef, Trap> {
    table.get(index)
}

/// Sets an [element](https://webassembly.github.io/spec/core/exec/instructions.html#exec-table.set).
///
/// # Errors
/// [`Trap::TableOutOfBounds`].
#[inline(always)]
pub(crate) fn table_set(table: &mut TableInstance, index: u64, value: RawRef) -> Result<(), Trap> {
    table.set(index, value)
}

/// Returns the [size](https://webassembly.github.io/spec/core/exec/instructions.html#exec-table.size).
#[inline(always)]
pub(crate) fn table_size(table: &TableInstance) -> u64 {
    table.length()
}

/// [Grows](https://webassembly.github.io/spec/core/exec/instructions.html#exec-table.grow) a table. Returns the old
/// size, or -1, of which a table with 32-bit indices takes the low bits. A growth that the type does not allow is free.
///
/// # Errors
/// [`Trap::OutOfFuel`], [`Trap::Interrupted`], or kind [`Resource`](crate::ErrorKind::Resource) if the limits make an
/// error of a growth that fails.
pub(crate) fn table_grow(
    table: &mut TableInstance,
    metering: &mut Metering,
    limits: &StoreLimits,
    value: RawRef,
    delta: u64,
) -> Result<u64> {
    if table.grown_length(delta).is_some() {
        metering.charge(elements_price(delta))?;
        metering.poll()?;
    }
    Ok(table.grow(delta, value, limits)?.unwrap_or(u64::MAX))
}

/// [Sets](https://webassembly.github.io/spec/core/exec/instructions.html#exec-table.fill) elements to one value.
///
/// # Errors
/// [`Trap::TableOutOfBounds`], [`Trap::OutOfFuel`] or [`Trap::Interrupted`].
pub(crate) fn table_fill(
    table: &mut TableInstance,
    metering: &mut Metering,
    at: u64,
    value: RawRef,
    length: u64,
) -> Result<(), Trap> {
    metering.charge(elements_price(length))?;
    metering.poll()?;
    table.fill(at, value, length)
}

/// [Copies](https://webassembly.github.io/spec/core/exec/instructions.html#exec-table.copy) elements from the table at
/// the address `from`, starting with `source`, to the table at the address `to`, starting with `at`.
///
/// # Errors
/// [`Trap::TableOutOfBounds`], [`Trap::OutOfFuel`] or [`Trap::Interrupted`].
pub(crate) fn table_copy(
    tables: &mut [TableInstance],
    metering: &mut Metering,
    [to, from]: [usize; 2],
    at: u64,
    source: u64,
    length: u64,
) -> Result<(), Trap> {
    metering.charge_unless_free(elements_price(length))?;
    metering.poll()?;
    match tables.get_disjoint_mut([to, from]) {
        Ok([to, from]) => to.init(at, from.slots(), source, length),
        Err(_) => tables[to].copy_within(at, source, length),
    }
}

/// [Copies](https://webassembly.github.io/spec/core/exec/instructions.html#exec-table.init) elements of a segment, which
/// are none after it was dropped.
///
/// # Errors
/// [`Trap::TableOutOfBounds`], [`Trap::OutOfFuel`] or [`Trap::Interrupted`].
pub(crate) fn table_init(
    table: &mut TableInstance,
    metering: &mut Metering,
    segment: &[u64],
    at: u64,
    source: u32,
    length: u32,
) -> Result<(), Trap> {
    metering.charge_unless_free(elements_price(length.into()))?;
    metering.poll()?;
    table.init(at, segment, source.into(), length.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Engine};
    use crate::types::{HeapType, RefType, TableType};
    use alloc::vec::Vec;

    const OUTSIDE: Trap = Trap::TableOutOfBounds;

    fn table(length: u64, max: Option<u64>) -> TableInstance {
        let element = RefType { nullable: true, heap: HeapType::Func };
        TableInstance::new(TableType::new(element, length, max), RawRef::NULL, &StoreLimits::new()).unwrap()
    }

    /// Returns a table whose elements are functions of the addresses from 0 on.
    fn numbered(length: u32) -> TableInstance {
        let mut table = table(length.into(), None);
        (0..length).for_each(|index| table.set(index.into(), RawRef::from_func(index)).unwrap());
        table
    }

    /// Returns the addresses of the functions in a table; -1 for null.
    fn functions(table: &TableInstance) -> Vec<i64> {
        table.slots().iter().map(|&bits| RawRef(bits).as_func().map_or(-1, i64::from)).collect()
    }

    fn metering() -> Metering {
        Metering::new(&Engine::default())
    }

    #[test]
    fn elements_end_at_the_length() {
        let mut table = table(3, None);
        let function = RawRef::from_func(7);
        assert_eq!((table_set(&mut table, 2, function), table_set(&mut table, 3, function)), (Ok(()), Err(OUTSIDE)));
        assert_eq!((table_get(&table, 2), table_get(&table, 3)), (Ok(function), Err(OUTSIDE)));
        assert_eq!((table_get(&table, 1 << 32), table_get(&table, u64::MAX)), (Err(OUTSIDE), Err(OUTSIDE)));
        assert_eq!((table.function(2), table.function(1)), (Ok(7), Err(Trap::UninitializedElement)));
        assert_eq!(table.function(3), Err(Trap::UndefinedElement));
        assert_eq!(table.function(u64::MAX), Err(Trap::UndefinedElement));
        assert_eq!((table_size(&table), functions(&table)), (3, [-1, -1, 7].into()));
    }

    #[test]
    fn fills_and_inits_check_bounds_first() {
        let (mut table, mut metering) = (table(4, None), metering());
        let function = RawRef::from_func(1);
        assert_eq!(table_fill(&mut table, &mut metering, 3, function, 2), Err(OUTSIDE));
        assert_eq!(table_fill(&mut table, &mut metering, 5, function, 0), Err(OUTSIDE));
        assert_eq!(table_fill(&mut table, &mut metering, u64::MAX, function, 2), Err(OUTSIDE));
        assert_eq!(functions(&table), [-1; 4]);
        assert_eq!(table_fill(&mut table, &mut metering, 4, function, 0), Ok(()));
        assert_eq!(table_fill(&mut table, &mut metering, 2, function, 2), Ok(()));
        let segment = [5, 6, 8].map(|address| RawRef::from_func(address).0);
        for (at, source, length) in [(3, 0, 2), (0, 2, 2), (0, 4, 0), (5, 0, 0), (0, u32::MAX, 2), (u64::MAX, 0, 1)] {
            assert_eq!(table_init(&mut table, &mut metering, &segment, at, source, length), Err(OUTSIDE));
        }
        assert_eq!(functions(&table), [-1, -1, 1, 1]);
        assert_eq!(table_init(&mut table, &mut metering, &segment, 4, 3, 0), Ok(()));
        assert_eq!(table_init(&mut table, &mut metering, &segment, 1, 1, 2), Ok(()));
        assert_eq!(functions(&table), [-1, 6, 8, 1]);
        assert_eq!(table_init(&mut table, &mut metering, &[], 4, 0, 0), Ok(()));
        assert_eq!(table_init(&mut table, &mut metering, &[], 0, 0, 1), Err(OUTSIDE));
    }

    #[test]
    fn copies_overlap_as_if_read_first() {
        for (at, source) in [(0, 2), (2, 0), (3, 3)] {
            let mut tables = [numbered(10)];
            let mut model = functions(&tables[0]);
            model.copy_within(source as usize..source as usize + 7, at as usize);
            assert_eq!(table_copy(&mut tables, &mut metering(), [0, 0], at, source, 7), Ok(()));
            assert_eq!(functions(&tables[0]), model);
        }
        let mut tables = [numbered(3), table(5, None)];
        assert_eq!(table_copy(&mut tables, &mut metering(), [1, 0], 3, 1, 2), Ok(()));
        assert_eq!(functions(&tables[1]), [-1, -1, -1, 1, 2]);
        for (at, source, length) in [(3, 0, 3), (0, 1, 3), (6, 0, 0), (0, 4, 0), (u64::MAX, 0, 1), (0, 1, u64::MAX)] {
            assert_eq!(table_copy(&mut tables, &mut metering(), [1, 0], at, source, length), Err(OUTSIDE));
            assert_eq!(table_copy(&mut tables[..1], &mut metering(), [0, 0], at, source, length), Err(OUTSIDE));
        }
        assert_eq!(table_copy(&mut tables, &mut metering(), [1, 0], 5, 3, 0), Ok(()));
    }

    #[test]
    fn growth_stops_at_the_maximum_the_limit_and_the_largest_table() {
        let (mut table, mut metering) = (table(1, Some(4)), metering());
        let limits = StoreLimits::new().table_elements(3);
        let mut grow = |table: &mut TableInstance, limits: &StoreLimits, delta| {
            table_grow(table, &mut metering, limits, RawRef::from_func(9), delta)
        };
        assert_eq!(grow(&mut table, &limits, 2).unwrap(), 1);
        assert_eq!(grow(&mut table, &limits, 1).unwrap(), u64::MAX);
        assert!(grow(&mut table, &limits.clone().trap_on_grow_failure(true), 1).is_err());
        assert_eq!(grow(&mut table, &StoreLimits::new(), 1).unwrap(), 3);
        assert_eq!(grow(&mut table, &StoreLimits::new(), 1).unwrap(), u64::MAX);
        assert_eq!(grow(&mut table, &StoreLimits::new(), u64::MAX).unwrap(), u64::MAX);
        assert_eq!(grow(&mut table, &StoreLimits::new(), 0).unwrap(), 4);
        assert_eq!(functions(&table), [-1, 9, 9, 9]);
        let mut large = self::table(0, None);
        assert_eq!(grow(&mut large, &StoreLimits::new(), 10_000_001).unwrap(), u64::MAX);
        assert_eq!(grow(&mut large, &StoreLimits::new(), 10_000_000).unwrap(), 0);
        let ty = TableType::table64(large.ty().element, 10_000_001, None);
        assert!(TableInstance::new(ty, RawRef::NULL, &StoreLimits::new()).is_err());
        let ty = TableType::new(ty.element, 4, None);
        assert!(TableInstance::new(ty, RawRef::NULL, &limits).is_err());
        assert_eq!(table.current_type().limits.min, 4);
    }

    #[test]
    fn elements_cost_fuel_and_the_deadline_counts() {
        let engine = Engine::new(Config::new().consume_fuel(true).epoch_interruption(true));
        let mut metering = Metering::new(&engine);
        metering.set_deadline(1);
        metering.set_fuel(5);
        let mut tables = [numbered(20), numbered(20)];
        assert_eq!(table_fill(&mut tables[0], &mut metering, 0, RawRef::NULL, 17), Ok(()));
        assert_eq!(table_copy(&mut tables, &mut metering, [1, 0], 0, 0, 17), Ok(()));
        assert_eq!(metering.fuel_left(), 1);
        assert_eq!(
            table_grow(&mut tables[0], &mut metering, &StoreLimits::new(), RawRef::NULL, u64::MAX).ok(),
            Some(u64::MAX)
        );
        assert_eq!(table_grow(&mut tables[0], &mut metering, &StoreLimits::new(), RawRef::NULL, 8).ok(), Some(20));
        assert_eq!(table_copy(&mut tables, &mut metering, [1, 0], 100, 0, 16), Err(Trap::OutOfFuel));
        // Fuel is short from here on: only what is free and does not look at it succeeds.
        assert_eq!(table_copy(&mut tables, &mut metering, [1, 0], 0, 0, 1), Ok(()));
        assert_eq!(table_init(&mut tables[0], &mut metering, &[0], 0, 0, 1), Ok(()));
        assert_eq!(table_fill(&mut tables[0], &mut metering, 0, RawRef::NULL, 1), Err(Trap::OutOfFuel));
        metering.set_fuel(100);
        engine.increment_epoch();
        assert_eq!(table_copy(&mut tables, &mut metering, [1, 0], 100, 0, 1), Err(Trap::Interrupted));
        assert_eq!(table_init(&mut tables[0], &mut metering, &[], 100, 0, 1), Err(Trap::Interrupted));
        assert_eq!(table_fill(&mut tables[0], &mut metering, 100, RawRef::NULL, 1), Err(Trap::Interrupted));
    }
}
