/* The functions of touchstone.h. */
#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

static wasm_func_t* export_func(wasm_instance_t* instance, const char* name) {
  wasm_extern_t* item = touchstone_instance_export(instance, name);
  CHECK(item && wasm_extern_as_func(item));
  return wasm_extern_as_func(item);
}

static wasm_instance_t* instantiate(wasm_store_t* store, const char* text) {
  wasm_module_t* module = compile_text(store, text);
  wasm_instance_t* instance = wasm_instance_new(store, module, NULL, NULL);
  CHECK(instance);
  wasm_module_delete(module);
  return instance;
}

static void check_errors(wasm_store_t* store) {
  const char *broken = "(module (func (unknown)))", *invalid = "(module (func (result i32)))";
  CHECK(!touchstone_module_new_text(store, broken, strlen(broken)));
  touchstone_error_t* error = touchstone_last_error();
  CHECK(error && touchstone_error_kind(error) == TOUCHSTONE_ERROR_MALFORMED && !touchstone_last_error());
  touchstone_error_delete(error);
  CHECK(!touchstone_module_new_text(store, invalid, strlen(invalid)));
  error = touchstone_last_error();
  uint64_t offset = 0;
  CHECK(touchstone_error_kind(error) == TOUCHSTONE_ERROR_INVALID && touchstone_error_offset(error, &offset));
  CHECK(offset > 8 && touchstone_error_kind(NULL) == 255 && !touchstone_error_offset(NULL, &offset));
  touchstone_error_delete(error);
  touchstone_error_delete(NULL);
  wasm_byte_vec_t binary;
  CHECK(!touchstone_text_to_binary("(", 1, &binary) && binary.size == 0);
  CHECK(!touchstone_module_new_text(store, NULL, 1));
  REFUSED("the pointer to the text is null");
}

static void check_config(void) {
  wasm_config_t* config = wasm_config_new();
  touchstone_config_quick(config, true);
  touchstone_config_debug_info(config, true);
  touchstone_config_canonicalize_nans(config, true);
  touchstone_config_relaxed_simd_deterministic(config, true);
  touchstone_config_max_stack(config, 64 * 1024);
  touchstone_config_compile_threads(config, 1);
  CHECK(!touchstone_config_features(config, "3.0, no-such-feature"));
  REFUSED("no-such-feature");
  CHECK(touchstone_config_features(config, "2.0"));
  uint8_t key[32] = {1};
  touchstone_config_artifact_key(config, key);
  touchstone_config_quick(NULL, true);
  REFUSED("the pointer to the configuration is null");
  wasm_engine_t* engine = test_engine_with(config);
  wasm_store_t* store = wasm_store_new(engine);
  const char* tail_call = "(module (func $f (return_call $f)))";
  CHECK(!touchstone_module_new_text(store, tail_call, strlen(tail_call)));
  wasm_module_t* module = compile_text(store, "(module (func $f (call $f)) (export \"f\" (func $f)))");
  wasm_byte_vec_t artifact;
  wasm_module_serialize(module, &artifact);
  wasm_engine_t* keyless = test_engine();
  wasm_store_t* other = wasm_store_new(keyless);
  CHECK(!wasm_module_deserialize(other, &artifact));
  wasm_byte_vec_delete(&artifact);
  wasm_instance_t* instance = wasm_instance_new(store, module, NULL, NULL);
  wasm_func_t* f = export_func(instance, "f");
  wasm_trap_t* trap = wasm_func_call(f, NULL, NULL);
  CHECK(touchstone_trap_kind(trap) == TOUCHSTONE_ERROR_TRAP && touchstone_trap_code(trap) == 10);
  CHECK(touchstone_trap_kind(NULL) == 255 && touchstone_trap_code(NULL) == 0);
  TRAPS(trap, "call stack exhausted");
  CHECK(!touchstone_instance_export(instance, "g"));
  REFUSED("exports nothing named \"g\"");
  wasm_func_delete(f);
  wasm_instance_delete(instance);
  wasm_module_delete(module);
  wasm_store_delete(store);
  wasm_store_delete(other);
  wasm_engine_delete(engine);
  wasm_engine_delete(keyless);
}

