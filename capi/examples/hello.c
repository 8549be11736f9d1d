/* A first program: compile a module, and call its function. */
#include "example.h"

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  wasm_module_t* module = compile(store,
      "(module (func (export \"add\") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))");
  wasm_instance_t* instance = instantiate(store, module, NULL);
  wasm_func_t* add = exported(instance, "add");

  wasm_val_t args[] = {WASM_I32_VAL(2), WASM_I32_VAL(3)};
  wasm_val_vec_t vec = WASM_ARRAY_VEC(args);
  printf("2 + 3 = %d\n", call(add, vec));

  wasm_func_delete(add);
  wasm_instance_delete(instance);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  return 0;
}
