//! From a function body to CLIF, one operator at a time. Validation runs alongside, one operator ahead, so that the
//! translator only ever sees valid code.
//!
//! Each family of instructions is a file with a `translate_*` function that says whether the operator was its own.
//! State is what the specification's is: an operand stack ([`FuncTranslator::push`], [`FuncTranslator::pop`]), a stack
//! of control frames ([`control`]) and locals, which are Cranelift's variables.
//!
//! # Exactness
//!
//! Every CLIF instruction carries the byte offset of the operator that it is made for. Loads and stores that can trap
//! say so in their flags: Cranelift then neither removes nor moves them.

mod access;
mod atomic;
mod call;
mod cast;
mod control;
mod exception;
mod gc;
mod legacy;
mod memory;
mod metering;
mod numeric;
#[cfg(test)]
mod operator_tests;
mod operators;
mod reference;
mod simd;
mod table;
mod variable;

use super::clif::{builtin_signature, trusted, wasm_signature};
use super::symbol::Symbol;
use super::validate::{Body, classify, types as convert};
use crate::abi::builtins::Builtin;
use crate::abi::heap::{Storage, StructLayout};
use crate::abi::signature::LoweredSignature;
use crate::abi::vmctx::VmLayout;
use crate::base::{Config, Error, ErrorKind, Features, Result, WasmOffset};
use crate::wasm::index::*;
use crate::wasm::module::Module;
use crate::wasm::types::{CompositeType, HeapType, ValType};
use control::ControlFrame;
use core::mem::offset_of;
use cranelift_codegen::ir::{self, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_codegen::isa::{CallConv, TargetIsa};
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder, FunctionBuilderContext, Variable};
use std::collections::{HashMap, VecDeque};
use wasmparser::{FuncValidatorAllocations, Operator};

/// What translation knows about the module; the same for all of its functions.
pub(crate) struct ModuleEnv<'a> {
    /// The configuration.
    pub(crate) config: &'a Config,
    /// The binary, for the message of an invalid body.
    pub(crate) wasm: &'a [u8],
    /// The module without its bodies.
    pub(crate) module: &'a Module,
    /// Where its instances keep everything.
    pub(crate) layout: VmLayout,
    /// The machine.
    pub(crate) isa: &'a dyn TargetIsa,
    /// Where the fields of structs stand, by type index.
    structs: Vec<Option<StructLayout>>,
}

impl<'a> ModuleEnv<'a> {
    /// The environment of a module, or an error if an instance of it would be too large.
    pub(crate) fn new(
        config: &'a Config,
        wasm: &'a [u8],
        module: &'a Module,
        isa: &'a dyn TargetIsa,
    ) -> Result<ModuleEnv<'a>> {
        let layout = VmLayout::of(module)
            .ok_or_else(|| Error::new(ErrorKind::TooLarge, "an instance of the module would pass 2 GiB"))?;
        let structs = module.types.iter().map(|ty| match &ty.composite {
            CompositeType::Struct(ty) => Some(StructLayout::from(ty)),
            _ => None,
        });
        Ok(ModuleEnv { config, wasm, module, layout, isa, structs: structs.collect() })
    }

    /// Where the fields of a struct stand.
    fn struct_layout(&self, ty: TypeIndex) -> &StructLayout {
        self.structs[ty.index()].as_ref().expect("validation has seen that the type is a struct's")
    }
}

/// Allocations that one translation leaves to the next.
#[derive(Default)]
pub(crate) struct Allocations {
    /// Trampolines use them too.
    pub(super) builder: FunctionBuilderContext,
    validator: FuncValidatorAllocations,
}

/// Translates one function into `func`, which is empty. Validates the body on the way. Returns where the first operator
/// stands.
pub(crate) fn translate(
    env: &ModuleEnv<'_>,
    index: DefinedFuncIndex,
    body: Body<'_>,
    func: &mut ir::Function,
    allocations: &mut Allocations,
) -> Result<WasmOffset> {
    let Body { body, to_validate, hints } = body;
    let refused = |error| classify(env.config.features, env.wasm, error);
    let mut validator = to_validate.into_validator(core::mem::take(&mut allocations.validator));

    let mut translator = FuncTranslator::new(env, index, func, &mut allocations.builder);
    translator.hints = hints;
    if env.config.features.contains(Features::LEGACY_EXCEPTIONS) {
        translator.legacy = legacy::scan(&body);
    }
    let mut locals = body.get_locals_reader().map_err(refused)?;
    for _ in 0..locals.get_count() {
        let offset = locals.original_position();
        let (count, ty) = locals.read().map_err(refused)?;
        validator.define_locals(offset, count, ty).map_err(refused)?;
        translator.declare_locals(count, translator.val_type(ty));
    }
    let mut operators = body.get_operators_reader().map_err(refused)?;
    let first = operators.original_position();
    translator.locate(first);
    translator.enter();
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset().map_err(refused)?;
        validator.op(offset, &operator).map_err(refused)?;
        translator.locate(offset);
        translator.operator(operator);
        translator.check_clauses()?;
    }
    operators.finish().map_err(refused)?;
    translator.builder.finalize(env.isa.frontend_config());
    allocations.validator = validator.into_allocations();
    Ok(wasm_offset(first))
}

