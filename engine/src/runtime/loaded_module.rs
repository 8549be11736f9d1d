//! Loaded modules: code, and what an instantiation needs to know about it.

use super::Engine;
use super::code::LoadedCode;
use super::type_registry::RegisteredTypes;
use crate::abi::signature::LoweredSignature;
use crate::abi::vmctx::{FuncRef, VmLayout};
use crate::base::{Error, ErrorKind, Result, TextOffset};
use crate::wasm;
use crate::wasm::index::FuncIndex;
use crate::wasm::module::{Export, ExportItem, Function};
use crate::wasm::types::{ExternType, FuncType};
use core::ffi::c_void;
use core::fmt;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// A compiled and loaded module. Cheap to clone: clones share the code. It is unloaded when the last clone and the last
/// store that instantiated the module are dropped.
#[derive(Clone)]
pub struct Module {
    inner: Arc<ModuleInner>,
}

/// Exit trampolines by the canonical ids of their types.
type Exits = HashMap<u32, TextOffset, FxBuildHasher>;

struct ModuleInner {
    engine: Engine,
    code: Arc<LoadedCode>,
    /// Registered when an import, an export or an instance first needs canonical ids.
    types: OnceLock<RegisteredTypes>,
    layout: VmLayout,
    /// Filled in by the first instantiation.
    func_refs: OnceLock<FuncRefs>,
    /// The exit trampolines of the types of imported functions. Filled in when a store first needs one.
    exits: OnceLock<Exits>,
    /// Positions in the list of exports, sorted by name. Filled in when an export is first looked up.
    exports_by_name: OnceLock<Box<[u32]>>,
}

impl Drop for ModuleInner {
    /// Unmaps what the engine keeps of the module's memory image. No memory of an instance has it any more: stores keep
    /// the modules of their instances.
    fn drop(&mut self) {
        if let Some((_, image)) = self.code.memory_image() {
            self.engine.memories().forget_image(image);
        }
    }
}

/// References to the module's own functions, by [`FuncRefIndex`](crate::wasm::index::FuncRefIndex). They are equal in
/// all instances of the module except for the `vmctx`, which is null here.
pub(crate) struct FuncRefs(Box<[FuncRef]>);

// SAFETY: its pointers are to code, which lives as long as the module and nobody writes.
unsafe impl Send for FuncRefs {}
// SAFETY: its pointers are to code, which lives as long as the module and nobody writes.
unsafe impl Sync for FuncRefs {}

impl FuncRefs {
    /// Makes the references to the functions of a module that can be referred to.
    ///
    /// # Errors
    /// Kind [`Artifact`](ErrorKind::Artifact) if the artifact lacks an entry trampoline.
    fn of(module: &Module) -> Result<FuncRefs> {
        let (wasm, code) = (module.wasm(), module.code());
        // Entry trampolines are looked up once for each type: many functions share one.
        let mut entries = vec![None; wasm.types.len()];
        let mut func_refs = Vec::new();
        for (position, function) in wasm.functions.iter().enumerate() {
            if function.func_ref.is_none() {
                continue;
            }
            let signature = wasm.signature(function.ty);
            let entry = &mut entries[function.ty.index()];
            if entry.is_none() {
                *entry = code.entry(&LoweredSignature::from(signature));
            }
            let defined = wasm.defined(FuncIndex::new(position)).expect("no imported function has a reference here");
            func_refs.push(FuncRef {
                wasm_call: code.function(defined),
                host_call: Some(entry.ok_or_else(|| missing_entry(signature))?),
                vmctx: core::ptr::null_mut(),
                type_id: module.types().ids()[function.ty.index()],
                _pad: 0,
            });
        }
        Ok(FuncRefs(func_refs.into()))
    }

    /// The references, with null for the instance.
    pub(crate) fn iter(&self) -> impl Iterator<Item = FuncRef> {
        self.0.iter().copied()
    }
}

/// The error for a function without an entry trampoline.
fn missing_entry(ty: &FuncType) -> Error {
    Error::new(ErrorKind::Artifact, format!("the artifact has no entry trampoline for {ty}"))
}

/// An import of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ImportType<'a> {
    /// The name of the module to import from.
    pub module: &'a str,
    /// The name of the item in that module.
    pub name: &'a str,
    /// The type that the module declares for the item.
    pub ty: ExternType,
}

