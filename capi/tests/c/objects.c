/* The standard interface at work: calls in both directions, references, traps, and what it refuses. */
#include "check.h"

static const char* const MODULE =
    "(module $m (import \"\" \"f\" (func $f (param i32 i64 f32 f64 externref funcref) (result f64 externref)))\n"
    "  (import \"\" \"g\" (func $g (param i32) (result i32)))\n"
    "  (func (export \"f\") (param i32 i64 f32 f64 externref funcref) (result f64 externref)\n"
    "    (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)))\n"
    "  (func $recurse (export \"g\") (param i32) (result i32) (call $g (local.get 0)))\n"
    "  (func (export \"div\") (param i32) (result i32) (i32.div_u (i32.const 6) (local.get 0)))\n"
    "  (table (export \"t\") 2 4 externref) (global (export \"mut\") (mut externref) (ref.null extern))\n"
    "  (global (export \"const\") i32 (i32.const 42)) (memory (export \"m\") 1 2))";

enum { F, G, DIV, TABLE, MUT, CONST, MEMORY };

typedef struct {
  wasm_store_t* store;
  wasm_extern_vec_t exports;
  int depth, finalized;
} state_t;

static wasm_trap_t* take_all(void* env, const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  (void)env;
  CHECK(args->size == 6 && results->size == 2);
  CHECK(args->data[0].kind == WASM_I32 && args->data[0].of.i32 == -1);
  CHECK(args->data[1].kind == WASM_I64 && args->data[1].of.i64 == INT64_MIN);
  CHECK(args->data[2].kind == WASM_F32 && args->data[2].of.f32 == 0.5f);
  CHECK(args->data[3].kind == WASM_F64 && args->data[3].of.f64 == -0.25);
  CHECK(args->data[4].kind == WASM_EXTERNREF && args->data[5].kind == WASM_FUNCREF);
  CHECK(!args->data[5].of.ref || wasm_ref_as_func(args->data[5].of.ref));
  wasm_val_copy(&results->data[0], &args->data[3]);
  wasm_val_copy(&results->data[1], &args->data[4]);
  return NULL;
}

/* Calls WebAssembly again, down to a trap or a wrong result. */
static wasm_trap_t* recurse(void* env, const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  state_t* state = env;
  int32_t n = args->data[0].of.i32;
  ++state->depth;
  /* The store is usable while the callback runs. */
  wasm_memory_t* memory = wasm_extern_as_memory(state->exports.data[MEMORY]);
  CHECK(memory && wasm_memory_size(memory) == 1);
  if (n == 0) {
    wasm_message_t message;
    wasm_name_new_from_string_nt(&message, "the bottom");
    wasm_trap_t* trap = wasm_trap_new(state->store, &message);
    wasm_name_delete(&message);
    return trap;
  }
  if (n == 100) {
    wasm_val_t wrong = WASM_I64_VAL(1);
    results->data[0] = wrong;
    return NULL;
  }
  if (n == 101) {
    results->size = 1000;
    return NULL;
  }
  wasm_val_t arg[] = {WASM_I32_VAL(n == 1000 ? 0 : n - 1)};
  wasm_val_vec_t next = WASM_ARRAY_VEC(arg);
  return wasm_func_call(wasm_extern_as_func(state->exports.data[n == 1000 ? DIV : G]), &next, results);
}

static void finalize(void* env) { ((state_t*)env)->finalized++; }

static wasm_trap_t* call(state_t* state, size_t index, int32_t arg, int32_t* result) {
  wasm_val_t args[] = {WASM_I32_VAL(arg)}, results[] = {WASM_INIT_VAL};
  wasm_val_vec_t args_vec = WASM_ARRAY_VEC(args), results_vec = WASM_ARRAY_VEC(results);
  wasm_trap_t* trap = wasm_func_call(wasm_extern_as_func(state->exports.data[index]), &args_vec, &results_vec);
  if (!trap) *result = results[0].of.i32;
  return trap;
}