/// One function on its way to CLIF.
pub(crate) struct FuncTranslator<'a> {
    /// Where instructions go.
    pub(crate) builder: FunctionBuilder<'a>,
    /// The module around it.
    pub(crate) env: &'a ModuleEnv<'a>,
    /// The operand stack.
    stack: Vec<Value>,
    /// The control stack; the function's own frame is the first.
    controls: Vec<ControlFrame>,
    /// Whether the current position is unreachable; operators but those of control are then passed over.
    unreachable: bool,
    /// How many blocks were opened since the position became unreachable.
    skipped: u32,
    /// The clauses of the open `try_table`s and `try`s.
    tries: Vec<exception::Clauses>,
    /// The `try`s that have not begun yet.
    legacy: VecDeque<legacy::Try>,
    /// How many clauses were looked at for all calls.
    clauses_tried: usize,
    /// Parameters and locals.
    locals: Vec<Local>,
    /// The instance.
    vmctx: Value,
    /// Operators since fuel was last charged.
    fuel: i64,
    /// What memory accesses cannot alias.
    regions: access::Regions,
    /// Which way branches are said to go, by the offset of the instruction; sorted.
    hints: Box<[(u64, bool)]>,
    /// The functions declared so far.
    imports: HashMap<Symbol, ir::FuncRef>,
    /// The signatures declared so far, by type.
    signatures: HashMap<TypeIndex, ir::SigRef>,
}

/// The extension of a narrow integer to more bits.
#[derive(Clone, Copy)]
enum Extension {
    Signed,
    Unsigned,
}

/// A parameter or local.
#[derive(Clone, Copy)]
struct Local {
    variable: Variable,
    ty: ValType,
}

/// Whether values of the type stand in stack maps.
fn is_traced(ty: ValType) -> bool {
    Storage::from(ty).is_traced()
}

