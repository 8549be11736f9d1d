//! Loaded artefacts: mapped, checked, protected, registered. Loading rebuilds nothing; every table is read in place.
//!
//! | route | copies | full digest | what it trusts |
//! |---|---|---|---|
//! | [`LoadedCode::load`] | the bytes, into a sealed memory file | yes | nothing |
//! | [`LoadedCode::load_file`] | the file, into a sealed memory file | yes | nothing |
//! | [`LoadedCode::load_trusted_file`] | nothing: maps the file | no | that the file is ours and stays as it is |
//!
//! The checks read the sealed memory that is executed afterwards, so nobody can change a byte between check and use.

use super::registry::{CODE, Located, Registered};
use super::sys::{self, Mapping, UnwindRegistration};
use crate::abi::HostCall;
use crate::abi::signature::LoweredSignature;
use crate::artifact::functions::{FunctionKind, Functions};
use crate::artifact::handlers::{CallSite, Handler, Handlers};
use crate::artifact::names::Names;
use crate::artifact::source_map::SourceMap;
use crate::artifact::stack_maps::{StackMap, StackMaps};
use crate::artifact::traps::Traps;
use crate::artifact::{self, Metadata, Sections};
use crate::base::{Config, DigestCheck, Error, ErrorKind, Frame, Result, TextOffset, Trap};
use crate::unwind::cursor::UnwindTables;
use crate::unwind::frame::{FrameAddress, UnwindError};
use crate::unwind::rule::Rule;
use crate::wasm::image;
use crate::wasm::index::DefinedFuncIndex;
use crate::wasm::module::Module;
use core::ffi::c_void;
use core::ops::Range;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

/// An artefact that is ready to run. Its code stays mapped and registered while this lives: whoever holds an address in
/// it keeps the `Arc`.
#[derive(Debug)]
pub(crate) struct LoadedCode(Registered<Image>);

/// What the registry knows: a mapped artefact and where its parts are.
#[derive(Debug)]
pub(super) struct Image {
    /// Before the mapping, so that the platform's unwinder forgets the frames while they are still there.
    _frames: UnwindRegistration,
    mapping: Mapping,
    /// Bytes of the artefact; the mapping is rounded up to whole pages.
    len: usize,
    sections: Sections,
    metadata: Metadata,
    memory: Option<MemoryImage>,
}

/// What a memory of the module holds at the start, as a part of the artefact's file that instances map.
#[derive(Debug)]
pub(crate) struct MemoryImage {
    /// Which memory, and what of it.
    pub(crate) image: image::Image,
    /// As long as the artefact's mapping, it neither changes nor is cut.
    file: File,
    /// Where in the file it starts.
    start: u64,
}

impl MemoryImage {
    /// The picture, if the module has one and this system can map it.
    fn of(file: File, sections: &Sections, module: &Module) -> Option<MemoryImage> {
        let image = image::Image::of(module)?;
        let (page, start) = (rustix::param::page_size() as u64, sections.data.start as u64);
        let whole = [start, image.range.start, image.range.end].iter().all(|place| place.is_multiple_of(page));
        (whole && image.is_laid_out(module, sections.data.len())).then_some(MemoryImage { image, file, start })
    }

    /// Shows it in a memory.
    ///
    /// # Safety
    /// The memory is an instance's of the module whose artefact this is of; its first size is accessible and nobody
    /// borrows it. The artefact outlives it.
    pub(super) unsafe fn map(&self, memory: &Mapping) -> Result<()> {
        let Range { start, end } = self.image.range;
        let at = usize::try_from(start).expect("inside the memory");
        // SAFETY: the picture lies inside the file's data section and the memory's first size; the rest is the caller's
        // contract.
        unsafe { memory.overlay(at, &self.file, self.start..self.start + (end - start)) }
    }
}

impl LoadedCode {
    /// Copies an artefact into sealed memory and loads it.
    pub(crate) fn load(bytes: &[u8], config: &Config) -> Result<Arc<LoadedCode>> {
        let sealed = sys::sealed_file(|file| file.write_all(bytes)).map_err(|error| {
            let message = format!("cannot copy an artefact of {} bytes into a memory file: {error}", bytes.len());
            Error::new(ErrorKind::Resource, message).with_source(error)
        })?;
        // SAFETY: a sealed file never changes.
        unsafe { LoadedCode::map(sealed, config) }
    }

