/*
 * The C interface of Touchstone beyond the standard's wasm.h. docs/c.md is the guide.
 *
 * A pointer is borrowed for the call, unless the comment says that the function takes it over or that the caller owns
 * it. Owned objects go back to the `_delete` function of their type. A function that fails returns null or false, and
 * touchstone_last_error() has the reason.
 */

#ifndef TOUCHSTONE_H
#define TOUCHSTONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "wasm.h"

/* A tag of exceptions, with the functions of every type of references. */
typedef struct touchstone_tag_t touchstone_tag_t;

#ifdef __cplusplus
extern "C" {
#endif

void touchstone_tag_delete(touchstone_tag_t*);
touchstone_tag_t *touchstone_tag_copy(const touchstone_tag_t*);
bool touchstone_tag_same(const touchstone_tag_t*, const touchstone_tag_t*);
void *touchstone_tag_get_host_info(const touchstone_tag_t*);
void touchstone_tag_set_host_info(touchstone_tag_t*, void *info);
void touchstone_tag_set_host_info_with_finalizer(touchstone_tag_t*, void *info, void (*finalizer)(void*));
wasm_ref_t *touchstone_tag_as_ref(touchstone_tag_t*);
touchstone_tag_t *touchstone_ref_as_tag(wasm_ref_t*);
const wasm_ref_t *touchstone_tag_as_ref_const(const touchstone_tag_t*);
const touchstone_tag_t *touchstone_ref_as_tag_const(const wasm_ref_t*);
wasm_extern_t *touchstone_tag_as_extern(touchstone_tag_t*);
touchstone_tag_t *touchstone_extern_as_tag(wasm_extern_t*);
const wasm_extern_t *touchstone_tag_as_extern_const(const touchstone_tag_t*);
const touchstone_tag_t *touchstone_extern_as_tag_const(const wasm_extern_t*);

#ifdef __cplusplus
}
#endif

// The reason of a failure.
typedef struct touchstone_error_t touchstone_error_t;

// Named items that modules can import.
typedef struct touchstone_linker_t touchstone_linker_t;

// All that a program may use. A new configuration grants nothing.
typedef struct touchstone_wasi_config_t touchstone_wasi_config_t;

// The context of one program: what it may use, and its open files.
typedef struct touchstone_wasi_t touchstone_wasi_t;

// The number of a kind of errors.
typedef uint8_t touchstone_error_kind_t;

// Bounds of what the modules of a store may take. The largest number of a field stands for no bound.
typedef struct {
  // Bytes of each memory.
  uint64_t memory_size;
  // Elements of each table.
  uint64_t table_elements;
  // Bytes of all collected objects together.
  uint64_t heap_size;
  // Instances.
  size_t instances;
  // Memories.
  size_t memories;
  // Tables.
  size_t tables;
} touchstone_store_limits_t;

// The bounds and properties of a memory or table.
typedef struct {
  // The initial size, in pages or elements.
  uint64_t min;
  // The largest size, if `has_max`.
  uint64_t max;
  // True if there is a largest size.
  bool has_max;
  // True if indices have 64 bits instead of 32.
  bool index64;
  // True if threads can share the memory. False for tables.
  bool shared;
  // The binary logarithm of a memory's page size: 16, or 0 for pages of one byte. 0 for tables.
  uint8_t page_size_log2;
} touchstone_limits_t;

// The module does not decode, or the text does not parse.
#define TOUCHSTONE_ERROR_MALFORMED 0

// The module does not validate.
#define TOUCHSTONE_ERROR_INVALID 1

// The module or configuration needs a feature that is off or that this engine lacks.
#define TOUCHSTONE_ERROR_UNSUPPORTED 2

// The module exceeds a limit of this engine.
#define TOUCHSTONE_ERROR_TOO_LARGE 3

// An import is missing or has another type.
#define TOUCHSTONE_ERROR_LINK 4

// Execution trapped.
#define TOUCHSTONE_ERROR_TRAP 5