/// An export of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ExportType<'a> {
    /// The name.
    pub name: &'a str,
    /// The type of the item.
    pub ty: ExternType,
}

impl Module {
    /// Loads an artifact from bytes, which are copied.
    ///
    /// Truncated, altered and foreign artifacts are refused, and an artifact's description of its module is checked.
    /// Its machine code, however, runs as it is: the digest protects from accidents, not from somebody who computes a
    /// new one. Load artifacts from locations that only you can write to, or configure an
    /// [`artifact_key`](crate::Config::artifact_key).
    ///
    /// # Errors
    /// - Kind [`Artifact`](ErrorKind::Artifact), naming what is wrong, if the bytes are not an artifact of this engine
    ///   version, configuration, target and CPU, or were altered.
    /// - Kind [`Resource`](ErrorKind::Resource) if there is no memory for the artifact.
    /// - Kind [`TooLarge`](ErrorKind::TooLarge) if an instance of the module would be larger than 2 GiB.
    pub fn deserialize(engine: &Engine, artifact: impl AsRef<[u8]>) -> Result<Module> {
        Module::from_code(engine, LoadedCode::load(artifact.as_ref(), engine.config())?)
    }

    /// Loads an artifact from a file. The file is copied and may change afterwards.
    ///
    /// # Errors
    /// The errors of [`Module::deserialize`]; also kind [`Io`](ErrorKind::Io) if the file cannot be read.
    pub fn deserialize_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Module> {
        Module::from_code(engine, LoadedCode::load_file(path.as_ref(), engine.config())?)
    }

    /// Loads an artifact by mapping the file itself. The digest of the whole file is not computed and the tables are
    /// not checked: parts that are not used are not read.
    ///
    /// # Safety
    /// The file was written by this engine, and nobody changes it while the module or an instance of it lives.
    ///
    /// # Errors
    /// The errors of [`Module::deserialize_file`].
    pub unsafe fn deserialize_trusted_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Module> {
        // SAFETY: the caller answers for the file.
        let code = unsafe { LoadedCode::load_trusted_file(path.as_ref(), engine.config())? };
        Module::from_code(engine, code)
    }

    fn from_code(engine: &Engine, code: Arc<LoadedCode>) -> Result<Module> {
        let layout = VmLayout::of(code.module())
            .ok_or_else(|| Error::new(ErrorKind::TooLarge, "an instance of this module would pass 2 GiB"))?;
        let inner = ModuleInner {
            engine: engine.clone(),
            code,
            types: OnceLock::new(),
            layout,
            func_refs: OnceLock::new(),
            exits: OnceLock::new(),
            exports_by_name: OnceLock::new(),
        };
        let module = Module { inner: Arc::new(inner) };
        // The methods that return the types of imports and exports cannot fail.
        if module.wasm().shows_defined_types() {
            module.register_types()?;
        }
        Ok(module)
    }

    /// Returns the artifact, for [`Module::deserialize`] to load.
    pub fn serialize(&self) -> &[u8] {
        self.inner.code.bytes()
    }

    /// The engine that loaded the module.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The module's name, from the name section.
    pub fn name(&self) -> Option<&str> {
        self.wasm().name.as_deref()
    }

