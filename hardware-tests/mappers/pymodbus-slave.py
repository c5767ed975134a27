"""Modbus slaves written by others, on a serial line or TCP: a master's work judged by others' code.

Units 1 and 2: register r of each kind holds unit * 1000 + kind * 100 + r (kinds 1 to 4 as the
function codes that read them); bits are the parity of r. With UNITS: that many units, and holding
register r holds unit * 2000 + r.
Usage: pymodbus-slave.py PORT BAUDRATE [UNITS [ascii]]     PORT may be tcp, then BAUDRATE is the TCP port
"""
import asyncio
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer
from pymodbus.transaction import ModbusAsciiFramer, ModbusRtuFramer, ModbusSocketFramer

UNITS = int(sys.argv[3]) if len(sys.argv) > 3 else 0
IS_ASCII = sys.argv[4:] == ["ascii"]
REGISTERS = 2000 if UNITS else 64


def block(unit, kind):
    if kind <= 2:
        return ModbusSequentialDataBlock(0, [r % 2 == 1 for r in range(REGISTERS)])
    if UNITS:
        return ModbusSequentialDataBlock(0, [(unit * 2000 + r) % 65536 for r in range(REGISTERS)])
    return ModbusSequentialDataBlock(0, [unit * 1000 + kind * 100 + r for r in range(REGISTERS)])


def slave(unit):
    return ModbusSlaveContext(
        co=block(unit, 1), di=block(unit, 2), hr=block(unit, 3), ir=block(unit, 4), zero_mode=True
    )


async def main():
    port, speed = sys.argv[1], int(sys.argv[2])
    slaves = {unit: slave(unit) for unit in range(1, (UNITS or 2) + 1)}
    context = ModbusServerContext(slaves=slaves, single=False)
    print("ready", flush=True)
    if port == "tcp":
        await StartAsyncTcpServer(
            context=context,
            framer=ModbusSocketFramer,
            address=("127.0.0.1", speed),
            ignore_missing_slaves=True,
            allow_reuse_address=True,
        )
    else:
        await StartAsyncSerialServer(
            context=context,
            framer=ModbusAsciiFramer if IS_ASCII else ModbusRtuFramer,
            port=port,
            baudrate=speed,
            ignore_missing_slaves=True,
        )


asyncio.run(main())
