// options: --dir DIR::/
// stdout: ok

#include "test.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 300 };

// Reads a directory to its end. Returns the number of the numbered files, each of which it has once.
static int count(DIR *directory) {
  char seen[FILES] = {0};
  int found = 0;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    int number;
    if (sscanf(entry->d_name, "a-file-with-a-name-of-some-length-%d", &number) != 1) continue;
    CHECK(entry->d_type == DT_REG && number < FILES && !seen[number]);
    seen[number] = 1;
    found++;
  }
  return found;
}

int main(void) {
  char path[80];
  struct stat status;
  CHECK(mkdir("/folder", 0700) == 0 && mkdir("/folder/inner", 0700) == 0);
  CHECK(stat("/folder", &status) == 0 && S_ISDIR(status.st_mode));
  for (int i = 0; i < FILES; i++) {
    snprintf(path, sizeof path, "/folder/a-file-with-a-name-of-some-length-%d", i);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    CHECK(file > 2 && close(file) == 0);
  }
  // More entries than fit into the buffer of one call.
  DIR *directory = opendir("/folder");
  CHECK(directory && count(directory) == FILES);
  rewinddir(directory);
  CHECK(count(directory) == FILES && closedir(directory) == 0);

  // Paths that start at an open directory.
  int folder = open("/folder", O_RDONLY | O_DIRECTORY);
  CHECK(folder > 2 && fstatat(folder, "inner", &status, 0) == 0 && S_ISDIR(status.st_mode));
  CHECK(renameat(folder, "inner", folder, "moved") == 0 && unlinkat(folder, "moved", AT_REMOVEDIR) == 0);
  CHECK(close(folder) == 0);

  REFUSED(rmdir("/folder"), ENOTEMPTY);
  for (int i = 0; i < FILES; i++) {
    snprintf(path, sizeof path, "/folder/a-file-with-a-name-of-some-length-%d", i);
    CHECK(unlink(path) == 0);
  }
  CHECK(rmdir("/folder") == 0);
  puts("ok");
  return 0;
}
