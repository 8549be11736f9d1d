/* A table of functions, which the program changes. */
#include "example.h"

static wasm_trap_t* negate(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  wasm_val_t value = WASM_I32_VAL(-args->data[0].of.i32);
  results->data[0] = value;
  return NULL;
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  wasm_module_t* module = compile(store,
      "(module (type $f (func (param i32) (result i32))) (table (export \"table\") 2 funcref)"
      "  (elem (i32.const 0) $double) (func $double (type $f) (i32.mul (local.get 0) (i32.const 2)))"
      "  (func $call (export \"call\") (param i32 i32) (result i32)"
      "    (call_indirect (type $f) (local.get 0) (local.get 1))))");
  wasm_instance_t* instance = instantiate(store, module, NULL);
  wasm_table_t* table = wasm_extern_as_table(touchstone_instance_export(instance, "table"));
  wasm_func_t* call_indirect = exported(instance, "call");

  wasm_functype_t* type = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
  wasm_func_t* negate_func = wasm_func_new(store, type, negate);
  wasm_functype_delete(type);
  if (!wasm_table_set(table, 1, wasm_func_as_ref(negate_func))) fail("cannot set the element");
  wasm_func_delete(negate_func);

  for (int32_t i = 0; i <= 2; ++i) {
    wasm_val_t args[] = {WASM_I32_VAL(21), WASM_I32_VAL(i)};
    wasm_val_vec_t vec = WASM_ARRAY_VEC(args);
    printf("table[%d](21) = %d\n", i, call(call_indirect, vec));
  }

  wasm_func_delete(call_indirect);
  wasm_table_delete(table);
  wasm_instance_delete(instance);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  return 0;
}
