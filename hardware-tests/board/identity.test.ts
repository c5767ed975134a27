import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { identify } from './identity.js';
import { formatReport } from './report.js';

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-sysfs-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return realpath(folder);
}

/** As Linux has an FTDI adapter: the port is of an interface of a device that is on a hub. */
async function adapter(root: string): Promise<void> {
  const hub = join(root, 'devices/pci0/usb1');
  const device = join(hub, '1-1.2');
  const port = join(device, '1-1.2:1.0/ttyUSB0');
  await mkdir(join(root, 'bus/usb-serial/drivers/ftdi_sio'), { recursive: true });
  await mkdir(join(port, 'tty/ttyUSB0'), { recursive: true });
  await mkdir(join(root, 'class/tty'), { recursive: true });
  await symlink(join(port, 'tty/ttyUSB0'), join(root, 'class/tty/ttyUSB0'));
  await symlink(port, join(port, 'tty/ttyUSB0/device'));
  await symlink(join(root, 'bus/usb-serial/drivers/ftdi_sio'), join(port, 'driver'));
  await writeFile(join(port, 'latency_timer'), '16\n');
  const facts = { manufacturer: 'FTDI', product: 'FT232R USB UART', serial: 'A5XK3RJT' };
  const numbers = { idVendor: '0403', idProduct: '6001', bcdDevice: '0600' };
  for (const [name, text] of Object.entries({ ...facts, ...numbers }))
    await writeFile(join(device, name), `${text}\n`);
  // The hub has facts of its own, which are not the adapter's.
  await writeFile(join(hub, 'idVendor'), '1d6b\n');
  await writeFile(join(hub, 'product'), 'xHCI Host Controller\n');
}

test('an adapter is named by its maker, numbers, driver and latency timer', async (t) => {
  const root = await folderOf(t);
  await adapter(root);
  const byId = join(root, 'usb-FTDI_FT232R_USB_UART_A5XK3RJT-if00-port0');
  await writeFile(join(root, 'ttyUSB0'), '');
  await symlink(join(root, 'ttyUSB0'), byId);
  const identity = await identify(byId, root);
  t.is(identity.port, `${byId} (${join(root, 'ttyUSB0')})`);
  t.deepEqual(identity.adapter, {
    driver: 'ftdi_sio',
    'latency timer': '16 ms',
    manufacturer: 'FTDI',
    product: 'FT232R USB UART',
    serial: 'A5XK3RJT',
    idVendor: '0403',
    idProduct: '6001',
    bcdDevice: '0600',
  });
  const report = { template: 'sdm120', identity, checks: [], readings: [], counters: {} };
  t.regex(
    formatReport(report),
    /^- adapter: driver ftdi_sio, latency timer 16 ms, manufacturer FTDI, product FT232R USB UART,/m,
  );
});

test('of a port that is on no adapter nothing is told', async (t) => {
  const root = await folderOf(t);
  const soldered = join(root, 'devices/platform/serial0');
  await mkdir(join(root, 'class/tty/ttyS0'), { recursive: true });
  await mkdir(soldered, { recursive: true });
  await symlink(soldered, join(root, 'class/tty/ttyS0/device'));
  for (const port of ['/dev/ttyS0', '/dev/pts/99', '/dev/ttyUSB9'])
    t.deepEqual((await identify(port, root)).adapter, {}, port);
});
