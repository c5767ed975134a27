/* A slave of libmodbus, on a serial line or TCP: holding register r holds unit * 2000 + r.
 * Usage: libmodbus-slave rtu PORT BAUDRATE UNIT | libmodbus-slave tcp PORT UNIT */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REGISTERS 2000

static int serve(modbus_t *ctx, modbus_mapping_t *map) {
  uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
  for (;;) {
    int length = modbus_receive(ctx, query);
    if (length > 0) {
      modbus_reply(ctx, query, length, map);
    } else if (length < 0 && errno != EMBBADCRC && errno != EMBBADDATA && errno != ETIMEDOUT) {
      return -1;
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  int is_tcp = strcmp(argv[1], "tcp") == 0;
  int unit = atoi(argv[argc - 1]);
  modbus_t *ctx = is_tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2]))
                         : modbus_new_rtu(argv[2], atoi(argv[3]), 'N', 8, 1);
  modbus_mapping_t *map = modbus_mapping_new(16, 16, REGISTERS, REGISTERS);
  if (ctx == NULL || map == NULL) return 1;
  for (int r = 0; r < REGISTERS; r++) map->tab_registers[r] = (uint16_t)(unit * 2000 + r);
  if (!is_tcp) {
    modbus_set_slave(ctx, unit);
    if (modbus_connect(ctx) == -1) return 1;
    printf("ready\n");
    fflush(stdout);
    serve(ctx, map);
    return 0;
  }
  int listener = modbus_tcp_listen(ctx, 8);
  if (listener == -1) return 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    if (modbus_tcp_accept(ctx, &listener) == -1) return 1;
    serve(ctx, map);
    modbus_close(ctx);
  }
}
