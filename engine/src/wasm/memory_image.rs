//! The initial contents of a memory, as an image that can be mapped instead of written.
//!
//! If the active data segments of a module allow it, the artifact's data section begins with the memory's pages as they
//! are after all segments were written, from the first page with data to the last. The segments are ranges of this
//! image. Passive segments follow it:
//!
//! ```text
//! memory   0 ............ range.start [ page | page | page ] range.end ............ min
//! data                              0 [ page | page | page ] passive segments
//! ```
//!
//! The compiler and the loader both call [`MemoryImage::of`], so that they agree on whether a module has an image.

use super::index::MemoryIndex;
use super::module::{ConstExpr, ConstOp, DataMode, Module};
use super::storage::PAGE_SIZE;
use crate::base::arch;
use core::ops::Range;

/// The locations of a module's active data segments in its memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MemoryImage {
    /// The memory, which the module defines.
    pub(crate) memory: MemoryIndex,
    /// The part of the memory that the image covers, in bytes: whole [`PAGE`]s.
    pub(crate) range: Range<u64>,
    /// The address of each segment, in order; `None` for passive ones.
    addresses: Vec<Option<u64>>,
}

/// The size of the image's pages in bytes: that of an artifact's pages.
const PAGE: u64 = arch::PAGE as u64;

/// The smallest number of data bytes that has an image. Fewer are written faster than mapped.
const LEAST: u64 = 16 * 1024;

impl MemoryImage {
    /// Returns the image of a module's memory, if the module has one: all active segments are written to one private
    /// memory that the module defines, at constant addresses, in rising order, within the initial size, and leave no
    /// more gaps than data. Then no write can fail or be observed half done, and mapping the image has the same effect
    /// as writing the segments.
    pub(crate) fn of(module: &Module) -> Option<MemoryImage> {
        let mut addresses = Vec::with_capacity(module.data.len());
        let (mut memory, mut start, mut end, mut written, mut passive) = (None, None, 0, 0, 0);
        for segment in &module.data {
            let len = u64::from(segment.bytes.end.checked_sub(segment.bytes.start)?);
            let DataMode::Active { memory: target, offset } = &segment.mode else {
                passive += len;
                addresses.push(None);
                continue;
            };
            let address = constant(offset).filter(|&address| address >= end)?;
            end = address.checked_add(len).filter(|_| *memory.get_or_insert(*target) == *target)?;
            start.get_or_insert(address - address % PAGE);
            written += len;
            addresses.push(Some(address));
        }
        let (memory, range) = (memory?, start?..end.checked_next_multiple_of(PAGE)?);
        let pages = range.end - range.start;
        let dense = written >= LEAST && pages <= written * 2 && pages + passive <= u32::MAX.into();
        (dense && is_private(module, memory, end)).then_some(MemoryImage { memory, range, addresses })
    }

    /// Moves the segments to their locations in the image. `data` holds their bytes at the ranges that the module has.
    /// Returns the data for the module's new ranges.
    #[cfg(feature = "compile")]
    pub(crate) fn lay_out(&self, module: &mut Module, data: &[u8]) -> Vec<u8> {
        let position = |at: u64| u32::try_from(at).expect("`of` refuses more than 4 GiB");
        let mut laid_out = vec![0; position(self.range.end - self.range.start) as usize];
        for (segment, address) in module.data.iter_mut().zip(&self.addresses) {
            let bytes = &data[segment.bytes.start as usize..segment.bytes.end as usize];
            let start = address.map_or(laid_out.len() as u64, |address| address - self.range.start);
            segment.bytes = position(start)..position(start + bytes.len() as u64);
            match address {
                Some(_) => laid_out[start as usize..][..bytes.len()].copy_from_slice(bytes),
                None => laid_out.extend_from_slice(bytes),
            }
        }
        laid_out
    }

    /// Returns whether the segments are where `lay_out` moves them, in a data section of this length.
    pub(crate) fn is_laid_out(&self, module: &Module, data: usize) -> bool {
        let fits = self.range.end - self.range.start <= data as u64;
        let mut segments = module.data.iter().zip(&self.addresses);
        fits && segments.all(|(segment, address)| {
            address.is_none_or(|address| u64::from(segment.bytes.start) == address - self.range.start)
        })
    }
}

/// Returns the value of an expression that is a single integer constant.
fn constant(offset: &ConstExpr) -> Option<u64> {
    match offset.0[..] {
        [ConstOp::I32Const(address)] => Some(address.cast_unsigned().into()),
        [ConstOp::I64Const(address)] => Some(address.cast_unsigned()),
        _ => None,
    }
}

