//! Modules: loaded code and what an instantiation needs to know of it.

use super::Engine;
use super::code::LoadedCode;
use super::type_registry::RegisteredTypes;
use crate::abi::signature::LoweredSignature;
use crate::abi::vmctx::{FuncRef, VmLayout};
use crate::base::{Error, ErrorKind, Result};
use crate::wasm;
use crate::wasm::index::FuncIndex;
use crate::wasm::module::{Export, ExportItem, Function};
use crate::wasm::types::{ExternType, FuncType};
use core::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// A compiled and loaded module. Cheap to clone; clones share the code, which is unloaded with the last of them and of
/// the stores that instantiated it.
#[derive(Clone)]
pub struct Module {
    inner: Arc<ModuleInner>,
}

struct ModuleInner {
    engine: Engine,
    code: Arc<LoadedCode>,
    types: RegisteredTypes,
    layout: VmLayout,
    /// Made when the module is first instantiated.
    func_refs: OnceLock<FuncRefs>,
    /// Positions in the list of exports, sorted by name; made when an export is first asked for.
    exports_by_name: OnceLock<Box<[u32]>>,
}

/// The references to the module's own functions as every instance has them, but for the instance; by their places.
pub(crate) struct FuncRefs(Box<[FuncRef]>);

// SAFETY: its pointers are to code, which lives as long as the module and nobody writes.
unsafe impl Send for FuncRefs {}
// SAFETY: as above.
unsafe impl Sync for FuncRefs {}

impl FuncRefs {
    fn of(module: &Module) -> Result<FuncRefs> {
        let (wasm, code, mut entries) = (module.wasm(), module.code(), vec![None; module.wasm().types.len()]);
        let mut func_ref = |(position, function): (usize, &Function)| {
            let entry = &mut entries[function.ty.index()];
            if entry.is_none() {
                *entry = code.entry(&LoweredSignature::from(wasm.signature(function.ty)));
            }
            Ok(FuncRef {
                wasm_call: code.function(wasm.defined(FuncIndex::new(position)).expect("no import has a place")),
                host_call: Some(entry.ok_or_else(|| no_entry(wasm.signature(function.ty)))?),
                vmctx: core::ptr::null_mut(),
                type_id: module.types().ids()[function.ty.index()],
                _pad: 0,
            })
        };
        let escaping = wasm.functions.iter().enumerate().filter(|(_, function)| function.func_ref.is_some());
        escaping.map(&mut func_ref).collect::<Result<_>>().map(FuncRefs)
    }

    /// The references, with nothing in the place of the instance.
    pub(crate) fn iter(&self) -> impl Iterator<Item = FuncRef> {
        self.0.iter().copied()
    }
}

fn no_entry(ty: &FuncType) -> Error {
    Error::new(ErrorKind::Artifact, format!("the artifact has no entry trampoline for {ty}"))
}

/// An import of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ImportType<'a> {
    /// The first name.
    pub module: &'a str,
    /// The second name.
    pub name: &'a str,
    /// What is imported.
    pub ty: ExternType,
}

/// An export of a module.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ExportType<'a> {
    /// The name.
    pub name: &'a str,
    /// What is exported.
    pub ty: ExternType,
}

impl Module {
    /// Loads an artifact from bytes, which are copied.
    ///
    /// Truncated, altered and foreign artifacts are refused, and what an artifact says of its module is checked. But its
    /// machine code runs as it is, and the digest over it keeps out accidents, not somebody who computes it anew. Load
    /// artifacts from places that only you can write to, or configure an [`artifact_key`](crate::Config::artifact_key).
    ///
    /// # Errors
    /// Kind [`Artifact`](ErrorKind::Artifact), saying what is wrong, if the bytes are not an artifact of this engine
    /// version, configuration, target and CPU, or were altered.
    pub fn deserialize(engine: &Engine, artifact: impl AsRef<[u8]>) -> Result<Module> {
        Module::from_code(engine, LoadedCode::load(artifact.as_ref(), engine.config())?)
    }

    /// Loads an artifact from a file, which is copied: it may change afterwards.
    ///
    /// # Errors
    /// As [`Module::deserialize`]; kind [`Io`](ErrorKind::Io) if the file cannot be read.
    pub fn deserialize_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Module> {
        Module::from_code(engine, LoadedCode::load_file(path.as_ref(), engine.config())?)
    }

