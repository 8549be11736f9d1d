// exit: 255
// stdout: written before the exit

#include "test.h"

int main(void) {
  printf("written before the exit\n");
  exit(-1);
}
