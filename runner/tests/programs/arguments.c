// arguments: one "two words" --three
// options: --env NAME=value --env EMPTY=
// exit: 42
// stdout: arguments.wasm|one|two words|--three|
// stdout: value

#include "test.h"
#include <unistd.h>

extern char **environ;

int main(int count, char **words) {
  for (int i = 0; i < count; i++) printf("%s|", words[i]);
  printf("\n%s\n", getenv("NAME"));
  CHECK(strcmp(getenv("EMPTY"), "") == 0);
  // Nothing else of the environment is there.
  CHECK(getenv("PATH") == NULL && environ[2] == NULL);
  return 42;
}