/* Returns how many files of a folder have this ending, and removes them if told to. */
static int count_files(const char* folder, const char* ending, bool remove_them) {
  DIR* listing = opendir(folder);
  CHECK(listing);
  int count = 0;
  for (struct dirent* entry; (entry = readdir(listing));) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (entry->d_name[0] == '.' || !strstr(entry->d_name, ending)) continue;
    CHECK(!remove_them || unlink(path) == 0);
    ++count;
  }
  closedir(listing);
  return count;
}

static void check_cache(void) {
  char folder[] = "/tmp/touchstone-XXXXXX", key_file[64], missing[64];
  CHECK(mkdtemp(folder));
  snprintf(key_file, sizeof key_file, "%s/key", folder);
  snprintf(missing, sizeof missing, "%s/key/folder", folder);
  for (int time = 0; time < 2; ++time) {
    wasm_config_t* config = wasm_config_new();
    CHECK(touchstone_config_cache(config, folder, key_file));
    CHECK(!touchstone_config_cache(config, missing, key_file));
    REFUSED("the cache cannot be used");
    wasm_engine_t* engine = test_engine_with(config);
    wasm_store_t* store = wasm_store_new(engine);
    /* The second engine finds what the first one compiled. */
    wasm_module_delete(compile_text(store, "(module (func (export \"f\")))"));
    CHECK(count_files(folder, ".sealed", false) == 1);
    wasm_store_delete(store);
    wasm_engine_delete(engine);
  }
  CHECK(!touchstone_config_cache(NULL, folder, key_file));
  REFUSED("the pointer to the configuration is null");
  CHECK(count_files(folder, "", true) >= 2 && rmdir(folder) == 0);
}

static void* tick_later(void* engine) {
  usleep(20000);
  touchstone_engine_tick(engine);
  return NULL;
}

static void check_limits(void) {
  wasm_config_t* config = wasm_config_new();
  touchstone_config_fuel(config, true);
  touchstone_config_deadlines(config, true);
  wasm_engine_t* engine = test_engine_with(config);
  wasm_store_t* store = wasm_store_new(engine);
  uint64_t fuel = 0;
  CHECK(touchstone_store_set_fuel(store, 1000) && touchstone_store_fuel(store, &fuel) && fuel == 1000);
  CHECK(touchstone_store_set_deadline(store, 1) && touchstone_store_collect(store));
  wasm_instance_t* instance = instantiate(store, "(module (func (export \"f\") (loop (br 0))))");
  wasm_func_t* f = export_func(instance, "f");
  TRAPS(wasm_func_call(f, NULL, NULL), "all fuel consumed");
  CHECK(touchstone_store_fuel(store, &fuel) && fuel == 0 && touchstone_store_set_fuel(store, INT64_MAX));
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, tick_later, engine) == 0);
  TRAPS(wasm_func_call(f, NULL, NULL), "interrupted");
  pthread_join(thread, NULL);
  touchstone_store_limits_t limits = {65536, 10, UINT64_MAX, 2, 1, SIZE_MAX};
  CHECK(touchstone_store_set_limits(store, &limits) && !touchstone_store_set_limits(store, NULL));
  wasm_limits_t two_pages = {2, 2};
  wasm_memorytype_t* type = wasm_memorytype_new(&two_pages);
  CHECK(!wasm_memory_new(store, type));
  REFUSED("limit");
  wasm_memorytype_delete(type);
  wasm_func_delete(f);
  wasm_instance_delete(instance);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
}

