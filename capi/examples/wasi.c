/* A program of WASI that prints, and ends with an exit code. */
#include "example.h"

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  touchstone_wasi_config_t* config = touchstone_wasi_config_new();
  touchstone_wasi_config_arg(config, "program");
  touchstone_wasi_config_inherit_stdio(config);
  touchstone_wasi_t* wasi = touchstone_wasi_new(config);
  touchstone_linker_t* linker = touchstone_linker_new(engine);
  if (!wasi || !touchstone_linker_define_wasi(linker, wasi)) fail("cannot provide WASI");

  wasm_module_t* module = compile(store,
      "(module (import \"wasi_snapshot_preview1\" \"fd_write\""
      "    (func $write (param i32 i32 i32 i32) (result i32)))"
      "  (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"
      "  (memory (export \"memory\") 1)"
      "  (data (i32.const 0) \"\\08\\00\\00\\00\\15\\00\\00\\00a program says hello\\n\")"
      "  (func (export \"_start\")"
      "    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))"
      "    (call $exit (i32.const 7))))");
  wasm_instance_t* instance = touchstone_linker_instantiate(linker, store, module, NULL);
  if (!instance) fail("cannot instantiate the program");
  wasm_func_t* start = exported(instance, "_start");
  wasm_trap_t* trap = wasm_func_call(start, NULL, NULL);
  uint32_t code = 0;
  if (touchstone_trap_exit_code(trap, &code)) printf("exit code %u\n", code);

  wasm_trap_delete(trap);
  wasm_func_delete(start);
  wasm_instance_delete(instance);
  wasm_module_delete(module);
  touchstone_linker_delete(linker);
  touchstone_wasi_delete(wasi);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  return 0;
}
