import type { DeviceId } from '#protocol/device.js';
import { DEVICE_ACTIONS, parseTopic } from '#protocol/topics.js';
import { isOpenToClients } from './authorizer.js';
import { filterMatches } from './topic-filter.js';

/** What one client with credentials may do. */
export interface ClientGrant {
  readonly name: string;
  /** `namespace/name`, `namespace/*` or `*`: devices whose reports it may publish and see. */
  readonly devices: readonly string[];
  /** It may also set desired values of them, as people do. */
  readonly write: boolean;
  /** Filters of application topics, below which it may publish and subscribe. */
  readonly topics: readonly string[];
}

const ALL = '*';

/** The rights of a client, by what it was granted and by the devices that name it. Pure. */
export class ClientRights {
  readonly #grant: ClientGrant;
  readonly #isNamedBy: (device: DeviceId) => boolean;

  /** `isNamedBy`: the device's own document says that this client serves it. */
  constructor(grant: ClientGrant, isNamedBy: (device: DeviceId) => boolean = () => false) {
    this.#grant = grant;
    this.#isNamedBy = isNamedBy;
  }

  mayPublish(topic: string): boolean {
    if (!topic.startsWith('$')) return this.#grant.topics.some((own) => filterMatches(own, topic));
    if (!isOpenToClients(topic)) return false;
    const parsed = parseTopic(topic);
    if (parsed === undefined || parsed.kind === 'node') return this.#hasAll();
    return this.covers(parsed.device);
  }

  /** Desired values of a device. */
  mayWrite(device: DeviceId): boolean {
    return this.#grant.write && this.covers(device);
  }

  /** Only when each topic that the filter can match may be seen; `$SYS` never. */
  maySubscribe(filter: string): boolean {
    if (!filter.startsWith('$')) return this.#grant.topics.some((own) => isWithin(own, filter));
    const levels = filter.split('/');
    const [root = '', events = '', kind = '', first = '', second = ''] = levels;
    if (root !== '$hw' && root !== '$ke') return false;
    if (this.#hasAll()) return true;
    if (events !== 'events' || kind !== 'device' || first === '' || isWild(first)) return false;
    if (isWild(second)) return this.covers(`${first}/*`) && this.covers(`default/${first}`);
    return this.#seesOnlyOwn(filter, `${root}/events/device`, first, second);
  }

  covers(device: DeviceId): boolean {
    const namespace = device.slice(0, device.indexOf('/'));
    return (
      this.#grant.devices.some(
        (own) => own === ALL || own === device || own === `${namespace}/${ALL}`,
      ) || this.#isNamedBy(device)
    );
  }

  #hasAll(): boolean {
    return this.#grant.devices.includes(ALL);
  }

  /** A name may be a device of `default` on one level, or a namespace: both readings must be own. */
  #seesOnlyOwn(filter: string, prefix: string, first: string, second: string): boolean {
    const actions = prefix.startsWith('$ke') ? ['data/update'] : DEVICE_ACTIONS;
    const matches = (id: string): boolean =>
      actions.some((action) => filterMatches(filter, `${prefix}/${id}/${action}`));
    const readings = [
      { device: `default/${first}`, id: first },
      { device: `${first}/${second}`, id: `${first}/${second}` },
    ].filter(({ id }) => matches(id));
    return readings.length > 0 && readings.every(({ device }) => this.covers(device));
  }
}

/** True when everything that `filter` matches is matched by `own` as well. */
export function isWithin(own: string, filter: string): boolean {
  const [mine, wanted] = [own.split('/'), filter.split('/')];
  for (const [index, level] of mine.entries()) {
    if (level === '#') return true;
    const asked = wanted[index];
    if (asked === undefined || asked === '#') return false;
    if (level !== '+' && level !== asked) return false;
  }
  return mine.length === wanted.length;
}

function isWild(level: string): boolean {
  return level === '+' || level === '#';
}