static wasm_func_t* host_func(state_t* state, const wasm_functype_t* type, wasm_func_callback_with_env_t callback) {
  wasm_func_t* func = wasm_func_new_with_env(state->store, type, callback, state, finalize);
  CHECK(func);
  return func;
}

static void instantiate(state_t* state, wasm_store_t* store) {
  wasm_module_t* module = compile_text(store, MODULE);
  wasm_importtype_vec_t imports;
  wasm_module_imports(module, &imports);
  CHECK(imports.size == 2 && wasm_importtype_module(imports.data[0])->size == 0);
  state->store = store;
  const wasm_externtype_t* type = wasm_importtype_type(imports.data[0]);
  wasm_func_t* f = host_func(state, wasm_externtype_as_functype_const(type), take_all);
  type = wasm_importtype_type(imports.data[1]);
  wasm_func_t* g = host_func(state, wasm_externtype_as_functype_const(type), recurse);
  wasm_importtype_vec_delete(&imports);
  wasm_extern_t* items[] = {wasm_func_as_extern(f), wasm_func_as_extern(g)};
  wasm_extern_vec_t vec = WASM_ARRAY_VEC(items);
  wasm_trap_t* trap = (wasm_trap_t*)state;
  wasm_instance_t* instance = wasm_instance_new(store, module, &vec, &trap);
  CHECK(instance && !trap);
  wasm_instance_exports(instance, &state->exports);
  CHECK(state->exports.size == 7);
  wasm_exporttype_vec_t exports;
  wasm_module_exports(module, &exports);
  CHECK(exports.size == 7 && memcmp(wasm_exporttype_name(exports.data[DIV])->data, "div", 3) == 0);
  wasm_exporttype_vec_delete(&exports);
  /* Too few imports, one of the wrong type, none at all. */
  wasm_extern_t* swapped[] = {items[1], items[0]};
  wasm_extern_vec_t wrong = WASM_ARRAY_VEC(swapped);
  CHECK(!wasm_instance_new(store, module, &wrong, &trap));
  TRAPS(trap, "f");
  CHECK(!wasm_instance_new(store, module, NULL, NULL));
  REFUSED("import");
  swapped[0] = NULL;
  CHECK(!wasm_instance_new(store, module, &wrong, NULL));
  REFUSED("item 0 of the vector is null");
  wasm_func_delete(f);
  wasm_func_delete(g);
  wasm_module_delete(module);
  wasm_instance_delete(instance);
}

static void check_types(state_t* state) {
  wasm_func_t* f = wasm_extern_as_func(state->exports.data[F]);
  CHECK(wasm_func_param_arity(f) == 6 && wasm_func_result_arity(f) == 2);
  wasm_functype_t* type = wasm_func_type(f);
  CHECK(wasm_functype_params(type)->size == 6 && wasm_functype_results(type)->size == 2);
  CHECK(wasm_valtype_kind(wasm_functype_params(type)->data[5]) == WASM_FUNCREF);
  wasm_functype_delete(type);
  wasm_globaltype_t* global = wasm_global_type(wasm_extern_as_global(state->exports.data[MUT]));
  CHECK(wasm_globaltype_mutability(global) == WASM_VAR);
  CHECK(wasm_valtype_kind(wasm_globaltype_content(global)) == WASM_EXTERNREF);
  wasm_globaltype_delete(global);
  wasm_tabletype_t* table = wasm_table_type(wasm_extern_as_table(state->exports.data[TABLE]));
  CHECK(wasm_tabletype_limits(table)->min == 2 && wasm_tabletype_limits(table)->max == 4);
  CHECK(wasm_valtype_kind(wasm_tabletype_element(table)) == WASM_EXTERNREF);
  wasm_tabletype_delete(table);
  wasm_memorytype_t* memory = wasm_memory_type(wasm_extern_as_memory(state->exports.data[MEMORY]));
  CHECK(wasm_memorytype_limits(memory)->min == 1 && wasm_memorytype_limits(memory)->max == 2);
  wasm_memorytype_delete(memory);
}

