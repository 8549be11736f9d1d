//! Loaded artifacts. Loading maps, checks, protects and registers an artifact, in this order. It rebuilds nothing:
//! every table is read in place.
//!
//! | route | copies | digest | tables are checked | what it trusts |
//! |---|---|---|---|---|
//! | [`LoadedCode::load`] | the bytes | of all | yes | nothing |
//! | [`LoadedCode::load_file`] | the file | of all | yes | nothing |
//! | [`LoadedCode::load_trusted_file`] | nothing: maps the file | of the metadata | no | the file's writer |
//!
//! A copy is read-only memory that belongs to this process alone, so nobody can change a byte between check and use.
//! The code of a trusted file is mapped executable at once. That of a copy becomes executable after the check, in place
//! or, where the system refuses that, from a sealed memory file.

use super::profiler;
use super::registry::{Located, Reader, Registered, Registry};
use super::sys::{self, DebuggerRegistration, Mapping, UnwindRegistration};
use crate::abi::HostCall;
use crate::abi::signature::LoweredSignature;
use crate::artifact::functions::{FunctionKind, Functions};
use crate::artifact::handlers::{CallSite, Handler, Handlers};
use crate::artifact::names::Names;
use crate::artifact::source_map::SourceMap;
use crate::artifact::stack_maps::{StackMap, StackMaps};
use crate::artifact::traps::Traps;
use crate::artifact::{self, Metadata, Sections};
use crate::base::{Config, Error, ErrorKind, Frame, Result, TextOffset, Trap, planted};
use crate::unwind::cursor::UnwindTables;
use crate::unwind::frame::{FrameAddress, UnwindError};
use crate::unwind::rule::Rule;
use crate::wasm::index::DefinedFuncIndex;
use crate::wasm::memory_image::MemoryImage;
use crate::wasm::module::Module;
use core::ffi::c_void;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// All loaded code of this process: the only table from an address to the code there.
pub(super) static CODE: Registry<MappedArtifact> = Registry::new();

/// A reader of [`CODE`].
pub(super) type CodeReader<'a> = Reader<'a, MappedArtifact>;

/// An artifact that is ready to run. Its code stays mapped and registered while this value lives: whoever holds an
/// address into it also holds the `Arc`.
#[derive(Debug)]
pub(crate) struct LoadedCode(Registered<MappedArtifact>);

/// A mapped artifact and the ranges of its parts, as the registry holds it.
#[derive(Debug)]
pub(super) struct MappedArtifact {
    /// This field and the next are declared before the mapping, and so dropped before it: the platform's unwinder and
    /// debuggers must forget the code while it is still mapped.
    _frames: UnwindRegistration,
    /// The registration with debuggers, if there is debug information.
    _debugger: Option<DebuggerRegistration>,
    mapping: Mapping,
    /// Bytes of the artifact. The mapping is rounded up to whole pages.
    len: usize,
    sections: Sections,
    metadata: Metadata,
    /// The initial contents of a memory of the module, if they can be mapped.
    memory: Option<MemoryImageFile>,
}

/// A check of an artifact: returns the ranges of its sections and its metadata.
type Check = fn(&[u8], &Config) -> Result<(Sections, Metadata)>;

/// A memory image, as a part of a file that instances map.
#[derive(Debug)]
struct MemoryImageFile {
    image: MemoryImage,
    /// A number that no other image of this process has.
    number: u64,
    /// The file, and the offset of the image in it: the artifact's own file, or one that is made for the first
    /// instance. It neither changes nor is cut.
    file: OnceLock<(File, u64)>,
}

