//! Removes items from a module: those that nothing refers to, or chosen ones.

use super::extend::Sizes;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder, utils};
use wasm_encoder::{
    CodeSection, DataSection, ElementSection, ExportSection, FunctionSection, GlobalSection, ImportSection,
    MemorySection, Module, NameMap, NameSection, RawSection, SectionId, TableSection, TagSection, TypeSection, ValType,
};
use wasmparser::{
    CompositeInnerType, CustomSectionReader, DataKind, DataSectionReader, ElementKind, ElementSectionReader,
    ExportSectionReader, ExternalKind, FunctionBody, FunctionSectionReader, GlobalSectionReader, ImportSectionReader,
    KnownCustom, MemorySectionReader, Name, Operator, Parser, Payload, TableSectionReader, TagSectionReader, TypeRef,
    TypeSectionReader,
};

/// The kind of an item of a module.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A type.
    Type,
    /// A function, imported or not.
    Function,
    /// A table, imported or not.
    Table,
    /// A memory, imported or not.
    Memory,
    /// A global, imported or not.
    Global,
    /// A tag, imported or not.
    Tag,
    /// An element segment.
    Element,
    /// A data segment.
    Data,
    /// An export.
    Export,
}

/// An item: its kind and its index.
pub type Item = (Kind, u32);

/// The failure of a removal: something that stays refers to the item.
#[derive(Debug)]
pub struct Referenced;

type Result<T> = std::result::Result<T, Error<Referenced>>;

/// Returns `wasm` without the items that nothing refers to, and without custom sections except for names of functions.
/// Exports, active segments, the start function and `kept` stay, with all that they refer to. `None` if `wasm` is not
/// valid.
pub fn remove_unreferenced(wasm: &[u8], kept: Option<Item>) -> Option<Vec<u8>> {
    let mut removed = BTreeSet::new();
    loop {
        let (smaller, pruner) = prune(wasm, removed.clone()).ok()?;
        let mut unused = pruner.unused();
        kept.map(|kept| unused.remove(&kept));
        if unused.is_subset(&removed) {
            return Some(smaller);
        }
        removed.extend(unused);
    }
}

/// Returns `wasm` without an item. `None` if something else refers to it, or if there is no such item.
pub fn remove_item(wasm: &[u8], item: Item) -> Option<Vec<u8>> {
    let (smaller, pruner) = prune(wasm, BTreeSet::from([item])).ok()?;
    pruner.all.contains(&item).then_some(smaller)
}

/// Returns `wasm` without its start function being one. `None` if it has none.
pub fn remove_start(wasm: &[u8]) -> Option<Vec<u8>> {
    let smaller = copy_sections(wasm, |id, _| id != SectionId::Start as u8)?;
    (smaller.len() < wasm.len()).then_some(smaller)
}

/// A function that an export may name, with the module whose export does.
pub struct Redirected {
    /// The module.
    pub wasm: Vec<u8>,
    /// The types of the function's parameters.
    pub params: Vec<ValType>,
}

/// Returns variants of `wasm` whose export of this name is another of its functions. Functions whose parameters have no
/// default are left out.
pub fn redirect_export(wasm: &[u8], name: &str) -> Vec<Redirected> {
    let Ok(sizes) = Sizes::of(wasm) else { return Vec::new() };
    let (mut types, mut functions, mut target) = (Vec::new(), Vec::new(), None);
    for payload in Parser::new(0).parse_all(wasm).map_while(std::result::Result::ok) {
        match payload {
            Payload::TypeSection(section) => {
                let groups = section.into_iter().map_while(std::result::Result::ok);
                types.extend(groups.flat_map(|group| group.into_types()));
            }
            Payload::FunctionSection(section) => {
                functions.extend(section.into_iter().map_while(std::result::Result::ok));
            }
            Payload::ExportSection(section) => {
                let mut exports = section.into_iter().map_while(std::result::Result::ok);
                target = exports.find(|export| export.name == name).map(|export| export.index);
            }
            _ => {}
        }
    }
    let mut redirected = Vec::new();
    for (to, ty) in (sizes.imported_functions..).zip(functions) {
        let Some(CompositeInnerType::Func(ty)) = types.get(ty as usize).map(|ty| &ty.composite_type.inner) else {
            continue;
        };
        let params = ty.params().iter().map(|&ty| RoundtripReencoder.val_type(ty).ok().filter(ValType::is_defaultable));
        let mut module = Module::new();
        let encoded = Redirection { name, to }.parse_core_module(&mut module, Parser::new(0), wasm);
        if let (Some(params), Ok(()), true) = (params.collect(), encoded, target.is_some_and(|target| target != to)) {
            redirected.push(Redirected { wasm: module.finish(), params });
        }
    }
    redirected
}

