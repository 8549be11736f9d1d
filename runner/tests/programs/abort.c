// exit: 134
// stderr: the program trapped: unreachable
// stderr: $abort
// stderr: $inner
// stderr: $outer

#include "test.h"

__attribute__((noinline)) void inner(int n) {
  if (n > 0) abort();
}

__attribute__((noinline)) void outer(int n) {
  inner(n);
  printf("not reached\n");
}

int main(int count, char **words) {
  (void)words;
  outer(count);
  return 0;
}
