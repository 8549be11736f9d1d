// Both headers in a program in C++, and a call.
#include <cstdio>
#include <cstring>
#include <memory>

#include "touchstone.h"
#include "wasm.h"

template <typename T, void (*Delete)(T*)>
struct Deleter {
  void operator()(T* object) const { Delete(object); }
};

int main() {
  std::unique_ptr<wasm_engine_t, Deleter<wasm_engine_t, wasm_engine_delete>> engine(wasm_engine_new());
  std::unique_ptr<wasm_store_t, Deleter<wasm_store_t, wasm_store_delete>> store(wasm_store_new(engine.get()));
  const char* text = "(module (func (export \"f\") (result i64) (i64.const 42)))";
  std::unique_ptr<wasm_module_t, Deleter<wasm_module_t, wasm_module_delete>> module(
      touchstone_module_new_text(store.get(), text, std::strlen(text)));
  std::unique_ptr<wasm_instance_t, Deleter<wasm_instance_t, wasm_instance_delete>> instance(
      wasm_instance_new(store.get(), module.get(), nullptr, nullptr));
  std::unique_ptr<wasm_extern_t, Deleter<wasm_extern_t, wasm_extern_delete>> item(
      touchstone_instance_export(instance.get(), "f"));
  wasm_val_t result = WASM_INIT_VAL;
  wasm_val_vec_t results = {1, &result};
  if (wasm_func_call(wasm_extern_as_func(item.get()), nullptr, &results) || result.of.i64 != 42) return 1;
  std::puts("program: ok");
  return 0;
}
