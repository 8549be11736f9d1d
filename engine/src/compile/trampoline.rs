//! The code between WebAssembly and the host. [`crate::abi`] describes the calling conventions.
//!
//! An entry trampoline leads from the host into WebAssembly, an exit trampoline from WebAssembly to a host function;
//! there is one of each per lowered signature. The trampoline of a library call leads into the runtime. All depend on
//! their signature alone, so that different modules have the same code for the same trampoline.

use super::clif::{builtin_signature, constant, machine_type, trap_code, trusted, wasm_signature};
use crate::abi::builtins::Builtin;
use crate::abi::signature::{LoweredSignature, MachineType};
use crate::abi::vmctx::{HostFunc, VmContext, VmStoreContext};
use crate::abi::{FAILED, OK, ValRaw};
use crate::base::Trap;
use core::mem::offset_of;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, AbiParam, BlockArg, Endianness, ExceptionTableData, ExceptionTableItem, InstBuilder, MemFlagsData, Signature,
    StackSlotData, StackSlotKind, Value, types,
};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

const STORE: i32 = offset_of!(VmContext, store) as i32;
const BUILTINS: i32 = offset_of!(VmContext, builtins) as i32;
const ENTRY_FP: i32 = offset_of!(VmStoreContext, entry_fp) as i32;
const ENTRY_SP: i32 = offset_of!(VmStoreContext, entry_sp) as i32;
const ENTRY_PC: i32 = offset_of!(VmStoreContext, entry_pc) as i32;
const EXIT_FP: i32 = offset_of!(VmStoreContext, exit_fp) as i32;
const EXIT_PC: i32 = offset_of!(VmStoreContext, exit_pc) as i32;
const SHIM: i32 = offset_of!(HostFunc, shim) as i32;
const SLOT: i32 = size_of::<ValRaw>() as i32;

/// Builds the entry trampoline of a signature: a [`HostCall`](crate::abi::HostCall).
pub(super) fn build_entry(
    func: &mut ir::Function,
    isa: &dyn TargetIsa,
    signature: &LoweredSignature,
    allocations: &mut FunctionBuilderContext,
) {
    func.signature = system_v(isa, 5);
    let (mut builder, params) = begin(func, allocations);
    let [store, code, callee, caller, values] = params[..] else { unreachable!("five parameters were declared") };

    // The call has a block of its own because `get_exception_handler_address` takes the block whose last instruction is
    // the call, here the block that asks.
    let (call, returned, stopped) = (builder.create_block(), builder.create_block(), builder.create_block());
    builder.set_cold_block(stopped);
    builder.ins().jump(call, &[]);
    builder.switch_to_block(call);
    let arguments = load_values(&mut builder, values, &signature.params);
    let fp = builder.ins().get_frame_pointer(types::I64);
    let sp = builder.ins().get_stack_pointer(types::I64);
    let pc = builder.ins().get_exception_handler_address(types::I64, call, 0);
    // The runtime leaves compiled code by restoring these three: execution continues in `stopped`, in this frame.
    builder.ins().store(trusted(), fp, store, ENTRY_FP);
    builder.ins().store(trusted(), sp, store, ENTRY_SP);
    builder.ins().store(trusted(), pc, store, ENTRY_PC);
    let arguments: Vec<Value> = [callee, caller].into_iter().chain(arguments).collect();
    try_call(&mut builder, signature, code, &arguments, returned, stopped);
    builder.seal_block(call);

    builder.switch_to_block(returned);
    builder.seal_block(returned);
    let results = builder.block_params(returned).to_vec();
    store_values(&mut builder, values, &results);
    let ok = builder.ins().iconst(types::I64, OK);
    builder.ins().return_(&[ok]);

    builder.switch_to_block(stopped);
    builder.seal_block(stopped);
    let failed = builder.ins().iconst(types::I64, FAILED);
    builder.ins().return_(&[failed]);
    builder.finalize(isa.frontend_config());
}

/// Calls `code`. Execution continues in `returned` with the results, or in `stopped` if the callee does not return.
fn try_call(
    builder: &mut FunctionBuilder<'_>,
    signature: &LoweredSignature,
    code: Value,
    arguments: &[Value],
    returned: ir::Block,
    stopped: ir::Block,
) {
    let results: Vec<BlockArg> = (0..signature.results.len())
        .map(|position| BlockArg::TryCallRet(u32::try_from(position).expect("a function has few results")))
        .collect();
    for &ty in &signature.results {
        builder.append_block_param(returned, machine_type(ty));
    }
    let callee = builder.import_signature(wasm_signature(signature));
    let normal = builder.func.dfg.block_call(returned, &results);
    let handler = ExceptionTableItem::Default(builder.func.dfg.block_call(stopped, &[]));
    let table = ExceptionTableData::new(callee, normal, [handler]);
    let table = builder.func.dfg.exception_tables.push(table);
    builder.ins().try_call_indirect(code, arguments, table);
}

