/* Shared by the test programs: checks that end the program, and modules in text form. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "touchstone.h"
#include "wasm.h"

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "%s:%d: false: %s\n", __FILE__, __LINE__, #condition); \
      print_last_error(); \
      exit(1); \
    } \
  } while (0)

/* Prints the reason of the latest failure, if there is one. */
static inline void print_last_error(void) {
  touchstone_error_t* error = touchstone_last_error();
  if (!error) return;
  wasm_name_t message;
  touchstone_error_message(error, &message);
  fprintf(stderr, "  the reason is: %s\n", message.data);
  wasm_name_delete(&message);
  touchstone_error_delete(error);
}

/* Ends the program unless the latest function failed for a reason that contains a text. */
static inline void check_refused(const char* text, int line) {
  touchstone_error_t* error = touchstone_last_error();
  wasm_name_t message;
  touchstone_error_message(error, &message);
  if (!error || !strstr(message.data, text)) {
    fprintf(stderr, "line %d: not refused for `%s`: %s\n", line, text, message.data);
    exit(1);
  }
  wasm_name_delete(&message);
  touchstone_error_delete(error);
}
#define REFUSED(text) check_refused(text, __LINE__)

/* Makes an engine. TOUCHSTONE_TEST_VALGRIND asks for code that valgrind can run. */
static inline wasm_engine_t* test_engine_with(wasm_config_t* config) {
  if (getenv("TOUCHSTONE_TEST_VALGRIND")) {
    touchstone_config_baseline_cpu(config, true);
    touchstone_config_explicit_memory_checks(config, true);
  }
  wasm_engine_t* engine = wasm_engine_new_with_config(config);
  CHECK(engine);
  return engine;
}

static inline wasm_engine_t* test_engine(void) { return test_engine_with(wasm_config_new()); }

/* Compiles a module in text form. */
static inline wasm_module_t* compile_text(wasm_store_t* store, const char* text) {
  wasm_module_t* module = touchstone_module_new_text(store, text, strlen(text));
  CHECK(module);
  return module;
}

/* Ends the program unless a trap has a message, and deletes it. */
static inline void check_trap(wasm_trap_t* trap, const char* text, int line) {
  if (!trap) {
    fprintf(stderr, "line %d: no trap\n", line);
    exit(1);
  }
  wasm_message_t message;
  wasm_trap_message(trap, &message);
  if (message.data[message.size - 1] != 0 || !strstr(message.data, text)) {
    fprintf(stderr, "line %d: not `%s`: %s\n", line, text, message.data);
    exit(1);
  }
  wasm_name_delete(&message);
  wasm_trap_delete(trap);
}
#define TRAPS(trap, text) check_trap(trap, text, __LINE__)

#endif