impl MemoryImageFile {
    /// Finds the image, if the module has one and this system can map it. `file` is the artifact's own.
    fn of(sections: &Sections, module: &Module, file: Option<File>) -> Option<MemoryImageFile> {
        let image = MemoryImage::of(module)?;
        let page = rustix::param::page_size() as u64;
        // A system with larger pages than the compiler assumed cannot map the image; the data segments say the same.
        let is_whole = image.range.start.is_multiple_of(page) && image.range.end.is_multiple_of(page);
        if !is_whole || !image.is_laid_out(module, sections.data.len()) {
            return None;
        }
        // The artifact's own file serves if the image starts at a page of it. If not, the first instance makes a file.
        let start = sections.data.start as u64;
        let file = match file {
            Some(file) if start.is_multiple_of(page) => OnceLock::from((file, start)),
            _ => OnceLock::new(),
        };
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Some(MemoryImageFile { image, number: NEXT.fetch_add(1, Ordering::Relaxed), file })
    }

    /// Maps the image over a memory. Returns whether it did: without a file for it, the caller writes the data segments
    /// instead. `data` is the artifact's data section.
    ///
    /// # Safety
    /// The memory belongs to an instance of the module whose artifact this is; its initial size is accessible and
    /// nobody borrows it.
    unsafe fn map(&self, data: &[u8], memory: &Mapping) -> Result<bool> {
        let Range { start, end } = self.image.range;
        let at = usize::try_from(start).expect("inside the memory");
        let end = if planted!(ImageLosesLastPage) { end - rustix::param::page_size() as u64 } else { end };
        let len = usize::try_from(end - start).expect("inside the memory");
        let (file, start) = match self.file.get() {
            Some(file) => file,
            None => {
                let Ok(copy) = sys::sealed_file(|file| file.write_all(&data[..len])) else { return Ok(false) };
                // Another thread may have been faster; its file has the same bytes.
                self.file.get_or_init(|| (copy, 0))
            }
        };
        // SAFETY: the image lies inside the file and the memory's initial size. The file is sealed, or whoever loaded
        // it as a trusted one vouches for it. The memory is as the caller vouches.
        unsafe { memory.overlay(at, file, *start..*start + len as u64)? };
        Ok(true)
    }
}

impl LoadedCode {
    /// Copies an artifact and loads it.
    ///
    /// # Errors
    /// Kind [`Artifact`](ErrorKind::Artifact) if the bytes are no artifact for this engine;
    /// [`Resource`](ErrorKind::Resource) if there is no memory for them.
    pub(crate) fn load(bytes: &[u8], config: &Config) -> Result<Arc<LoadedCode>> {
        let mapping = Mapping::filled(bytes.len(), |copy| {
            copy.copy_from_slice(bytes);
            Ok(())
        })?;
        // SAFETY: the mapping is read-only memory.
        unsafe { LoadedCode::publish(mapping, bytes.len(), None, config, artifact::check) }
    }

    /// Copies a file and loads it.
    ///
    /// # Errors
    /// Like [`LoadedCode::load`]; kind [`Io`](ErrorKind::Io) if the file cannot be read.
    pub(crate) fn load_file(path: &Path, config: &Config) -> Result<Arc<LoadedCode>> {
        let (mut file, length) = open(path)?;
        let mut head = Vec::with_capacity(artifact::HEAD);
        let read = (&file).take(artifact::HEAD as u64).read_to_end(&mut head).and_then(|_| file.rewind());
        read.map_err(|error| read_error(path, error))?;
        // The head tells a wrong file by its first bytes, before a large one is copied.
        artifact::check_head(&head, length as u64)?;
        let mapping = Mapping::filled(length, |copy| file.read_exact(copy).map_err(|error| read_error(path, error)))?;
        // SAFETY: the mapping is read-only memory.
        unsafe { LoadedCode::publish(mapping, length, None, config, artifact::check) }
    }

    /// Maps a file as it is, and trusts its tables.
    ///
    /// # Errors
    /// Like [`LoadedCode::load_file`].
    ///
    /// # Safety
    /// The file is an artifact as this engine wrote it, and nobody changes or cuts it while the result lives. A new
    /// version is written under a temporary name and then renamed.
    pub(crate) unsafe fn load_trusted_file(path: &Path, config: &Config) -> Result<Arc<LoadedCode>> {
        let (file, length) = open(path)?;
        // SAFETY: the caller vouches for the file.
        let mapping = unsafe { Mapping::of_file(&file, length)? };
        // SAFETY: the caller vouches for the file, so for what is mapped of it.
        unsafe { LoadedCode::publish(mapping, length, Some(file), config, artifact::check_trusted) }
    }

