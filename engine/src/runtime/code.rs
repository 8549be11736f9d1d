//! Loaded artifacts: mapped, checked, protected, registered. Loading rebuilds nothing; every table is read in place.
//!
//! | route | copies | digest | tables are checked | what it trusts |
//! |---|---|---|---|---|
//! | [`LoadedCode::load`] | the bytes | of all | yes | nothing |
//! | [`LoadedCode::load_file`] | the file | of all | yes | nothing |
//! | [`LoadedCode::load_trusted_file`] | nothing: maps the file | of the metadata | no | that the file is ours and stays as it is |
//!
//! A copy is memory of this process alone that can be read only, so nobody changes a byte between check and use.

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
use crate::base::{Config, Error, ErrorKind, Frame, Result, TextOffset, Trap};
use crate::unwind::cursor::UnwindTables;
use crate::unwind::frame::{FrameAddress, UnwindError};
use crate::unwind::rule::Rule;
use crate::wasm::index::DefinedFuncIndex;
use crate::wasm::memory_image::MemoryImage;
use crate::wasm::module::Module;
use core::ffi::c_void;
use core::ops::Range;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// An artifact that is ready to run. Its code stays mapped and registered while this lives: whoever holds an address in
/// it keeps the `Arc`.
#[derive(Debug)]
pub(crate) struct LoadedCode(Registered<MappedArtifact>);

/// What the registry knows: a mapped artifact and where its parts are.
#[derive(Debug)]
pub(super) struct MappedArtifact {
    /// Before the mapping, so that the platform's unwinder forgets the frames while they are still there.
    _frames: UnwindRegistration,
    mapping: Mapping,
    /// Bytes of the artifact; the mapping is rounded up to whole pages.
    len: usize,
    sections: Sections,
    metadata: Metadata,
    /// What one of its memories holds at the start.
    memory: Option<MemoryImageFile>,
}

/// What a memory of the module holds at the start, as a part of a file that instances map.
#[derive(Debug)]
struct MemoryImageFile {
    image: MemoryImage,
    /// The file, and where in it the picture starts: the artifact's own, or one that is made for the first instance. It
    /// neither changes nor is cut.
    file: OnceLock<(File, u64)>,
}

impl MemoryImageFile {
    /// The picture, if the module has one and this system can map it. `file` is the artifact's own.
    fn of(sections: &Sections, module: &Module, file: Option<File>) -> Option<MemoryImageFile> {
        let image = MemoryImage::of(module)?;
        let (page, start) = (rustix::param::page_size() as u64, sections.data.start as u64);
        let whole = image.range.start.is_multiple_of(page) && image.range.end.is_multiple_of(page);
        let file = file.filter(|_| start.is_multiple_of(page)).map_or_else(OnceLock::new, |file| (file, start).into());
        (whole && image.is_laid_out(module, sections.data.len())).then_some(MemoryImageFile { image, file })
    }

    /// Shows it in a memory. `data` is the artifact's data section.
    ///
    /// # Safety
    /// The memory is an instance's of the module whose artifact this is of; its first size is accessible and nobody
    /// borrows it.
    unsafe fn map(&self, data: &[u8], memory: &Mapping) -> Result<bool> {
        let Range { start, end } = self.image.range;
        let at = usize::try_from(start).expect("inside the memory");
        let len = usize::try_from(end - start).expect("inside the memory");
        let (file, start) = match self.file.get() {
            Some(file) => file,
            None => {
                let Ok(copy) = sys::sealed_file(|file| file.write_all(&data[..len])) else { return Ok(false) };
                self.file.get_or_init(|| (copy, 0))
            }
        };
        // SAFETY: the picture lies inside the file and the memory's first size; the file is sealed, or somebody vouches
        // for it. The rest is the caller's contract.
        unsafe { memory.overlay(at, file, *start..*start + len as u64)? };
        Ok(true)
    }
}

impl LoadedCode {
    /// Copies an artifact and loads it.
    pub(crate) fn load(bytes: &[u8], config: &Config) -> Result<Arc<LoadedCode>> {
        let mapping = Mapping::filled(bytes.len(), |copy| {
            copy.copy_from_slice(bytes);
            Ok(())
        })?;
        // SAFETY: the mapping is read-only memory.
        unsafe { LoadedCode::publish(mapping, bytes.len(), None, |bytes| artifact::check(bytes, config)) }
    }

    /// Copies a file and loads it.
    pub(crate) fn load_file(path: &Path, config: &Config) -> Result<Arc<LoadedCode>> {
        let (mut file, length) = open(path)?;
        let mut head = Vec::with_capacity(artifact::HEAD);
        let read = (&file).take(artifact::HEAD as u64).read_to_end(&mut head).and_then(|_| file.rewind());
        read.map_err(|error| unreadable(path, error))?;
        artifact::check_head(&head, length as u64)?;
        let mapping = Mapping::filled(length, |copy| file.read_exact(copy).map_err(|error| unreadable(path, error)))?;
        // SAFETY: the mapping is read-only memory.
        unsafe { LoadedCode::publish(mapping, length, None, |bytes| artifact::check(bytes, config)) }
    }

