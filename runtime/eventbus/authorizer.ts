import type { DeviceId } from '#protocol/device.js';
import { isLoopback } from '#protocol/listen-address.js';
import { parseTopic } from '#protocol/topics.js';
import type { BrokerClient, ConnectRequest, ConnectVerdict } from './broker-port.js';

/** Who may connect, publish and subscribe. Credentials and per-device rights are further ones. */
export interface Authorizer {
  connect(request: ConnectRequest): ConnectVerdict | Promise<ConnectVerdict>;
  mayPublish(client: BrokerClient, topic: string): boolean;
  maySubscribe(client: BrokerClient, filter: string): boolean;
  /** Desired values of a device. */
  mayWrite(client: BrokerClient, device: DeviceId): boolean;
}

/** Connections of this machine need no credentials; others are refused until there are some. */
export class LoopbackAuthorizer implements Authorizer {
  connect(request: ConnectRequest): ConnectVerdict {
    const { secure, address } = request.client;
    return secure === undefined && isLoopback(address) ? 'accepted' : 'not-authorized';
  }

  mayPublish(_client: BrokerClient, topic: string): boolean {
    return isOpenToClients(topic);
  }

  maySubscribe(): boolean {
    return true;
  }

  mayWrite(): boolean {
    return true;
  }
}

/** KubeEdge's uplink of raw messages; nothing of the runtime's listens there. */
const UPLOAD_PREFIX = '$hw/events/upload/';

/**
 * Topics that a client may publish. What the runtime says about twins and membership is the
 * runtime's alone: in KubeEdge any local client can forge desired values through `cloud_updated`.
 * Other topics under `$` are the server's (MQTT 3.1.1 section 4.7.2).
 */
export function isOpenToClients(topic: string): boolean {
  if (!topic.startsWith('$')) return true;
  const parsed = parseTopic(topic);
  switch (parsed?.kind) {
    case undefined:
      return topic.startsWith(UPLOAD_PREFIX);
    case 'data':
      return true;
    case 'node':
      return parsed.action === 'membership/get';
    case 'device':
      return (
        parsed.action === 'twin/update' ||
        parsed.action === 'twin/get' ||
        parsed.action === 'state/update' ||
        parsed.action === 'command/result'
      );
  }
}