struct Redirection<'a> {
    name: &'a str,
    to: u32,
}

impl Reencode for Redirection<'_> {
    type Error = std::convert::Infallible;

    fn parse_export(&mut self, exports: &mut ExportSection, export: wasmparser::Export<'_>) -> super::Result<()> {
        let index = if export.name == self.name { self.to } else { export.index };
        utils::parse_export(self, exports, wasmparser::Export { index, ..export })
    }
}

/// Returns `wasm` with one function in the place of all others without a purpose, whose bodies are `unreachable`, in
/// the element segments of tables. `None` if that changes nothing.
pub fn merge_stubs(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut stubs = Vec::new();
    let mut function = Sizes::of(wasm).ok()?.imported_functions;
    for payload in Parser::new(0).parse_all(wasm).map_while(std::result::Result::ok) {
        if let Payload::CodeSectionEntry(body) = payload {
            let first = body.get_operators_reader().and_then(|mut reader| reader.read());
            if matches!(first, Ok(Operator::Unreachable)) {
                stubs.push(function);
            }
            function += 1;
        }
    }
    merge_functions(wasm, &stubs)
}

/// Returns `wasm` with the first of `functions` in the place of the others in the element segments of tables. `None` if
/// that changes nothing.
pub fn merge_functions(wasm: &[u8], functions: &[u32]) -> Option<Vec<u8>> {
    let mut merger = Merger { functions, in_segment: false };
    let mut module = Module::new();
    merger.parse_core_module(&mut module, Parser::new(0), wasm).ok()?;
    Some(module.finish()).filter(|merged| merged != wasm)
}

struct Merger<'a> {
    functions: &'a [u32],
    /// True while the element segment of a table is read.
    in_segment: bool,
}

impl Reencode for Merger<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, index: u32) -> super::Result<u32> {
        let merges = self.in_segment && self.functions.contains(&index);
        Ok(if merges { self.functions[0] } else { index })
    }

    fn parse_element(&mut self, elements: &mut ElementSection, element: wasmparser::Element<'_>) -> super::Result<()> {
        // A declared segment lets code make references to each of its functions.
        self.in_segment = !matches!(element.kind, ElementKind::Declared);
        let parsed = utils::parse_element(self, elements, element);
        self.in_segment = false;
        parsed
    }
}

/// Returns the items of `wasm` that do something though nothing may refer to them: exports and segments. Empty if
/// `wasm` is not valid.
pub fn find_effective(wasm: &[u8]) -> Vec<Item> {
    let Ok((_, pruner)) = prune(wasm, BTreeSet::new()) else { return Vec::new() };
    let is_effective = |(kind, _): &Item| matches!(kind, Kind::Export | Kind::Element | Kind::Data);
    pruner.all.into_iter().filter(is_effective).collect()
}

fn prune(wasm: &[u8], removed: BTreeSet<Item>) -> Result<(Vec<u8>, Pruner)> {
    let mut pruner = Pruner { removed, ..Pruner::default() };
    let mut module = Module::new();
    pruner.parse_core_module(&mut module, Parser::new(0), wasm)?;
    let smaller = copy_sections(&module.finish(), |_, contents| contents != [0]);
    Ok((smaller.ok_or(Error::InvalidCodeSectionSize)?, pruner))
}

/// Returns a module of those sections of `wasm` that `stays` accepts, by their numbers and contents. A section whose
/// only byte is zero has no items.
fn copy_sections(wasm: &[u8], stays: impl Fn(u8, &[u8]) -> bool) -> Option<Vec<u8>> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Some((id, range)) = payload.ok()?.as_section() else { continue };
        let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        let data = wasm.get(range)?;
        if stays(id, data) {
            module.section(&RawSection { id, data });
        }
    }
    Some(module.finish())
}

