/* The layouts of structures and the numbers of kinds. The RUST_ macros are what the library has, from the test. */
#include <stddef.h>

#include "check.h"

#define SAME(c, rust) _Static_assert((c) == (rust), #c)

SAME(sizeof(wasm_val_t), RUST_VAL_SIZE);
SAME(offsetof(wasm_val_t, of), RUST_VAL_OF);
SAME(sizeof(wasm_byte_vec_t), RUST_VEC_SIZE);
SAME(offsetof(wasm_byte_vec_t, data), RUST_VEC_DATA);
SAME(sizeof(wasm_val_vec_t), RUST_VEC_SIZE);
SAME(sizeof(wasm_extern_vec_t), RUST_VEC_SIZE);
SAME(sizeof(wasm_limits_t), RUST_LIMITS_SIZE);
SAME(offsetof(wasm_limits_t, max), RUST_LIMITS_MAX);
SAME(sizeof(touchstone_limits_t), RUST_WIDE_LIMITS_SIZE);
SAME(offsetof(touchstone_limits_t, page_size_log2), RUST_WIDE_LIMITS_LAST);
SAME(sizeof(touchstone_store_limits_t), RUST_STORE_LIMITS_SIZE);
SAME(offsetof(touchstone_store_limits_t, tables), RUST_STORE_LIMITS_LAST);
SAME(sizeof(wasm_valkind_t), 1);
SAME(sizeof(wasm_externkind_t), 1);
SAME(WASM_F64, RUST_F64);
SAME(WASM_FUNCREF, RUST_FUNCREF);
SAME(WASM_EXTERN_MEMORY, RUST_EXTERN_MEMORY);
SAME(WASM_VAR, RUST_VAR);

int main(void) {
  /* Each kind is that of the type that it makes. */
  const wasm_valkind_t kinds[] = {WASM_I32,     WASM_I64,        WASM_F32,          WASM_F64,         WASM_EXTERNREF,
                                  WASM_FUNCREF, TOUCHSTONE_V128, TOUCHSTONE_EXNREF, TOUCHSTONE_ANYREF};
  for (size_t i = 0; i < sizeof kinds; ++i) {
    wasm_valtype_t* type = wasm_valtype_new(kinds[i]);
    CHECK(type && wasm_valtype_kind(type) == kinds[i] && wasm_valtype_is_ref(type) == (kinds[i] >= WASM_EXTERNREF));
    CHECK(wasm_valtype_is_num(type) != wasm_valtype_is_ref(type));
    wasm_valtype_delete(type);
  }
  CHECK(!wasm_valtype_new(77));
  REFUSED("no type of values has the number 77");
  puts("layout: ok");
  return 0;
}