static void check_files(wasm_engine_t* engine, wasm_store_t* store) {
  char path[] = "/tmp/touchstone-XXXXXX";
  CHECK(mkstemp(path) >= 0);
  wasm_module_t* module = compile_text(store, "(module $named)");
  CHECK(touchstone_module_write(module, path) && !touchstone_module_write(module, "/nowhere/file"));
  REFUSED("cannot write /nowhere/file");
  wasm_module_t* loaded = touchstone_module_read(store, path);
  CHECK(loaded && !touchstone_module_read(store, "/nowhere/file"));
  wasm_byte_vec_t binary, artifact, same;
  CHECK(touchstone_text_to_binary("(module $named)", 15, &binary));
  CHECK(touchstone_precompile(engine, &binary, &artifact));
  wasm_module_serialize(loaded, &same);
  CHECK(artifact.size == same.size && memcmp(artifact.data, same.data, same.size) == 0);
  wasm_byte_vec_delete(&artifact);
  CHECK(!touchstone_precompile(engine, NULL, &artifact) && artifact.size == 0);
  wasm_byte_vec_delete(&same);
  wasm_byte_vec_delete(&binary);
  wasm_module_delete(loaded);
  wasm_module_delete(module);
  remove(path);
}

static void check_v128(wasm_store_t* store) {
  wasm_instance_t* instance = instantiate(
      store, "(module (func (export \"f\") (param v128) (result v128) (i8x16.neg (local.get 0))))");
  wasm_func_t* f = export_func(instance, "f");
  uint8_t bytes[16], out[16];
  for (int i = 0; i < 16; ++i) bytes[i] = i;
  wasm_val_t arg[1], result[1] = {WASM_INIT_VAL};
  touchstone_val_new_v128(&arg[0], &bytes);
  CHECK(arg[0].kind == TOUCHSTONE_V128 && !touchstone_val_v128(&result[0], &out));
  wasm_val_vec_t args = WASM_ARRAY_VEC(arg), results = WASM_ARRAY_VEC(result);
  CHECK(!wasm_func_call(f, &args, &results) && touchstone_val_v128(&result[0], &out));
  for (int i = 0; i < 16; ++i) CHECK(out[i] == (uint8_t)-i);
  wasm_val_t copy;
  wasm_val_copy(&copy, &result[0]);
  CHECK(wasm_ref_same(copy.of.ref, result[0].of.ref) && !wasm_ref_same(copy.of.ref, arg[0].of.ref));
  wasm_val_delete(&copy);
  wasm_val_delete(&arg[0]);
  wasm_val_delete(&result[0]);
  wasm_func_delete(f);
  wasm_instance_delete(instance);
}

static wasm_val_t call_1(wasm_instance_t* instance, const char* name, wasm_val_t* arg) {
  wasm_func_t* func = export_func(instance, name);
  wasm_val_t result[1] = {WASM_INIT_VAL};
  wasm_val_vec_t args = {arg ? 1 : 0, arg}, results = WASM_ARRAY_VEC(result);
  CHECK(!wasm_func_call(func, &args, &results));
  wasm_func_delete(func);
  return result[0];
}

/* References to objects that WebAssembly made. */
static void check_heap(wasm_store_t* store) {
  wasm_instance_t* instance = instantiate(
      store,
      "(module (type $s (struct)) (func (export \"new\") (result anyref) (struct.new $s))"
      "  (func (export \"same\") (param anyref) (result anyref) (local.get 0))"
      "  (func (export \"i31\") (result externref) (extern.convert_any (ref.i31 (i32.const 5)))))");
  wasm_val_t one = call_1(instance, "new", NULL), two = call_1(instance, "new", NULL);
  wasm_val_t again = call_1(instance, "same", &one);
  CHECK(one.kind == TOUCHSTONE_ANYREF && wasm_ref_same(one.of.ref, again.of.ref));
  CHECK(!wasm_ref_same(one.of.ref, two.of.ref) && touchstone_store_collect(store));
  CHECK(wasm_ref_same(one.of.ref, again.of.ref) && !wasm_ref_get_host_info(one.of.ref));
  wasm_val_t five = call_1(instance, "i31", NULL), same = call_1(instance, "i31", NULL);
  CHECK(five.kind == WASM_EXTERNREF && wasm_ref_same(five.of.ref, same.of.ref));
  CHECK(!wasm_ref_as_foreign(five.of.ref) && !wasm_ref_same(five.of.ref, one.of.ref));
  wasm_func_t* func = export_func(instance, "same");
  wasm_val_t foreign[1] = {WASM_REF_VAL(wasm_foreign_as_ref(wasm_foreign_new(store)))}, result[1];
  wasm_val_vec_t args = WASM_ARRAY_VEC(foreign), results = WASM_ARRAY_VEC(result);
  TRAPS(wasm_func_call(func, &args, &results), "this object is no anyref");
  wasm_val_t* values[] = {&one, &two, &again, &five, &same, &foreign[0]};
  for (size_t i = 0; i < 6; ++i) wasm_val_delete(values[i]);
  wasm_func_delete(func);
  wasm_instance_delete(instance);
}