#[derive(Default)]
struct Pruner {
    removed: BTreeSet<Item>,
    /// All items.
    all: BTreeSet<Item>,
    /// The items that an item that stays refers to.
    used: BTreeSet<Item>,
    /// The items that do something by themselves.
    effective: BTreeSet<Item>,
    /// The recursive groups of types.
    groups: Vec<Range<u32>>,
    /// The types of the group that is being read. They may refer to each other.
    group: Range<u32>,
    /// The number of items of each kind so far.
    counts: BTreeMap<Kind, u32>,
    /// The number of imported functions, whose bodies the code section lacks.
    imported_functions: u32,
    /// The number of bodies so far.
    bodies: u32,
}

impl Pruner {
    /// Counts the next item of a kind. Returns whether it stays.
    fn keep_next(&mut self, kind: Kind) -> bool {
        let count = self.counts.entry(kind).or_default();
        let item = (kind, *count);
        *count += 1;
        self.all.insert(item);
        !self.removed.contains(&item)
    }

    /// Notes a reference to an item, and returns its index after the removal.
    fn refer(&mut self, kind: Kind, index: u32) -> Result<u32> {
        if kind != Kind::Type || !self.group.contains(&index) {
            self.used.insert((kind, index));
        }
        if self.removed.contains(&(kind, index)) {
            Err(Error::UserError(Referenced))
        } else {
            Ok(self.renumber(kind, index))
        }
    }

    fn renumber(&self, kind: Kind, index: u32) -> u32 {
        let before = self.removed.range((kind, 0)..(kind, index)).count();
        index - u32::try_from(before).expect("there are fewer than 2^32 items")
    }

    /// Returns the items that can go. A group of types goes as a whole.
    fn unused(&self) -> BTreeSet<Item> {
        let mut unused: BTreeSet<Item> = &(&self.all - &self.used) - &self.effective;
        for group in &self.groups {
            if group.clone().any(|index| !unused.contains(&(Kind::Type, index))) {
                unused.retain(|&(kind, index)| kind != Kind::Type || !group.contains(&index));
            }
        }
        unused
    }

    /// Counts a segment. Returns whether it stays.
    fn keep_segment(&mut self, kind: Kind, is_effective: bool) -> bool {
        let index = self.counts.get(&kind).copied().unwrap_or_default();
        if is_effective {
            self.effective.insert((kind, index));
        }
        self.keep_next(kind)
    }
}

impl Reencode for Pruner {
    type Error = Referenced;

    fn type_index(&mut self, index: u32) -> Result<u32> {
        self.refer(Kind::Type, index)
    }

    fn function_index(&mut self, index: u32) -> Result<u32> {
        self.refer(Kind::Function, index)
    }

    fn table_index(&mut self, index: u32) -> Result<u32> {
        self.refer(Kind::Table, index)
    }

    fn memory_index(&mut self, index: u32) -> Result<u32> {
        self.refer(Kind::Memory, index)
    }

    fn global_index(&mut self, index: u32) -> Result<u32> {
        self.refer(Kind::Global, index)
    }

    fn tag_index(&mut self, index: u32) -> Result<u32> {
        self.refer(Kind::Tag, index)
    }

    fn element_index(&mut self, index: u32) -> Result<u32> {
        self.refer(Kind::Element, index)
    }

    fn data_index(&mut self, index: u32) -> Result<u32> {
        self.refer(Kind::Data, index)
    }

    fn data_count(&mut self, count: u32) -> Result<u32> {
        Ok(self.renumber(Kind::Data, count))
    }

    fn parse_type_section(&mut self, types: &mut TypeSection, section: TypeSectionReader<'_>) -> Result<()> {
        for group in section {
            let group = group?;
            let mut stays = false;
            let start = self.counts.get(&Kind::Type).copied().unwrap_or_default();
            for _ in group.types() {
                stays |= self.keep_next(Kind::Type);
            }
            self.group = start..self.counts.get(&Kind::Type).copied().unwrap_or_default();
            self.groups.push(self.group.clone());
            if stays {
                self.parse_recursive_type_group(types.ty(), group)?;
            }
        }
        self.group = 0..0;
        Ok(())
    }

