/* The functions that every type has, for each type: vectors, copies, identity, host info, conversions. */
#include "check.h"

static int finalized;

static void count(void* info) { finalized += *(int*)info; }

/* The functions of a type of vectors of pointers. Takes over `element`. */
#define CHECK_VEC(name, element) \
  do { \
    wasm_##name##_t* elements[] = {element}; \
    wasm_##name##_vec_t empty, room, vec, copy; \
    wasm_##name##_vec_new_empty(&empty); \
    CHECK(empty.size == 0); \
    wasm_##name##_vec_new_uninitialized(&room, 2); \
    CHECK(room.size == 2); \
    room.data[0] = wasm_##name##_copy(elements[0]); \
    room.data[1] = NULL; \
    wasm_##name##_vec_new(&vec, 1, elements); \
    CHECK(vec.size == 1 && vec.data[0] == elements[0]); \
    wasm_##name##_vec_copy(&copy, &vec); \
    CHECK(copy.size == 1 && copy.data != vec.data && copy.data[0] && copy.data[0] != vec.data[0]); \
    wasm_##name##_vec_delete(&copy); \
    CHECK(copy.size == 0 && !copy.data); \
    wasm_##name##_vec_copy(&copy, &room); \
    CHECK(copy.size == 2 && copy.data[0] && !copy.data[1]); \
    wasm_##name##_vec_delete(&copy); \
    wasm_##name##_vec_delete(&copy); \
    wasm_##name##_vec_delete(&vec); \
    wasm_##name##_vec_delete(&room); \
    wasm_##name##_vec_delete(&empty); \
    wasm_##name##_vec_delete(NULL); \
  } while (0)

