/* A serial line with the timing of a UART behind one pseudo-terminal, and Modbus slaves on it:
 * holding register r of unit u holds u * 2000 + r. Each byte takes 11 bits; a slave answers after
 * 3.5 characters of silence. A request that begins before the line was silent for as long is
 * counted, and only then put on the line: a real one would be lost.
 * Usage: paced-line BAUDRATE UNITS DEAD_UNIT (0: none). The first line says where the line is; a line
 * of standard input wakes the dead unit; when it ends, the second line says what was seen. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 256
#define NEVER INT64_MAX

static int64_t now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static uint16_t crc16(const uint8_t *bytes, int length) {
  uint16_t crc = 0xffff;
  for (int at = 0; at < length; at++) {
    crc ^= bytes[at];
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/* The reply to a read of holding registers; 0 for anything else. */
static int answer(const uint8_t *request, int length, int units, int dead, uint8_t *reply) {
  if (length != 8 || request[1] != 3) return 0;
  if (crc16(request, 6) != (request[6] | request[7] << 8)) return 0;
  int unit = request[0], count = request[4] << 8 | request[5];
  if (unit < 1 || unit > units || unit == dead || count < 1 || count > 125) return 0;
  int first = unit * 2000 + (request[2] << 8 | request[3]);
  reply[0] = request[0];
  reply[1] = 3;
  reply[2] = count * 2;
  for (int at = 0; at < count; at++) {
    reply[3 + 2 * at] = (first + at) >> 8;
    reply[4 + 2 * at] = first + at;
  }
  uint16_t crc = crc16(reply, 3 + 2 * count);
  reply[3 + 2 * count] = crc;
  reply[4 + 2 * count] = crc >> 8;
  return 5 + 2 * count;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  int baud = atoi(argv[1]), units = atoi(argv[2]), dead = atoi(argv[3]);
  int64_t char_ns = 11000000000LL / baud;
  int64_t silence_ns = baud > 19200 ? 1750000 : char_ns * 7 / 2;
  prctl(PR_SET_TIMERSLACK, 1UL);
  int line = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (line == -1 || grantpt(line) == -1 || unlockpt(line) == -1) return 1;
  const char *path = ptsname(line);
  int held = open(path, O_RDWR | O_NOCTTY); /* no hang-up between two masters */
  struct termios raw;
  tcgetattr(held, &raw);
  cfmakeraw(&raw);
  tcsetattr(held, TCSANOW, &raw);
  printf("%s\n", path);
  fflush(stdout);

  uint8_t request[FRAME_MAX], reply[FRAME_MAX];
  int request_length = 0, reply_length = 0, delivered = 0;
  int64_t line_end = 0, request_end = 0, reply_start = 0;
  long requests = 0, early = 0;
  int64_t least_gap = NEVER;
  for (;;) {
    int64_t now = now_ns();
    while (delivered < reply_length && now >= reply_start + (delivered + 1) * char_ns) {
      int due = (now - reply_start) / char_ns;
      if (due > reply_length) due = reply_length;
      if (write(line, reply + delivered, due - delivered) != due - delivered) return 1;
      delivered = due;
    }
    if (request_length > 0 && now >= request_end + silence_ns) {
      reply_length = answer(request, request_length, units, dead, reply);
      request_length = delivered = 0;
      reply_start = request_end + silence_ns;
      line_end = reply_start + reply_length * char_ns;
      if (reply_length == 0) line_end = request_end;
      continue;
    }
    int64_t next = NEVER;
    if (delivered < reply_length) next = reply_start + (delivered + 1) * char_ns;
    if (request_length > 0 && request_end + silence_ns < next) next = request_end + silence_ns;
    struct timespec wait = {0, 0};
    if (next != NEVER && next > now) {
      wait.tv_sec = (next - now) / 1000000000LL;
      wait.tv_nsec = (next - now) % 1000000000LL;
    }
    struct pollfd fds[2] = {{line, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (ppoll(fds, 2, next == NEVER ? NULL : &wait, NULL) < 1) continue;
    if (fds[1].revents != 0) {
      uint8_t word[16];
      if (read(STDIN_FILENO, word, sizeof word) < 1) break;
      dead = 0;
    }
    int64_t at = now_ns();
    int length = read(line, request + request_length, FRAME_MAX - request_length);
    if (length < 1) continue;
    if (request_length == 0) {
      requests++;
      int64_t gap = at - line_end;
      if (line_end > 0 && gap < least_gap) least_gap = gap;
      if (line_end > 0 && gap < silence_ns) {
        early++;
        at = line_end + silence_ns;
      }
      request_end = at;
    }
    if (request_end < at) request_end = at;
    request_length += length;
    request_end += length * char_ns;
  }
  printf("{\"requests\":%ld,\"early\":%ld,\"leastGapMs\":%.3f}\n", requests, early,
         least_gap == NEVER ? -1 : least_gap / 1e6);
  return 0;
}
