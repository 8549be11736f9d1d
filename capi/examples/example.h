/* What all examples do: make a module of text, and end the program where nothing can be done. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <touchstone.h>

/* Ends the program with the reason of the latest failure. */
static inline void fail(const char* what) {
  touchstone_error_t* error = touchstone_last_error();
  wasm_name_t message;
  touchstone_error_message(error, &message);
  fprintf(stderr, "%s: %s\n", what, message.data);
  exit(1);
}

/* Prints a trap, with its frames, and deletes it. */
static inline void print_trap(wasm_trap_t* trap) {
  wasm_message_t message;
  wasm_trap_message(trap, &message);
  printf("trap: %s\n", message.data);
  wasm_name_delete(&message);
  wasm_frame_vec_t frames;
  wasm_trap_trace(trap, &frames);
  for (size_t i = 0; i < frames.size; ++i) {
    wasm_name_t name;
    const char* text = touchstone_frame_func_name(frames.data[i], &name) ? name.data : "?";
    printf("  %zu: %s at byte 0x%zx\n", i, text, wasm_frame_module_offset(frames.data[i]));
    wasm_name_delete(&name);
  }
  wasm_frame_vec_delete(&frames);
  wasm_trap_delete(trap);
}

/* Compiles a module in text form. */
static inline wasm_module_t* compile(wasm_store_t* store, const char* text) {
  wasm_module_t* module = touchstone_module_new_text(store, text, strlen(text));
  if (!module) fail("cannot compile the module");
  return module;
}

/* Instantiates a module, which it deletes, with its imports in the module's order. */
static inline wasm_instance_t* instantiate(wasm_store_t* store, wasm_module_t* module, wasm_extern_vec_t* imports) {
  wasm_instance_t* instance = wasm_instance_new(store, module, imports, NULL);
  if (!instance) fail("cannot instantiate the module");
  wasm_module_delete(module);
  return instance;
}

/* Returns the exported function of a name, which the caller owns. */
static inline wasm_func_t* exported(wasm_instance_t* instance, const char* name) {
  wasm_extern_t* item = touchstone_instance_export(instance, name);
  if (!item) fail("cannot find the export");
  return wasm_extern_as_func(item);
}

/* Calls a function of integers. */
static inline int32_t call(wasm_func_t* func, wasm_val_vec_t args) {
  wasm_val_t result[] = {WASM_I32_VAL(0)};
  wasm_val_vec_t results = WASM_ARRAY_VEC(result);
  wasm_trap_t* trap = wasm_func_call(func, &args, &results);
  if (trap) print_trap(trap);
  return result[0].of.i32;
}

#endif
