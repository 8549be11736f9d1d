//! The proof of the unwind tables: compiled code runs one instruction at a time, and at each the tables must lead to
//! the caller's registers.
//!
//! The truth comes from a shadow stack. It is kept by what the code does (a function starts, the return address leaves
//! the stack) and does not use the tables. For each active function it holds the registers that the caller had: the
//! stack pointer, the return address, the frame pointer, and in entry trampolines, which the host calls, the other
//! registers that the platform preserves.
//!
//! Two things are not done, since they would take hours and show nothing new. An instruction is compared the first
//! [`COMPARED`] times that it runs; and code that runs [`PATIENCE`] instructions in a row without a new one runs on at
//! full speed until the host's call returns. The calls after it have less patience, until one shows a new instruction.

use super::code::{CODE, MappedArtifact};
use super::registry::Located;
use super::stack_walk::Stack;
use super::sys::{self, Step};
use crate::artifact::functions::FunctionKind;
use crate::base::Result;
use crate::unwind::frame::{FrameAddress, ReadMemory, Registers, UnwindError};
use core::cell::Cell;
use core::ops::Range;
use core::ptr::null_mut;
use std::collections::{HashMap, HashSet};

/// The number of times that an instruction is compared.
const COMPARED: u8 = 8;
/// The number of instructions without a new one after which code runs on at full speed: the most, and the least after
/// many calls that showed nothing new.
const PATIENCE: u64 = 20_000;
const LEAST_PATIENCE: u64 = 200;
/// The number of instructions of the host before the code that it calls: more than any library call takes to return.
const HOST_BEFORE: u32 = 10_000;
/// The number of instructions of the host after compiled code: more than `raise` takes.
const HOST_AFTER: u32 = 16;
/// The most mistakes that are kept.
const MOST_WRONG: usize = 1000;

thread_local! {
    /// The prover that watches this thread.
    static PROVER: Cell<*mut Prover> = const { Cell::new(null_mut()) };
}

/// The result of a proof.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The pieces of code (functions, trampolines) of which an instruction ran.
    pub functions: usize,
    /// The instructions that ran in single steps.
    pub instructions: u64,
    /// The different ones among them.
    pub distinct_instructions: usize,
    /// The calls of the host after which some code ran on at full speed.
    pub cut_short: u64,
    /// The mistakes, at most one for each instruction and register.
    pub wrong: Vec<Wrong>,
}

/// A mistake of an unwind table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Wrong {
    /// The number of the artifact, in the order in which artifacts ran.
    pub artifact: usize,
    /// The piece of code.
    pub function: String,
    /// The offset of the instruction in the artifact's code, in bytes.
    pub offset: u64,
    /// The register of the caller that is wrong.
    pub rule: &'static str,
    /// The register's value.
    pub expected: u64,
    /// The value by the table, or why there is none.
    pub seen: std::result::Result<u64, String>,
}

/// Watches the compiled code that a thread runs.
#[derive(Default)]
pub struct Prover {
    frames: Vec<Frame>,
    /// The entries into compiled code that are under way.
    entries: usize,
    /// The instructions of the host in a row.
    host: u32,
    /// The instructions of the host after which single steps end.
    host_limit: u32,
    /// The instructions of compiled code in a row without a new one.
    stale: u64,
    /// The number of them after which code runs on at full speed.
    patience: u64,
    /// True if code runs at full speed, so that the shadow stack is lost until the host's call returns.
    is_lost: bool,
    /// The artifact of the last instruction, as long as no code is unloaded.
    current: Option<(Range<u64>, usize)>,
    artifacts: HashMap<Vec<u8>, usize>,
    /// For each artifact, how often each byte was the start of an instruction that ran.
    visits: Vec<Vec<u8>>,
    /// For each artifact, its pieces of code that ran, by their offset.
    functions: Vec<HashSet<u64>>,
    proof: Proof,
}

/// An active function on the shadow stack: what its caller's registers were.
#[derive(Clone, Debug)]
struct Frame {
    code: Range<u64>,
    /// The canonical frame address: above the return address.
    cfa: u64,
    /// The canonical frame address to come, while the function moves its frame down to make room for the arguments of a
    /// tail call. The return address is in both places then.
    next_cfa: Option<u64>,
    return_address: u64,
    fp: u64,
    /// The registers that the platform preserves, if the host called.
    preserved: Option<[u64; 5]>,
}