// Nothing caught an exception.
#define TOUCHSTONE_ERROR_EXCEPTION 6

// A callback returned a trap, or a program of WASI ended.
#define TOUCHSTONE_ERROR_HOST 7

// An artifact was refused: truncated, altered, or made for something else.
#define TOUCHSTONE_ERROR_ARTIFACT 8

// The operating system or a limit refused memory, address space or a count.
#define TOUCHSTONE_ERROR_RESOURCE 9

// A file could not be read or written.
#define TOUCHSTONE_ERROR_IO 10

// The program misused the interface.
#define TOUCHSTONE_ERROR_USAGE 11

// The kind of `v128`. A value of this kind is owned like a reference: `of.ref` is a `wasm_ref_t` that holds the 16
// bytes.
#define TOUCHSTONE_V128 4

// The kind of references to exceptions.
#define TOUCHSTONE_EXNREF 130

// The kind of references to objects of the collected heap and to integers of 31 bits.
#define TOUCHSTONE_ANYREF 131

// The kind of external items that are tags.
#define TOUCHSTONE_EXTERN_TAG 4

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Compiles a module in text form. The caller owns it.
//
// The text has `size` bytes.
wasm_module_t *touchstone_module_new_text(const wasm_store_t *store, const char *text, size_t size);

// Writes the binary of a module in text form. Returns false if the text does not parse.
//
// The text has `size` bytes.
bool touchstone_text_to_binary(const char *text, size_t size, wasm_byte_vec_t *out);

// Writes the artifact of a binary module without loading it. Returns false if the module does not compile.
bool touchstone_precompile(const wasm_engine_t *engine, const wasm_byte_vec_t *binary, wasm_byte_vec_t *out);

// Writes the artifact of a module to a file, under another name first, so that nobody sees a part of it. Returns
// false if the file cannot be written.
//
// The path is null or ends with a zero byte.
bool touchstone_module_write(const wasm_module_t *module, const char *path);

// Loads an artifact from a file, which is copied. The caller owns the module. Its code runs as it is, so load only
// what you wrote, or configure a key.
//
// The path is null or ends with a zero byte.
wasm_module_t *touchstone_module_read(const wasm_store_t *store, const char *path);

// Sets whether modules compile quickly, to code that is slower.
void touchstone_config_quick(wasm_config_t *config, bool on);

// Sets the features that modules may use, as a list such as `"3.0, threads, -gc"`. Returns false if the list has an
// unknown name.
//
// The list is null or ends with a zero byte.
bool touchstone_config_features(wasm_config_t *config, const char *list);

// Sets whether code counts instructions as fuel. touchstone_store_set_fuel gives fuel to a store.
void touchstone_config_fuel(wasm_config_t *config, bool on);

// Sets whether code stops at deadlines. touchstone_store_set_deadline gives one to a store.
void touchstone_config_deadlines(wasm_config_t *config, bool on);

// Sets whether code compares each address with the size of the memory. Otherwise it relies on guard pages, which
// reserve 8 GiB of address space for each memory.
void touchstone_config_explicit_memory_checks(wasm_config_t *config, bool on);

// Sets whether code uses only what every CPU of the architecture has. Otherwise it uses all that this one has.
void touchstone_config_baseline_cpu(wasm_config_t *config, bool on);

// Sets whether debuggers see the source lines and functions of modules that have debug information.
void touchstone_config_debug_info(wasm_config_t *config, bool on);

// Sets whether every NaN that arithmetic makes is the positive canonical one.
void touchstone_config_canonicalize_nans(wasm_config_t *config, bool on);

// Sets whether relaxed vector instructions return the results of the standard's deterministic profile, the same on
// every machine.
void touchstone_config_relaxed_simd_deterministic(wasm_config_t *config, bool on);

// Sets how many bytes of native stack a call may use before it traps.
void touchstone_config_max_stack(wasm_config_t *config, size_t size);

// Sets the number of threads that compile a module; 0 is one per core.
void touchstone_config_compile_threads(wasm_config_t *config, size_t threads);

