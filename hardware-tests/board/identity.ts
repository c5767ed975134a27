import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { arch, cpus, release, type as systemName } from 'node:os';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';

/** What ran where: a report without it says nothing to anyone else. */
export interface Identity {
  readonly kernel: string;
  readonly processor: string;
  readonly node: string;
  /** The port as it was given, and the device file that it is. */
  readonly port: string;
  /** Maker, product, serial number, driver and latency timer, as far as the kernel tells. */
  readonly adapter: Readonly<Record<string, string>>;
}

const USB_FACTS = ['manufacturer', 'product', 'serial', 'idVendor', 'idProduct', 'bcdDevice'];

const SYSFS = '/sys';

/** `sysfs`: where the kernel tells of its devices. */
export async function identify(port: string, sysfs = SYSFS): Promise<Identity> {
  const device = await realpath(port).catch(() => port);
  const board = (await textOf('/proc/device-tree/model')) ?? cpus()[0]?.model ?? 'unknown';
  return {
    kernel: `${systemName()} ${release()} ${arch()}`,
    processor: `${board}, ${cpus().length} cores`,
    node: process.version,
    port: device === port ? port : `${port} (${device})`,
    adapter: await adapterOf(device, sysfs),
  };
}

/** Of class/tty/NAME; empty for a pseudo-terminal. */
async function adapterOf(device: string, sysfs: string): Promise<Readonly<Record<string, string>>> {
  const folder = join(sysfs, 'class/tty', basename(device), 'device');
  const facts: Record<string, string> = {};
  const driver = await readlink(join(folder, 'driver')).catch(() => undefined);
  if (driver !== undefined) facts['driver'] = basename(driver);
  const timer = await textOf(join(folder, 'latency_timer'));
  if (timer !== undefined) facts['latency timer'] = `${timer} ms`;
  let usb = await realpath(folder).catch(() => '/');
  while (usb.length > 1 && !(await namesIn(usb)).includes('idVendor')) usb = dirname(usb);
  for (const fact of USB_FACTS) {
    const text = usb.length > 1 ? await textOf(join(usb, fact)) : undefined;
    if (text !== undefined) facts[fact] = text;
  }
  return facts;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function textOf(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text?.replaceAll('\0', '').trim();
}
