import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { MapperHost, Mapper } from '#protocol/mapper-port.js';
import {
  complianceDevice,
  inProcessRig,
  mapped,
  mapperCompliance,
  recordingHost,
  scriptedDriver,
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
  await mapper.start([mapped(described)]);
  return inProcessRig(mapper, described, readings, async () => undefined);
});
