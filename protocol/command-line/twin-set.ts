import { systemClock } from '../clock.js';
import { EdgeError } from '../errors.js';
import type { DeviceDocument, PropertyDocument } from '../twin-document.js';
import { formatVersion, NO_VERSION } from '../twin.js';
import type { Value } from '../twin.js';
import { formatText, parseText } from '../value-check.js';
import type { Flag } from './command.js';
import type { Answer, ControlClient } from './control-client.js';
import type { Arguments } from './parse.js';
import type { Terminal } from './terminal.js';
import { DRY_RUN_FLAG, millisecondsOf, WITHIN_FLAG } from './time-text.js';
import { devicePath, propertyOf, readDevice } from './twin-verbs.js';
import { TwinWait, waitForTwin } from './twin-wait.js';

/** Flags of `twin set`, at hub and gateway. */
export const SET_FLAGS: readonly Flag[] = [
  {
    name: 'wait',
    summary:
      'Wait until the device holds it. Exit code 0: it does; 4: refused, or set to another value meanwhile; 1: not in time.',
  },
  WITHIN_FLAG,
  DRY_RUN_FLAG,
];

/** `twin set`: reads the type first, so that `on` of a text property needs no quotes. */
export async function twinSet(
  client: ControlClient,
  args: Arguments,
  out: Terminal,
): Promise<void> {
  const device = await readDevice(client, args);
  const property = propertyOf(device, args.required('PROPERTY'));
  const value = parseText(property, args.required('VALUE'));
  const json = args.on('json');
  if (args.on('dry-run')) {
    checkSettable(device, property, args.text('if-version'));
    out.out(dryLine(device, property, value, json));
    return;
  }
  if (!args.on('wait')) {
    out.out(
      setLine(
        await putDesired(client, args, device, property, value),
        device,
        property,
        value,
        json,
      ),
    );
    return;
  }
  const withinMs = millisecondsOf(args.required('within'));
  const held = await waitForTwin(
    client,
    { device: device.id, property: property.name },
    { withinMs, clock: systemClock, signal: out.signal },
    async () => {
      const { etag } = await putDesired(client, args, device, property, value);
      const version = etag?.replaceAll('"', '');
      const reportedBefore = property.reported?.version;
      return new TwinWait({
        value,
        ...(version === undefined ? {} : { version }),
        ...(reportedBefore === undefined ? {} : { reportedBefore }),
      });
    },
  );
  out.out(
    json ? `${JSON.stringify(held)}\n` : `${device.id} ${property.name} is ${formatText(value)}\n`,
  );
}

function putDesired(
  client: ControlClient,
  args: Arguments,
  device: DeviceDocument,
  property: PropertyDocument,
  value: Value,
): Promise<Answer> {
  const version = args.text('if-version');
  return client.request({
    method: 'PUT',
    path: `${devicePath(device.id)}/properties/${encodeURIComponent(property.name)}/desired`,
    body: { value },
    ...(version === undefined ? {} : { headers: { 'if-match': `"${version}"` } }),
  });
}

/** What the other end would refuse. */
function checkSettable(
  device: DeviceDocument,
  { name, access, desired }: PropertyDocument,
  ifVersion: string | undefined,
): void {
  if (access === 'ReadOnly')
    throw new EdgeError('EDGE_READ_ONLY', `${device.id} ${name} cannot be written`);
  const present = desired?.version ?? formatVersion(NO_VERSION);
  if (ifVersion !== undefined && ifVersion !== present)
    throw new EdgeError('EDGE_CONFLICT', `the desired version is ${present}, not ${ifVersion}`);
}

function dryLine(
  device: DeviceDocument,
  { name, desired, reported }: PropertyDocument,
  value: Value,
  json: boolean,
): string {
  const now = {
    ...(desired === undefined ? {} : { desired: desired.value }),
    ...(reported === undefined ? {} : { reported: reported.value }),
  };
  if (json) return `${JSON.stringify({ device: device.id, property: name, value, now })}\n`;
  const shown = Object.entries(now).map(([what, held]) => `${what} ${formatText(held)}`);
  const before = shown.length === 0 ? '' : ` (now ${shown.join(', ')})`;
  return `would set ${device.id} ${name} = ${formatText(value)}${before}\n`;
}

function setLine(
  answer: Answer,
  device: DeviceDocument,
  property: PropertyDocument,
  value: Value,
  json: boolean,
): string {
  if (json) return `${JSON.stringify(answer.body)}\n`;
  const version = answer.etag === undefined ? '' : ` as version ${answer.etag.replaceAll('"', '')}`;
  return `accepted ${device.id} ${property.name} = ${formatText(value)}${version}\n`;
}
