/* A master of libmodbus that reads holding registers one request after the other.
 * Usage: libmodbus-master rtu PORT BAUDRATE UNITS COUNT READS SILENCE_US
 *        libmodbus-master tcp PORT UNIT COUNT READS
 * Prints milliseconds in all and of the read in the middle, with the wait before it, microseconds of
 * CPU, and how many reads failed or were wrong. SILENCE_US: what
 * it waits for before each request on a line; the library itself does not. */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static double cpu_us(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 + use.ru_utime.tv_usec +
         use.ru_stime.tv_usec;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  int is_tcp = strcmp(argv[1], "tcp") == 0;
  modbus_t *ctx = is_tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2]))
                         : modbus_new_rtu(argv[2], atoi(argv[3]), 'N', 8, 1);
  int units = is_tcp ? 1 : atoi(argv[4]), unit = is_tcp ? atoi(argv[3]) : 1;
  int count = atoi(argv[is_tcp ? 4 : 5]), reads = atoi(argv[is_tcp ? 5 : 6]);
  int silence_us = is_tcp ? 0 : atoi(argv[7]);
  if (ctx == NULL) return 1;
  modbus_set_response_timeout(ctx, 1, 0);
  if (modbus_connect(ctx) == -1) return 1;
  int failed = 0;
  double *each = calloc(reads > 0 ? reads : 1, sizeof *each);
  if (each == NULL) return 1;
  double from = ms(), cpu = cpu_us();
  for (int at = 0; at < reads; at++) {
    uint16_t words[MODBUS_MAX_READ_REGISTERS];
    int asked = is_tcp ? unit : 1 + at % units, offset = at % 1000;
    double began = ms();
    modbus_set_slave(ctx, asked);
    if (silence_us > 0) usleep(silence_us);
    int got = modbus_read_registers(ctx, offset, count, words);
    if (got != count || (!is_tcp && words[0] != asked * 2000 + offset)) failed++;
    each[at] = ms() - began;
  }
  double all = ms() - from;
  double cpu_all = cpu_us() - cpu;
  qsort(each, reads, sizeof *each, by_size);
  printf("{\"ms\":%.3f,\"medianMs\":%.3f,\"cpuMicroseconds\":%.0f,\"failed\":%d}\n", all,
         each[reads / 2], cpu_all, failed);
  free(each);
  modbus_close(ctx);
  modbus_free(ctx);
  return 0;
}
