// stdout: ok

#include "test.h"
#include <unistd.h>

int main(void) {
  unsigned char bytes[2][256];
  int counts[256] = {0}, distinct = 0;
  for (int i = 0; i < 2; i++) CHECK(getentropy(bytes[i], sizeof bytes[i]) == 0);
  CHECK(memcmp(bytes[0], bytes[1], sizeof bytes[0]) != 0);
  for (int i = 0; i < 512; i++) counts[bytes[i / 256][i % 256]]++;
  for (int i = 0; i < 256; i++) distinct += counts[i] > 0;
  // 221 are expected. So few would come once in more runs than there will be.
  CHECK(distinct > 150);
  puts("ok");
  return 0;
}
