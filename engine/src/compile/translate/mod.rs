//! Translates a function body to CLIF, one operator at a time. Validation runs alongside, one operator ahead, so that
//! the translator sees valid code only.
//!
//! Each file translates one family of instructions; [`operators`] finds the translation of an operator. The state is
//! that of the specification's algorithm: an operand stack ([`FuncTranslator::push`], [`FuncTranslator::pop`]), a stack
//! of control frames ([`control`]) and locals, which are Cranelift's variables.
//!
//! # Exact traps
//!
//! Every CLIF instruction carries the byte offset of the operator that it implements. Loads and stores that can trap
//! say so in their flags, so that Cranelift neither removes nor moves them.

mod access;
mod atomic;
mod call;
mod cast;
mod control;
mod exception;
mod expansion;
mod gc;
mod legacy;
mod local_values;
mod memory;
mod metering;
mod numeric;
mod operators;
#[cfg(feature = "planted-faults")]
mod planted_faults;
mod reference;
mod simd;
mod table;
#[cfg(test)]
mod tests;
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
pub(crate) use local_values::LocalChange;
use local_values::LocalValues;
use std::collections::{BTreeSet, HashMap, VecDeque};
use wasmparser::{FuncValidatorAllocations, Operator};

/// The module around the functions that are translated.
pub(crate) struct ModuleEnv<'a> {
    /// The configuration.
    pub(crate) config: &'a Config,
    /// The binary, for the message of an invalid body.
    pub(crate) wasm: &'a [u8],
    /// The module's description, without function bodies.
    pub(crate) module: &'a Module,
    /// The layout of its instances.
    pub(crate) layout: VmLayout,
    /// The target machine.
    pub(crate) isa: &'a dyn TargetIsa,
    /// The layouts of struct types, by type index.
    structs: Vec<Option<StructLayout>>,
}

impl<'a> ModuleEnv<'a> {
    /// Creates the environment of a module.
    ///
    /// # Errors
    /// Kind [`TooLarge`](ErrorKind::TooLarge) if an instance of the module would be too large.
    pub(crate) fn new(
        config: &'a Config,
        wasm: &'a [u8],
        module: &'a Module,
        isa: &'a dyn TargetIsa,
    ) -> Result<ModuleEnv<'a>> {
        let layout = VmLayout::of(module)
            .ok_or_else(|| Error::new(ErrorKind::TooLarge, "an instance of the module would be larger than 2 GiB"))?;
        let structs = module.types.iter().map(|ty| match &ty.composite {
            CompositeType::Struct(ty) => Some(StructLayout::from(ty)),
            _ => None,
        });
        Ok(ModuleEnv { config, wasm, module, layout, isa, structs: structs.collect() })
    }

    /// Returns the layout of a struct type.
    fn struct_layout(&self, ty: TypeIndex) -> &StructLayout {
        self.structs[ty.index()].as_ref().expect("validation has checked that the type is a struct type")
    }
}

/// Allocations that one translation hands to the next.
#[derive(Default)]
pub(crate) struct Allocations {
    /// Trampolines use them too.
    pub(super) builder: FunctionBuilderContext,
    validator: FuncValidatorAllocations,
}

/// A translated function, besides its CLIF.
pub(crate) struct Translated {
    /// The offset of the first operator.
    pub(crate) first: WasmOffset,
    /// The types of the functions that it calls by address, which may be the host's. In no order.
    pub(crate) called: Vec<TypeIndex>,
    /// The values of parameters and locals, if there is debug information.
    pub(crate) locals: Option<Vec<LocalChange>>,
}

/// Validates one function and translates it into `func`, which is empty.
///
/// # Errors
/// The error of an invalid body, or kind [`TooLarge`](ErrorKind::TooLarge) if its exception tables are too large.
pub(crate) fn translate(
    env: &ModuleEnv<'_>,
    index: DefinedFuncIndex,
    body: Body<'_>,
    func: &mut ir::Function,
    allocations: &mut Allocations,
) -> Result<Translated> {
    let Body { body, to_validate, hints } = body;
    let refusal = |error| classify(env.config.features, env.wasm, error);
    let mut validator = to_validate.into_validator(core::mem::take(&mut allocations.validator));

    let params = env.module.func_type(env.module.func_index(index)).params.len() as u32;
    let local_values = env.config.debug_info.then(|| LocalValues::new(&body, params));
    let mut translator = FuncTranslator::new(env, index, func, &mut allocations.builder, local_values);
    translator.hints = hints;
    if env.config.features.contains(Features::LEGACY_EXCEPTIONS) {
        translator.legacy = legacy::scan(&body);
    }
    let mut locals = body.get_locals_reader().map_err(refusal)?;
    translator.used_locals = expansion::used_locals(&body);
    for _ in 0..locals.get_count() {
        let offset = locals.original_position();
        let (count, ty) = locals.read().map_err(refusal)?;
        validator.define_locals(offset, count, ty).map_err(refusal)?;
        translator.declare_locals(count, translator.val_type(ty));
    }
    let mut operators = body.get_operators_reader().map_err(refusal)?;
    let first = operators.original_position();
    translator.locate(first);
    translator.check_interrupts();
    while !operators.eof() {
        let (operator, offset) = operators.read_with_offset().map_err(refusal)?;
        translator.cast_operand = cast::cast_operand(&operator, &validator);
        validator.op(offset, &operator).map_err(refusal)?;
        translator.locate(offset);
        translator.operator(operator);
        translator.check_expansion()?;
    }
    operators.finish().map_err(refusal)?;
    translator.builder.finalize(env.isa.frontend_config());
    allocations.validator = validator.into_allocations();
    Ok(Translated {
        first: wasm_offset(first),
        called: translator.signatures.into_keys().collect(),
        locals: translator.local_values.map(LocalValues::into_changes),
    })
}