static void check_memory64(wasm_store_t* store) {
  touchstone_limits_t limits = {1, 5, true, true, false, 16}, got;
  wasm_memorytype_t* type = touchstone_memorytype_new(&limits);
  CHECK(touchstone_memorytype_limits(type, &got) && got.min == 1 && got.max == 5 && got.has_max && got.index64);
  CHECK(!got.shared && got.page_size_log2 == 16 && wasm_memorytype_limits(type)->max == 5);
  wasm_memory_t* memory = wasm_memory_new(store, type);
  wasm_memorytype_delete(type);
  uint64_t old = 0;
  uint8_t bytes[4] = {0};
  CHECK(touchstone_memory_grow(memory, 2, &old) && old == 1 && !touchstone_memory_grow(memory, 3, &old));
  CHECK(touchstone_memory_size(memory, &old) && old == 3);
  CHECK(touchstone_memory_write(memory, 65534, (const uint8_t*)"abcd", 4));
  CHECK(touchstone_memory_read(memory, 65535, bytes, 3) && memcmp(bytes, "bcd", 4) == 0);
  CHECK(!touchstone_memory_read(memory, 3 * 65536 - 1, bytes, 2) && !touchstone_memory_write(memory, 0, NULL, 1));
  wasm_memory_delete(memory);
  touchstone_limits_t shared = {1, 2, true, false, true, 16};
  type = touchstone_memorytype_new(&shared);
  memory = wasm_memory_new(store, type);
  CHECK(memory && !wasm_memory_data(memory));
  REFUSED("the memory is shared");
  CHECK(touchstone_memory_write(memory, 9, bytes, 3) && touchstone_memory_read(memory, 8, bytes, 4) && bytes[1] == 'b');
  wasm_memorytype_delete(type);
  wasm_memory_delete(memory);
}

static void check_table64(wasm_store_t* store) {
  touchstone_limits_t limits = {1, 0, false, true, false, 0}, got;
  wasm_tabletype_t* type = touchstone_tabletype_new(wasm_valtype_new_externref(), &limits);
  CHECK(touchstone_tabletype_limits(type, &got) && got.min == 1 && !got.has_max && got.index64);
  wasm_table_t* table = wasm_table_new(store, type, NULL);
  wasm_tabletype_delete(type);
  wasm_ref_t *ref = wasm_foreign_as_ref(wasm_foreign_new(store)), *element = NULL;
  uint64_t old = 0;
  CHECK(touchstone_table_grow(table, 1, ref, &old) && old == 1 && touchstone_table_size(table, &old) && old == 2);
  CHECK(touchstone_table_get(table, 1, &element) && wasm_ref_same(element, ref));
  wasm_ref_delete(element);
  CHECK(touchstone_table_get(table, 0, &element) && !element && touchstone_table_set(table, 0, ref));
  CHECK(!touchstone_table_set(table, 2, ref) && !touchstone_table_get(table, 2, &element));
  wasm_ref_delete(ref);
  wasm_table_delete(table);
}