/// Returns whether the module defines the memory, without sharing it, and its initial size is at least `end`.
fn is_private(module: &Module, memory: MemoryIndex, end: u64) -> bool {
    let own = memory.0 >= module.imported_memories;
    own && module.memories.get(memory.index()).is_some_and(|ty| {
        let size = ty.limits.min.checked_mul(PAGE_SIZE);
        !ty.shared && ty.page_size() == PAGE_SIZE && size.is_some_and(|size| end <= size)
    })
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    use super::super::module::DataSegment;
    use super::super::storage::MemoryType;
    use super::*;

    /// A module with one page and these segments: an address (`None` for a passive one) and a length.
    fn module(segments: &[(Option<i32>, u32)]) -> Module {
        let mut end = 0;
        let mut segment = |&(address, len): &(Option<i32>, u32)| {
            let mode = address.map_or(DataMode::Passive, |address| DataMode::Active {
                memory: MemoryIndex(0),
                offset: ConstExpr([ConstOp::I32Const(address)].into_iter().collect()),
            });
            end += len;
            DataSegment { mode, bytes: end - len..end }
        };
        let data = segments.iter().map(&mut segment).collect();
        Module { memories: vec![MemoryType::new(1, None)], data, ..Module::default() }
    }

    #[test]
    fn segments_are_laid_out_as_the_memory_shows_them() {
        let mut module = module(&[(Some(4100), 10_000), (None, 3), (Some(16_000), 10_000), (Some(26_000), 0)]);
        let image = MemoryImage::of(&module).unwrap();
        assert_eq!(image.range, 4096..28_672);
        let data: Vec<u8> = (0..20_003).map(|at| (at % 251 + 1) as u8).collect();
        let before: Vec<Vec<u8>> = segments(&module, &data);
        assert!(!image.is_laid_out(&module, data.len()));
        let laid_out = image.lay_out(&mut module, &data);
        assert_eq!(segments(&module, &laid_out), before);
        assert_eq!((&laid_out[..4], laid_out[4]), (&[0; 4][..], 1));
        assert_eq!(laid_out.len(), 24_576 + 3);
        assert!(image.is_laid_out(&module, laid_out.len()) && !image.is_laid_out(&module, 24_575));
        assert_eq!(MemoryImage::of(&module), Some(image), "the loader finds what the compiler found");
    }

    fn segments(module: &Module, data: &[u8]) -> Vec<Vec<u8>> {
        let bytes = |segment: &DataSegment| data[segment.bytes.start as usize..segment.bytes.end as usize].to_vec();
        module.data.iter().map(bytes).collect()
    }

    #[test]
    fn what_could_be_observed_half_done_has_no_image() {
        let is_one = |segments: &[(Option<i32>, u32)], change: fn(&mut Module)| {
            let mut module = module(segments);
            change(&mut module);
            MemoryImage::of(&module).is_some()
        };
        let good = &[(Some(0), 20_000)][..];
        assert!(is_one(good, |_| ()));
        assert!(!is_one(&[], |_| ()) && !is_one(&[(None, 20_000)], |_| ()));
        assert!(!is_one(&[(Some(8), 100)], |_| ()), "little data");
        assert!(!is_one(&[(Some(0), 10_000), (Some(60_000), 10), (Some(9_999), 10_000)], |_| ()), "out of order");
        assert!(!is_one(&[(Some(0), 10_000), (Some(50_000), 10_000)], |_| ()), "mostly gaps");
        assert!(is_one(&[(Some(45_536), 20_000)], |_| ()) && !is_one(&[(Some(45_537), 20_000)], |_| ()));
        assert!(!is_one(&[(Some(0), 20_000), (Some(-1), 0)], |_| ()), "outside the memory");
        assert!(!is_one(good, |module| module.imported_memories = 1));
        assert!(!is_one(good, |module| module.memories[0].shared = true));
        assert!(!is_one(good, |module| module.memories[0].page_size_log2 = 0));
        assert!(!is_one(good, |module| module.memories.clear()), "forged");
        assert!(!is_one(good, |module| {
            let offset = ConstExpr([ConstOp::GlobalGet(super::super::index::GlobalIndex(0))].into_iter().collect());
            module.data[0].mode = DataMode::Active { memory: MemoryIndex(0), offset };
        }));
        assert!(!is_one(&[(Some(0), 20_000), (Some(30_000), 1)], |module| {
            let DataMode::Active { memory, .. } = &mut module.data[1].mode else { unreachable!() };
            *memory = MemoryIndex(1);
        }));
    }
}