    /// Checks a mapped artifact of `len` bytes, makes its code executable and registers it. `file` is what is mapped.
    ///
    /// # Safety
    /// The mapping and the file hold `len` bytes, which can be read and do not change. Bytes that `check` accepts have
    /// well-formed unwind information.
    unsafe fn publish(
        mapping: Mapping,
        len: usize,
        file: Option<File>,
        config: &Config,
        check: Check,
    ) -> Result<Arc<LoadedCode>> {
        // SAFETY: the caller's contract.
        let bytes = unsafe { core::slice::from_raw_parts(mapping.as_ptr(), len) };
        let (sections, metadata) = check(bytes, config)?;
        let is_absent = |name: &&String| !sys::has_cpu_feature(name) && !planted!(CpuUnchecked);
        if let Some(feature) = metadata.cpu_features.iter().find(is_absent) {
            return Err(Error::new(
                ErrorKind::Artifact,
                format!(
                    "the artifact's code uses the CPU feature `{}`, which this CPU lacks: compile it again here",
                    feature.escape_debug()
                ),
            ));
        }
        // Only after the check: bytes that were not checked are never executable.
        let text = check_whole_pages(&sections.text)?;
        match &file {
            // SAFETY: the mapping is one of the file, which does not change.
            Some(file) => unsafe { mapping.overlay_code(text.clone(), file, text.start as u64)? },
            None => make_executable(&mapping, text, bytes)?,
        }
        profiler::announce(config.profiler, bytes, &sections)?;
        let eh_frame = if planted!(FramesUnregistered) { &[] } else { &bytes[sections.eh_frame.clone()] };
        // SAFETY: the section is well formed and terminated; it is dropped before the mapping.
        let frames = unsafe { UnwindRegistration::new(eh_frame) };
        let image = artifact::debug_info::loaded_image(bytes, &sections, bytes.as_ptr().addr() as u64);
        let debugger = image.map(DebuggerRegistration::new);
        let memory = MemoryImageFile::of(&sections, &metadata.module, file);
        let artifact =
            MappedArtifact { _frames: frames, _debugger: debugger, mapping, len, sections, metadata, memory };
        Ok(Arc::new(LoadedCode(CODE.register(artifact))))
    }

    /// The artifact's metadata.
    pub(crate) fn metadata(&self) -> &Metadata {
        &self.artifact().metadata
    }

    /// The module's description, without function bodies.
    pub(crate) fn module(&self) -> &Module {
        &self.artifact().metadata.module
    }

