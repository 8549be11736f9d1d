// options: --dir DIR::/
// stdout: ok

#include "test.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void positions(void) {
  char bytes[16] = {0};
  int file = open("/positions", O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(file > 2);
  CHECK(write(file, "0123456789", 10) == 10);
  CHECK(lseek(file, 0, SEEK_CUR) == 10);
  CHECK(lseek(file, -4, SEEK_END) == 6);
  CHECK(read(file, bytes, 16) == 4 && memcmp(bytes, "6789", 4) == 0);
  CHECK(read(file, bytes, 16) == 0);
  CHECK(pread(file, bytes, 3, 2) == 3 && memcmp(bytes, "234", 3) == 0);
  CHECK(pwrite(file, "ab", 2, 4) == 2);
  CHECK(lseek(file, 0, SEEK_CUR) == 10);
  CHECK(lseek(file, 2, SEEK_SET) == 2);
  struct iovec parts[2] = {{bytes, 2}, {bytes + 2, 4}};
  // It may read less than there is room for, and only into the first buffer.
  ssize_t got = readv(file, parts, 2);
  CHECK(got >= 2 && got <= 6 && memcmp(bytes, "23ab67", got) == 0 && lseek(file, 0, SEEK_CUR) == 2 + got);
  struct iovec words[3] = {{"x", 1}, {"", 0}, {"yz", 2}};
  CHECK(writev(file, words, 3) == 3);
  CHECK(fsync(file) == 0 && fdatasync(file) == 0);
  CHECK(posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL) == 0);
  CHECK(close(file) == 0);
}

static void sizes(void) {
  struct stat status;
  int file = open("/sizes", O_RDWR | O_CREAT, 0600);
  CHECK(ftruncate(file, 5) == 0 && fstat(file, &status) == 0 && status.st_size == 5);
  CHECK(S_ISREG(status.st_mode) && status.st_nlink == 1);
  CHECK(ftruncate(file, 2) == 0 && fstat(file, &status) == 0 && status.st_size == 2);
  CHECK(close(file) == 0);
  // To truncate and to append: Linux can, and so can a guest.
  file = open("/sizes", O_WRONLY | O_TRUNC | O_APPEND);
  CHECK(file > 2 && fstat(file, &status) == 0 && status.st_size == 0);
  CHECK(write(file, "ab", 2) == 2 && lseek(file, 0, SEEK_SET) == 0 && write(file, "cd", 2) == 2);
  CHECK(fcntl(file, F_GETFL) == (O_WRONLY | O_APPEND));
  CHECK(fcntl(file, F_SETFL, 0) == 0);
  CHECK(lseek(file, 0, SEEK_SET) == 0 && write(file, "C", 1) == 1);
  CHECK(fstat(file, &status) == 0 && status.st_size == 4);
  CHECK(close(file) == 0);
}

// More bytes than a pipe or a buffer of the host has, and every one of them counts.
static void large(void) {
  enum { SIZE = 5 * 1024 * 1024 + 3 };
  unsigned char *bytes = malloc(SIZE), *back = malloc(SIZE);
  for (int i = 0; i < SIZE; i++) bytes[i] = (unsigned char)(i * 7 + i / 251);
  FILE *file = fopen("/large", "wb+");
  CHECK(file && fwrite(bytes, 1, SIZE, file) == SIZE && fflush(file) == 0);
  rewind(file);
  CHECK(fread(back, 1, SIZE, file) == SIZE && memcmp(bytes, back, SIZE) == 0);
  CHECK(fclose(file) == 0 && unlink("/large") == 0);
}

static void names(void) {
  struct stat one, other;
  char target[16] = {0};
  CHECK(rename("/positions", "/renamed") == 0);
  REFUSED(stat("/positions", &one), ENOENT);
  CHECK(link("/renamed", "/linked") == 0);
  CHECK(stat("/renamed", &one) == 0 && stat("/linked", &other) == 0);
  CHECK(one.st_ino == other.st_ino && one.st_nlink == 2);
  CHECK(symlink("renamed", "/symbolic") == 0);
  CHECK(readlink("/symbolic", target, sizeof target) == 7 && strcmp(target, "renamed") == 0);
  CHECK(lstat("/symbolic", &other) == 0 && S_ISLNK(other.st_mode));
  CHECK(stat("/symbolic", &other) == 0 && S_ISREG(other.st_mode) && one.st_ino == other.st_ino);
  struct timespec times[2] = {{1000000000, 5}, {1234567890, 987654321}};
  CHECK(utimensat(AT_FDCWD, "/renamed", times, 0) == 0);
  CHECK(stat("/linked", &one) == 0 && one.st_mtim.tv_sec == 1234567890 && one.st_mtim.tv_nsec == 987654321);
  int file = open("/renamed", O_RDWR);
  times[1].tv_sec = 1111111111;
  CHECK(futimens(file, times) == 0 && fstat(file, &one) == 0 && one.st_mtim.tv_sec == 1111111111);
  CHECK(close(file) == 0);
  CHECK(unlink("/symbolic") == 0 && unlink("/linked") == 0 && unlink("/renamed") == 0 && unlink("/sizes") == 0);
}

int main(void) {
  positions();
  sizes();
  large();
  names();
  puts("ok");
  return 0;
}