// Sets the key that artifacts are sealed with: `key` is 32 bytes, or null for none. An engine with a key refuses the
// artifacts of who does not know it.
//
// The key is null or has 32 bytes.
void touchstone_config_artifact_key(wasm_config_t *config, const uint8_t *key);

// Lets modules that are compiled go into a cache, and come from it the next time. `folder` is the cache's folder, and
// `key_file` the file of the secret that seals its entries; both are made if they are missing. Null stands for the
// places that `touchstone run` uses. Entries that are damaged or foreign are removed, which standard error tells.
// Returns false if one of the places cannot be used.
//
// The strings are null or end with a zero byte.
bool touchstone_config_cache(wasm_config_t *config, const char *folder, const char *key_file);

// Advances the epoch of an engine by one tick. Any thread may do so, and a signal handler.
void touchstone_engine_tick(const wasm_engine_t *engine);

// Takes the reason why the latest function of this thread that failed without returning a trap did so. Null if there
// is none, or it was taken.
touchstone_error_t *touchstone_last_error(void);

// Deletes an error.
void touchstone_error_delete(touchstone_error_t *_error);

// Returns the kind; 255 if the pointer is null.
touchstone_error_kind_t touchstone_error_kind(const touchstone_error_t *error);

// Returns the message, which ends with a zero byte.
void touchstone_error_message(const touchstone_error_t *error, wasm_byte_vec_t *out);

// Writes the offset, in bytes, of the fault in the module, text or artifact. Returns false if it has none.
bool touchstone_error_offset(const touchstone_error_t *error, uint64_t *out);

// Makes a tag. It takes over the types of the values that its exceptions carry; null stands for none. The caller owns
// the tag.
touchstone_tag_t *touchstone_tag_new(const wasm_store_t *store, wasm_valtype_vec_t *params);

// Returns the types of the values that exceptions of a tag carry; null if the type is not one of tags. The type owns
// the result.
const wasm_valtype_vec_t *touchstone_externtype_tag_params(const wasm_externtype_t *ty);

// Makes an exception of a tag and its values. The caller owns it.
wasm_ref_t *touchstone_exception_new(const touchstone_tag_t *tag, const wasm_val_vec_t *args);

// Returns the tag of an exception. The caller owns it.
touchstone_tag_t *touchstone_exception_tag(const wasm_ref_t *reference);

// Writes the values that an exception carries, which the caller owns. Returns false if the reference is to no
// exception.
bool touchstone_exception_values(const wasm_ref_t *reference, wasm_val_vec_t *out);

// Makes the trap by which a callback throws an exception. The caller owns it until the callback returns it.
wasm_trap_t *touchstone_trap_throw(const wasm_ref_t *reference);

// Returns the exception that nothing caught, which the caller owns; null if the trap is another one.
wasm_ref_t *touchstone_trap_exception(const wasm_trap_t *trap);

// Sets the fuel that is left. A new store has none. Returns false unless the configuration counts fuel.
bool touchstone_store_set_fuel(const wasm_store_t *store, uint64_t fuel);

// Writes the fuel that is left. Returns false unless the configuration counts fuel.
bool touchstone_store_fuel(const wasm_store_t *store, uint64_t *out);

// Sets the deadline to a number of ticks from now: code of the store traps when it is reached. Returns false if the
// store is in use.
bool touchstone_store_set_deadline(const wasm_store_t *store, uint64_t ticks);

// Sets the bounds of a store. What there is already stays. Returns false if the store is in use.
bool touchstone_store_set_limits(const wasm_store_t *store, const touchstone_store_limits_t *limits);

// Collects garbage now. Returns false if the store is in use, or there is no memory for it.
bool touchstone_store_collect(const wasm_store_t *store);

// Makes a linker without any item. The caller owns it.
touchstone_linker_t *touchstone_linker_new(const wasm_engine_t *engine);