impl Prover {
    /// Returns what `run` returns, and the proof of all compiled code that this thread ran meanwhile.
    ///
    /// # Errors
    /// Kind [`Resource`](crate::base::ErrorKind::Resource) if the system refuses single steps.
    pub fn watch<R>(run: impl FnOnce() -> R) -> Result<(R, Proof)> {
        sys::install_stepping(on_step)?;
        stack_end();
        let mut prover = Prover::default();
        let result = {
            let _watched = Watched(PROVER.replace(&mut prover));
            run()
        };
        Ok((result, prover.finish()))
    }

    fn finish(mut self) -> Proof {
        self.proof.functions = self.functions.iter().map(HashSet::len).sum();
        let distinct = |visits: &Vec<u8>| visits.iter().filter(|&&count| count > 0).count();
        self.proof.distinct_instructions = self.visits.iter().map(distinct).sum();
        self.proof.wrong.sort();
        self.proof
            .wrong
            .dedup_by(|one, other| (one.artifact, one.offset, one.rule) == (other.artifact, other.offset, other.rule));
        self.proof
    }

    /// Looks at one instruction that is about to run. Returns whether single steps go on.
    fn step(&mut self, step: &Step) -> bool {
        let pc = step.registers.pc;
        let reader = CODE.read();
        let Some(code) = reader.at(pc) else {
            self.host += 1;
            return self.host < self.host_limit;
        };
        (self.host, self.host_limit) = (0, HOST_AFTER);
        if self.is_lost {
            return false;
        }
        let Some((kind, range)) = code.function_at(pc) else { return true };
        // SAFETY: from the stack pointer up to the end of the thread's stack, which waits.
        let stack = unsafe { Stack::new(step.registers.sp..stack_end()) };
        self.follow(step, kind, &range, &stack);
        let artifact = self.artifact(code);
        let offset = pc - code.addresses().start;
        self.functions[artifact].insert(range.start);
        self.proof.instructions += 1;
        let visits = &mut self.visits[artifact][offset as usize];
        if *visits == 0 {
            (self.stale, self.patience) = (0, PATIENCE);
        } else {
            self.stale += 1;
        }
        if *visits < COMPARED {
            *visits += 1;
            if self.frames.last().is_some_and(|frame| frame.code == range) {
                self.compare(code, step, kind, &stack, artifact);
            }
        }
        self.is_lost = self.stale > self.patience;
        if self.is_lost {
            self.patience = (self.patience / 2).max(LEAST_PATIENCE);
            self.proof.cut_short += 1;
        }
        !self.is_lost
    }

    /// Brings the shadow stack up to date.
    fn follow(&mut self, step: &Step, kind: FunctionKind, range: &Range<u64>, stack: &Stack) {
        let Registers { pc, sp, fp } = step.registers;
        // A function is left when its return address is no longer on the stack: by a return, or by an exception or a
        // trap that continues in an outer function. A tail call may move the return address up just before it jumps.
        while let Some(top) = self.frames.last_mut() {
            if top.cfa - 8 >= sp {
                break;
            }
            let moved =
                top.code.contains(&pc) && pc != top.return_address && stack.read_u64(sp) == Some(top.return_address);
            if moved {
                top.cfa = sp + 8;
                break;
            }
            self.frames.pop();
        }
        if pc == range.start {
            // A tail call: the return address is that of the function that ends.
            if self.frames.last().is_some_and(|top| top.cfa == sp + 8) {
                self.frames.pop();
            }
            let Some(return_address) = stack.read_u64(sp) else { return };
            let preserved = matches!(kind, FunctionKind::Entry(_)).then_some(step.preserved);
            self.frames.push(Frame { code: range.clone(), cfa: sp + 8, next_cfa: None, return_address, fp, preserved });
        } else if let Some(top) = self.frames.last_mut() {
            let link = [stack.read_u64(fp), stack.read_u64(fp.wrapping_add(8))];
            if sp == fp && link == [Some(top.fp), Some(top.return_address)] {
                top.next_cfa = Some(fp + 16);
            } else if let Some(moved) = top.next_cfa.take() {
                top.cfa = moved;
            }
        }
    }