/* Every kind of value goes in and out. */
static void check_calls(state_t* state) {
  wasm_func_t* f = wasm_extern_as_func(state->exports.data[F]);
  wasm_foreign_t* foreign = wasm_foreign_new(state->store);
  wasm_val_t args[] = {WASM_I32_VAL(-1),   WASM_I64_VAL(INT64_MIN),         WASM_F32_VAL(0.5f),
                       WASM_F64_VAL(-0.25), WASM_REF_VAL(wasm_foreign_as_ref(foreign)),
                       WASM_REF_VAL(wasm_func_as_ref(f))};
  wasm_val_t results[] = {WASM_INIT_VAL, WASM_INIT_VAL};
  wasm_val_vec_t args_vec = WASM_ARRAY_VEC(args), results_vec = WASM_ARRAY_VEC(results);
  CHECK(!wasm_func_call(f, &args_vec, &results_vec));
  CHECK(results[0].of.f64 == -0.25 && wasm_ref_same(results[1].of.ref, wasm_foreign_as_ref(foreign)));
  wasm_val_delete(&results[1]);
  CHECK(!results[1].of.ref);
  wasm_val_delete(&results[1]);
  /* An object of any kind is an externref. */
  args[4].of.ref = wasm_extern_as_ref(state->exports.data[TABLE]);
  args[5].of.ref = NULL;
  CHECK(!wasm_func_call(f, &args_vec, &results_vec));
  CHECK(wasm_ref_as_table(results[1].of.ref) && !wasm_ref_as_func(results[1].of.ref));
  wasm_val_delete(&results[1]);
  args[5].of.ref = wasm_foreign_as_ref(foreign);
  TRAPS(wasm_func_call(f, &args_vec, &results_vec), "this object is no funcref");
  wasm_val_t wrong = WASM_I64_VAL(0);
  args[0] = wrong;
  TRAPS(wasm_func_call(f, &args_vec, &results_vec), "a value of kind 1 is no i32");
  TRAPS(wasm_func_call(f, NULL, &results_vec), "has 6 parameters, but 0 values were given");
  wasm_foreign_delete(foreign);
  int32_t result;
  CHECK(!call(state, DIV, 2, &result) && result == 3);
  wasm_val_t two[] = {WASM_I32_VAL(2)};
  wasm_val_vec_t one_arg = WASM_ARRAY_VEC(two);
  TRAPS(wasm_func_call(wasm_extern_as_func(state->exports.data[DIV]), &one_arg, NULL), "room for 0 results");
}

#define CHECK_FRAME(frame, index) \
  CHECK(frame && wasm_frame_func_index(frame) == index && wasm_frame_module_offset(frame) > 0 && \
        wasm_frame_func_offset(frame) == 0 && !wasm_frame_instance(frame))

static void check_frames(wasm_trap_t* trap) {
  wasm_frame_t* origin = wasm_trap_origin(trap);
  CHECK_FRAME(origin, 4);
  wasm_frame_vec_t trace, copy, other;
  wasm_trap_trace(trap, &trace);
  CHECK(trace.size == 2);
  CHECK_FRAME(trace.data[1], 3);
  wasm_frame_vec_copy(&copy, &trace);
  CHECK(copy.size == 2 && copy.data[0] != trace.data[0]);
  wasm_frame_vec_delete(&copy);
  wasm_frame_vec_new_empty(&other);
  wasm_frame_vec_delete(&other);
  wasm_frame_vec_new_uninitialized(&other, 1);
  other.data[0] = wasm_frame_copy(origin);
  wasm_frame_vec_delete(&other);
  wasm_frame_t* frames[] = {origin};
  wasm_frame_vec_new(&other, 1, frames);
  wasm_frame_vec_delete(&other);
  wasm_frame_vec_delete(&trace);
  wasm_frame_delete(NULL);
}