    /// The bytes of the artifact.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.artifact().bytes()
    }

    /// The bytes of all data segments; [`Module::data`] has ranges of them.
    pub(crate) fn data(&self) -> &[u8] {
        self.artifact().section(|sections| &sections.data)
    }

    /// The initial contents of a memory of the module, if they can be mapped, and their number, which no other image of
    /// this process has.
    pub(crate) fn memory_image(&self) -> Option<(&MemoryImage, u64)> {
        self.artifact().memory.as_ref().map(|memory| (&memory.image, memory.number))
    }

    /// Maps the module's [`memory_image`](LoadedCode::memory_image), if there is one, over a memory. Returns whether it
    /// did. It does not if no memory file can be created, for example when too many files are open; the caller then
    /// writes the data segments, which say the same.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if the system refuses the mapping.
    ///
    /// # Safety
    /// The memory is the one that the image is of, in an instance of this module that keeps this code. Its initial size
    /// is accessible and nobody borrows it.
    pub(super) unsafe fn map_memory_image(&self, memory: &Mapping) -> Result<bool> {
        match &self.artifact().memory {
            // SAFETY: the caller's contract.
            Some(image) => unsafe { image.map(self.data(), memory) },
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

    /// The address of an exit trampoline, which [`Metadata::exit`] finds.
    pub(crate) fn exit(&self, exit: TextOffset) -> *const c_void {
        self.artifact().address(exit).cast()
    }

    /// The addresses of the code.
    #[cfg(any(test, feature = "probes"))]
    pub(super) fn addresses(&self) -> Range<u64> {
        self.artifact().addresses()
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
    /// The offset of an address in `.text`; `None` if it is outside.
    fn text_offset(&self, pc: u64) -> Option<TextOffset> {
        let text = self.addresses();
        if !text.contains(&pc) {
            return None;
        }
        u32::try_from(pc - text.start).ok().map(TextOffset)
    }

    /// The trap of the instruction at an address; `None` if it does not trap.
    pub(super) fn trap_at(&self, pc: u64) -> Option<Trap> {
        Traps::new(self.section(|sections| &sections.traps)).lookup(self.text_offset(pc)?)
    }

    /// The exception handlers of the call that returns to an address; `None` if it has none.
    pub(super) fn handlers_at(&self, address: FrameAddress) -> Option<CallSite<'_>> {
        Handlers::new(self.section(|sections| &sections.handlers)).lookup(self.return_offset(address)?)
    }

    /// The code address of a handler.
    pub(super) fn handler_address(&self, handler: Handler) -> u64 {
        self.address(handler.target).addr() as u64
    }

    /// The kind of the function whose code an address is in.
    pub(super) fn function_kind_at(&self, pc: u64) -> Option<FunctionKind> {
        Some(self.functions().lookup(self.text_offset(pc)?)?.kind)
    }

    /// The frame of the WebAssembly function at an address; `None` if the address is in none.
    pub(super) fn frame_at(&self, address: FrameAddress) -> Option<Frame> {
        let offset = self.text_offset(address.lookup())?;
        let FunctionKind::Function(function) = self.functions().lookup(offset)?.kind else { return None };
        let instruction = if planted!(CallerOffsetAfterCall) { self.return_offset(address) } else { None };
        let instruction = instruction.unwrap_or(offset);
        Some(Frame {
            module_name: self.metadata.module.name.clone(),
            func_index: if planted!(FrameNumberByte) { function.0 & 0x7f } else { function.0 },
            func_name: self.names().function(function).map(str::to_owned),
            module_offset: SourceMap::new(self.section(|sections| &sections.source_map)).lookup(instruction),
        })
    }

    /// The slots that hold references in the frame of the call that returns to an address; `None` if none does.
    pub(super) fn stack_map_at(&self, address: FrameAddress) -> Option<StackMap<'_>> {
        StackMaps::new(self.section(|sections| &sections.stack_maps)).lookup(self.return_offset(address)?)
    }

    /// The offset of a return address in `.text`. It can be the end of `.text`, which
    /// [`text_offset`](Self::text_offset) refuses: the last instruction may be a call that never returns.
    fn return_offset(&self, address: FrameAddress) -> Option<TextOffset> {
        let FrameAddress::Return(pc) = address else { return None };
        u32::try_from(pc.checked_sub(self.addresses().start)?).ok().map(TextOffset)
    }

    /// The rule that finds a frame's caller.
    ///
    /// # Errors
    /// See [`UnwindTables::rule`].
    pub(super) fn unwind_rule(&self, address: FrameAddress) -> Result<Rule, UnwindError> {
        self.unwind_tables().rule(address)
    }

    /// Returns the places where the frame at an address saves the registers that the platform preserves.
    ///
    /// # Errors
    /// See [`UnwindTables::rule`].
    #[cfg(feature = "probes")]
    pub(super) fn preserved_at(&self, address: FrameAddress) -> Result<[Option<i64>; 5], UnwindError> {
        self.unwind_tables().preserved(address)
    }

    /// The function whose code an address is in, with the addresses of its code.
    #[cfg(feature = "probes")]
    pub(super) fn function_at(&self, pc: u64) -> Option<(FunctionKind, Range<u64>)> {
        let entry = self.functions().lookup(self.text_offset(pc)?)?;
        let start = self.addresses().start;
        Some((entry.kind, start + u64::from(entry.start.0)..start + u64::from(entry.end.0)))
    }

    /// A name for the artifact: the head of its file, which holds the digest of the rest.
    #[cfg(feature = "probes")]
    pub(super) fn head(&self) -> &[u8] {
        &self.bytes()[..artifact::HEAD]
    }

    fn unwind_tables(&self) -> UnwindTables<'_> {
        let Sections { eh_frame, eh_frame_hdr, .. } = &self.sections;
        let loaded = |section: &Range<usize>| self.mapping.as_ptr().addr() as u64 + section.start as u64;
        UnwindTables {
            eh_frame: &self.bytes()[eh_frame.clone()],
            eh_frame_address: loaded(eh_frame),
            eh_frame_hdr: &self.bytes()[eh_frame_hdr.clone()],
            eh_frame_hdr_address: loaded(eh_frame_hdr),
        }
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

    /// The address of an offset in `.text`.
    fn address(&self, offset: TextOffset) -> *const u8 {
        self.mapping.as_ptr().wrapping_add(self.sections.text.start + offset.0 as usize)
    }
}