    /// Compares the caller's registers by the tables with those on the shadow stack.
    fn compare(&mut self, code: &MappedArtifact, step: &Step, kind: FunctionKind, stack: &Stack, artifact: usize) {
        let frame = self.frames.last().expect("the caller has found it").clone();
        let address = FrameAddress::Instruction(step.registers.pc);
        let found = code.unwind_rule(address).and_then(|rule| rule.apply(&step.registers, stack));
        let cfa = frame.next_cfa.filter(|&next| found.is_ok_and(|caller| caller.sp == next)).unwrap_or(frame.cfa);
        let mut rules = vec![
            ("cfa", cfa, found.map(|caller| caller.sp)),
            ("pc", frame.return_address, found.map(|caller| caller.pc)),
            ("fp", frame.fp, found.map(|caller| caller.fp)),
        ];
        if let Some(expected) = frame.preserved {
            let saved = code.preserved_at(address);
            for (k, name) in ["rbx", "r12", "r13", "r14", "r15"].into_iter().enumerate() {
                let seen = saved.and_then(|saved| match saved[k] {
                    None => Ok(step.preserved[k]),
                    Some(offset) => {
                        let at = frame.cfa.wrapping_add_signed(offset);
                        stack.read_u64(at).ok_or(UnwindError::Memory(at))
                    }
                });
                rules.push((name, expected[k], seen));
            }
        }
        for (rule, expected, seen) in rules {
            if seen != Ok(expected) && self.proof.wrong.len() < MOST_WRONG {
                self.proof.wrong.push(Wrong {
                    artifact,
                    function: format!("{kind:?}"),
                    offset: step.registers.pc - code.addresses().start,
                    rule,
                    expected,
                    seen: seen.map_err(|error| error.to_string()),
                });
            }
        }
    }

    /// Returns the number of an artifact.
    fn artifact(&mut self, code: &MappedArtifact) -> usize {
        let text = code.addresses();
        if let Some((current, number)) = &self.current
            && *current == text
        {
            return *number;
        }
        let next = self.visits.len();
        let number = *self.artifacts.entry(code.head().to_vec()).or_insert(next);
        if number == next {
            self.visits.push(vec![0; (text.end - text.start) as usize]);
            self.functions.push(HashSet::new());
        }
        self.current = Some((text, number));
        number
    }
}

/// An entry into compiled code.
pub(super) struct Entry {
    /// The frames of the shadow stack before it.
    frames: usize,
}

impl Entry {
    /// Starts single steps if this thread is watched.
    pub(super) fn new() -> Entry {
        let frames = with_prover(|prover| {
            prover.entries += 1;
            prover.current = None;
            prover.frames.len()
        });
        go_on();
        Entry { frames: frames.unwrap_or_default() }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        with_prover(|prover| {
            prover.entries -= 1;
            prover.frames.truncate(self.frames);
            prover.is_lost &= prover.entries > 0;
            prover.stale = 0;
        });
    }
}

/// Goes on with single steps in compiled code, if this thread is watched.
pub(super) fn go_on() {
    let goes_on = with_prover(|prover| {
        (prover.host, prover.host_limit) = (0, HOST_BEFORE);
        !prover.is_lost
    });
    if goes_on == Some(true) {
        sys::start_single_step();
    }
}

/// Calls `then` with the prover that watches this thread, if there is one.
fn with_prover<R>(then: impl FnOnce(&mut Prover) -> R) -> Option<R> {
    let prover = PROVER.replace(null_mut());
    // SAFETY: null, or the prover of a `watch` that is under way on this thread; nobody else has it while the cell is
    // empty. A step in the meantime finds no prover.
    let result = unsafe { prover.as_mut() }.map(then);
    PROVER.set(prover);
    result
}

fn on_step(step: &Step) -> bool {
    // Compiled code, and the host's code around it, holds no lock at the instructions that are stepped over, so that
    // memory may be allocated.
    with_prover(|prover| prover.step(step)).unwrap_or(false)
}

/// The end of this thread's stack.
fn stack_end() -> u64 {
    thread_local! {
        static END: Cell<u64> = const { Cell::new(0) };
    }
    if END.get() == 0 {
        END.set(sys::stack_bounds().map_or(0, |bounds| bounds.end as u64));
    }
    END.get()
}

/// A watch that is under way. Its end puts back the prover that watched before.
struct Watched(*mut Prover);

impl Drop for Watched {
    fn drop(&mut self) {
        PROVER.set(self.0);
    }
}