    fn parse_import_section(&mut self, imports: &mut ImportSection, section: ImportSectionReader<'_>) -> Result<()> {
        for import in section.into_imports() {
            let import = import?;
            let kind = match import.ty {
                TypeRef::Func(_) | TypeRef::FuncExact(_) => Kind::Function,
                TypeRef::Table(_) => Kind::Table,
                TypeRef::Memory(_) => Kind::Memory,
                TypeRef::Global(_) => Kind::Global,
                TypeRef::Tag(_) => Kind::Tag,
            };
            self.imported_functions += u32::from(kind == Kind::Function);
            if self.keep_next(kind) {
                utils::parse_import(self, imports, import)?;
            }
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<()> {
        for ty in section {
            let ty = ty?;
            if self.keep_next(Kind::Function) {
                functions.function(self.type_index(ty)?);
            }
        }
        Ok(())
    }

    fn parse_table_section(&mut self, tables: &mut TableSection, section: TableSectionReader<'_>) -> Result<()> {
        for table in section {
            let table = table?;
            if self.keep_next(Kind::Table) {
                self.parse_table(tables, table)?;
            }
        }
        Ok(())
    }

    fn parse_memory_section(&mut self, memories: &mut MemorySection, section: MemorySectionReader<'_>) -> Result<()> {
        for memory in section {
            let memory = memory?;
            if self.keep_next(Kind::Memory) {
                memories.memory(self.memory_type(memory)?);
            }
        }
        Ok(())
    }

    fn parse_tag_section(&mut self, tags: &mut TagSection, section: TagSectionReader<'_>) -> Result<()> {
        for tag in section {
            let tag = tag?;
            if self.keep_next(Kind::Tag) {
                tags.tag(self.tag_type(tag)?);
            }
        }
        Ok(())
    }

    fn parse_global_section(&mut self, globals: &mut GlobalSection, section: GlobalSectionReader<'_>) -> Result<()> {
        for global in section {
            let global = global?;
            if self.keep_next(Kind::Global) {
                self.parse_global(globals, global)?;
            }
        }
        Ok(())
    }

    fn parse_export_section(&mut self, exports: &mut ExportSection, section: ExportSectionReader<'_>) -> Result<()> {
        for export in section {
            let export = export?;
            if self.keep_segment(Kind::Export, true) {
                let index = match export.kind {
                    ExternalKind::Func | ExternalKind::FuncExact => self.function_index(export.index)?,
                    ExternalKind::Table => self.table_index(export.index)?,
                    ExternalKind::Memory => self.memory_index(export.index)?,
                    ExternalKind::Global => self.global_index(export.index)?,
                    ExternalKind::Tag => self.tag_index(export.index)?,
                };
                exports.export(export.name, self.export_kind(export.kind)?, index);
            }
        }
        Ok(())
    }

    fn parse_element_section(
        &mut self,
        elements: &mut ElementSection,
        section: ElementSectionReader<'_>,
    ) -> Result<()> {
        for element in section {
            let element = element?;
            // A declared segment lets code make references to its functions.
            if self.keep_segment(Kind::Element, !matches!(element.kind, ElementKind::Passive)) {
                self.parse_element(elements, element)?;
            }
        }
        Ok(())
    }

    fn parse_data_section(&mut self, data: &mut DataSection, section: DataSectionReader<'_>) -> Result<()> {
        for datum in section {
            let datum = datum?;
            if self.keep_segment(Kind::Data, !matches!(datum.kind, DataKind::Passive)) {
                self.parse_data(data, datum)?;
            }
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<()> {
        let function = self.imported_functions + self.bodies;
        self.bodies += 1;
        if self.removed.contains(&(Kind::Function, function)) {
            return Ok(());
        }
        utils::parse_function_body(self, code, body)
    }

    fn parse_custom_section(&mut self, module: &mut Module, section: CustomSectionReader<'_>) -> Result<()> {
        let KnownCustom::Name(names) = section.as_known() else { return Ok(()) };
        let mut kept = NameSection::new();
        for name in names {
            match name? {
                Name::Module { name, .. } => kept.module(name),
                Name::Function(map) => {
                    let mut functions = NameMap::new();
                    for naming in map {
                        let naming = naming?;
                        if !self.removed.contains(&(Kind::Function, naming.index)) {
                            functions.append(self.renumber(Kind::Function, naming.index), naming.name);
                        }
                    }
                    kept.functions(&functions);
                }
                _ => {}
            }
        }
        module.section(&kept);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(text: &str) -> Vec<u8> {
        wat::parse_str(text).expect("it parses")
    }

    #[test]
    fn what_nothing_refers_to_is_removed() {
        let whole = r#"(module (type $unused (array i8))
            (rec (type $a (struct (field (ref null $b)))) (type $b (struct)))
            (import "m" "unused" (func)) (import "m" "used" (func $used)) (memory 1) (memory $second 1)
            (global $unused i32 (i32.const 0)) (data "passive") (elem declare func $called)
            (func $unused (call $only-by-unused)) (func $only-by-unused) (func $called (drop (ref.null $a)))
            (func (export "f") (call $used) (call $called) (drop (memory.size $second)) (drop (ref.func $called))))"#;
        let rest = r#"(module (rec (type $a (struct (field (ref null $b)))) (type $b (struct)))
            (import "m" "used" (func $used)) (memory $second 1) (elem declare func $called)
            (func $called (drop (ref.null $a)))
            (func (export "f") (call $used) (call $called) (drop (memory.size $second)) (drop (ref.func $called))))"#;
        let smaller = remove_unreferenced(&module(whole), None).expect("it is valid");
        // Names of other items than functions are dropped.
        assert_eq!(remove_unreferenced(&module(rest), None), Some(smaller.clone()));
        let text = wasmprinter::print_bytes(&smaller).expect("it decodes");
        assert!(text.contains("$called") && !text.contains("unused"), "{text}");
        let lonely = module("(module (func $a) (func $b (call $c)) (func $c) (func $d))");
        let kept = remove_unreferenced(&lonely, Some((Kind::Function, 1))).expect("it is valid");
        let text = wasmprinter::print_bytes(&kept).expect("it decodes");
        assert_eq!(["$a", "$b", "$c", "$d"].map(|name| text.contains(name)), [false, true, true, false], "{text}");
    }

    #[test]
    fn an_export_may_be_another_function() {
        let text = |function: u32| {
            format!(
                "(module (import \"m\" \"f\" (func)) (func) (func (param i32)) (func nop) (export \"f\" (func {function})))"
            )
        };
        let others = redirect_export(&module(&text(1)), "f").into_iter().map(|other| (other.wasm, other.params));
        let expected = [(module(&text(2)), vec![ValType::I32]), (module(&text(3)), Vec::new())];
        assert_eq!(others.collect::<Vec<_>>(), expected);
        assert!(redirect_export(&module(&text(2)), "g").is_empty());
    }

    #[test]
    fn stubs_are_merged() {
        let text = |elements: &str| {
            format!(
                "(module (table 9 funcref) (elem (i32.const 0) func {elements}) (elem declare func 1) (func nop)
                    (func unreachable) (func unreachable) (func unreachable))"
            )
        };
        assert_eq!(merge_stubs(&module(&text("3 0 2 1"))), Some(module(&text("1 0 1 1"))));
        assert_eq!(merge_stubs(&module(&text("1 0 1 1"))), None);
    }

    #[test]
    fn an_item_that_something_refers_to_stays() {
        let whole =
            module(r#"(module (func $f) (func $g (call $f)) (export "a" (func 0)) (export "b" (func 1)) (start $g))"#);
        assert_eq!(remove_item(&whole, (Kind::Function, 0)), None);
        assert_eq!(remove_item(&whole, (Kind::Export, 2)), None);
        assert_eq!(find_effective(&whole), [(Kind::Export, 0), (Kind::Export, 1)]);
        let without = remove_item(&whole, (Kind::Export, 1)).expect("nothing refers to an export");
        assert_eq!(find_effective(&without), [(Kind::Export, 0)]);
        let without = remove_start(&without).expect("it has a start function");
        assert_eq!(remove_start(&without), None);
        assert!(remove_unreferenced(&without, None).is_some_and(|wasm| wasm.len() < without.len()));
    }
}
