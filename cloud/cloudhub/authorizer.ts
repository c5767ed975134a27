import type { DeviceId } from '#protocol/device.js';

/** Which node owns a live device, by what is durable. */
export type OwnerOf = (device: DeviceId) => string | undefined;

/**
 * Says which devices a node may speak about: never those of another one. The node's name comes
 * from its certificate, not from its messages (KubeEdge leaves this check off by default:
 * CloudHubAuthorization in cloud/pkg/cloudhub).
 */
export class Authorizer {
  readonly #node: string;
  readonly #ownerOf: OwnerOf;

  constructor(node: string, ownerOf: OwnerOf) {
    this.#node = node;
    this.#ownerOf = ownerOf;
  }

  isForeign(device: DeviceId): boolean {
    return (this.#ownerOf(device) ?? this.#node) !== this.#node;
  }
}