    /// Copies a file into sealed memory and loads it.
    pub(crate) fn load_file(path: &Path, config: &Config) -> Result<Arc<LoadedCode>> {
        let mut file = open(path)?;
        let length = file.metadata().map_err(|error| unreadable(path, error))?.len();
        let mut head = Vec::with_capacity(artifact::HEAD);
        let read = (&file).take(artifact::HEAD as u64).read_to_end(&mut head).and_then(|_| file.rewind());
        read.map_err(|error| unreadable(path, error))?;
        artifact::check_head(&head, length)?;
        let sealed = sys::sealed_file(|sealed| io::copy(&mut (&file).take(length), sealed).map(drop));
        let sealed = sealed.map_err(|error| unreadable(path, error))?;
        // SAFETY: a sealed file never changes.
        unsafe { LoadedCode::map(sealed, config) }
    }

    /// Maps a file as it is, and takes no full digest.
    ///
    /// # Safety
    /// The file is an artefact as this engine wrote it, and nobody changes or cuts it while the result lives: a new
    /// version comes under a temporary name and is then renamed.
    pub(crate) unsafe fn load_trusted_file(path: &Path, config: &Config) -> Result<Arc<LoadedCode>> {
        let config = Config { digest_check: DigestCheck::Metadata, ..config.clone() };
        // SAFETY: the caller vouches for the file.
        unsafe { LoadedCode::map(open(path)?, &config) }
    }

    /// Maps, checks, protects and registers.
    ///
    /// # Safety
    /// The file does not change while the result lives.
    unsafe fn map(file: File, config: &Config) -> Result<Arc<LoadedCode>> {
        let len = file.metadata().map_err(|error| io_error("cannot ask for the size of an artefact", error))?.len();
        let len = usize::try_from(len)
            .map_err(|_| Error::new(ErrorKind::Artifact, "the artefact is larger than the address space"))?;
        // SAFETY: the caller vouches for the file.
        let mapping = unsafe { Mapping::of_file(&file, len)? };
        // SAFETY: the mapping holds `len` readable bytes that do not change.
        let bytes = unsafe { core::slice::from_raw_parts(mapping.as_ptr(), len) };
        let (sections, metadata) = artifact::check(bytes, config)?;
        if let Some(feature) = metadata.cpu_features.iter().find(|name| !sys::has_cpu_feature(name)) {
            return Err(Error::new(
                ErrorKind::Artifact,
                format!(
                    "the artefact's code uses the CPU feature `{}`, which this CPU lacks: compile it again here",
                    feature.escape_debug()
                ),
            ));
        }
        mapping.make_executable(whole_pages(&sections.text)?)?;
        // SAFETY: `check` found the section to be well formed and terminated; it is dropped before the mapping.
        let frames = unsafe { UnwindRegistration::new(&bytes[sections.eh_frame.clone()]) };
        let memory = MemoryImage::of(file, &sections, &metadata.module);
        let image = Image { _frames: frames, mapping, len, sections, metadata, memory };
        Ok(Arc::new(LoadedCode(CODE.register(image))))
    }

    /// What the artefact says of itself.
    pub(crate) fn metadata(&self) -> &Metadata {
        &self.image().metadata
    }

    /// The module without bodies.
    pub(crate) fn module(&self) -> &Module {
        &self.image().metadata.module
    }

    /// The artefact.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.image().bytes()
    }

    /// All data segments; [`Module::data`] has ranges of it.
    pub(crate) fn data(&self) -> &[u8] {
        self.image().section(|sections| &sections.data)
    }

    /// What a memory of the module holds at the start, if it can be mapped.
    pub(crate) fn memory_image(&self) -> Option<&MemoryImage> {
        self.image().memory.as_ref()
    }

    /// The Tail-convention entry of a function that the module defines.
    pub(crate) fn function(&self, function: DefinedFuncIndex) -> *const c_void {
        let entry = self.image().functions().defined(function);
        let entry = entry.expect("a checked artefact has every function that its module defines");
        self.image().address(entry.start).cast()
    }

    /// The entry trampoline for a signature.
    pub(crate) fn entry(&self, signature: &LoweredSignature) -> Option<HostCall> {
        let address = self.image().address(self.metadata().entry(signature)?);
        // SAFETY: a checked artefact has an entry trampoline at this offset, and those are `HostCall`s.
        Some(unsafe { core::mem::transmute::<*const u8, HostCall>(address) })
    }

    /// The exit trampoline for a signature.
    pub(crate) fn exit(&self, signature: &LoweredSignature) -> Option<*const c_void> {
        Some(self.image().address(self.metadata().exit(signature)?).cast())
    }

    fn image(&self) -> &Image {
        self.0.item()
    }
}

impl Located for Image {
    fn addresses(&self) -> Range<u64> {
        let base = self.mapping.as_ptr().addr() as u64;
        base + self.sections.text.start as u64..base + self.sections.text.end as u64
    }
}

