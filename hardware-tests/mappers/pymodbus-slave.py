"""Two Modbus RTU slaves, units 1 and 2, on one serial line: a master's work judged by others' code.

Register r of each kind holds unit * 1000 + kind * 100 + r (kinds 1 to 4 as the function codes that
read them); bits are the parity of r. Usage: pymodbus-slave.py PORT BAUDRATE
"""
import asyncio
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncSerialServer
from pymodbus.transaction import ModbusRtuFramer

REGISTERS = 64


def block(unit, kind):
    if kind <= 2:
        return ModbusSequentialDataBlock(0, [r % 2 == 1 for r in range(REGISTERS)])
    return ModbusSequentialDataBlock(0, [unit * 1000 + kind * 100 + r for r in range(REGISTERS)])


def slave(unit):
    return ModbusSlaveContext(
        co=block(unit, 1), di=block(unit, 2), hr=block(unit, 3), ir=block(unit, 4), zero_mode=True
    )


async def main():
    port, baudrate = sys.argv[1], int(sys.argv[2])
    context = ModbusServerContext(slaves={1: slave(1), 2: slave(2)}, single=False)
    print("ready", flush=True)
    await StartAsyncSerialServer(
        context=context,
        framer=ModbusRtuFramer,
        port=port,
        baudrate=baudrate,
        ignore_missing_slaves=True,
    )


asyncio.run(main())
