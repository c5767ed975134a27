import { LIMITS } from './limits.js';
import type { Fields } from './message-codec-fields.js';
import { readDesiredRows, writeDesiredRows } from './message-codec-rows.js';
import type { MessageCodec } from './message-codec-session.js';
import type { Adopt, HubDeviceRow, HubDevices } from './sync-message-desired.js';

export const hubDevices: MessageCodec<HubDevices> = {
  code: 18,
  write: (m) => [m.epoch, m.id, m.rows.map(writeDevice)],
  read: (fields) => ({
    kind: 'devices',
    epoch: fields.count(),
    id: fields.count(),
    rows: fields.list(LIMITS.messageRows, readDevice, 'device'),
  }),
};

export const adopt: MessageCodec<Adopt> = {
  code: 23,
  write: (m) => [
    m.epoch,
    m.id,
    writeDesiredRows(m.rows),
    m.devices.map(writeDevice),
    Number(m.last),
  ],
  read: (fields) => ({
    kind: 'adopt',
    epoch: fields.count(),
    id: fields.count(),
    rows: readDesiredRows(fields),
    devices: fields.list(LIMITS.messageRows, readDevice, 'device'),
    last: fields.flag(),
  }),
};

function writeDevice(row: HubDeviceRow): unknown[] {
  const { device, version, incarnation, documents, later = [] } = row;
  return [device, version.gen, version.n, incarnation.gen, incarnation.n, documents, ...later];
}

function readDevice(row: Fields): HubDeviceRow {
  const known = {
    device: row.device(),
    version: row.version(),
    incarnation: row.version(),
    documents: row.isNull() ? null : row.text(LIMITS.documentChars),
  };
  const later = row.later();
  return later === undefined ? known : { ...known, later };
}