// Deletes a linker. Instances keep what they use of it.
void touchstone_linker_delete(touchstone_linker_t *_linker);

// Sets whether a name may be defined again, which replaces its item.
void touchstone_linker_allow_shadowing(touchstone_linker_t *linker, bool allow);

// Defines a name as an item of a store. The linker is for that store alone then. Returns false if the name is taken.
//
// The names are null or end with a zero byte.
bool touchstone_linker_define(touchstone_linker_t *linker,
                              const char *module,
                              const char *name,
                              const wasm_extern_t *item);

// Defines all exports of an instance under a module name. Returns false if a name is taken.
//
// The name is null or ends with a zero byte.
bool touchstone_linker_define_instance(touchstone_linker_t *linker,
                                       const char *module,
                                       const wasm_instance_t *instance);

// Defines the functions of WASI, for a program that may use what the context grants. Returns false if a name is taken.
bool touchstone_linker_define_wasi(touchstone_linker_t *linker, const touchstone_wasi_t *wasi);

// Returns the item of a name, for a store. The caller owns it. Null if the name is not defined.
//
// The names are null or end with a zero byte.
wasm_extern_t *touchstone_linker_get(const touchstone_linker_t *linker,
                                     const wasm_store_t *store,
                                     const char *module,
                                     const char *name);

// Instantiates a module with imports by name. The caller owns the instance. If it fails, the reason is also written as
// a trap, which the caller owns, unless `trap` is null.
wasm_instance_t *touchstone_linker_instantiate(const touchstone_linker_t *linker,
                                               const wasm_store_t *store,
                                               const wasm_module_t *module,
                                               wasm_trap_t **trap);

// Returns the export of a name. The caller owns it. Null if there is none.
//
// The name is null or ends with a zero byte.
wasm_extern_t *touchstone_instance_export(const wasm_instance_t *instance, const char *name);

// Makes a configuration that grants nothing: no argument, variable or directory, empty input, output that goes
// nowhere, no clock and no random number. The caller owns it.
touchstone_wasi_config_t *touchstone_wasi_config_new(void);

// Deletes a configuration.
void touchstone_wasi_config_delete(touchstone_wasi_config_t *_config);

// Adds an argument. The first is the program's name. After a function of a configuration has returned false, no
// context can be made of it.
//
// The argument is null or ends with a zero byte.
bool touchstone_wasi_config_arg(touchstone_wasi_config_t *config, const char *arg);

// Adds an environment variable. Returns false if the name is empty or has a `=`.
//
// The strings are null or end with a zero byte.
bool touchstone_wasi_config_env(touchstone_wasi_config_t *config, const char *name, const char *value);

// Gives a directory of the host, with all that it contains. The program sees it as `guest`, and no path leads out of
// it. Returns false if the directory cannot be opened.
//
// The paths are null or end with a zero byte.
bool touchstone_wasi_config_dir(touchstone_wasi_config_t *config, const char *host, const char *guest);

// Gives the standard input, output and error of this process.
bool touchstone_wasi_config_inherit_stdio(touchstone_wasi_config_t *config);

// Sets the bytes of the standard input, which are copied.
//
// `data` has `size` bytes.
bool touchstone_wasi_config_stdin(touchstone_wasi_config_t *config, const uint8_t *data, size_t size);

// Sends the standard output to a file, which is made empty. Returns false if it cannot be written.
//
// The path is null or ends with a zero byte.
bool touchstone_wasi_config_stdout(touchstone_wasi_config_t *config, const char *path);

// Sends the standard error to a file, which is made empty. Returns false if it cannot be written.
//
// The path is null or ends with a zero byte.
bool touchstone_wasi_config_stderr(touchstone_wasi_config_t *config, const char *path);

// Gives the clocks of the host.
bool touchstone_wasi_config_clocks(touchstone_wasi_config_t *config);

// Gives random numbers of the host.
bool touchstone_wasi_config_random(touchstone_wasi_config_t *config);

