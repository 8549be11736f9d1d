//! The generator of the target `threads`: a module over a shared memory, and what several threads that run it must
//! leave behind, in whatever order they run.
//!
//! Each cell of the memory is changed in one way by all threads: by additions, by exchanges, under a lock, and so on.
//! The final value, or a sum over it and what the threads saw, does not depend on the order. Besides, threads sleep
//! until another one wakes them, or until their time is over.

use super::input::{SEED_LEN, extend};
use super::simd::interesting;
use arbitrary::{Result, Unstructured};
use lanes::{Options, Value};
use std::fmt::Write;
use wasm_encoder::ValType;

/// The bytes of choices.
const LEN: usize = 1024;
/// The address of the first cell. The cells are this far apart.
const CELLS: u64 = 64;
/// The address that threads sleep on. Its value stays zero.
const BED: u32 = 8;
/// The address that nobody wakes.
const LONELY: u32 = 16;
/// The address of the lock.
const LOCK: u32 = 24;

/// The program of a case.
pub struct Program {
    /// The text of the module, which imports the memory as `base.memory`.
    pub text: String,
    /// The cells.
    pub cells: Vec<Cell>,
    /// The number of threads.
    pub threads: usize,
    /// The most threads that one `notify` of the program may wake.
    pub at_once: i32,
    /// The options of the lanes.
    pub options: Options,
}

/// The text of the module that owns the memory.
pub const BASE: &str = "(module (memory (export \"memory\") 1 1 shared))";

/// A cell of the memory.
pub struct Cell {
    /// The bytes of the cell: 1, 2, 4 or 8.
    pub width: u64,
    /// The way in which threads change it.
    pub change: Change,
    /// The first value.
    pub first: u64,
    /// The operand of each thread, and the number of times that it changes the cell.
    pub parts: Vec<(u64, u64)>,
}

/// The way in which threads change a cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// An atomic addition.
    Add,
    /// An atomic subtraction.
    Sub,
    /// An atomic exclusive or.
    Xor,
    /// An atomic or.
    Or,
    /// An atomic and.
    And,
    /// An exchange. Every value is seen by exactly one thread, or is left in the end.
    Exchange,
    /// An addition by a compare-and-exchange that is repeated until it succeeds.
    Compare,
    /// An addition in two steps, under a lock that spins.
    Lock,
    /// An addition in two steps, under a lock that sleeps.
    SleepingLock,
}

const CHANGES: [Change; 9] = [
    Change::Add,
    Change::Sub,
    Change::Xor,
    Change::Or,
    Change::And,
    Change::Exchange,
    Change::Compare,
    Change::Lock,
    Change::SleepingLock,
];

impl Cell {
    fn choose(u: &mut Unstructured<'_>, threads: usize) -> Result<Cell> {
        let width = *u.choose(&[1, 2, 4, 8])?;
        let value = |u: &mut Unstructured<'_>| {
            let Value::I64(value) = interesting(u, ValType::I64)? else { return Ok(1) };
            Ok(value.cast_unsigned() & mask(width))
        };
        let parts = (0..threads).map(|_| Ok((value(u)?, u.int_in_range(0..=40)?))).collect::<Result<_>>()?;
        Ok(Cell { width, change: *u.choose(&CHANGES)?, first: value(u)?, parts })
    }

    /// Returns what the cell must hold in the end, together with `seen`: the sum of what the threads returned.
    pub fn is_right(&self, last: u64, seen: u64) -> bool {
        self.expected() == if self.change == Change::Exchange { last.wrapping_add(seen) } else { last }
    }

    /// Returns the last value, or for an exchange the sum of all values.
    pub fn expected(&self) -> u64 {
        let times = |&(value, times): &(u64, u64)| value.wrapping_mul(times);
        let used = |(value, times): &&(u64, u64)| (*times > 0).then_some(*value);
        let used = self.parts.iter().filter_map(|part| used(&part));
        let sum = self.parts.iter().map(times).fold(0, u64::wrapping_add);
        let odd = self.parts.iter().filter(|(_, times)| times % 2 == 1).map(|(value, _)| *value);
        let value = match self.change {
            Change::Sub => self.first.wrapping_sub(sum),
            Change::Xor => odd.fold(self.first, |all, value| all ^ value),
            Change::Or => used.fold(self.first, |all, value| all | value),
            Change::And => used.fold(self.first, |all, value| all & value),
            Change::Exchange => return self.first.wrapping_add(sum),
            Change::Add | Change::Compare | Change::Lock | Change::SleepingLock => self.first.wrapping_add(sum),
        };
        value & mask(self.width)
    }
}