/// Returns the code's range if it consists of whole pages: protection is by the page, and nothing else may become
/// executable.
fn check_whole_pages(text: &Range<usize>) -> Result<Range<usize>> {
    let page = rustix::param::page_size();
    if text.start.is_multiple_of(page) && text.end.is_multiple_of(page) {
        return Ok(text.clone());
    }
    let message = format!("the artifact's code is not laid out for this system's pages of {page} bytes");
    Err(Error::new(ErrorKind::Artifact, message).at(text.start as u64))
}

/// Makes the code of a copied artifact executable.
///
/// A system may refuse to make memory executable that was writable before (`MemoryDenyWriteExecute` of systemd,
/// `PR_SET_MDWE`). It allows a file to be mapped executable, so the code is then copied once more, to a sealed memory
/// file.
///
/// # Errors
/// Kind [`Resource`](ErrorKind::Resource) if the system refuses both.
fn make_executable(mapping: &Mapping, text: Range<usize>, bytes: &[u8]) -> Result<()> {
    let Err(refusal) = mapping.make_executable(text.clone()) else { return Ok(()) };
    let from_file = match sys::sealed_file(|file| file.write_all(&bytes[text.clone()])) {
        // SAFETY: the file holds the bytes of the range, and nobody can change it.
        Ok(file) => unsafe { mapping.overlay_code(text, &file, 0) }.map_err(|error| error.message().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    from_file.map_err(|error| {
        let message = format!(
            "the system does not let this process make code executable: not in memory ({}), and not in a memory file \
             ({error}). Allow one of them (systemd: `MemoryDenyWriteExecute=no`, or `memfd_create`), or load the \
             artifact with `Module::deserialize_trusted_file`",
            refusal.message()
        );
        Error::new(ErrorKind::Resource, message)
    })
}

/// Opens a regular file and returns it with its length.
fn open(path: &Path) -> Result<(File, usize)> {
    let file = File::open(path).map_err(|error| read_error(path, error))?;
    let metadata = file.metadata().map_err(|error| read_error(path, error))?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::Io, format!("cannot read {}: it is not a regular file", path.display())));
    }
    match usize::try_from(metadata.len()) {
        Ok(length) => Ok((file, length)),
        Err(_) => Err(Error::new(ErrorKind::Artifact, "the artifact is larger than the address space")),
    }
}

/// The error for a file that cannot be read.
fn read_error(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot read {}: {error}", path.display())).with_source(error)
}
