/* One module in four threads, each with a store of its own. */
#include <pthread.h>

#include "example.h"

#define THREADS 4

typedef struct {
  wasm_engine_t* engine;
  wasm_shared_module_t* module;
  int32_t number, sum;
} job_t;

static void* work(void* argument) {
  job_t* job = argument;
  wasm_store_t* store = wasm_store_new(job->engine);
  wasm_module_t* module = wasm_module_obtain(store, job->module);
  wasm_instance_t* instance = instantiate(store, module, NULL);
  wasm_func_t* sum = exported(instance, "sum");
  wasm_val_t args[] = {WASM_I32_VAL(job->number)};
  wasm_val_vec_t vec = WASM_ARRAY_VEC(args);
  job->sum = call(sum, vec);
  wasm_func_delete(sum);
  wasm_instance_delete(instance);
  wasm_store_delete(store);
  return NULL;
}

int main(void) {
  wasm_engine_t* engine = wasm_engine_new();
  wasm_store_t* store = wasm_store_new(engine);
  wasm_module_t* module = compile(store,
      "(module (func $sum (export \"sum\") (param i32) (result i32)"
      "  (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0)) (else"
      "    (i32.add (local.get 0) (call $sum (i32.sub (local.get 0) (i32.const 1))))))))");
  wasm_shared_module_t* shared = wasm_module_share(module);

  pthread_t threads[THREADS];
  job_t jobs[THREADS];
  for (int i = 0; i < THREADS; ++i) {
    jobs[i] = (job_t){engine, shared, 1000 * (i + 1), 0};
    if (pthread_create(&threads[i], NULL, work, &jobs[i])) return 1;
  }
  for (int i = 0; i < THREADS; ++i) {
    pthread_join(threads[i], NULL);
    printf("sum(%d) = %d\n", jobs[i].number, jobs[i].sum);
  }

  wasm_shared_module_delete(shared);
  wasm_module_delete(module);
  wasm_store_delete(store);
  wasm_engine_delete(engine);
  return 0;
}