/* The functions of a type of references. Takes over `object`; `other` is another object. */
#define CHECK_REF_BASE(prefix, name, object, other) \
  do { \
    prefix##name##_t* own_object = object; \
    prefix##name##_t* copy = prefix##name##_copy(own_object); \
    CHECK(copy && copy != own_object && !prefix##name##_copy(NULL)); \
    CHECK(prefix##name##_same(own_object, copy) && !prefix##name##_same(own_object, other)); \
    CHECK(prefix##name##_same(NULL, NULL) && !prefix##name##_same(copy, NULL)); \
    static int one = 1, ten = 10; \
    finalized = 0; \
    prefix##name##_set_host_info(copy, &one); \
    CHECK(prefix##name##_get_host_info(own_object) == &one && !prefix##name##_get_host_info(other)); \
    prefix##name##_set_host_info_with_finalizer(copy, &ten, count); \
    CHECK(prefix##name##_get_host_info(own_object) == &ten && finalized == 0); \
    prefix##name##_set_host_info(own_object, NULL); \
    CHECK(finalized == 10 && !prefix##name##_get_host_info(copy) && !prefix##name##_get_host_info(NULL)); \
    prefix##name##_set_host_info(NULL, &one); \
    prefix##name##_delete(copy); \
    prefix##name##_delete(NULL); \
    prefix##name##_delete(own_object); \
  } while (0)

/* The conversions between two types of pointers. `other` is an object of the second type, of another kind. */
#define CHECK_CAST(up, down, up_const, down_const, object, other) \
  do { \
    CHECK(down(up(object)) == object && !up(NULL) && !down(NULL)); \
    CHECK(down_const(up_const(object)) == object && !up_const(NULL) && !down_const(NULL)); \
    CHECK(!down(other) && !down_const(other)); \
  } while (0)

#define CHECK_TYPE_CAST(name, object, other) \
  CHECK_CAST(wasm_##name##_as_externtype, wasm_externtype_as_##name, wasm_##name##_as_externtype_const, \
             wasm_externtype_as_##name##_const, object, other)
#define CHECK_EXTERN_CAST(name, object, other) \
  CHECK_CAST(wasm_##name##_as_extern, wasm_extern_as_##name, wasm_##name##_as_extern_const, \
             wasm_extern_as_##name##_const, object, other)
#define CHECK_REF_CAST(name, object, other) \
  CHECK_CAST(wasm_##name##_as_ref, wasm_ref_as_##name, wasm_##name##_as_ref_const, wasm_ref_as_##name##_const, \
             object, other)

static const wasm_limits_t limits = {1, 2};

static wasm_tabletype_t* table_type(void) { return wasm_tabletype_new(wasm_valtype_new_funcref(), &limits); }
static wasm_globaltype_t* global_type(void) { return wasm_globaltype_new(wasm_valtype_new_i64(), WASM_VAR); }

static void check_types(void) {
  CHECK_VEC(valtype, wasm_valtype_new(WASM_I32));
  CHECK_VEC(functype, wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_f64()));
  CHECK_VEC(globaltype, global_type());
  CHECK_VEC(tabletype, table_type());
  CHECK_VEC(memorytype, wasm_memorytype_new(&limits));
  CHECK_VEC(externtype, wasm_memorytype_as_externtype(wasm_memorytype_new(&limits)));
  wasm_functype_t* func = wasm_functype_new_0_0();
  wasm_globaltype_t* global = global_type();
  wasm_tabletype_t* table = table_type();
  wasm_memorytype_t* memory = wasm_memorytype_new(&limits);
  wasm_externtype_t* other = wasm_functype_as_externtype(func);
  CHECK_TYPE_CAST(functype, func, wasm_globaltype_as_externtype(global));
  CHECK_TYPE_CAST(globaltype, global, other);
  CHECK_TYPE_CAST(tabletype, table, other);
  CHECK_TYPE_CAST(memorytype, memory, other);
  wasm_functype_delete(func);
  wasm_globaltype_delete(global);
  wasm_tabletype_delete(table);
  wasm_memorytype_delete(memory);
  wasm_valtype_delete(NULL);
  wasm_externtype_delete(NULL);
}

/* Names are taken over, so each type of an import makes its own. */
static void check_import_types(void) {
  wasm_name_t module, name;
  wasm_name_new_from_string(&module, "m");
  wasm_name_new_from_string_nt(&name, "n");
  wasm_externtype_t* type = wasm_memorytype_as_externtype(wasm_memorytype_new(&limits));
  wasm_importtype_t* import = wasm_importtype_new(&module, &name, wasm_externtype_copy(type));
  CHECK(module.size == 0 && name.size == 0);
  CHECK(wasm_importtype_module(import)->size == 1 && wasm_importtype_module(import)->data[0] == 'm');
  CHECK(wasm_importtype_name(import)->size == 2 && strcmp(wasm_importtype_name(import)->data, "n") == 0);
  CHECK(wasm_externtype_kind(wasm_importtype_type(import)) == WASM_EXTERN_MEMORY);
  CHECK_VEC(importtype, import);
  wasm_importtype_delete(NULL);
  wasm_name_new_from_string(&name, "e");
  wasm_exporttype_t* export_ = wasm_exporttype_new(&name, type);
  CHECK(wasm_exporttype_name(export_)->data[0] == 'e');
  CHECK(wasm_externtype_kind(wasm_exporttype_type(export_)) == WASM_EXTERN_MEMORY);
  CHECK_VEC(exporttype, export_);
  wasm_exporttype_delete(NULL);
}

static void check_values(void) {
  wasm_val_t values[] = {WASM_I32_VAL(-1), WASM_F64_VAL(2.5)};
  wasm_val_vec_t empty, room, vec, copy;
  wasm_val_vec_new_empty(&empty);
  wasm_val_vec_new_uninitialized(&room, 1);
  room.data[0] = values[0];
  wasm_val_vec_new(&vec, 2, values);
  wasm_val_vec_copy(&copy, &vec);
  CHECK(copy.size == 2 && copy.data[0].of.i32 == -1 && copy.data[1].kind == WASM_F64 && copy.data[1].of.f64 == 2.5);
  wasm_val_vec_delete(&empty);
  wasm_val_vec_delete(&room);
  wasm_val_vec_delete(&vec);
  wasm_val_vec_delete(&copy);
  wasm_val_t address;
  wasm_val_init_ptr(&address, values);
  CHECK(wasm_val_ptr(&address) == values);
  wasm_byte_vec_t bytes;
  wasm_byte_vec_new_uninitialized(&bytes, 3);
  memcpy(bytes.data, "abc", 3);
  wasm_byte_vec_t other;
  wasm_byte_vec_copy(&other, &bytes);
  CHECK(other.size == 3 && memcmp(other.data, "abc", 3) == 0);
  wasm_byte_vec_delete(&bytes);
  wasm_byte_vec_delete(&other);
  wasm_byte_vec_new_empty(&other);
  wasm_byte_vec_delete(&other);
}

static wasm_trap_t* callback(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  (void)args, (void)results;
  return NULL;
}

static wasm_func_t* func(wasm_store_t* store) {
  wasm_functype_t* type = wasm_functype_new_0_0();
  wasm_func_t* func = wasm_func_new(store, type, callback);
  wasm_functype_delete(type);
  return func;
}

static wasm_global_t* global(wasm_store_t* store) {
  wasm_globaltype_t* type = global_type();
  wasm_val_t value = WASM_I64_VAL(7);
  wasm_global_t* global = wasm_global_new(store, type, &value);
  wasm_globaltype_delete(type);
  return global;
}

static wasm_table_t* table(wasm_store_t* store) {
  wasm_tabletype_t* type = table_type();
  wasm_table_t* table = wasm_table_new(store, type, NULL);
  wasm_tabletype_delete(type);
  return table;
}

static wasm_memory_t* memory(wasm_store_t* store) {
  wasm_memorytype_t* type = wasm_memorytype_new(&limits);
  wasm_memory_t* memory = wasm_memory_new(store, type);
  wasm_memorytype_delete(type);
  return memory;
}

static touchstone_tag_t* tag(wasm_store_t* store) {
  touchstone_tag_t* tag = touchstone_tag_new(store, NULL);
  CHECK(tag);
  return tag;
}

static wasm_trap_t* trap(wasm_store_t* store) {
  wasm_message_t message;
  wasm_name_new_from_string_nt(&message, "a message");
  wasm_trap_t* trap = wasm_trap_new(store, &message);
  wasm_name_delete(&message);
  return trap;
}

static void check_externs(wasm_store_t* store) {
  wasm_func_t* f = func(store);
  wasm_global_t* g = global(store);
  wasm_table_t* t = table(store);
  wasm_memory_t* m = memory(store);
  touchstone_tag_t* e = tag(store);
  CHECK_EXTERN_CAST(func, f, wasm_global_as_extern(g));
  CHECK_EXTERN_CAST(global, g, wasm_func_as_extern(f));
  CHECK_EXTERN_CAST(table, t, wasm_func_as_extern(f));
  CHECK_EXTERN_CAST(memory, m, wasm_func_as_extern(f));
  CHECK_CAST(touchstone_tag_as_extern, touchstone_extern_as_tag, touchstone_tag_as_extern_const,
             touchstone_extern_as_tag_const, e, wasm_func_as_extern(f));
  CHECK(wasm_extern_kind(wasm_func_as_extern(f)) == WASM_EXTERN_FUNC);
  CHECK(wasm_extern_kind(wasm_global_as_extern(g)) == WASM_EXTERN_GLOBAL);
  CHECK(wasm_extern_kind(wasm_table_as_extern(t)) == WASM_EXTERN_TABLE);
  CHECK(wasm_extern_kind(wasm_memory_as_extern(m)) == WASM_EXTERN_MEMORY);
  CHECK(wasm_extern_kind(touchstone_tag_as_extern(e)) == TOUCHSTONE_EXTERN_TAG);
  wasm_externtype_t* type = wasm_extern_type(wasm_memory_as_extern(m));
  CHECK(wasm_memorytype_limits(wasm_externtype_as_memorytype(type))->max == 2);
  wasm_externtype_delete(type);
  CHECK_VEC(extern, wasm_func_as_extern(func(store)));
  CHECK_REF_BASE(wasm_, extern, wasm_func_as_extern(f), wasm_global_as_extern(g));
  wasm_global_delete(g);
  wasm_table_delete(t);
  wasm_memory_delete(m);
  touchstone_tag_delete(e);
}

#define CHECK_REF(name, first, second) \
  do { \
    wasm_##name##_t *one = first, *two = second; \
    CHECK_REF_CAST(name, one, other); \
    CHECK_REF_BASE(wasm_, name, one, two); \
    wasm_##name##_delete(two); \
  } while (0)

static void check_refs(wasm_store_t* store) {
  wasm_ref_t* other = wasm_foreign_as_ref(wasm_foreign_new(store));
  CHECK_REF(func, func(store), func(store));
  CHECK_REF(global, global(store), global(store));
  CHECK_REF(table, table(store), table(store));
  CHECK_REF(memory, memory(store), memory(store));
  CHECK_REF(trap, trap(store), trap(store));
  CHECK_REF(extern, wasm_func_as_extern(func(store)), wasm_func_as_extern(func(store)));
  wasm_module_t* module = compile_text(store, "(module)");
  CHECK_REF(instance, wasm_instance_new(store, module, NULL, NULL), wasm_instance_new(store, module, NULL, NULL));
  CHECK_REF(module, module, compile_text(store, "(module)"));
  touchstone_tag_t *one = tag(store), *two = tag(store);
  CHECK_CAST(touchstone_tag_as_ref, touchstone_ref_as_tag, touchstone_tag_as_ref_const, touchstone_ref_as_tag_const,
             one, other);
  CHECK_REF_BASE(touchstone_, tag, one, two);
  touchstone_tag_delete(two);
  wasm_ref_t* f = wasm_func_as_ref(func(store));
  wasm_foreign_t *foreign = wasm_foreign_new(store), *second = wasm_foreign_new(store);
  CHECK_REF_CAST(foreign, foreign, f);
  CHECK_REF_BASE(wasm_, foreign, foreign, second);
  CHECK_REF_BASE(wasm_, ref, wasm_foreign_as_ref(second), f);
  wasm_ref_delete(f);
  wasm_ref_delete(other);
}

/* Data that is still there when the store ends is freed then. */
static void check_end(wasm_engine_t* engine) {
  static int hundred = 100;
  wasm_store_t* store = wasm_store_new(engine);
  wasm_func_t* f = func(store);
  wasm_foreign_t* foreign = wasm_foreign_new(store);
  finalized = 0;
  wasm_func_set_host_info_with_finalizer(f, &hundred, count);
  wasm_foreign_set_host_info_with_finalizer(foreign, &hundred, count);
  wasm_store_delete(store);
  wasm_foreign_delete(foreign);
  CHECK(finalized == 100);
  wasm_func_delete(f);
  CHECK(finalized == 200);
}

int main(void) {
  wasm_engine_t* engine = test_engine();
  wasm_store_t* store = wasm_store_new(engine);
  check_types();
  check_import_types();
  check_values();
  check_externs(store);
  check_refs(store);
  wasm_store_delete(store);
  check_end(engine);
  wasm_engine_delete(engine);
  puts("families: ok");
  return 0;
}