static wasm_trap_t* throw_it(void* env, const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  (void)results;
  wasm_ref_t* exception = touchstone_exception_new(env, args);
  CHECK(exception);
  wasm_trap_t* trap = touchstone_trap_throw(exception);
  wasm_ref_delete(exception);
  return trap;
}

static const char* const CATCHES =
    "(module (import \"host\" \"tag\" (tag $t (param i32))) (import \"host\" \"throw\" (func $throw (param i32)))\n"
    "  (func (export \"catch\") (param i32) (result i32)\n"
    "    (block $h (result i32) (try_table (catch $t $h) (call $throw (local.get 0))) (i32.const -1)))\n"
    "  (func $named (export \"throw\") (param i32) (throw $t (local.get 0))))";

static void check_exceptions(wasm_engine_t* engine, wasm_store_t* store) {
  wasm_valtype_t* types[] = {wasm_valtype_new_i32()};
  wasm_valtype_vec_t params;
  wasm_valtype_vec_new(&params, 1, types);
  touchstone_tag_t* tag = touchstone_tag_new(store, &params);
  wasm_externtype_t* type = wasm_extern_type(touchstone_tag_as_extern(tag));
  CHECK(wasm_externtype_kind(type) == TOUCHSTONE_EXTERN_TAG && touchstone_externtype_tag_params(type)->size == 1);
  wasm_externtype_delete(type);
  wasm_functype_t* functype = wasm_functype_new_1_0(wasm_valtype_new_i32());
  CHECK(!touchstone_externtype_tag_params(wasm_functype_as_externtype(functype)));
  wasm_func_t* thrower = wasm_func_new_with_env(store, functype, throw_it, tag, NULL);
  wasm_functype_delete(functype);
  touchstone_linker_t* linker = touchstone_linker_new(engine);
  CHECK(touchstone_linker_define(linker, "host", "tag", touchstone_tag_as_extern(tag)));
  CHECK(touchstone_linker_define(linker, "host", "throw", wasm_func_as_extern(thrower)));
  wasm_module_t* module = compile_text(store, CATCHES);
  wasm_instance_t* instance = touchstone_linker_instantiate(linker, store, module, NULL);
  wasm_func_t *catcher = export_func(instance, "catch"), *throws = export_func(instance, "throw");
  wasm_val_t arg[] = {WASM_I32_VAL(7)}, result[] = {WASM_INIT_VAL};
  wasm_val_vec_t args = WASM_ARRAY_VEC(arg), results = WASM_ARRAY_VEC(result), values;
  CHECK(!wasm_func_call(catcher, &args, &results) && result[0].of.i32 == 7);
  wasm_trap_t* trap = wasm_func_call(throws, &args, NULL);
  CHECK(touchstone_trap_kind(trap) == TOUCHSTONE_ERROR_EXCEPTION);
  wasm_ref_t* exception = touchstone_trap_exception(trap);
  CHECK(touchstone_exception_values(exception, &values) && values.size == 1 && values.data[0].of.i32 == 7);
  wasm_val_vec_delete(&values);
  touchstone_tag_t* thrown = touchstone_exception_tag(exception);
  CHECK(touchstone_tag_same(thrown, tag) && wasm_ref_same(exception, exception));
  touchstone_tag_delete(thrown);
  wasm_ref_set_host_info(exception, tag);
  REFUSED("carries no data of the host");
  CHECK(!touchstone_exception_values(wasm_func_as_ref(throws), &values) && values.size == 0);
  REFUSED("no exception");
  CHECK(!touchstone_exception_new(tag, NULL));
  REFUSED("carry 1 values, but 0 were given");
  wasm_ref_delete(exception);
  TRAPS(trap, "uncaught exception");
  touchstone_linker_delete(linker);
  touchstone_tag_delete(tag);
  wasm_func_delete(thrower);
  wasm_func_delete(catcher);
  wasm_func_delete(throws);
  wasm_instance_delete(instance);
  wasm_module_delete(module);
}