/// The translator of one function.
pub(crate) struct FuncTranslator<'a> {
    /// The builder of the CLIF function.
    pub(crate) builder: FunctionBuilder<'a>,
    /// The module around the function.
    pub(crate) env: &'a ModuleEnv<'a>,
    /// The operand stack.
    stack: Vec<Value>,
    /// The control stack. The function's own frame is the first.
    controls: Vec<ControlFrame>,
    /// True if the current position is unreachable. Only operators that delimit blocks have an effect then.
    unreachable: bool,
    /// The number of blocks that were opened since the position became unreachable.
    skipped: u32,
    /// The clauses of the open `try_table`s and `try`s.
    tries: Vec<exception::Clauses>,
    /// The `try`s that are still to come.
    legacy: VecDeque<legacy::LegacyTry>,
    /// The number of clauses examined so far, over all calls.
    clauses_tried: usize,
    /// Parameters and locals.
    locals: Vec<Local>,
    /// The locals that the body uses; `None` if all may be.
    used_locals: Option<BTreeSet<u32>>,
    /// The values of locals, if there is debug information.
    local_values: Option<LocalValues>,
    /// Counts of what the function becomes.
    expansion: expansion::Expansion,
    /// The address of the instance's context.
    vmctx: Value,
    /// The static type of the operand, if the current operator is a cast.
    cast_operand: Option<wasmparser::RefType>,
    /// The cost of the operators since fuel was last charged.
    fuel: i64,
    /// Regions of memory that do not alias each other.
    regions: access::Regions,
    /// Branch hints: the offset of an instruction and whether its branch is likely taken. Sorted.
    hints: Box<[(u64, bool)]>,
    /// The functions imported so far.
    imports: HashMap<Symbol, ir::FuncRef>,
    /// The signatures imported so far, by type.
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
    /// Its variable; the reserved value if the body never uses the local.
    variable: Variable,
    ty: ValType,
}

/// Returns whether stack maps record values of the type.
fn is_traced(ty: ValType) -> bool {
    Storage::from(ty).is_traced()
}

impl<'a> FuncTranslator<'a> {
    /// Starts the translation of a function: declares its signature and stack limit, opens the entry block, and
    /// declares the parameters as the first locals.
    fn new(
        env: &'a ModuleEnv<'a>,
        index: DefinedFuncIndex,
        func: &'a mut ir::Function,
        context: &'a mut FunctionBuilderContext,
        local_values: Option<LocalValues>,
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
            used_locals: None,
            local_values,
            expansion: expansion::Expansion::default(),
            vmctx: params[0],
            cast_operand: None,
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

    /// Attributes the following instructions to the operator at this offset of the binary.
    fn locate(&mut self, offset: u64) {
        #[cfg(feature = "planted-faults")]
        let offset = self.plant_in_offset(offset);
        self.builder.set_srcloc(ir::SourceLoc::new(wasm_offset(offset).0));
    }

    fn operator(&mut self, operator: Operator<'_>) {
        if self.unreachable {
            return self.unreachable_operator(&operator);
        }
        self.charge(&operator);
        #[cfg(feature = "planted-faults")]
        let operator = self.plant_in_operator(operator);
        self.dispatch(operator);
    }

    /// Converts a value type of wasmparser.
    fn val_type(&self, ty: wasmparser::ValType) -> ValType {
        convert::val_type(ty, self.env.module).expect("validation accepts only types that the engine has")
    }

    /// Converts a heap type of wasmparser.
    fn heap_type(&self, ty: wasmparser::HeapType) -> HeapType {
        convert::heap_type(ty, self.env.module).expect("validation accepts only types that the engine has")
    }

    /// Starts the next instruction.
    pub(crate) fn ins<'short>(&'short mut self) -> FuncInstBuilder<'short, 'a> {
        self.builder.ins()
    }

    /// Pushes an operand.
    pub(crate) fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// Pushes an operand of this type. A reference that the collector must find is declared as one.
    fn push_typed(&mut self, value: Value, ty: ValType) {
        self.trace(value, ty);
        self.push(value);
    }

    /// Declares a value as a reference that the collector must find, if its type is traced.
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

    /// Pops `count` operands, the lowest first.
    fn pop_many(&mut self, count: usize) -> Vec<Value> {
        let height = self.stack.len() - count;
        self.stack.split_off(height)
    }

    /// Returns the type of a value.
    pub(crate) fn type_of(&self, value: Value) -> Type {
        self.builder.func.dfg.value_type(value)
    }

    /// Emits an integer constant.
    pub(crate) fn iconst(&mut self, ty: Type, value: i64) -> Value {
        self.ins().iconst(ty, value)
    }

    /// Emits a library call, through its trampoline. The result is never `FAILED`, because a failure leaves compiled
    /// code.
    pub(crate) fn call_builtin(&mut self, builtin: Builtin, arguments: &[Value]) -> Value {
        let callee = self.import(Symbol::Builtin(builtin), || builtin_signature(builtin, CallConv::Tail));
        self.expansion.call(self.stack.len());
        let mut all = vec![self.vmctx];
        all.extend_from_slice(arguments);
        let call = self.ins().call(callee, &all);
        self.builder.inst_results(call)[0]
    }

    /// Imports a function of this artifact into the CLIF function.
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

/// Declares the loads that the prologue takes to find the stack limit: from the vmctx to the store, to the limit.
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
    WasmOffset(u32::try_from(offset).expect("a module is shorter than 4 GiB"))
}