    /// The imports, in the order of the module.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        let module = self.wasm();
        module.imports.iter().map(|import| ImportType {
            module: &import.module,
            name: &import.name,
            ty: self.canonical(module.import_type(import.item)),
        })
    }

    /// The exports, in the order of the module.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        let module = self.wasm();
        module
            .exports
            .iter()
            .map(|export| ExportType { name: &export.name, ty: self.canonical(module.export_type(export.item)) })
    }

    /// The type of the export of this name; `None` if there is none.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        Some(self.canonical(self.wasm().export_type(self.export(name)?)))
    }

    /// Translates a type of the module's description, which names types by the module's indices, to canonical ids.
    pub(crate) fn canonical(&self, ty: ExternType) -> ExternType {
        ty.map(&|ty| self.types().canonical(ty))
    }

    /// The module's description, without function bodies.
    pub(crate) fn wasm(&self) -> &wasm::module::Module {
        self.inner.code.module()
    }

    /// The loaded code.
    pub(crate) fn code(&self) -> &LoadedCode {
        &self.inner.code
    }

    /// Registers the types, unless they are. Whoever instantiates the module calls this first.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the engine cannot register so many types.
    pub(crate) fn register_types(&self) -> Result<()> {
        if self.inner.types.get().is_none() {
            let wasm = self.wasm();
            let types = RegisteredTypes::new(self.inner.engine.types(), &wasm.types, &wasm.rec_groups)?;
            // Another thread may have been faster; equal types have the same ids.
            self.inner.types.get_or_init(|| types);
        }
        Ok(())
    }

    /// The types with their canonical ids, in the order of the module's types.
    ///
    /// # Panics
    /// Before [`register_types`](Module::register_types).
    pub(crate) fn types(&self) -> &RegisteredTypes {
        self.inner.types.get().expect("the types are registered before they are needed")
    }

    /// The layout of an instance's context.
    pub(crate) fn layout(&self) -> &VmLayout {
        &self.inner.layout
    }

    /// The references to the module's own functions. Created once, for all instances.
    ///
    /// # Errors
    /// Kind [`Artifact`](ErrorKind::Artifact) if the artifact lacks an entry trampoline.
    pub(crate) fn func_refs(&self) -> Result<&FuncRefs> {
        match self.inner.func_refs.get() {
            Some(func_refs) => Ok(func_refs),
            None => {
                let func_refs = FuncRefs::of(self)?;
                Ok(self.inner.func_refs.get_or_init(|| func_refs))
            }
        }
    }

    /// The exit trampoline for host functions of a type with this canonical id and this signature.
    pub(crate) fn exit(&self, ty: u32, signature: &LoweredSignature) -> Option<*const c_void> {
        let exits = self.inner.exits.get_or_init(|| self.import_exits());
        let exit = exits.get(&ty).copied().or_else(|| self.code().metadata().exit(signature));
        exit.map(|exit| self.code().exit(exit))
    }

    /// Finds the exit trampolines of the types of imported functions. Nearly all host functions have one of these
    /// types, and to search a trampoline by its signature takes longer.
    fn import_exits(&self) -> Exits {
        let wasm = self.wasm();
        let imported = wasm.functions.iter().take(wasm.imported_functions as usize);
        let exit = |function: &Function| {
            let exit = self.code().metadata().exit(&wasm.signature(function.ty).into())?;
            Some((self.types().ids()[function.ty.index()], exit))
        };
        imported.filter_map(exit).collect()
    }

    /// A number that this module shares with its clones only.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    /// Looks up an export by its name.
    pub(crate) fn export(&self, name: &str) -> Option<ExportItem> {
        let exports = &self.wasm().exports;
        let by_name = self.inner.exports_by_name.get_or_init(|| sort_by_name(exports));
        let found = by_name.binary_search_by(|&position| exports[position as usize].name.as_str().cmp(name)).ok()?;
        Some(exports[by_name[found] as usize].item)
    }
}

/// Returns the positions of the exports, in the order of their names.
fn sort_by_name(exports: &[Export]) -> Box<[u32]> {
    let mut positions: Box<[u32]> = (0..).take(exports.len()).collect();
    positions.sort_unstable_by_key(|&position| exports[position as usize].name.as_str());
    positions
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.name()).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "compile"))]
mod tests {
    //! Forged metadata with a valid digest is refused, or the module loads, links and instantiates without harm. Code
    //! is not run, since nothing can check it against the types that the metadata declares.

    use super::super::{Extern, Func, Global, Instance, Memory, Store, StoreLimits, Table, Tag, Val};
    use super::*;
    use crate::artifact::{self, sign_again};
    use crate::base::{Config, Features};
    use crate::wasm::types::ValType;