/// Returns the address of a cell.
pub fn address_of(cell: usize) -> u64 {
    CELLS * (1 + cell as u64)
}

fn mask(width: u64) -> u64 {
    u64::MAX >> (64 - 8 * width)
}

/// Returns the program that these bytes describe.
///
/// # Errors
///
/// If the choices in the bytes do not lead to a program.
pub fn generate(data: &[u8]) -> Result<Program> {
    let bytes = extend(data, LEN);
    let mut u = Unstructured::new(&bytes[SEED_LEN..]);
    let u = &mut u;
    let options = super::case::choose_options(u, None)?.remove("speed").unwrap_or_default();
    let threads = u.int_in_range(2..=4)?;
    let cells = (0..u.int_in_range(1..=8)?).map(|_| Cell::choose(u, threads)).collect::<Result<Vec<_>>>()?;
    let mut text = format!("(module (import \"base\" \"memory\" (memory 1 1 shared))\n{SLEEP}");
    for (k, cell) in cells.iter().enumerate() {
        write_cell(&mut text, k, cell);
    }
    text += ")";
    let text = text.replace("BED", &BED.to_string()).replace("LONELY", &LONELY.to_string());
    Ok(Program {
        text: text.replace("LOCK", &LOCK.to_string()),
        cells,
        threads,
        at_once: u.int_in_range(1..=3)?,
        options,
    })
}

