/* An artifact in a file: compiled once, loaded without compiling. */
#include <unistd.h>

#include "example.h"

int main(void) {
  char path[] = "/tmp/artifact-XXXXXX";
  if (mkstemp(path) < 0) return 1;
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  wasm_module_t* module = compile(store, "(module (func (export \"answer\") (result i32) (i32.const 42)))");
  if (!touchstone_module_write(module, path)) fail("cannot write the artifact");
  wasm_module_delete(module);

  wasm_module_t* loaded = touchstone_module_read(store, path);
  if (!loaded) fail("cannot load the artifact");
  wasm_instance_t* instance = instantiate(store, loaded, NULL);
  wasm_func_t* answer = exported(instance, "answer");
  wasm_val_vec_t none = WASM_EMPTY_VEC;
  printf("answer() = %d\n", call(answer, none));

  /* An engine that is configured otherwise refuses the artifact, and says why. */
  wasm_config_t* config = wasm_config_new();
  touchstone_config_fuel(config, true);
  wasm_engine_t* other = wasm_engine_new_with_config(config);
  wasm_store_t* other_store = wasm_store_new(other);
  if (!touchstone_module_read(other_store, path)) {
    touchstone_error_t* error = touchstone_last_error();
    printf("refused as an artifact: %s\n", touchstone_error_kind(error) == TOUCHSTONE_ERROR_ARTIFACT ? "yes" : "no");
    touchstone_error_delete(error);
  }

  remove(path);
  wasm_func_delete(answer);
  wasm_instance_delete(instance);
  wasm_store_delete(other_store);
  wasm_engine_delete(other);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  return 0;
}
