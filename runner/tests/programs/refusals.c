// options: --dir DIR::/given
// stdout: ok

// The errno of each refusal.

#include "test.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
  char byte = 0, name[300];
  struct stat status;
  CHECK(mkdir("/given/folder", 0700) == 0);
  int file = open("/given/file", O_RDWR | O_CREAT, 0600);
  CHECK(file > 2 && write(file, "x", 1) == 1);

  REFUSED(open("/given/none", O_RDONLY), ENOENT);
  REFUSED(open("/given/none/none", O_RDONLY | O_CREAT, 0600), ENOENT);
  REFUSED(open("/given/file", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
  REFUSED(open("/given/file/inside", O_RDONLY), ENOTDIR);
  REFUSED(open("/given/file", O_RDONLY | O_DIRECTORY), ENOTDIR);
  REFUSED(open("/given/folder", O_WRONLY), EISDIR);
  memset(name, 'a', sizeof name);
  memcpy(name, "/given/", 7);
  name[sizeof name - 1] = 0;
  REFUSED(open(name, O_RDONLY | O_CREAT, 0600), ENAMETOOLONG);

  REFUSED(mkdir("/given/folder", 0700), EEXIST);
  REFUSED(rmdir("/given/file"), ENOTDIR);
  REFUSED(unlink("/given/folder"), EISDIR);
  REFUSED(unlink("/given/none"), ENOENT);
  REFUSED(rename("/given/none", "/given/other"), ENOENT);
  REFUSED(rename("/given/folder", "/given/folder/inner"), EINVAL);
  REFUSED(link("/given/file", "/given/folder"), EEXIST);
  REFUSED(readlink("/given/file", name, sizeof name), EINVAL);
  CHECK(symlink("circle", "/given/circle") == 0);
  REFUSED(open("/given/circle", O_RDONLY), ELOOP);

  // No directory that was given contains these, or they lead out of it.
  REFUSED(open("/etc/passwd", O_RDONLY), ENOTCAPABLE);
  REFUSED(stat("/given/../etc/passwd", &status), EPERM);
  REFUSED(open("/given/../../etc/passwd", O_RDONLY), EPERM);
  REFUSED(symlink("/etc/passwd", "/given/absolute"), EPERM);
  CHECK(symlink("../../../../../../etc/passwd", "/given/out") == 0);
  REFUSED(open("/given/out", O_RDONLY), EPERM);

  REFUSED(lseek(file, -1, SEEK_SET), EINVAL);
  REFUSED(lseek(STDIN_FILENO, 0, SEEK_SET), ESPIPE);
  int reader = open("/given/file", O_RDONLY);
  REFUSED(write(reader, &byte, 1), EBADF);
  int writer = open("/given/file", O_WRONLY);
  REFUSED(read(writer, &byte, 1), EBADF);
  CHECK(close(file) == 0);
  REFUSED(close(file), EBADF);
  REFUSED(read(file, &byte, 1), EBADF);
  REFUSED(read(1000, &byte, 1), EBADF);
  puts("ok");
  return 0;
}
