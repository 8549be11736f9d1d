/* A trap, with the names and offsets of its frames. */
#include "example.h"

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  wasm_module_t* module = compile(store,
      "(module (func $divide (param i32) (result i32) (i32.div_u (i32.const 84) (local.get 0)))"
      "  (func $run (export \"run\") (param i32) (result i32) (call $divide (local.get 0))))");
  wasm_instance_t* instance = instantiate(store, module, NULL);
  wasm_func_t* run = exported(instance, "run");

  wasm_val_t args[] = {WASM_I32_VAL(2)};
  wasm_val_vec_t vec = WASM_ARRAY_VEC(args);
  printf("84 / 2 = %d\n", call(run, vec));
  args[0].of.i32 = 0;
  call(run, vec);

  wasm_func_delete(run);
  wasm_instance_delete(instance);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  return 0;
}
