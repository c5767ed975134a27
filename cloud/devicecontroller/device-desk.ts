import { formatPath } from '#protocol/config-issue.js';
import type { DocumentIssue } from '#protocol/device-document-issues.js';
import type { DeviceId } from '#protocol/device.js';
import { didYouMean } from '#protocol/did-you-mean.js';
import { EdgeError } from '#protocol/errors.js';
import { checkHubDevice, DOCUMENT_NAMES, writeHubDocuments } from '#protocol/hub-device.js';

import { sameVersion } from '#protocol/twin.js';
import type { NodeLoop } from '../cloudhub/node-loop.js';
import type {
  DocumentFault,
  DocumentFaults,
  HubDevices,
  NodeView,
  PutDevice,
  PutDeviceOutcome,
} from '../fleet.js';
import { liveDevice } from '../store/node-rows.js';

/** Where the loops of the nodes are: the DeviceController. */
export interface DeviceLoops {
  nodes(): readonly NodeView[];
  loopOf(node: string): NodeLoop;
  loopOfDevice(device: DeviceId): NodeLoop | undefined;
}

/** Takes devices from the API to the loop of their node. */
export class DeviceDesk implements HubDevices {
  readonly #loops: DeviceLoops;

  constructor(loops: DeviceLoops) {
    this.#loops = loops;
  }

  async putDevice(request: PutDevice): Promise<PutDeviceOutcome> {
    const { device: document, model, isDryRun = false, actor } = request;
    const { device, node, issues } = checkHubDevice({ device: document, model });
    const faults = issues.filter(({ severity }) => severity === 'error').map(faultOf);
    if (device !== undefined && node === undefined) faults.push(NO_NODE_NAME);
    if (device !== undefined && device.id !== request.id)
      faults.push({
        key: 'device.metadata.name',
        message: `is of ${device.id}, not ${request.id}`,
      });
    if (device === undefined || node === undefined || faults.length > 0)
      throw documentError(faults);
    const loop = this.#nodeOf(node);
    const before = liveDevice(loop.machine.rows, loop.name, device.id);
    const documents = writeHubDocuments({ device: document, model });
    const warnings = issues.filter(({ severity }) => severity === 'warning').map(faultOf);
    await loop.submit({ kind: 'put-device', device, documents, actor, isDryRun });
    if (isDryRun) {
      const change = before === undefined ? 'created' : 'updated';
      return { node, change, warnings };
    }
    const after = liveDevice(loop.machine.rows, loop.name, device.id);
    return { node, change: changeOf(before, after), warnings };
  }

  async deleteDevice(request: {
    readonly device: DeviceId;
    readonly actor: string;
  }): Promise<void> {
    const loop = this.#loops.loopOfDevice(request.device);
    if (loop === undefined)
      throw new EdgeError('EDGE_NO_DEVICE', `no device ${request.device}`, {
        hint: 'List the devices.',
      });
    await loop.submit({ kind: 'delete-device', ...request });
  }

  #nodeOf(name: string): NodeLoop {
    const names = this.#loops.nodes().map((node) => node.name);
    if (names.includes(name)) return this.#loops.loopOf(name);
    const meant = didYouMean(name, names);
    throw new EdgeError('EDGE_NO_NODE', `no gateway ${name} was ever here`, {
      hint:
        meant === undefined
          ? 'Let the gateway join and connect first; list the nodes to see who has.'
          : `Did you mean ${meant}?`,
    });
  }
}

type Life = ReturnType<typeof liveDevice>;

function changeOf(before: Life, after: Life): PutDeviceOutcome['change'] {
  if (before === undefined || after === undefined) return 'created';
  if (!sameVersion(before.incarnation, after.incarnation)) return 'replaced';
  const [earlier, later] = [before.hub, after.hub];
  const isSame = earlier !== undefined && later !== undefined && sameVersion(earlier, later);
  return isSame ? 'unchanged' : 'updated';
}

const NO_NODE_NAME: DocumentFault = {
  key: 'device.spec.nodeName',
  message: 'is missing',
  hint: 'Write the name of the gateway that the device is connected to.',
};

function faultOf(issue: DocumentIssue): DocumentFault {
  const { document, path, message, suggestion, hint } = issue;
  return {
    key: formatPath([DOCUMENT_NAMES[document] ?? '', ...path]),
    message,
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(hint === undefined ? {} : { hint }),
  };
}

function documentError(issues: readonly DocumentFault[]): EdgeError {
  const [first] = issues;
  const more = issues.length > 1 ? ` and ${issues.length - 1} more` : '';
  const meant = first?.suggestion === undefined ? '' : ` (did you mean ${first.suggestion}?)`;
  const what = first === undefined ? 'is wrong' : `${first.key} ${first.message}${meant}`;
  return new EdgeError('EDGE_CONFIG', `the device is not sound: ${what}${more}`, {
    details: { issues } satisfies DocumentFaults,
    hint: first?.hint ?? 'Correct the documents; `issues` lists all that is wrong.',
  });
}
