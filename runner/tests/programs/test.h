// A program checks itself: it says where a check failed, and exits with code 1.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "%s:%d: %s (errno: %s)\n", __FILE__, __LINE__, #condition, strerror(errno)); \
      exit(1); \
    } \
  } while (0)

// Checks that a call fails with -1, and with this errno.
#define REFUSED(call, expected) \
  do { \
    errno = 0; \
    CHECK((call) == -1); \
    CHECK(errno == (expected)); \
  } while (0)