/// The functions that sleep and wake.
///
/// - `sleep` waits at most thirteen seconds, a multiple of 2^32 nanoseconds: 0 if it was woken.
/// - `wake` wakes `want` sleepers, at most `once` at once, and returns how many it woke: fewer if they do not come
///   within ten seconds. Between its attempts it waits where nobody wakes it, which must time out: it returns -1 if
///   not, and -2 if more threads were woken at once. It waits for a moment first, so that several threads sleep.
/// - `differ` waits twice where another value is than it expects, in the whole or in the high half: 1, and 10 times 1.
const SLEEP: &str = "
  (func (export \"sleep\") (result i32)
    (memory.atomic.wait32 (i32.const BED) (i32.const 0) (i64.const 12884901888)))
  (func (export \"differ\") (result i32)
    (i32.add (memory.atomic.wait32 (i32.const BED) (i32.const 1) (i64.const -1))
      (i32.mul (i32.const 10) (memory.atomic.wait64 (i32.const LONELY) (i64.const 0x100000000) (i64.const 1000000)))))
  (func (export \"wake\") (param $want i32) (param $once i32) (result i32)
    (local $woken i32) (local $now i32) (local $tries i32)
    (drop (memory.atomic.wait64 (i32.const LONELY) (i64.const 0) (i64.const 3000000)))
    (loop $again
      (local.set $now (memory.atomic.notify (i32.const BED) (local.get $once)))
      (if (i32.gt_u (local.get $now) (local.get $once)) (then (return (i32.const -2))))
      (local.set $woken (i32.add (local.get $woken) (local.get $now)))
      (if (i32.ge_u (local.get $woken) (local.get $want)) (then (return (local.get $woken))))
      (if (i32.ne (i32.const 2)
            (memory.atomic.wait64 (i32.const LONELY) (i64.const 0) (i64.const 100000)))
        (then (return (i32.const -1))))
      (br_if $again (i32.lt_u (local.tee $tries (i32.add (local.get $tries) (i32.const 1))) (i32.const 100000))))
    (local.get $woken))
";

/// Writes the function `cell{k}`, which changes the cell `$n` times with the operand `$v`, and returns the sum of the
/// values that it saw.
fn write_cell(text: &mut String, k: usize, cell: &Cell) {
    let address = format!("(i32.const {})", address_of(k));
    let (width, bits) = (cell.width, 8 * cell.width);
    let suffix = if width == 8 { String::new() } else { format!("{bits}") };
    let zero_extended = if width == 8 { "" } else { "_u" };
    let rmw = |operation: &str| match width {
        8 => format!("i64.atomic.rmw.{operation}"),
        _ => format!("i64.atomic.rmw{suffix}.{operation}_u"),
    };
    let (load, store) = (format!("i64.load{suffix}{zero_extended}"), format!("i64.store{suffix}"));
    let plain = |operation| format!("(drop ({} {address} (local.get $v)))", rmw(operation));
    let in_steps = format!("({store} {address} (i64.add ({load} {address}) (local.get $v)))");
    let body = match cell.change {
        Change::Add => plain("add"),
        Change::Sub => plain("sub"),
        Change::Xor => plain("xor"),
        Change::Or => plain("or"),
        Change::And => plain("and"),
        Change::Exchange => {
            format!("(local.set $seen (i64.add (local.get $seen) ({} {address} (local.get $v))))", rmw("xchg"))
        }
        Change::Compare => format!(
            "(loop $retry
               (local.set $old (i64.atomic.load{suffix}{zero_extended} {address}))
               (br_if $retry (i64.ne (local.get $old)
                 ({} {address} (local.get $old) (i64.add (local.get $old) (local.get $v))))))",
            rmw("cmpxchg")
        ),
        Change::Lock => format!(
            "(loop $retry (br_if $retry (i32.atomic.rmw.xchg (i32.const LOCK) (i32.const 1))))
             {in_steps}
             (i32.atomic.store (i32.const LOCK) (i32.const 0))"
        ),
        Change::SleepingLock => format!(
            "(loop $retry
               (if (i32.atomic.rmw.cmpxchg (i32.const LOCK) (i32.const 0) (i32.const 1))
                 (then
                   (drop (memory.atomic.wait32 (i32.const LOCK) (i32.const 1) (i64.const 1000000)))
                   (br $retry))))
             {in_steps}
             (i32.atomic.store (i32.const LOCK) (i32.const 0))
             (drop (memory.atomic.notify (i32.const LOCK) (i32.const 1)))"
        ),
    };
    let _infallible = write!(
        text,
        "(func (export \"cell{k}\") (param $v i64) (param $n i64) (result i64)
           (local $seen i64) (local $old i64)
           (block $done
             (loop $again
               (br_if $done (i64.eqz (local.get $n)))
               (local.set $n (i64.sub (local.get $n) (i64.const 1)))
               {body}
               (br $again)))
           (local.get $seen))
         (func (export \"first{k}\") (param $v i64) ({store} {address} (local.get $v)))
         (func (export \"last{k}\") (result i64) ({load} {address}))\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::input::Random;

    #[test]
    fn every_program_is_valid_and_every_change_occurs() {
        let mut found = Vec::new();
        for seed in 0..60 {
            let program = generate(&Random::new(seed).next_u64().to_le_bytes()).expect("there are choices");
            let wasm = wat::parse_str(&program.text).unwrap_or_else(|error| panic!("{error}\n{}", program.text));
            assert!(lanes::is_valid_with(&wasm, lanes::Features::WASM_2_0 | lanes::Features::THREADS));
            found.extend(program.cells.iter().map(|cell| cell.change));
        }
        assert!(CHANGES.iter().all(|change| found.contains(change)), "{found:?}");
    }

    #[test]
    fn what_is_expected_does_not_depend_on_the_order() {
        let cell = |change| Cell { width: 1, change, first: 0x0f, parts: vec![(0x80, 3), (0x81, 2), (1, 0)] };
        assert_eq!(cell(Change::Add).expected(), 0x91);
        assert_eq!(cell(Change::Xor).expected(), 0x8f);
        assert_eq!(cell(Change::Or).expected(), 0x8f);
        assert_eq!(cell(Change::And).expected(), 0);
        assert_eq!(cell(Change::Sub).expected(), 0x8d);
        // 0x0f + 3 * 0x80 + 2 * 0x81: all but the last value were seen.
        assert!(cell(Change::Exchange).is_right(0x81, 0x0f + 3 * 0x80 + 0x81));
    }
}
