// stdout: ok

#include "test.h"
#include <sched.h>
#include <time.h>

static double seconds(clockid_t clock) {
  struct timespec now;
  CHECK(clock_gettime(clock, &now) == 0);
  return now.tv_sec + now.tv_nsec / 1e9;
}

int main(void) {
  struct timespec resolution, pause = {0, 20000000};
  // After the year 2024, and before 2100.
  CHECK(seconds(CLOCK_REALTIME) > 1.70e9 && seconds(CLOCK_REALTIME) < 4.1e9);
  for (int i = 0; i < 2; i++) {
    CHECK(clock_getres(i ? CLOCK_REALTIME : CLOCK_MONOTONIC, &resolution) == 0);
    CHECK(resolution.tv_sec == 0 && resolution.tv_nsec > 0 && resolution.tv_nsec <= 10000000);
  }
  double before = seconds(CLOCK_MONOTONIC);
  CHECK(nanosleep(&pause, NULL) == 0);
  double after = seconds(CLOCK_MONOTONIC);
  CHECK(after - before >= 0.02 && after - before < 10);
  CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL) == 0);
  CHECK(seconds(CLOCK_MONOTONIC) - after >= 0.02);
  CHECK(sched_yield() == 0);
  puts("ok");
  return 0;
}