impl<'a> FuncTranslator<'a> {
    /// Declares signature, stack limit and entry block, and the parameters as the first locals.
    fn new(
        env: &'a ModuleEnv<'a>,
        index: DefinedFuncIndex,
        func: &'a mut ir::Function,
        context: &'a mut FunctionBuilderContext,
    ) -> FuncTranslator<'a> {
        let ty = env.module.func_type(env.module.func_index(index));
        func.signature = wasm_signature(&LoweredSignature::from(ty));
        func.stack_limit = Some(stack_limit(func));
        let regions = access::Regions::new(func);
        let mut builder = FunctionBuilder::new(func, context);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let params = builder.block_params(entry).to_vec();
        let mut translator = FuncTranslator {
            builder,
            env,
            stack: Vec::new(),
            controls: Vec::new(),
            unreachable: false,
            skipped: 0,
            tries: Vec::new(),
            legacy: VecDeque::new(),
            clauses_tried: 0,
            locals: Vec::new(),
            vmctx: params[0],
            fuel: 0,
            regions,
            imports: HashMap::new(),
            hints: Box::default(),
            signatures: HashMap::new(),
        };
        for (&ty, &value) in ty.params.iter().zip(&params[2..]) {
            translator.declare_local(ty, value);
        }
        translator.push_function_frame(&ty.results);
        translator
    }

    /// Makes the following instructions belong to the operator at this offset of the binary.
    fn locate(&mut self, offset: u64) {
        self.builder.set_srcloc(ir::SourceLoc::new(wasm_offset(offset).0));
    }

    /// What runs before the first operator.
    fn enter(&mut self) {
        self.check_interrupts();
    }

    fn operator(&mut self, operator: Operator<'_>) {
        if self.unreachable {
            return self.unreachable_operator(&operator);
        }
        self.charge(&operator);
        #[cfg(feature = "planted-faults")]
        let operator = super::planted_faults::plant_in_operator(self, operator);
        self.dispatch(operator);
    }

    /// Our own form of a value type. Validation has refused what has none.
    fn val_type(&self, ty: wasmparser::ValType) -> ValType {
        convert::val_type(ty, self.env.module).expect("validation lets no type pass that has no form here")
    }

    /// Our own form of a heap type.
    fn heap_type(&self, ty: wasmparser::HeapType) -> HeapType {
        convert::heap_type(ty, self.env.module).expect("validation lets no type pass that has no form here")
    }

    /// Starts the next instruction.
    pub(crate) fn ins<'short>(&'short mut self) -> FuncInstBuilder<'short, 'a> {
        self.builder.ins()
    }

    /// Pushes an operand.
    pub(crate) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// Pushes an operand of this type; references that a collector must find are declared as such.
    fn push_typed(&mut self, value: Value, ty: ValType) {
        self.trace(value, ty);
        self.push(value);
    }

    /// Declares a value to be a reference that a collector must find, if its type says so.
    fn trace(&mut self, value: Value, ty: ValType) {
        if is_traced(ty) {
            self.builder.declare_value_needs_stack_map(value);
        }
    }

    /// Pops an operand.
    pub(crate) fn pop(&mut self) -> Value {
        self.stack.pop().expect("validated code does not pop more than it pushed")
    }

    /// Pops two operands: the lower one, then the top.
    pub(crate) fn pop2(&mut self) -> (Value, Value) {
        let top = self.pop();
        (self.pop(), top)
    }

    /// Pops three operands: the lowest first, the top last.
    pub(crate) fn pop3(&mut self) -> (Value, Value, Value) {
        let top = self.pop();
        let (lowest, middle) = self.pop2();
        (lowest, middle, top)
    }

    /// Pops as many operands as there are, the lowest first.
    fn pop_many(&mut self, count: usize) -> Vec<Value> {
        let height = self.stack.len() - count;
        self.stack.split_off(height)
    }

    /// The type of a value.
    pub(crate) fn type_of(&self, value: Value) -> Type {
        self.builder.func.dfg.value_type(value)
    }

    /// An integer constant.
    pub(crate) fn iconst(&mut self, ty: Type, value: i64) -> Value {
        self.ins().iconst(ty, value)
    }

    /// Calls the library through its trampoline. The result is never `FAILED`: a failure leaves compiled code.
    pub(crate) fn call_builtin(&mut self, builtin: Builtin, arguments: &[Value]) -> Value {
        let callee = self.import(Symbol::Builtin(builtin), || builtin_signature(builtin, CallConv::Tail));
        let mut all = vec![self.vmctx];
        all.extend_from_slice(arguments);
        let call = self.ins().call(callee, &all);
        self.builder.inst_results(call)[0]
    }

    /// Declares a function of this artifact.
    fn import(&mut self, symbol: Symbol, signature: impl FnOnce() -> ir::Signature) -> ir::FuncRef {
        if let Some(&known) = self.imports.get(&symbol) {
            return known;
        }
        let name = symbol.name().expect("only functions and library calls are called by name");
        let name = ir::ExternalName::user(self.builder.func.declare_imported_user_function(name));
        let signature = self.builder.import_signature(signature());
        let data = ir::ExtFuncData { name, signature, colocated: true, patchable: false };
        let function = self.builder.import_function(data);
        self.imports.insert(symbol, function);
        function
    }
}

/// The chain from the instance to its store's stack limit, for the prologue.
fn stack_limit(func: &mut ir::Function) -> ir::GlobalValue {
    use crate::abi::vmctx::{VmContext, VmStoreContext};
    let vmctx = func.create_global_value(ir::GlobalValueData::VMContext);
    let mut load = |base, offset: usize, flags: MemFlagsData| {
        let flags = func.dfg.mem_flags.insert(flags).expect("there are few sets of flags");
        let offset = i32::try_from(offset).expect("headers are small");
        func.create_global_value(ir::GlobalValueData::Load {
            base,
            offset: offset.into(),
            global_type: types::I64,
            flags,
        })
    };
    let store = load(vmctx, offset_of!(VmContext, store), trusted().with_readonly());
    load(store, offset_of!(VmStoreContext, stack_limit), trusted())
}

fn wasm_offset(offset: u64) -> WasmOffset {
    WasmOffset(u32::try_from(offset).expect("no module is as large as 4 GiB"))
}