static void check_traps(state_t* state) {
  int32_t result;
  TRAPS(call(state, DIV, 0, &result), "integer divide by zero");
  /* WebAssembly, host, WebAssembly: one trace. */
  wasm_trap_t* trap = call(state, G, 1000, &result);
  CHECK(trap);
  check_frames(trap);
  TRAPS(trap, "integer divide by zero");
  state->depth = 0;
  trap = call(state, G, 9, &result);
  CHECK(trap && state->depth == 10);
  wasm_frame_vec_t trace;
  wasm_trap_trace(trap, &trace);
  CHECK(trace.size == 10);
  wasm_frame_vec_delete(&trace);
  wasm_trap_t* copy = wasm_trap_copy(trap);
  CHECK(wasm_trap_same(copy, trap));
  wasm_trap_delete(copy);
  TRAPS(trap, "the bottom");
  TRAPS(call(state, G, 100, &result), "a value of kind 1 is no i32");
  TRAPS(call(state, G, 101, &result), "must not replace their vector");
}

static void check_items(state_t* state) {
  wasm_table_t* table = wasm_extern_as_table(state->exports.data[TABLE]);
  wasm_ref_t* ref = wasm_foreign_as_ref(wasm_foreign_new(state->store));
  CHECK(wasm_table_size(table) == 2 && wasm_table_set(table, 1, ref) && !wasm_table_get(table, 0));
  wasm_ref_t* element = wasm_table_get(table, 1);
  CHECK(wasm_ref_same(element, ref));
  wasm_ref_delete(element);
  CHECK(!wasm_table_set(table, 2, ref) && !wasm_table_get(table, 2));
  REFUSED("out of bounds table access");
  CHECK(wasm_table_grow(table, 2, ref) && wasm_table_size(table) == 4 && !wasm_table_grow(table, 1, NULL));
  REFUSED("cannot grow");
  wasm_global_t* global = wasm_extern_as_global(state->exports.data[MUT]);
  wasm_val_t value = WASM_REF_VAL(ref), got;
  wasm_global_set(global, &value);
  wasm_global_get(global, &got);
  CHECK(got.kind == WASM_EXTERNREF && wasm_ref_same(got.of.ref, ref));
  wasm_val_delete(&got);
  wasm_ref_delete(ref);
  wasm_global_t* constant = wasm_extern_as_global(state->exports.data[CONST]);
  wasm_val_t one = WASM_I32_VAL(1);
  wasm_global_set(constant, &one);
  REFUSED("immutable");
  wasm_global_get(constant, &got);
  CHECK(got.kind == WASM_I32 && got.of.i32 == 42);
  wasm_memory_t* memory = wasm_extern_as_memory(state->exports.data[MEMORY]);
  byte_t* data = wasm_memory_data(memory);
  CHECK(wasm_memory_data_size(memory) == MEMORY_PAGE_SIZE && data[MEMORY_PAGE_SIZE - 1] == 0);
  data[1] = 7;
  CHECK(wasm_memory_grow(memory, 1) && wasm_memory_size(memory) == 2 && wasm_memory_data(memory) == data);
  CHECK(data[1] == 7 && data[2 * MEMORY_PAGE_SIZE - 1] == 0 && !wasm_memory_grow(memory, 1));
}

static void check_modules(wasm_engine_t* engine, wasm_store_t* store) {
  wasm_byte_vec_t binary, artifact;
  CHECK(touchstone_text_to_binary(MODULE, strlen(MODULE), &binary) && wasm_module_validate(store, &binary));
  wasm_module_t* module = wasm_module_new(store, &binary);
  wasm_module_serialize(module, &artifact);
  wasm_module_t* loaded = wasm_module_deserialize(store, &artifact);
  CHECK(module && loaded && artifact.size > binary.size && !wasm_module_same(module, loaded));
  artifact.data[artifact.size / 2] ^= 1;
  CHECK(!wasm_module_deserialize(store, &artifact));
  REFUSED("altered");
  binary.data[8] = 0x7f;
  CHECK(!wasm_module_validate(store, &binary) && !wasm_module_new(store, &binary));
  binary.data[0] = '(';
  CHECK(!wasm_module_validate(store, &binary));
  REFUSED("a binary module starts with a zero byte");
  wasm_byte_vec_delete(&binary);
  wasm_byte_vec_delete(&artifact);
  wasm_shared_module_t* shared = wasm_module_share(module);
  wasm_store_t* other = wasm_store_new(engine);
  wasm_module_t* obtained = wasm_module_obtain(other, shared);
  CHECK(obtained);
  wasm_module_delete(obtained);
  wasm_store_delete(other);
  wasm_engine_t* stranger = test_engine();
  other = wasm_store_new(stranger);
  CHECK(!wasm_module_obtain(other, shared));
  REFUSED("belongs to another engine");
  wasm_store_delete(other);
  wasm_engine_delete(stranger);
  wasm_shared_module_delete(shared);
  wasm_module_delete(module);
  wasm_module_delete(loaded);
}

