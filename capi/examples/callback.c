/* Functions of the host: one that prints, and one that counts in the program's own data. */
#include "example.h"

static wasm_trap_t* print(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  (void)results;
  printf("print(%d)\n", args->data[0].of.i32);
  return NULL;
}

static wasm_trap_t* next(void* env, const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  (void)args;
  wasm_val_t value = WASM_I32_VAL(++*(int32_t*)env);
  results->data[0] = value;
  return NULL;
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  wasm_module_t* module = compile(store,
      "(module (import \"host\" \"print\" (func $print (param i32)))"
      "  (import \"host\" \"next\" (func $next (result i32)))"
      "  (func (export \"run\") (call $print (call $next)) (call $print (call $next))))");

  int32_t count = 40;
  wasm_functype_t* print_type = wasm_functype_new_1_0(wasm_valtype_new_i32());
  wasm_functype_t* next_type = wasm_functype_new_0_1(wasm_valtype_new_i32());
  wasm_func_t* print_func = wasm_func_new(store, print_type, print);
  wasm_func_t* next_func = wasm_func_new_with_env(store, next_type, next, &count, NULL);
  wasm_extern_t* items[] = {wasm_func_as_extern(print_func), wasm_func_as_extern(next_func)};
  wasm_extern_vec_t imports = WASM_ARRAY_VEC(items);
  wasm_instance_t* instance = instantiate(store, module, &imports);

  wasm_func_t* run = exported(instance, "run");
  wasm_val_vec_t none = WASM_EMPTY_VEC;
  if (wasm_func_call(run, &none, &none)) fail("cannot run");
  printf("counted to %d\n", count);

  wasm_func_delete(run);
  wasm_func_delete(print_func);
  wasm_func_delete(next_func);
  wasm_functype_delete(print_type);
  wasm_functype_delete(next_type);
  wasm_instance_delete(instance);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  return 0;
}
