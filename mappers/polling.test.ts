import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { MapperHost, Mapper } from '#protocol/mapper-port.js';
import {
  complianceDevice,
  mapperCompliance,
  recordingHost,
  scriptedDriver,
  START_LABEL,
  writeUntilFinal,
  type ComplianceRig,
  type ScriptedDevice,
} from './compliance.js';
import { PollingMapper } from './polling.js';

function scriptedMapper(device: ScriptedDevice, host: MapperHost): Mapper {
  return new PollingMapper({
    protocolName: 'scripted',
    host,
    openDriver: async () => scriptedDriver(device, host.clock),
    close: async () => device.release(),
  });
}

mapperCompliance(test, 'polling engine', async (device): Promise<ComplianceRig> => {
  const { host, readings } = recordingHost(systemClock);
  const mapper = scriptedMapper(device, host);
  const described = complianceDevice({ protocolName: 'scripted', configData: {} }, {});
  const applied = new Map(described.properties.map(({ name }) => [name, START_LABEL]));
  await mapper.start([{ device: described, applied }]);
  return {
    readings,
    desire: (property, value, version) => {
      const request = { device: described.id, property, value, version };
      void writeUntilFinal(() => mapper.write(request));
    },
    stop: () => mapper.stop(),
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    close: () => mapper.stop(),
  };
});