    const TEXT: &str = r#"(module $forged
        (import "a" "f" (func $f (param i64) (result externref)))
        (import "a" "g" (global $g funcref)) (import "a" "t" (table 1 9 funcref)) (import "a" "m" (memory 1 3))
        (global (export "i") (mut i32) (i32.const 3)) (global (export "r") funcref (global.get $g))
        (table $own (export "o") 4 externref) (table $two 3 funcref)
        (type $unary (func (param i32) (result i32))) (func $own (export "own") (type $unary) local.get 0)
        (func (export "all") (param f64 f32 v128) unreachable)
        (elem (i32.const 0) $f) (elem (table $two) (i32.const 1) funcref (ref.func $own) (ref.null func))
        (elem externref (ref.null extern)) (elem declare func $f)
        (type $base (sub (struct (field i32)))) (type $list (array (mut (ref null $base))))
        (rec (type $node (sub $base (struct (field i32) (field (ref null $node)) (field i8)))))
        (global (export "node") (mut (ref null $base)) (struct.new $node (i32.const 1) (ref.null $node) (i32.const 2)))
        (global (export "list") (ref $list) (array.new_fixed $list 2 (struct.new_default $base) (ref.null none)))
        (global (export "i31") eqref (ref.i31 (i32.const 7)))
        (global (export "extern") externref (extern.convert_any (struct.new_default $base)))
        (table (export "objects") 2 (ref any) (array.new $list (ref.null $base) (i32.const 3)))
        (elem (ref null $node) (struct.new_default $node))
        (rec (type $a (descriptor $d) (struct (field (ref null $a)))) (type $d (describes $a) (struct (field i32))))
        (global (export "described") (ref (exact $a)) (struct.new_desc $a (ref.null $a) (struct.new $d (i32.const 1))))
        (global (export "exact") (ref (exact $unary)) (ref.func $own))
        (data (i32.const 8) "hello") (data "passive"))"#;

    /// Creates an item of a type to import; `None` if the store cannot.
    fn provide(store: &mut Store<StoreLimits>, ty: ExternType) -> Option<Extern> {
        Some(match ty {
            ExternType::Func(ty) => Func::new(store, ty, |_, _, _| Ok(())).into(),
            ExternType::Table(ty) => Table::new(store, ty, Val::default_for_ty(ValType::Ref(ty.element))).ok()?.into(),
            ExternType::Memory(ty) => Memory::new(store, ty).ok()?.into(),
            ExternType::Global(ty) => Global::new(store, ty, Val::default_for_ty(ty.content)).ok()?.into(),
            ExternType::Tag(ty) => Tag::new(store, ty).ok()?.into(),
        })
    }

    /// Returns how far an artifact gets: whether it loads, and whether it instantiates.
    fn follow(engine: &Engine, bytes: &[u8]) -> (bool, bool) {
        let Ok(module) = Module::deserialize(engine, bytes) else { return (false, false) };
        let mut store = Store::new(engine, StoreLimits::new().memory_size(1 << 20).table_elements(1000));
        store.limiter(|limits| limits);
        let types: Vec<_> = module.imports().map(|import| import.ty).collect();
        let imports = types.into_iter().map(|ty| provide(&mut store, ty)).collect::<Option<Vec<_>>>();
        let (Some(imports), None) = (imports, module.wasm().start) else { return (true, false) };
        let Ok(instance) = Instance::new(&mut store, &module, &imports) else { return (true, false) };
        for (_, item) in instance.exports(&mut store).unwrap() {
            item.ty(&store).unwrap();
            match item {
                Extern::Table(table) => _ = table.get(&mut store, 0),
                Extern::Global(global) => _ = global.get(&mut store),
                Extern::Memory(_) | Extern::Func(_) | Extern::Tag(_) => {}
            }
        }
        (true, true)
    }

    #[test]
    fn forged_metadata_does_no_harm() {
        let mut config = Config::new();
        config
            .features(Features::WASM_2_0 | Features::FUNCTION_REFERENCES | Features::GC | Features::CUSTOM_DESCRIPTORS);
        let engine = Engine::new(&config).unwrap();
        let original = engine.compile(TEXT).unwrap();
        let (sections, _) = artifact::check(&original, engine.config()).unwrap();
        assert_eq!(follow(&engine, &original), (true, true));
        let (mut loaded, mut instantiated) = (0, 0);
        for at in sections.metadata.clone() {
            for change in [0x01, 0x02, 0x04, 0x7f, 0xff] {
                let mut bytes = original.clone();
                bytes[at] ^= change;
                assert!(sign_again(&mut bytes));
                let (loads, instantiates) = follow(&engine, &bytes);
                loaded += usize::from(loads);
                instantiated += usize::from(instantiates);
            }
        }
        assert!(instantiated > 100 && loaded > instantiated, "{loaded} loaded, {instantiated} instantiated");
    }
}