static void check_linker(wasm_engine_t* engine, wasm_store_t* store) {
  touchstone_linker_t* linker = touchstone_linker_new(engine);
  wasm_instance_t* library = instantiate(
      store, "(module $library (func $fails (export \"fail\") unreachable) (global (export \"g\") i32 (i32.const 1)))");
  CHECK(touchstone_linker_define_instance(linker, "library", library));
  CHECK(!touchstone_linker_define_instance(linker, "library", library));
  REFUSED("defined already");
  touchstone_linker_allow_shadowing(linker, true);
  CHECK(touchstone_linker_define_instance(linker, "library", library));
  wasm_extern_t* item = touchstone_linker_get(linker, store, "library", "g");
  CHECK(item && wasm_extern_as_global(item) && !touchstone_linker_get(linker, store, "library", "h"));
  REFUSED("does not define library.h");
  wasm_extern_delete(item);
  wasm_module_t* fails = compile_text(store, "(module (import \"library\" \"fail\" (func $f)) (start $f))");
  wasm_trap_t* trap = NULL;
  CHECK(!touchstone_linker_instantiate(linker, store, fails, &trap) && touchstone_trap_code(trap) == 1);
  wasm_frame_t* frame = wasm_trap_origin(trap);
  wasm_name_t name;
  CHECK(touchstone_frame_func_name(frame, &name) && strcmp(name.data, "fails") == 0);
  wasm_name_delete(&name);
  CHECK(touchstone_frame_module_name(frame, &name) && strcmp(name.data, "library") == 0);
  wasm_name_delete(&name);
  CHECK(!touchstone_frame_func_name(NULL, &name) && name.size == 0);
  wasm_frame_delete(frame);
  TRAPS(trap, "unreachable");
  wasm_module_t* lacks = compile_text(store, "(module (import \"library\" \"nothing\" (func)))");
  CHECK(!touchstone_linker_instantiate(linker, store, lacks, NULL));
  REFUSED("unknown import library.nothing");
  wasm_module_delete(fails);
  wasm_module_delete(lacks);
  wasm_instance_delete(library);
  touchstone_linker_delete(linker);
}

static const char* const PROGRAM =
    "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))\n"
    "  (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))\n"
    "  (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))\n"
    "  (memory (export \"memory\") 1) (data (i32.const 0) \"\\10\\00\\00\\00\\04\\00\\00\\00\")\n"
    "  (func (export \"_start\")\n"
    "    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))\n"
    "    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))\n"
    "    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))\n"
    "    (call $exit (i32.const 3))))";

static void expect_file(const char* path, const char* text) {
  char buffer[16] = {0};
  FILE* file = fopen(path, "r");
  CHECK(file && fread(buffer, 1, 15, file) == strlen(text) && strcmp(buffer, text) == 0);
  fclose(file);
  remove(path);
}

