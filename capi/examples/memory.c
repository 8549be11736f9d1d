/* A memory: the program reads and writes its bytes, and grows it. */
#include "example.h"

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  wasm_module_t* module = compile(store,
      "(module (memory (export \"memory\") 1 3) (data (i32.const 8) \"hello\")"
      "  (func $load (export \"load\") (param i32) (result i32) (i32.load8_u (local.get 0))))");
  wasm_instance_t* instance = instantiate(store, module, NULL);
  wasm_memory_t* memory = wasm_extern_as_memory(touchstone_instance_export(instance, "memory"));
  wasm_func_t* load = exported(instance, "load");

  byte_t* data = wasm_memory_data(memory);
  printf("%.5s, in %zu bytes\n", data + 8, wasm_memory_data_size(memory));
  data[8] = 'j';
  wasm_val_t args[] = {WASM_I32_VAL(8)};
  wasm_val_vec_t vec = WASM_ARRAY_VEC(args);
  printf("load(8) = %c\n", call(load, vec));
  printf("grown by 2: %s\n", wasm_memory_grow(memory, 2) ? "yes" : "no");
  printf("grown by 1 more: %s\n", wasm_memory_grow(memory, 1) ? "yes" : "no");
  printf("%u pages at the same address: %s\n", wasm_memory_size(memory),
         wasm_memory_data(memory) == data ? "yes" : "no");
  args[0].of.i32 = 3 * 65536;
  call(load, vec);

  wasm_func_delete(load);
  wasm_memory_delete(memory);
  wasm_instance_delete(instance);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  return 0;
}
