#!/usr/bin/env python3
"""A mapper for edgetwin in Python, over MQTT (mappers/README.md).

    thermostat.py --broker 127.0.0.1:1883 --device default/hall \\
        --thermostat 127.0.0.1:5025 --read temperature=1 --read target=1

It speaks with the thermostat of thermostat.ts: lines of text over TCP, `GET target` is answered
with `target 21`, `SET target 22` with `OK`, what is refused with `ERR why`. `--simulate 5025` is
such a thermostat, to try it with.
Needs paho-mqtt (Debian: python3-paho-mqtt), version 1 or 2.
"""
import argparse
import json
import os
import queue
import random
import signal
import socket
import socketserver
import sys
import time

import paho.mqtt.client as mqtt

RETRY_FIRST_S, RETRY_MAX_S = 0.5, 30
QUEUE_MAX = 256  # messages that wait for the device; the gateway sends a delta again and again


class Silent(Exception):
    """The device did not answer, or not in a way that can be understood."""


class Device:
    """Questions and answers, one at a time."""

    def __init__(self, address, timeout):
        self.address, self.timeout, self.stream = address, timeout, None

    def ask(self, question):
        try:
            if self.stream is None:
                connection = socket.create_connection(self.address, self.timeout)
                self.stream = connection.makefile('rwb', buffering=0)
            self.stream.write(question.encode() + b'\n')
            answer = self.stream.readline(256)
            if not answer.endswith(b'\n'):
                raise Silent('EDGE_DEVICE_CLOSED')
            return answer.decode('latin-1').strip()
        except (OSError, Silent) as why:
            # An answer that comes late would be taken for the next one: a new connection.
            if self.stream is not None:
                self.stream.close()
            self.stream = None
            timed_out = isinstance(why, socket.timeout)
            raise Silent('EDGE_DEVICE_TIMEOUT' if timed_out else 'EDGE_DEVICE_CLOSED') from why


class Property:
    def __init__(self, name, cycle):
        self.name, self.cycle = name, cycle
        self.due = 0.0  # monotonic seconds
        self.applied = ''  # rule 4: version of the last write that has ended
        self.wish = None  # (text, version) that is to be written
        self.seen = None  # the newest wish that was taken up, written or not
        self.retry_at, self.failures = 0.0, 0


def order(version):
    """Versions are `generation.counter`."""
    return tuple(int(part) for part in version.split('.')) if version else (0, 0)