impl Image {
    /// The position of an address in `.text`.
    fn text_offset(&self, pc: u64) -> Option<TextOffset> {
        let text = self.addresses();
        text.contains(&pc).then(|| u32::try_from(pc - text.start).ok().map(TextOffset))?
    }

    /// Why the instruction at an address traps; `None` if it does not.
    pub(super) fn trap_at(&self, pc: u64) -> Option<Trap> {
        Traps::new(self.section(|sections| &sections.traps)).lookup(self.text_offset(pc)?)
    }

    /// The exception handlers of the call that returns to an address; `None` if it has none.
    pub(super) fn handlers_at(&self, address: FrameAddress) -> Option<CallSite<'_>> {
        Handlers::new(self.section(|sections| &sections.handlers)).lookup(self.return_offset(address)?)
    }

    /// The address of a handler.
    pub(super) fn handler_address(&self, handler: Handler) -> u64 {
        self.address(handler.target).addr() as u64
    }

    /// What the code at an address is.
    pub(super) fn function_kind_at(&self, pc: u64) -> Option<FunctionKind> {
        Some(self.functions().lookup(self.text_offset(pc)?)?.kind)
    }

    /// The frame of a WebAssembly function.
    pub(super) fn frame_at(&self, address: FrameAddress) -> Option<Frame> {
        let offset = self.text_offset(address.lookup())?;
        let FunctionKind::Function(function) = self.functions().lookup(offset)?.kind else { return None };
        Some(Frame {
            module_name: self.metadata.module.name.clone(),
            func_index: function.0,
            func_name: self.names().function(function).map(str::to_owned),
            module_offset: SourceMap::new(self.section(|sections| &sections.source_map)).lookup(offset),
        })
    }

    /// Where the frame of the call that returns to an address holds references, if it does.
    pub(super) fn stack_map_at(&self, address: FrameAddress) -> Option<StackMap<'_>> {
        StackMaps::new(self.section(|sections| &sections.stack_maps)).lookup(self.return_offset(address)?)
    }

    /// The position of a return address, which can be the end of `.text`.
    fn return_offset(&self, address: FrameAddress) -> Option<TextOffset> {
        let FrameAddress::Return(pc) = address else { return None };
        u32::try_from(pc.checked_sub(self.addresses().start)?).ok().map(TextOffset)
    }

    /// How to find a frame's caller.
    pub(super) fn unwind_rule(&self, address: FrameAddress) -> Result<Rule, UnwindError> {
        let Sections { eh_frame, eh_frame_hdr, .. } = &self.sections;
        let loaded = |section: &Range<usize>| self.mapping.as_ptr().addr() as u64 + section.start as u64;
        let tables = UnwindTables {
            eh_frame: &self.bytes()[eh_frame.clone()],
            eh_frame_address: loaded(eh_frame),
            eh_frame_hdr: &self.bytes()[eh_frame_hdr.clone()],
            eh_frame_hdr_address: loaded(eh_frame_hdr),
        };
        tables.rule(address)
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping holds `len` readable bytes that do not change while it lives.
        unsafe { core::slice::from_raw_parts(self.mapping.as_ptr(), self.len) }
    }

    fn section(&self, which: impl FnOnce(&Sections) -> &Range<usize>) -> &[u8] {
        &self.bytes()[which(&self.sections).clone()]
    }

    fn functions(&self) -> Functions<'_> {
        Functions::new(self.section(|sections| &sections.functions))
    }

    fn names(&self) -> Names<'_> {
        Names::new(self.section(|sections| &sections.names))
    }

    /// The address of a position in `.text`.
    fn address(&self, offset: TextOffset) -> *const u8 {
        self.mapping.as_ptr().wrapping_add(self.sections.text.start + offset.0 as usize)
    }
}

/// The code's range, if pages can be given to it alone.
fn whole_pages(text: &Range<usize>) -> Result<Range<usize>> {
    let page = rustix::param::page_size();
    if text.start.is_multiple_of(page) && text.end.is_multiple_of(page) {
        return Ok(text.clone());
    }
    let message = format!("the artefact's code is not laid out for this system's pages of {page} bytes");
    Err(Error::new(ErrorKind::Artifact, message).at(text.start as u64))
}

/// Opens a file that can be mapped.
fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    match file.metadata().map_err(|error| unreadable(path, error))?.is_file() {
        true => Ok(file),
        false => Err(Error::new(ErrorKind::Io, format!("cannot read {}: it is not a regular file", path.display()))),
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    io_error(&format!("cannot read {}", path.display()), error)
}

fn io_error(what: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("{what}: {error}")).with_source(error)
}
