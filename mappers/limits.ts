/** Every limit of the mappers, with unit and reason. A limit that is hit is counted in `status`. */
export const MAPPER_LIMITS = {
  /** Writes waiting at one device. Full: EDGE_LIMIT with `retry`, so the runtime asks again. */
  writesPerDevice: 64,
  /** Least milliseconds of `cycle`: who writes 5 means seconds. */
  cycleMinMs: 10,
  /** Milliseconds that `stop` waits for a driver to end what is under way (mapper-port.ts). */
  stopMs: 2_000,
  /** Requests waiting at one bus. Each device has at most two, so full means a defect or a flood. */
  jobsPerBus: 1_024,
  /** Writes and read-backs in a row while a poll waits: polls never starve. */
  urgentInARow: 16,
  /** Bytes kept while a reply is awaited: one longest RTU frame (256) and as much noise before it. */
  rtuReceiveBytes: 512,
  /** Bytes kept of one ASCII frame: the longest has 513 characters. */
  asciiReceiveBytes: 1_024,
  /** Least milliseconds that a slave gets to begin its answer, however quick it was so far: a USB
   * adapter holds bytes for 16, a loaded machine stumbles for longer. */
  adaptiveMinMs: 150,
  /** Times that a read is asked again when no answer or a damaged one came: once tells bad luck. */
  readRetries: 1,
  /** Misses in a row until a slave is away and only probed. */
  missesUntilAway: 2,
  /** First and largest milliseconds between probes of such a slave: back within 10 s, with its
   * time-out before and after, and a cycle until it is asked. */
  awayFirstMs: 1_000,
  awayMaxMs: 5_000,
  /** Share of what others use of a line that probes may take from them; idle time is all theirs. */
  probeShare: 0.17,
  /** Each so-manieth probe takes all its time from them: some slaves became very slow. */
  fullProbeEvery: 3,
  /** Milliseconds without a request until a probe goes: polls of one cycle come in one go. */
  calmMs: 50,
  /** Milliseconds of silence after which a reply with a wrong checksum counts as ended: longer than
   * any adapter holds back the rest of one. */
  damagedEndMs: 50,
  /** Milliseconds after a broadcast in which slaves carry it out (Serial Line V1.02 section 2.4.1). */
  broadcastMs: 150,
  /** Requests under way on one TCP connection: V1.0b section 4.3.2 names 1 to 16 for a server. */
  tcpDepthMax: 16,
  /** Answers at one depth, with others waiting, until one more is tried. */
  repliesToDeepen: 8,
  /** Milliseconds after which a depth that was too much may be tried again. */
  depthRetryMs: 600_000,
  /** Given-up transaction numbers, never used again on a connection; more mean a new connection. */
  tcpGivenUpMax: 1_024,
  /** Milliseconds without the silence that a request needs, until the waiting requests fail. */
  babbleMs: 2_000,
  /** Share of the time that all lines together may keep this process asleep for the rest of a
   * silence: a line of 115,200 baud with a read of one register after the other takes 0.1. */
  napShare: 0.125,
  /** Most milliseconds of one such nap: what a timer of whole ones leaves, and one that rang early. */
  napMaxMs: 1.2,
  /** Milliseconds of naps in a row after a pause: a round of 50 reads. Beyond it and the share,
   * silences are rounded up to whole milliseconds, and counted. */
  napBurstMs: 25,
  /** Least milliseconds without a request to a unit or a serial sensor that did not answer: its reply
   * may still come. */
  quarantineMinMs: 500,
  /** Most milliseconds of it, for one whose replies were seen that late. */
  quarantineMaxMs: 10_000,
  /** Time-outs in a row until a TCP connection is taken for half-open and made anew. */
  tcpTimeoutsInARow: 3,
  /** Milliseconds for a TCP connection or a serial port to open. */
  openMs: 3_000,
  /** Milliseconds of the reconnect delay's first and largest bound, under full jitter. */
  reconnectFirstMs: 250,
  reconnectMaxMs: 15_000,
  /** Milliseconds that a device has to begin its answer, when its settings do not say. */
  requestTimeoutMs: 1_000,
  /** Range of that setting. */
  requestTimeoutMinMs: 10,
  requestTimeoutMaxMs: 60_000,
  /** Milliseconds until a SunSpec device whose map was not found, or is in doubt, is asked again. */
  sunSpecAgainMs: 60_000,
  /** Bytes of one frame of a serial sensor: a DSMR telegram, the longest known, has about 1,500. */
  sensorFrameBytes: 4_096,
  /** Data records of one M-Bus telegram: its 252 bytes hold at most 126, of a DIF and a VIF each. */
  mbusRecords: 126,
  /** Extension bytes of one DIF or VIF (EN 13757-3). */
  mbusExtensions: 10,
  /** Milliseconds after which a sensor that talks by itself and was not heard is away. */
  sensorStaleMs: 10_000,
  /** Reports under way in the MQTT adapter; more are refused, the next reading replaces them. */
  mqttReportsUnderWay: 1_024,
  /** Milliseconds until a report without `twin/update/result` is given up. */
  mqttReportMs: 10_000,
  /** Milliseconds of the bound of the delay before a write is tried again, under full jitter. */
  mqttWriteRetryFirstMs: 500,
  mqttWriteRetryMaxMs: 30_000,
  /** Commands that wait or run in the MQTT adapter; more are answered with EDGE_LIMIT. */
  mqttCommandsWaiting: 64,
  /** Ids of commands that it remembers: brokers other than ours may deliver one twice. */
  mqttCommandsSeen: 1_024,
  /** Seconds of MQTT keep-alive; a broker that is gone is noticed after one and a half. */
  mqttKeepAliveSeconds: 20,
  /** Bytes of one MQTT payload that the adapter looks at: the broker's own packet limit. */
  mqttPayloadBytes: 256 * 1024,
} as const;