static void check_wasi(wasm_engine_t* engine, wasm_store_t* store) {
  char out[] = "/tmp/touchstone-XXXXXX", err[] = "/tmp/touchstone-XXXXXX";
  CHECK(mkstemp(out) >= 0 && mkstemp(err) >= 0);
  touchstone_wasi_config_t* config = touchstone_wasi_config_new();
  CHECK(touchstone_wasi_config_inherit_stdio(config) && touchstone_wasi_config_arg(config, "program"));
  CHECK(touchstone_wasi_config_env(config, "NAME", "value") && touchstone_wasi_config_dir(config, "/tmp", "/"));
  CHECK(touchstone_wasi_config_stdin(config, (const uint8_t*)"abcd", 4));
  CHECK(touchstone_wasi_config_stdout(config, out) && touchstone_wasi_config_stderr(config, err));
  CHECK(touchstone_wasi_config_clocks(config) && touchstone_wasi_config_random(config));
  touchstone_wasi_t* wasi = touchstone_wasi_new(config);
  touchstone_linker_t* linker = touchstone_linker_new(engine);
  CHECK(wasi && touchstone_linker_define_wasi(linker, wasi) && !touchstone_linker_define_wasi(linker, wasi));
  touchstone_wasi_delete(wasi);
  wasm_module_t* module = compile_text(store, PROGRAM);
  wasm_instance_t* instance = touchstone_linker_instantiate(linker, store, module, NULL);
  wasm_func_t* start = export_func(instance, "_start");
  wasm_trap_t* trap = wasm_func_call(start, NULL, NULL);
  uint32_t code = 0;
  CHECK(touchstone_trap_exit_code(trap, &code) && code == 3 && !touchstone_trap_exit_code(NULL, &code));
  TRAPS(trap, "exits with code 3");
  expect_file(out, "abcd");
  expect_file(err, "abcd");
  wasm_func_delete(start);
  wasm_instance_delete(instance);
  wasm_module_delete(module);
  touchstone_linker_delete(linker);
  /* One refusal, and no context is made of the rest. */
  config = touchstone_wasi_config_new();
  CHECK(!touchstone_wasi_config_dir(config, "/nowhere", "/") && !touchstone_wasi_config_clocks(config));
  CHECK(!touchstone_wasi_new(config));
  REFUSED("cannot open the directory /nowhere");
  config = touchstone_wasi_config_new();
  CHECK(!touchstone_wasi_config_env(config, "A=B", "") && !touchstone_wasi_config_arg(NULL, "a"));
  touchstone_wasi_config_delete(config);
}

/* A store that is in use is refused: to the finalizer of an object that a collection drops, and to another thread while
   a callback has it. */

static wasm_memory_t* watched;
static int refusals;

static void use_watched(void* info) {
  (void)info;
  CHECK(wasm_memory_size(watched) == 0);
  REFUSED("the store is in use");
  ++refusals;
}

static void* use_in_thread(void* info) {
  use_watched(info);
  return NULL;
}

static wasm_trap_t* start_thread(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  (void)args, (void)results;
  CHECK(wasm_memory_size(watched) == 1);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, use_in_thread, NULL) == 0);
  pthread_join(thread, NULL);
  CHECK(wasm_memory_size(watched) == 1);
  return NULL;
}

static void check_use(wasm_store_t* store) {
  wasm_instance_t* instance = instantiate(store, "(module (memory (export \"m\") 1) (table (export \"t\") 1 externref))");
  watched = wasm_extern_as_memory(touchstone_instance_export(instance, "m"));
  wasm_table_t* table = wasm_extern_as_table(touchstone_instance_export(instance, "t"));
  wasm_foreign_t* foreign = wasm_foreign_new(store);
  wasm_foreign_set_host_info_with_finalizer(foreign, store, use_watched);
  CHECK(wasm_table_set(table, 0, wasm_foreign_as_ref(foreign)));
  wasm_foreign_delete(foreign);
  CHECK(touchstone_store_collect(store) && refusals == 0 && wasm_table_set(table, 0, NULL));
  CHECK(touchstone_store_collect(store) && refusals == 1);
  wasm_functype_t* type = wasm_functype_new_0_0();
  wasm_func_t* func = wasm_func_new(store, type, start_thread);
  CHECK(!wasm_func_call(func, NULL, NULL) && refusals == 2);
  wasm_functype_delete(type);
  wasm_func_delete(func);
  wasm_table_delete(table);
  wasm_memory_delete(watched);
  wasm_instance_delete(instance);
}

int main(void) {
  wasm_engine_t* engine = test_engine();
  wasm_store_t* store = wasm_store_new(engine);
  check_errors(store);
  check_config();
  check_cache();
  check_limits();
  check_files(engine, store);
  check_v128(store);
  check_heap(store);
  check_memory64(store);
  check_table64(store);
  check_exceptions(engine, store);
  check_linker(engine, store);
  check_wasi(engine, store);
  check_use(store);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  puts("extensions: ok");
  return 0;
}