// Makes the context of a program of a configuration, which it takes over. The caller owns the context.
touchstone_wasi_t *touchstone_wasi_new(touchstone_wasi_config_t *config);

// Deletes a context. Linkers that define its functions keep it.
void touchstone_wasi_delete(touchstone_wasi_t *_wasi);

// Returns the kind of the error that a trap stands for; 255 if the pointer is null.
touchstone_error_kind_t touchstone_trap_kind(const wasm_trap_t *trap);

// Returns the stable number of a trap of WebAssembly; 0 if this is another one. docs/c.md has the numbers.
uint8_t touchstone_trap_code(const wasm_trap_t *trap);

// Writes the code with which a program of WASI has ended. Returns false if the trap is another one.
bool touchstone_trap_exit_code(const wasm_trap_t *trap, uint32_t *out);

// Writes the name of a frame's function, which ends with a zero byte. Returns false if it has none.
bool touchstone_frame_func_name(const wasm_frame_t *frame, wasm_byte_vec_t *out);

// Writes the name of a frame's module, which ends with a zero byte. Returns false if it has none.
bool touchstone_frame_module_name(const wasm_frame_t *frame, wasm_byte_vec_t *out);

// Makes a memory type. The caller owns it.
wasm_memorytype_t *touchstone_memorytype_new(const touchstone_limits_t *limits);

// Writes the bounds and properties of a memory type. Returns false if the pointer is null.
bool touchstone_memorytype_limits(const wasm_memorytype_t *ty, touchstone_limits_t *out);

// Makes a table type. It takes over the type of the elements. The caller owns the result.
wasm_tabletype_t *touchstone_tabletype_new(wasm_valtype_t *element, const touchstone_limits_t *limits);

// Writes the bounds and properties of a table type. Returns false if the pointer is null.
bool touchstone_tabletype_limits(const wasm_tabletype_t *ty, touchstone_limits_t *out);

// Writes the size of a memory in pages. Returns false if the store is in use.
bool touchstone_memory_size(const wasm_memory_t *memory, uint64_t *out);

// Grows a memory by `delta` pages of zeros, and writes the old size. Returns false, with nothing changed, if it
// cannot grow.
bool touchstone_memory_grow(const wasm_memory_t *memory, uint64_t delta, uint64_t *old);

// Copies bytes of a memory, which may be shared, to `buffer`. Returns false, with nothing copied, if the range does
// not lie inside the memory.
//
// The buffer has room for `size` bytes.
bool touchstone_memory_read(const wasm_memory_t *memory, uint64_t offset, uint8_t *buffer, size_t size);

// Copies bytes into a memory, which may be shared. Returns false, with nothing copied, if the range does not lie
// inside the memory.
//
// `data` has `size` bytes.
bool touchstone_memory_write(const wasm_memory_t *memory, uint64_t offset, const uint8_t *data, size_t size);

// Writes the number of elements of a table. Returns false if the store is in use.
bool touchstone_table_size(const wasm_table_t *table, uint64_t *out);

// Writes an element of a table, which the caller owns, or null. Returns false if the index is past the end.
bool touchstone_table_get(const wasm_table_t *table, uint64_t index, wasm_ref_t **out);

// Sets an element of a table. Returns false if the index is past the end, or the reference is of another type.
bool touchstone_table_set(const wasm_table_t *table, uint64_t index, const wasm_ref_t *element);

// Grows a table by `delta` elements that are all `init`, and writes the old size. Returns false, with nothing changed,
// if it cannot grow.
bool touchstone_table_grow(const wasm_table_t *table, uint64_t delta, const wasm_ref_t *init, uint64_t *old);

// Makes a `v128` of 16 bytes, lane 0 first. The caller owns the value.
void touchstone_val_new_v128(wasm_val_t *out, const uint8_t (*bytes)[16]);

// Writes the 16 bytes of a `v128`. Returns false if the value is another one.
bool touchstone_val_v128(const wasm_val_t *value, uint8_t (*out)[16]);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TOUCHSTONE_H */