/// Builds the exit trampoline of a signature: the `wasm_call` of host functions. Its callee is a [`HostFunc`].
pub(super) fn build_exit(
    func: &mut ir::Function,
    isa: &dyn TargetIsa,
    signature: &LoweredSignature,
    allocations: &mut FunctionBuilderContext,
) {
    func.signature = wasm_signature(signature);
    let (mut builder, params) = begin(func, allocations);
    let (callee, caller) = (params[0], params[1]);
    // Parameters and results share the slots. Even an empty array needs an address.
    let slots = i32::try_from(signature.slots().max(1)).expect("a function has few parameters and results");
    let values = builder.create_sized_stack_slot(StackSlotData::new(
        StackSlotKind::ExplicitSlot,
        slots.unsigned_abs() * SLOT.unsigned_abs(),
        SLOT.ilog2() as u8,
    ));
    let values = builder.ins().stack_addr(types::I64, values, 0);
    store_values(&mut builder, values, &params[2..]);
    save_exit(&mut builder, caller);
    let shim = builder.ins().load(types::I64, trusted(), callee, SHIM);
    let count = builder.ins().iconst(types::I64, signature.slots() as i64);
    let host = builder.import_signature(system_v(isa, 4));
    let call = builder.ins().call_indirect(host, shim, &[callee, caller, values, count]);
    let status = builder.inst_results(call)[0];
    raise_if_failed(&mut builder, isa, caller, status);
    let results = load_values(&mut builder, values, &signature.results);
    builder.ins().return_(&results);
    builder.finalize(isa.frontend_config());
}

/// Builds the trampoline of a library call.
pub(super) fn build_builtin(
    func: &mut ir::Function,
    isa: &dyn TargetIsa,
    builtin: Builtin,
    allocations: &mut FunctionBuilderContext,
) {
    func.signature = builtin_signature(builtin, CallConv::Tail);
    let (mut builder, params) = begin(func, allocations);
    let vmctx = params[0];
    save_exit(&mut builder, vmctx);
    let result = call_library(&mut builder, isa, builtin, &params);
    raise_if_failed(&mut builder, isa, vmctx, result);
    builder.ins().return_(&[result]);
    builder.finalize(isa.frontend_config());
}

/// Opens the function's first block and returns its parameters.
fn begin<'a>(
    func: &'a mut ir::Function,
    allocations: &'a mut FunctionBuilderContext,
) -> (FunctionBuilder<'a>, Vec<Value>) {
    let mut builder = FunctionBuilder::new(func, allocations);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    builder.seal_block(entry);
    let params = builder.block_params(entry).to_vec();
    (builder, params)
}

/// Returns the signature of a function of the platform that takes this many words and returns one.
fn system_v(isa: &dyn TargetIsa, params: usize) -> Signature {
    let mut signature = Signature::new(isa.default_call_conv());
    signature.params = vec![AbiParam::new(types::I64); params];
    signature.returns = vec![AbiParam::new(types::I64)];
    signature
}

/// Records the last Wasm exit in the store: this frame, and the return address in its caller. Stack walks start there.
fn save_exit(builder: &mut FunctionBuilder<'_>, vmctx: Value) {
    let store = builder.ins().load(types::I64, constant(), vmctx, STORE);
    let fp = builder.ins().get_frame_pointer(types::I64);
    let pc = builder.ins().get_return_address(types::I64);
    builder.ins().store(trusted(), fp, store, EXIT_FP);
    builder.ins().store(trusted(), pc, store, EXIT_PC);
}

/// Calls the library function itself, through the table of library calls. `arguments` begins with the vmctx.
fn call_library(
    builder: &mut FunctionBuilder<'_>,
    isa: &dyn TargetIsa,
    builtin: Builtin,
    arguments: &[Value],
) -> Value {
    let table = builder.ins().load(types::I64, constant(), arguments[0], BUILTINS);
    let offset = i32::try_from(builtin.offset()).expect("there are few library calls");
    let code = builder.ins().load(types::I64, constant(), table, offset);
    let signature = builder.import_signature(builtin_signature(builtin, isa.default_call_conv()));
    let call = builder.ins().call_indirect(signature, code, arguments);
    builder.inst_results(call)[0]
}

/// Leaves compiled code if `status` says that the host failed.
fn raise_if_failed(builder: &mut FunctionBuilder<'_>, isa: &dyn TargetIsa, vmctx: Value, status: Value) {
    let (stop, next) = (builder.create_block(), builder.create_block());
    builder.set_cold_block(stop);
    let failed = builder.ins().iconst(types::I64, FAILED);
    let failed = builder.ins().icmp(IntCC::Equal, status, failed);
    builder.ins().brif(failed, stop, &[], next, &[]);
    builder.seal_block(stop);
    builder.seal_block(next);
    builder.switch_to_block(stop);
    call_library(builder, isa, Builtin::Raise, &[vmctx]);
    // The host function has returned, so that no host frame is left out. `Raise` never returns.
    builder.ins().trap(trap_code(Trap::Unreachable));
    builder.switch_to_block(next);
}

/// Flags of an access to a `ValRaw`, which is little-endian on every host.
fn slot_flags() -> MemFlagsData {
    trusted().with_endianness(Endianness::Little)
}

/// Returns the offset of a value in the array of `ValRaw`s.
fn slot_offset(position: usize) -> i32 {
    i32::try_from(position).expect("a function has few parameters and results") * SLOT
}

fn load_values(builder: &mut FunctionBuilder<'_>, values: Value, types: &[MachineType]) -> Vec<Value> {
    types
        .iter()
        .enumerate()
        .map(|(position, &ty)| builder.ins().load(machine_type(ty), slot_flags(), values, slot_offset(position)))
        .collect()
}

fn store_values(builder: &mut FunctionBuilder<'_>, values: Value, stored: &[Value]) {
    for (position, &value) in stored.iter().enumerate() {
        builder.ins().store(slot_flags(), value, values, slot_offset(position));
    }
}