/* An object of another store is refused, whatever it is used for. */
static void check_strangers(wasm_engine_t* engine, state_t* state) {
  wasm_store_t* other = wasm_store_new(engine);
  wasm_ref_t* stranger = wasm_foreign_as_ref(wasm_foreign_new(other));
  CHECK(!wasm_table_set(wasm_extern_as_table(state->exports.data[TABLE]), 0, stranger));
  REFUSED("belongs to another store");
  wasm_module_t* module = compile_text(other, "(module (import \"\" \"\" (memory 1)))");
  wasm_extern_t* items[] = {state->exports.data[MEMORY]};
  wasm_extern_vec_t vec = WASM_ARRAY_VEC(items);
  CHECK(!wasm_instance_new(other, module, &vec, NULL));
  REFUSED("another store");
  wasm_module_delete(module);
  wasm_store_delete(other);
  wasm_ref_delete(stranger);
}

/* Null where an object belongs is refused, never followed. */
static void check_nulls(wasm_store_t* store) {
  CHECK(!wasm_store_new(NULL) && !wasm_foreign_new(NULL) && !wasm_trap_new(NULL, NULL));
  CHECK(!wasm_module_new(store, NULL) && !wasm_module_new(NULL, NULL) && !wasm_module_validate(NULL, NULL));
  CHECK(!wasm_func_new(store, NULL, NULL) && !wasm_func_type(NULL) && !wasm_func_call(NULL, NULL, NULL));
  CHECK(!wasm_global_new(store, NULL, NULL) && !wasm_table_new(NULL, NULL, NULL) && !wasm_memory_new(store, NULL));
  CHECK(!wasm_table_get(NULL, 0) && !wasm_memory_data(NULL) && wasm_memory_size(NULL) == 0);
  CHECK(!wasm_instance_new(store, NULL, NULL, NULL) && !wasm_extern_type(NULL) && wasm_extern_kind(NULL) == 255);
  CHECK(!wasm_tabletype_new(wasm_valtype_new_i32(), NULL) && !wasm_memorytype_new(NULL));
  CHECK(!wasm_functype_params(NULL) && !wasm_importtype_name(NULL) && !wasm_exporttype_type(NULL));
  wasm_store_delete(NULL);
  wasm_engine_delete(NULL);
  wasm_config_delete(NULL);
  wasm_config_delete(wasm_config_new());
  wasm_engine_t* engine = wasm_engine_new_with_config(NULL);
  CHECK(engine);
  wasm_engine_delete(engine);
  engine = wasm_engine_new();
  CHECK(engine);
  wasm_engine_delete(engine);
}

int main(void) {
  wasm_engine_t* engine = test_engine();
  wasm_store_t* store = wasm_store_new(engine);
  state_t state = {0};
  instantiate(&state, store);
  check_types(&state);
  check_calls(&state);
  check_traps(&state);
  check_items(&state);
  check_modules(engine, store);
  check_strangers(engine, &state);
  check_nulls(store);
  /* Objects outlive the handles of their store and engine. */
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  int32_t result;
  CHECK(!call(&state, DIV, 3, &result) && result == 2 && state.finalized == 0);
  wasm_extern_vec_delete(&state.exports);
  CHECK(state.finalized == 2);
  puts("objects: ok");
  return 0;
}
