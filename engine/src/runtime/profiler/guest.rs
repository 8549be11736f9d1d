//! A profiler of guests that needs no other program.
//!
//! A timer of the thread's processor time interrupts it. The signal handler walks the compiled frames through the
//! unwind tables, which are right at every instruction, and counts the stack in a table that was made before. It
//! allocates nothing, since it may have interrupted the allocator.

use super::super::activation::{Activation, WasmExit};
use super::super::backtrace::exits;
use super::super::code::{CODE, CodeReader, MappedArtifact};
use super::super::registry::Located;
use super::super::stack_walk::{Stack, walk};
use super::super::sys::Ticks;
use super::super::trap;
use crate::base::{Frame, Result};
use crate::unwind::frame::{FrameAddress, Registers};
use core::cell::Cell;
use core::fmt;
use core::hash::BuildHasher;
use core::ptr::null_mut;
use core::time::Duration;
use rustc_hash::FxBuildHasher;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The most frames of a stack that are told apart, from the innermost on.
const MOST_FRAMES: usize = 512;
/// The most different stacks.
const MOST_STACKS: usize = 1 << 15;
/// The most frames of all different stacks together.
const MOST_ADDRESSES: usize = 1 << 21;
/// The most artifacts whose code is in a profile.
const MOST_ARTIFACTS: usize = 1 << 10;

/// Stands for a host function, or a library call, as the innermost frame.
const HOST: u64 = 0;
/// Stands for the frames beyond [`MOST_FRAMES`], as the outermost frame.
const DEEPER: u64 = 1;

thread_local! {
    /// The samples of this thread. The cell has no destructor, so that a signal handler can read it.
    static SAMPLES: Cell<*mut Samples> = const { Cell::new(null_mut()) };
}

/// The functions in which guests spent the processor time of a thread.
///
/// It prints as folded stacks, which programs that draw flame graphs read: a line for each stack, the outermost
/// function first, with the number of samples.
///
/// ```text
/// m!3 $main;m!5 $sort;m!6 $compare 41
/// m!3 $main;[host] 2
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    stacks: BTreeMap<String, u64>,
    lost: u64,
}

impl Profile {
    /// Returns what `run` returns, and the profile of the compiled code that this thread ran meanwhile. The thread is
    /// interrupted after each interval of its processor time, by the signal `SIGPROF`; the system may be no faster than
    /// one sample in 4 or 10 ms. Within another call on the same thread, the other one sees nothing of what this one
    /// sees.
    ///
    /// ```
    /// # #[cfg(feature = "compile")] {
    /// # use engine::{Engine, Instance, Module, Profile, Store};
    /// # use std::time::Duration;
    /// let text = "(module (func (export \"spin\") (param i32)
    ///     (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))";
    /// let mut store = Store::new(&Engine::default(), ());
    /// let module = Module::new(store.engine(), text)?;
    /// let spin = Instance::new(&mut store, &module, &[])?.get_typed_func::<i32, ()>(&mut store, "spin")?;
    /// let (result, profile) = Profile::of(Duration::from_millis(1), || spin.call(&mut store, 100_000_000))?;
    /// result?;
    /// assert!(profile.to_string().starts_with("!0 "));
    /// # }
    /// # Ok::<(), engine::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Kind [`Resource`](crate::ErrorKind::Resource) if the system refuses a timer, or if something else in this
    /// process handles `SIGPROF`. `run` is not called then.
    pub fn of<R>(interval: Duration, run: impl FnOnce() -> R) -> Result<(R, Profile)> {
        trap::prepare_thread()?;
        let mut samples = Samples::new();
        let ticks = Ticks::start(interval.max(Duration::from_micros(10)), on_tick)?;
        let result = {
            let _counted = Counted(SAMPLES.replace(&mut samples));
            run()
        };
        drop(ticks);
        Ok((result, samples.fold()))
    }

    /// Returns the stacks with their numbers of samples. The functions of a stack are separated by `;`, the outermost
    /// is the first.
    pub fn stacks(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.stacks.iter().map(|(stack, count)| (stack.as_str(), *count))
    }

    /// Returns the number of samples that are in no stack, because the profile's memory was full.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stacks.iter().try_for_each(|(stack, count)| writeln!(f, "{stack} {count}"))
    }
}

/// A thread whose samples are counted. The end puts back what was counted before.
struct Counted(*mut Samples);

impl Drop for Counted {
    fn drop(&mut self) {
        SAMPLES.set(self.0);
    }
}

/// Counts of stacks, in memory that is all allocated at the start.
struct Samples {
    /// A hash table with open addressing. A slot whose count is zero is free.
    slots: Box<[Slot]>,
    used: usize,
    /// The frames of all stacks, one after the other.
    addresses: Vec<u64>,
    /// The artifacts that the addresses are in. They are shared, so that no address comes to mean other code.
    artifacts: Vec<Arc<MappedArtifact>>,
    lost: u64,
}

/// A stack: frames in [`Samples::addresses`], the innermost first.
#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u64,
    start: usize,
    len: usize,
    count: u64,
}

impl Samples {
    fn new() -> Samples {
        Samples {
            slots: vec![Slot::default(); 2 * MOST_STACKS].into(),
            used: 0,
            addresses: Vec::with_capacity(MOST_ADDRESSES),
            artifacts: Vec::with_capacity(MOST_ARTIFACTS),
            lost: 0,
        }
    }