    /// Loads an artifact by mapping the file itself. Neither is all of it hashed nor are its tables checked: what is not
    /// used is not read.
    ///
    /// # Safety
    /// The file was written by this engine, and nobody changes it while the module or an instance of it lives.
    ///
    /// # Errors
    /// As [`Module::deserialize_file`].
    pub unsafe fn deserialize_trusted_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Module> {
        // SAFETY: the caller answers for the file.
        let code = unsafe { LoadedCode::load_trusted_file(path.as_ref(), engine.config())? };
        Module::from_code(engine, code)
    }

    fn from_code(engine: &Engine, code: Arc<LoadedCode>) -> Result<Module> {
        let types = RegisteredTypes::new(engine.types(), &code.module().types, &code.module().rec_groups)?;
        let layout = VmLayout::of(code.module())
            .ok_or_else(|| Error::new(ErrorKind::TooLarge, "an instance of this module would pass 2 GiB"))?;
        let (func_refs, exports_by_name) = (OnceLock::new(), OnceLock::new());
        let inner = ModuleInner { engine: engine.clone(), code, types, layout, func_refs, exports_by_name };
        Ok(Module { inner: Arc::new(inner) })
    }

    /// The artifact: what [`Module::deserialize`] takes.
    pub fn serialize(&self) -> &[u8] {
        self.inner.code.bytes()
    }

    /// The engine that loaded the module.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The name, from the name section.
    pub fn name(&self) -> Option<&str> {
        self.wasm().name.as_deref()
    }

    /// The imports, in order.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        let module = self.wasm();
        module.imports.iter().map(|import| ImportType {
            module: &import.module,
            name: &import.name,
            ty: self.canonical(module.import_type(import.item)),
        })
    }

    /// The exports, in order.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        let module = self.wasm();
        module
            .exports
            .iter()
            .map(|export| ExportType { name: &export.name, ty: self.canonical(module.export_type(export.item)) })
    }

    /// The type of the export of this name.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        Some(self.canonical(self.wasm().export_type(self.export(name)?)))
    }

    /// A type of the module's description as everybody else sees it: types are named by canonical ids.
    pub(crate) fn canonical(&self, ty: ExternType) -> ExternType {
        ty.map(&|ty| self.types().canonical(ty))
    }

    /// The module without bodies.
    pub(crate) fn wasm(&self) -> &wasm::module::Module {
        self.inner.code.module()
    }

    /// The loaded code.
    pub(crate) fn code(&self) -> &LoadedCode {
        &self.inner.code
    }

    /// The types with their canonical ids, in the order of the module's types.
    pub(crate) fn types(&self) -> &RegisteredTypes {
        &self.inner.types
    }

    /// Where an instance's context holds what.
    pub(crate) fn layout(&self) -> &VmLayout {
        &self.inner.layout
    }

    /// The references to the module's own functions.
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

    /// An address that this module shares with its clones only.
    pub(crate) fn identity(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    /// The export of this name.
    pub(crate) fn export(&self, name: &str) -> Option<ExportItem> {
        let exports = &self.wasm().exports;
        let by_name = self.inner.exports_by_name.get_or_init(|| sort_by_name(exports));
        let found = by_name.binary_search_by(|&position| exports[position as usize].name.as_str().cmp(name)).ok()?;
        Some(exports[by_name[found] as usize].item)
    }
}

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
    //! Forged metadata, signed again: it is refused, or the module loads, links and instantiates without harm. Code is
    //! not run, since nothing can tell whether it is of the types that the metadata gives it.

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

    /// Something to import of each type; `None` if the store cannot make it.
    fn provide(store: &mut Store<StoreLimits>, ty: ExternType) -> Option<Extern> {
        Some(match ty {
            ExternType::Func(ty) => Func::new(store, ty, |_, _, _| Ok(())).into(),
            ExternType::Table(ty) => Table::new(store, ty, Val::default_for_ty(ValType::Ref(ty.element))).ok()?.into(),
            ExternType::Memory(ty) => Memory::new(store, ty).ok()?.into(),
            ExternType::Global(ty) => Global::new(store, ty, Val::default_for_ty(ty.content)).ok()?.into(),
            ExternType::Tag(ty) => Tag::new(store, ty).ok()?.into(),
        })
    }

    /// How far an artifact gets: loaded, instantiated.
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
