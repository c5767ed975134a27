import type { Mutation } from './mutation.js';

const JUDGE_STATE = 'cloud/cloudhub/judge-state.js';
const UPLINK = 'runtime/edgehub/uplink-queue.js';
const REDUCER = 'runtime/devicetwin/reducer.js';
const NOT_NEWER = 'if (stored !== undefined && compareVersions(version, stored.version) <= 0)';

/** Holes of reported state and of what watchers see. */
export const REPORTED: readonly Mutation[] = [
  {
    name: 'H1',
    what: 'the hub ignores every row below the highest number of its node, and acknowledges it',
    patches: [
      {
        file: JUDGE_STATE,
        find: NOT_NEWER,
        replace:
          'if (row.n <= (draft.base.get("lineages", lineageKey(draft.node, session.lineage))?.maxState ?? 0))',
      },
    ],
  },
  {
    name: 'H4',
    what: 'any acknowledgement of a property clears its newest row',
    patches: [
      {
        file: REDUCER,
        find: "if (draft.rows.get('reported', key)?.n === n)\n            draft.acknowledged(key, n);",
        replace: "draft.acknowledged(key, draft.rows.get('reported', key)?.n ?? n);",
      },
      {
        file: UPLINK,
        find: 'if (this.#rows.get(key)?.n === row.n)\n                this.#rows.delete(key);',
        replace: 'this.#rows.delete(key);',
      },
    ],
  },
  {
    name: 'H5',
    script: 'scripts/reported',
    what: 'rows leave before their commit is synced',
    patches: [
      {
        file: 'runtime/devicetwin/device-twin.js',
        find: 'let refusal;\n',
        replace: 'let refusal;\n        this.#emit(uplink, whole);\n',
      },
    ],
  },
  {
    name: 'H24',
    what: 'watchers see, and gateways are told, what is not synced yet',
    patches: [
      {
        file: 'cloud/store/embedded-hub-store.js',
        find: 'await durable;',
        replace: 'durable.catch(() => undefined);',
      },
    ],
  },
  {
    name: 'H25',
    what: 'a message without news is not acknowledged',
    patches: [
      {
        file: JUDGE_STATE,
        find: "send(session.id, { kind: 'ack', epoch: session.epoch, id: message.id, rejects }),",
        replace:
          "...(applied + rejects.length > 0 ? [send(session.id, { kind: 'ack', epoch: session.epoch, id: message.id, rejects })] : []),",
      },
    ],
  },
  {
    name: 'H30',
    script: 'scripts/digest',
    what: 'a repair sends the same number again',
    patches: [
      {
        file: REDUCER,
        find: 'draft.reported(device, name, { ...row, n: draft.rows.number() });',
        replace: 'draft.acknowledged(propertyKey(device, name), undefined);',
      },
    ],
  },
];