class Mapper:
    """All that touches the device is done by one thread, so that nothing overtakes anything."""

    def __init__(self, client, device_id, device, properties):
        self.client, self.device = client, device
        self.topic = f'$hw/events/device/{device_id}/'
        self.properties = {one.name: one for one in properties}
        self.inbox = queue.Queue(QUEUE_MAX)
        self.known = False  # whether the gateway has said what was written before
        self.done = []  # ids of commands
        self.events = 0

    # --- called by paho's thread: only hands over -------------------------------------------

    def on_connect(self, client, *_):
        for action in ('twin/update/delta', 'twin/update/result', 'twin/get/result', 'command'):
            client.subscribe(self.topic + action, qos=1)
        self.publish('twin/get', {})

    def on_message(self, _client, _userdata, message):
        try:
            body = json.loads(message.payload)
            action = message.topic[len(self.topic):]
            if isinstance(body, dict):
                self.inbox.put_nowait((action, body, time.monotonic()))
        except (ValueError, queue.Full, RecursionError):
            print('a message was dropped', file=sys.stderr)

    # --- the mapper's own thread ---------------------------------------------------------------

    def run(self):
        while True:
            try:
                self.take(*self.inbox.get(timeout=self.idle()))
                continue  # all that waits, before the device is asked
            except queue.Empty:
                pass
            now = time.monotonic()
            if not self.known:
                continue
            for one in self.properties.values():
                if one.wish is not None and one.retry_at <= now:
                    self.write(one)
            due = [one for one in self.properties.values() if one.due <= now]
            if due:
                self.report([self.read(one) for one in due])

    def idle(self):
        """Seconds until something is due."""
        if not self.known:
            return 1
        times = [one.due for one in self.properties.values()]
        times += [one.retry_at for one in self.properties.values() if one.wish is not None]
        return max(0.001, min(times) - time.monotonic())

    def take(self, action, body, heard_at):
        if action == 'command':
            self.command(body, heard_at)
        elif action == 'twin/update/result':
            if 'error' in body:
                print(body['error'], body.get('reason', ''), file=sys.stderr)
        else:
            twin = body.get('twin')
            for name, one in self.properties.items():
                said = twin.get(name) if isinstance(twin, dict) else None
                if isinstance(said, dict):
                    self.hear(one, said)
            self.known = self.known or action == 'twin/get/result'

    def hear(self, one, said):
        expected, actual = said.get('expected') or {}, said.get('actual') or {}
        label = (actual.get('metadata') or {}).get('appliedVersion', '')
        if not self.known and label:  # what was written before this process began
            one.applied = one.seen = label
        text = expected.get('value')
        if text is None:
            return
        version = (expected.get('metadata') or {}).get('version')
        # Rule 1: by version; a local write that the hub has not decided on has only its text.
        key = version if version is not None else f'text {text}'
        if key == one.seen or (version is not None and order(version) < order(one.applied)):
            return
        one.seen, one.wish = key, (text, version)  # rule 2: only the newest
        one.retry_at, one.failures = 0.0, 0

    def write(self, one):
        text, version = one.wish
        try:
            answer = self.device.ask(f'SET {one.name} {text}')
        except Silent:
            # Rule 5: it has not ended; later again, and readings keep the older label.
            delay = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(one.failures, 16))
            one.failures += 1
            one.retry_at = time.monotonic() + random.random() * delay
            return
        if answer != 'OK':
            print(f'{one.name}: {answer}', file=sys.stderr)
        one.wish = None
        one.applied = version if version is not None else one.applied
        self.report([self.read(one)])  # rule 3: at once, refused or not

    def read(self, one):
        applied = one.applied  # rule 4: taken when the reading begins
        one.due = time.monotonic() + one.cycle
        metadata = {'quality': 'good', 'appliedVersion': applied}
        try:
            said, _, value = self.device.ask(f'GET {one.name}').partition(' ')
            if said != one.name:
                value, metadata['quality'], metadata['reason'] = '', 'bad', 'EDGE_DEVICE_FRAME'
        except Silent as why:  # rule 6: never the last value
            value, metadata['quality'], metadata['reason'] = '', 'bad', str(why)
        metadata['timestamp'] = int(time.time() * 1000)
        if not applied:
            del metadata['appliedVersion']
        return one.name, {'actual': {'value': value, 'metadata': metadata}}

    def report(self, readings):
        self.publish('twin/update', {'twin': dict(readings)})

    def command(self, body, heard_at):
        event_id, args = body.get('event_id'), body.get('args') or {}
        if event_id in self.done:
            return  # once, whoever repeats it
        self.done = [*self.done[-255:], event_id]
        result = {'state': 'done'}
        for name, value in args.items():
            if time.monotonic() > heard_at + body.get('ttl', 0) / 1000:
                result = {'state': 'failed', 'code': 'EDGE_EXPIRED', 'reason': 'too late'}
                break
            try:
                answer = self.device.ask(f'SET {name} {value}')
            except Silent as why:
                result = {'state': 'unknown', 'code': str(why), 'reason': 'no answer'}
                break
            if answer != 'OK':
                result = {'state': 'failed', 'code': 'EDGE_DEVICE_EXCEPTION', 'reason': answer}
                break
        self.publish('command/result', {'event_id': event_id, **result})
        self.report([self.read(self.properties[name]) for name in args if name in self.properties])

    def publish(self, action, body):
        self.events += 1
        envelope = {'event_id': f'py-{self.events}', 'timestamp': int(time.time() * 1000)}
        if self.client.is_connected():  # a late reading is worth less than the next one
            self.client.publish(self.topic + action, json.dumps({**envelope, **body}), qos=1)


class Thermostat(socketserver.StreamRequestHandler):
    """What `--simulate` answers."""

    values = {'temperature': 20.5, 'target': 21}

    def handle(self):
        for line in self.rfile:
            verb, key, *value = line.decode('latin-1').split() or ['', '']
            if key not in self.values or (verb == 'SET' and key != 'target'):
                answer = 'ERR no such word'
            elif verb == 'SET':
                self.values[key], answer = float(value[0]), 'OK'
            else:
                answer = f'{key} {self.values[key]}'
            self.wfile.write(answer.encode() + b'\n')


def address(text):
    host, _, port = text.rpartition(':')
    return host, int(port)


def main():
    arguments = argparse.ArgumentParser(description='A thermostat for edgetwin.')
    arguments.add_argument('--broker', type=address, default=('127.0.0.1', 1883))
    arguments.add_argument('--device', default='default/hall', help='namespace/name')
    arguments.add_argument('--thermostat', type=address, default=('127.0.0.1', 5025))
    arguments.add_argument('--timeout', type=float, default=1, help='seconds for an answer')
    arguments.add_argument('--read', action='append', help='property=seconds')
    arguments.add_argument('--simulate', type=int, help='answer as a thermostat on this port')
    given = arguments.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    if given.simulate is not None:
        with socketserver.ThreadingTCPServer(('127.0.0.1', given.simulate), Thermostat) as server:
            server.serve_forever()
    given.read = given.read or ['temperature=1', 'target=1']
    version = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, 'CallbackAPIVersion') else []
    client = mqtt.Client(*version)
    if 'MQTT_USERNAME' in os.environ:
        client.username_pw_set(os.environ['MQTT_USERNAME'], os.environ.get('MQTT_PASSWORD'))
    properties = [Property(name, float(s)) for name, s in (one.split('=') for one in given.read)]
    mapper = Mapper(client, given.device, Device(given.thermostat, given.timeout), properties)
    client.on_connect, client.on_message = mapper.on_connect, mapper.on_message
    client.connect_async(*given.broker, keepalive=20)
    client.loop_start()
    mapper.run()


if __name__ == '__main__':
    main()
