/* A planted fault for the checkers of memory: the store is never deleted. */
#include "check.h"

int main(void) {
  wasm_engine_t* engine = test_engine();
  CHECK(wasm_store_new(engine));
  wasm_engine_delete(engine);
  puts("leak: ok");
  return 0;
}
