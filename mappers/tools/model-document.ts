/** A KubeEdge DeviceModel as plain data, as a template is. */
export function modelDocument(
  name: string,
  annotations: { readonly source: string; readonly verified: 'live' | 'community' },
  spec: {
    readonly protocol: string;
    readonly protocolConfigData: object;
    readonly properties: readonly object[];
  },
): Record<string, unknown> {
  return {
    apiVersion: 'devices.kubeedge.io/v1beta1',
    kind: 'DeviceModel',
    metadata: { name, annotations },
    spec,
  };
}
