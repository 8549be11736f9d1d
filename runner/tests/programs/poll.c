// stdin: open
// stdout: ok

// Waits for standard input, which stays open and empty, and for standard output, which is ready.

#include "test.h"
#include <poll.h>
#include <time.h>
#include <unistd.h>

int main(void) {
  struct timespec before, after;
  struct pollfd files[2] = {{STDIN_FILENO, POLLRDNORM, 0}, {STDOUT_FILENO, POLLWRNORM, 0}};
  CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
  CHECK(poll(files, 1, 50) == 0);
  CHECK(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
  CHECK((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 49);
  // One is ready, and only that one.
  CHECK(poll(files, 2, 10000) == 1);
  CHECK(files[0].revents == 0 && files[1].revents == POLLWRNORM);
  struct pollfd closed = {77, POLLRDNORM, 0};
  CHECK(poll(&closed, 1, 0) == -1 && errno == EBADF);
  puts("ok");
  return 0;
}