    /// Counts the stack that is in force. There is none if no guest runs.
    fn take(&mut self, interrupted: &Registers) {
        let start = self.addresses.len();
        let reader = CODE.read();
        let had_room = Activation::with_newest(|newest| match newest {
            // SAFETY: the interrupted thread is this one.
            Some(newest) => unsafe { self.walk(newest, interrupted, &reader) },
            None => true,
        });
        let is_guest = self.addresses[start..].iter().any(|&address| address > DEEPER);
        let is_counted = had_room && (!is_guest || self.count(start));
        self.lost += u64::from(!is_counted);
        if !is_counted || !is_guest {
            self.addresses.truncate(start);
        }
    }

    /// Adds the frames of the store of `newest`. Returns whether there was room.
    ///
    /// # Safety
    /// The registers are those of an instruction of this thread, which waits, and `newest` is its newest activation.
    unsafe fn walk(&mut self, newest: &Activation, interrupted: &Registers, reader: &CodeReader<'_>) -> bool {
        let in_guest = reader.at(interrupted.pc).is_some();
        let mut has_room = in_guest || self.push(HOST);
        let mut frames = 0;
        let mut visit = |address: FrameAddress| {
            frames += 1;
            if frames <= MOST_FRAMES {
                has_room = has_room && self.add(address.lookup(), reader);
            }
        };
        // SAFETY: an activation's store is alive, and its thread is this one.
        let exit = unsafe { WasmExit::of(newest.store()) };
        let (rest, exit) = if in_guest {
            // SAFETY: from the stack pointer of waiting code up to its activation, which is above all of its frames.
            let stack = unsafe { Stack::new(interrupted.sp..newest.address()) };
            walk(*interrupted, FrameAddress::Instruction(interrupted.pc), &stack, reader, &mut visit);
            (newest.older_of_same_store(), newest.outer_exit())
        } else {
            (Some(newest), exit)
        };
        for (activation, exit) in exits(rest, exit) {
            // SAFETY: `exits` pairs each activation with its exit. The code waits: the thread is in the host, or in
            // code of a newer activation.
            if let Some((registers, stack)) = unsafe { activation.frames_at(exit) } {
                walk(registers, FrameAddress::Return(exit.pc), &stack, reader, &mut visit);
            }
        }
        has_room && (frames <= MOST_FRAMES || self.push(DEEPER))
    }

    /// Adds a frame of a function, and shares its code. Returns whether there was room.
    fn add(&mut self, address: u64, reader: &CodeReader<'_>) -> bool {
        let Some(artifact) = reader.shared_at(address) else { return true };
        if !self.artifacts.iter().any(|known| Arc::ptr_eq(known, artifact)) {
            if self.artifacts.len() == self.artifacts.capacity() {
                return false;
            }
            self.artifacts.push(Arc::clone(artifact));
        }
        self.push(address)
    }

    /// Adds a frame. Returns whether there was room.
    fn push(&mut self, address: u64) -> bool {
        let has_room = self.addresses.len() < self.addresses.capacity();
        if has_room {
            self.addresses.push(address);
        }
        has_room
    }

    /// Counts the stack whose frames are the last addresses. Returns whether there was room.
    fn count(&mut self, start: usize) -> bool {
        let stack = &self.addresses[start..];
        let hash = FxBuildHasher.hash_one(stack);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        // At least half of the slots are free.
        while self.slots[at].count > 0 {
            let Slot { hash: other, start: other_start, len, .. } = self.slots[at];
            if other == hash && self.addresses[other_start..other_start + len] == *stack {
                self.slots[at].count += 1;
                self.addresses.truncate(start);
                return true;
            }
            at = (at + 1) & mask;
        }
        let has_room = self.used < MOST_STACKS;
        if has_room {
            self.used += 1;
            self.slots[at] = Slot { hash, start, len: stack.len(), count: 1 };
        }
        has_room
    }

    /// Returns the profile, with the names of functions.
    fn fold(&self) -> Profile {
        let mut names: HashMap<u64, String> = HashMap::new();
        let mut stacks: BTreeMap<String, u64> = BTreeMap::new();
        for slot in self.slots.iter().filter(|slot| slot.count > 0) {
            let mut stack = String::new();
            for &address in self.addresses[slot.start..slot.start + slot.len].iter().rev() {
                let separator = if stack.is_empty() { "" } else { ";" };
                stack.push_str(separator);
                stack.push_str(names.entry(address).or_insert_with(|| self.name(address)));
            }
            *stacks.entry(stack).or_default() += slot.count;
        }
        Profile { stacks, lost: self.lost }
    }

    /// Returns the name of a frame, as backtraces have it.
    fn name(&self, address: u64) -> String {
        match address {
            HOST => return "[host]".to_string(),
            DEEPER => return "[deeper]".to_string(),
            _ => {}
        }
        let artifact = self.artifacts.iter().find(|artifact| artifact.addresses().contains(&address));
        let frame = artifact.and_then(|artifact| artifact.frame_at(FrameAddress::Instruction(address)));
        let frame = frame.expect("only functions are added, with their code");
        let name = Frame { module_offset: None, ..frame }.to_string();
        // Names are of any characters, and these two end a name and a line.
        name.replace(|character: char| character == ';' || character.is_control(), "_")
    }
}

/// Counts the stack of this thread, if it is profiled.
fn on_tick(interrupted: Option<&Registers>) {
    // SAFETY: null, or the samples of a call of `Profile::of` that is under way on this thread and does not touch them.
    // The signal is blocked while it is handled, so that nobody else has them.
    let samples = unsafe { SAMPLES.get().as_mut() };
    if let (Some(samples), Some(interrupted)) = (samples, interrupted) {
        samples.take(interrupted);
    }
}
