// stdin: some words that come through a pipe
// stdout: 35 bytes: some words that come through a pipe
// stderr: a line on standard error

#include "test.h"
#include <poll.h>
#include <unistd.h>

int main(void) {
  char bytes[100];
  size_t length = 0;
  ssize_t got;
  CHECK(!isatty(STDIN_FILENO) && !isatty(STDOUT_FILENO));
  struct pollfd files[2] = {{STDIN_FILENO, POLLRDNORM, 0}, {STDOUT_FILENO, POLLWRNORM, 0}};
  CHECK(poll(files, 2, 10000) >= 1);
  CHECK(files[1].revents == POLLWRNORM);
  while ((got = read(STDIN_FILENO, bytes + length, sizeof bytes - length)) > 0) length += got;
  CHECK(got == 0 && read(STDIN_FILENO, bytes, 1) == 0);
  fprintf(stderr, "a line on standard error\n");
  printf("%zu bytes: %.*s", length, (int)length, bytes);
  return 0;
}
