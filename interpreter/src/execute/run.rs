//! The loop.
//!
//! Local variables hold the window of slots, the bytes of memory 0, and the code, which every turn uses. They are
//! borrowed from different parts of the store, and taken anew after an instruction that may change these parts.

use super::{Context, Exit, Frame, Stop, call, stacks, unwind, window};
use crate::Trap;
use crate::instructions::memory;
use crate::instructions::numeric::*;
use crate::rewrite::op::{Op, for_each_op, for_each_op_2, for_each_op_3};
use crate::slot::{LAST, Operand, RawRef, V128, Word};
use crate::store::StoreInner;

macro_rules! define {
    (
        {
            unary { $($unary:ident $unary_fn:ident ($unary_in:ty) -> $unary_out:ty;)* }
            binary { $($binary:ident $binary_fn:ident ($binary_left:ty, $binary_right:ty) -> $binary_out:ty;)* }
            unary_trapping { $($unary_trap:ident $unary_trap_fn:ident ($unary_trap_in:ty) -> $unary_trap_out:ty;)* }
            binary_trapping {
                $($trapping:ident $trapping_fn:ident ($trapping_left:ty, $trapping_right:ty) -> $trapping_out:ty;)*
            }
            $($wide:tt)*
        }
        { $($with_imm:ident $imm:ident $imm_fn:ident $imm_left:ident $imm_right:ident;)* }
        { $($cmp:ident $cmp_imm:ident $br:ident $br_imm:ident $opposite:ident $cmp_fn:ident $cmp_ty:ident;)* }
    ) => {
        /// Runs the code of the innermost frame until the function has returned below which `depth` frames lie.
        pub(crate) fn run(store: &mut StoreInner, depth: usize) -> Exit {
            let mut frame;
            let mut pc;
            let mut code;
            let mut ops: &[Op];
            let mut instance;
            let mut registers;
            let (mut memory, mut floor);
            // The last result, which the next instruction need not read from its slot.
            let mut last = 0;

            // Takes everything anew, after the innermost frame may have become another one.
            macro_rules! resume {
                () => {{
                    frame = *store.frames.last().expect("a function runs");
                    pc = frame.pc as usize;
                    reload!();
                }};
            }
            // Takes everything anew, and the number of frames below the present stack, which may be another one.
            macro_rules! go_on {
                () => {{
                    floor = stacks::floor(store, depth);
                    resume!();
                }};
            }
            // Takes everything anew, after parts of the store may have moved.
            macro_rules! reload {
                () => {{
                    let function = &store.functions[frame.function as usize];
                    code = function.code.as_deref().expect("a function that runs has code");
                    ops = &code.ops;
                    instance = &store.instances[frame.instance as usize];
                    registers = window(&mut store.stack, frame.base);
                    memory = own_memory(&mut store.memories, instance.memories.first());
                }};
            }
            macro_rules! save_pc {
                () => {
                    store.frames.last_mut().expect("a function runs").pc = pc as u32
                };
            }
            macro_rules! stop {
                ($stop:expr) => {{
                    save_pc!();
                    let stop: Stop = $stop.into();
                    match unwind::handle(store, depth, stop) {
                        Ok(()) => {
                            go_on!();
                            continue;
                        }
                        Err(stop) => return Exit::Stopped(stop),
                    }
                }};
            }
            macro_rules! check {
                ($result:expr) => {
                    match $result {
                        Ok(value) => value,
                        Err(trap) => stop!(trap),
                    }
                };
            }
            // Enters a function whose frame starts at a slot of the present frame.
            macro_rules! call {
                ($callee:expr, $base:expr) => {{
                    let (callee, base): (u32, u32) = ($callee, frame.base + $base);
                    save_pc!();
                    let function = &store.functions[callee as usize];
                    if let Some(next) = function.code.as_deref()
                        && base as usize + next.slots as usize <= store.stack_ready
                        && store.frames.len() < store.max_depth
                    {
                        frame = Frame { function: callee, instance: function.instance, pc: 0, base };
                        store.frames.push(frame);
                        let locals = base as usize + next.parameters as usize..base as usize + next.locals as usize;
                        store.stack[locals].fill(0);
                        pc = 0;
                        reload!();
                        continue;
                    }
                    match call::prepare(store, callee, base) {
                        Ok(None) => resume!(),
                        Ok(Some(exit)) => return exit,
                        Err(error) => stop!(error),
                    }
                }};
            }
            // Enters a function in place of the present one.
            macro_rules! tail_call {
                ($callee:expr) => {{
                    let callee: u32 = $callee;
                    save_pc!();
                    match call::replace(store, callee) {
                        Ok(None) => resume!(),
                        Ok(Some(exit)) => return exit,
                        Err(error) => stop!(error),
                    }
                }};
            }
            macro_rules! ret {
                () => {{
                    store.frames.pop();
                    if store.frames.len() > floor {
                        resume!();
                    } else if floor > depth {
                        go_on!();
                    } else {
                        return Exit::Returned;
                    }
                    continue;
                }};
            }
            macro_rules! branch {
                ($condition:expr, $target:expr) => {
                    if $condition {
                        pc = $target as usize;
                    }
                };
            }
            macro_rules! get {
                ($at:expr, $ty:ty) => {
                    <$ty as Operand>::read(registers, $at)
                };
            }
            // Reads an operand that may be the last result.
            macro_rules! first {
                ($at:expr, $ty:ty) => {{
                    let slot = get!($at, u64);
                    <$ty as Word>::from_slot(if $at == LAST { last } else { slot })
                }};
            }
            macro_rules! set {
                ($at:expr, $value:expr) => {{
                    last = Word::to_slot($value);
                    last.write(registers, $at);
                }};
            }
            macro_rules! set_vector {
                ($at:expr, $value:expr) => {
                    V128::write($value, registers, $at)
                };
            }
            macro_rules! load {
                ($raw:ty as $to:ty, $d:expr, $a:expr, $offset:expr) => {{
                    let bytes = check!(memory::load(memory, first!($a, u32).into(), $offset.into()));
                    set!($d, <$to>::from(<$raw>::from_le_bytes(bytes)));
                }};
            }
            macro_rules! store {
                ($raw:ty, $a:expr, $b:expr, $offset:expr) => {{
                    let bytes = (get!($b, u64) as $raw).to_le_bytes();
                    check!(memory::store(memory, first!($a, u32).into(), $offset.into(), bytes));
                }};
            }

            go_on!();
            loop {
                let op = &ops[pc];
                pc += 1;
                match *op {
                    $(Op::$unary { d, a } => set!(d, $unary_fn(first!(a, $unary_in))),)*
                    $(Op::$unary_trap { d, a } => set!(d, check!($unary_trap_fn(first!(a, $unary_trap_in)))),)*
                    $(Op::$binary { d, a, b } => {
                        set!(d, $binary_fn(first!(a, $binary_left), get!(b, $binary_right)));
                    })*
                    $(Op::$trapping { d, a, b } => {
                        set!(d, check!($trapping_fn(first!(a, $trapping_left), get!(b, $trapping_right))));
                    })*
                    $(Op::$imm { d, a, imm } => set!(d, $imm_fn(first!(a, $imm_left), imm as $imm_right)),)*
                    $(Op::$br { a, b, target } => branch!($cmp_fn(first!(a, $cmp_ty), get!(b, $cmp_ty)), target),)*
                    $(Op::$br_imm { a, imm, target } => branch!($cmp_fn(first!(a, $cmp_ty), imm as $cmp_ty), target),)*
                    Op::Const { d, value } => set!(d, i64::from(value)),
                    Op::ConstAt { d, index } => set!(d, code.constants[index as usize]),
                    Op::Copy { d, a } => set!(d, first!(a, u64)),
                    Op::Copy2 { d, a } => set_vector!(d, get!(a, V128)),
                    Op::FarGet { d, slot } => {
                        let base = frame.base as usize;
                        store.stack[base + usize::from(d)] = store.stack[base + slot as usize];
                        registers = window(&mut store.stack, frame.base);
                    }
                    Op::FarSet { a, slot } => {
                        let base = frame.base as usize;
                        store.stack[base + slot as usize] = store.stack[base + usize::from(a)];
                        registers = window(&mut store.stack, frame.base);
                    }
                    Op::Select { d, a, b, condition } => {
                        let from = if get!(condition, u32) != 0 { a } else { b };
                        set!(d, get!(from, u64));
                    }
                    Op::Select2 { d, a, b, condition } => {
                        let from = if get!(condition, u32) != 0 { a } else { b };
                        set_vector!(d, get!(from, V128));
                    }
                    Op::GlobalGet { d, index } => {
                        set!(d, store.globals[instance.globals[index as usize] as usize].slot());
                    }
                    Op::GlobalSet { a, index } => {
                        store.globals[instance.globals[index as usize] as usize].set_slot(get!(a, u64));
                    }
                    Op::Load32 { d, a, offset } => load!(u32 as u32, d, a, offset),
                    Op::Load64 { d, a, offset } => load!(u64 as u64, d, a, offset),
                    Op::Load8U { d, a, offset } => load!(u8 as u32, d, a, offset),
                    Op::Load16U { d, a, offset } => load!(u16 as u32, d, a, offset),
                    Op::I32Load8S { d, a, offset } => load!(i8 as i32, d, a, offset),
                    Op::I32Load16S { d, a, offset } => load!(i16 as i32, d, a, offset),
                    Op::I64Load8S { d, a, offset } => load!(i8 as i64, d, a, offset),
                    Op::I64Load16S { d, a, offset } => load!(i16 as i64, d, a, offset),
                    Op::I64Load32S { d, a, offset } => load!(i32 as i64, d, a, offset),
                    Op::Store8 { a, b, offset } => store!(u8, a, b, offset),
                    Op::Store16 { a, b, offset } => store!(u16, a, b, offset),
                    Op::Store32 { a, b, offset } => store!(u32, a, b, offset),
                    Op::Store64 { a, b, offset } => store!(u64, a, b, offset),
                    Op::Jump { target } => pc = target as usize,
                    Op::BrIf { a, target } => branch!(first!(a, u32) != 0, target),
                    Op::BrIfZero { a, target } => branch!(first!(a, u32) == 0, target),
                    Op::BrOnNull { a, target } => branch!(get!(a, RawRef).is_null(), target),
                    Op::BrOnNonNull { a, target } => branch!(!get!(a, RawRef).is_null(), target),
                    Op::BrTable { a, start, count } => {
                        let index = get!(a, u32).min(count - 1);
                        pc = code.targets[(start + index) as usize] as usize;
                    }
                    Op::Call { function, base } => call!(instance.functions[function as usize], base),
                    Op::CallIndirect { a, site, base } => {
                        let site = code.sites[site as usize];
                        let index = get!(a, u64);
                        call!(check!(call::indirect(store, frame.instance, site, index)), base);
                    }
                    Op::CallRef { a, base } => {
                        call!(check!(get!(a, RawRef).as_func().ok_or(Trap::NullReference)), base);
                    }
                    Op::ReturnCall { function } => tail_call!(instance.functions[function as usize]),
                    Op::ReturnCallIndirect { a, site } => {
                        let site = code.sites[site as usize];
                        let index = get!(a, u64);
                        tail_call!(check!(call::indirect(store, frame.instance, site, index)));
                    }
                    Op::ReturnCallRef { a } => {
                        tail_call!(check!(get!(a, RawRef).as_func().ok_or(Trap::NullReference)));
                    }
                    Op::SwitchStack { index } => {
                        save_pc!();
                        if let Some(exit) = stacks::switch(store, depth, index) {
                            return exit;
                        }
                        go_on!();
                    }
                    Op::Return => ret!(),
                    Op::ReturnOne { a } => {
                        set!(0u16, first!(a, u64));
                        ret!();
                    }
                    Op::Unreachable => stop!(Trap::Unreachable),
                    Op::RefIsNull { d, a } => set!(d, get!(a, RawRef).is_null()),
                    Op::F32Canonicalize { d, a } => set!(d, f32_canonicalize(get!(a, f32))),
                    Op::F64Canonicalize { d, a } => set!(d, f64_canonicalize(get!(a, f64))),
                    Op::Fuel { cost } => store.metering.fuel -= i64::from(cost),
                    Op::Poll => check!(store.metering.check()),
                    Op::Vector { op, d, a, b, c } => op.run(registers, d, a, b, c),
                    Op::Rare { index } => {
                        let rare = code.rare[index as usize];
                        save_pc!();
                        if let Err(stop) = (rare.run)(&mut Context::new(store, frame), &rare) {
                            stop!(stop);
                        }
                        reload!();
                    }
                }
            }
        }
    };
}
for_each_op!(define);

/// Returns the bytes of memory 0, if the instance has one of its own kind: one that is not shared.
#[inline(always)]
fn own_memory<'a>(memories: &'a mut [crate::memory::MemoryInstance], address: Option<&u32>) -> &'a mut [u8] {
    match address {
        Some(&address) => memories[address as usize].own_mut(),
        None => &mut [],
    }
}
