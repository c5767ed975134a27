import type { ConfigReader } from './config-reader.js';

/** `port`, a device file; any other name would be looked for in the working directory. */
export function readPort(reader: ConfigReader, whenMissing: string): string | undefined {
  const port = reader.text('port', whenMissing);
  if (port === undefined || port.startsWith('/')) return port;
  const meant = /^(tty|cu)[\w.-]+$/.test(port) ? `/dev/${port}` : '/dev/ttyUSB0';
  reader.issue(
    'port',
    `is ${JSON.stringify(port.slice(0, 40))}, not the path of a device file`,
    `Write port: ${meant}, or better its name under /dev/serial/by-id, which stays the same.`,
  );
  return undefined;
}