    /// Maps a file as it is, and believes its tables.
    ///
    /// # Safety
    /// The file is an artifact as this engine wrote it, and nobody changes or cuts it while the result lives: a new
    /// version comes under a temporary name and is then renamed.
    pub(crate) unsafe fn load_trusted_file(path: &Path, config: &Config) -> Result<Arc<LoadedCode>> {
        let (file, length) = open(path)?;
        // SAFETY: the caller vouches for the file.
        let mapping = unsafe { Mapping::of_file(&file, length)? };
        // SAFETY: as above.
        unsafe { LoadedCode::publish(mapping, length, Some(file), |bytes| artifact::check_trusted(bytes, config)) }
    }

    /// Checks a mapped artifact of `len` bytes, makes its code executable and registers it. `file` is what is mapped.
    ///
    /// # Safety
    /// The mapping holds as many bytes, which can be read and do not change; so does the file. What `check` accepts has
    /// well-formed unwind information.
    unsafe fn publish(
        mapping: Mapping,
        len: usize,
        file: Option<File>,
        check: impl FnOnce(&[u8]) -> Result<(Sections, Metadata)>,
    ) -> Result<Arc<LoadedCode>> {
        // SAFETY: the caller's contract.
        let bytes = unsafe { core::slice::from_raw_parts(mapping.as_ptr(), len) };
        let (sections, metadata) = check(bytes)?;
        if let Some(feature) = metadata.cpu_features.iter().find(|name| !sys::has_cpu_feature(name)) {
            return Err(Error::new(
                ErrorKind::Artifact,
                format!(
                    "the artifact's code uses the CPU feature `{}`, which this CPU lacks: compile it again here",
                    feature.escape_debug()
                ),
            ));
        }
        mapping.make_executable(whole_pages(&sections.text)?)?;
        // SAFETY: the section is well formed and terminated; it is dropped before the mapping.
        let frames = unsafe { UnwindRegistration::new(&bytes[sections.eh_frame.clone()]) };
        let memory = MemoryImageFile::of(&sections, &metadata.module, file);
        let artifact = MappedArtifact { _frames: frames, mapping, len, sections, metadata, memory };
        Ok(Arc::new(LoadedCode(CODE.register(artifact))))
    }

    /// What the artifact says of itself.
    pub(crate) fn metadata(&self) -> &Metadata {
        &self.artifact().metadata
    }

    /// The module without bodies.
    pub(crate) fn module(&self) -> &Module {
        &self.artifact().metadata.module
    }

    /// The artifact.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.artifact().bytes()
    }

    /// All data segments; [`Module::data`] has ranges of it.
    pub(crate) fn data(&self) -> &[u8] {
        self.artifact().section(|sections| &sections.data)
    }

    /// What a memory of the module holds at the start, if it can be mapped.
    pub(crate) fn memory_image(&self) -> Option<&MemoryImage> {
        self.artifact().memory.as_ref().map(|memory| &memory.image)
    }

    /// Shows the module's [`memory_image`](LoadedCode::memory_image), if there is one, in a memory. Whether it does: when
    /// no memory file can be had, as where there are too many open files, the segments say the same.
    ///
    /// # Safety
    /// The memory is the one that the picture is of, in an instance of this module that keeps this code; its first size
    /// is accessible and nobody borrows it.
    pub(super) unsafe fn map_memory_image(&self, memory: &Mapping) -> Result<bool> {
        match &self.artifact().memory {
            // SAFETY: the caller's contract.
            Some(picture) => unsafe { picture.map(self.data(), memory) },
            None => Ok(false),
        }
    }

    /// The Tail-convention entry of a function that the module defines.
    pub(crate) fn function(&self, function: DefinedFuncIndex) -> *const c_void {
        let entry = self.artifact().functions().defined(function);
        let entry = entry.expect("a checked artifact has every function that its module defines");
        self.artifact().address(entry.start).cast()
    }

    /// The entry trampoline for a signature.
    pub(crate) fn entry(&self, signature: &LoweredSignature) -> Option<HostCall> {
        let address = self.artifact().address(self.metadata().entry(signature)?);
        // SAFETY: a checked artifact has an entry trampoline at this offset, and those are `HostCall`s.
        Some(unsafe { core::mem::transmute::<*const u8, HostCall>(address) })
    }

    /// The exit trampoline for a signature.
    pub(crate) fn exit(&self, signature: &LoweredSignature) -> Option<*const c_void> {
        Some(self.artifact().address(self.metadata().exit(signature)?).cast())
    }

    fn artifact(&self) -> &MappedArtifact {
        self.0.item()
    }
}

impl Located for MappedArtifact {
    fn addresses(&self) -> Range<u64> {
        let base = self.mapping.as_ptr().addr() as u64;
        base + self.sections.text.start as u64..base + self.sections.text.end as u64
    }
}

impl MappedArtifact {
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
    let message = format!("the artifact's code is not laid out for this system's pages of {page} bytes");
    Err(Error::new(ErrorKind::Artifact, message).at(text.start as u64))
}

/// Opens a file that can be mapped, and asks for its length.
fn open(path: &Path) -> Result<(File, usize)> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::Io, format!("cannot read {}: it is not a regular file", path.display())));
    }
    match usize::try_from(metadata.len()) {
        Ok(length) => Ok((file, length)),
        Err(_) => Err(Error::new(ErrorKind::Artifact, "the artifact is larger than the address space")),
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot read {}: {error}", path.display())).with_source(error)
}
