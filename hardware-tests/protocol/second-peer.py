"""A second implementation of the bytes between gateway and hub, made from docs/wire-format.md and
protocol/README.md alone, with Python's standard library. It reads both pages, decodes every example,
compares it with the message beside it, encodes it back, and prints what it found as JSON."""

import decimal
import json
import math
import re
import sys
import zlib

COUNT_MAX = 2**53 - 1
MESSAGE_BYTES = 262_144
ROWS = 1024
FORBIDDEN = ('__proto__', 'constructor', 'prototype')
NAME = re.compile(r'[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?')
PROPERTY = re.compile(r'[A-Za-z0-9\-_.,:/@#]+')
HEX64 = re.compile(r'[0-9a-f]{16}')


class Refused(Exception):
    pass


class Unknown(Exception):
    """A type that this end does not know: answered with UNSUPPORTED."""


def need(holds, why):
    if not holds:
        raise Refused(why)


# Section 3: the hash, and packing with a preset dictionary.
def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f'{value:016x}'


def unpack(data, dictionary):
    need(2 <= len(data) <= MESSAGE_BYTES, 'length')
    need(data[0] == 1, 'codec version')
    need(data[1] in (0, 1), 'flags')
    if data[1] == 0:
        return data[2:]
    need(dictionary is not None, 'no dictionary was agreed')
    inflate = zlib.decompressobj(wbits=-15, zdict=dictionary)
    try:
        body = inflate.decompress(data[2:], MESSAGE_BYTES - 1)
    except zlib.error as error:
        raise Refused(str(error)) from error
    need(inflate.eof and len(body) <= MESSAGE_BYTES - 2, 'packed body')
    return body


def pack(body, dictionary):
    deflate = zlib.compressobj(6, zlib.DEFLATED, -12, zdict=dictionary)
    packed = deflate.compress(body) + deflate.flush()
    return b'\x01\x01' + packed if len(packed) < len(body) else b'\x01\x00' + body


# Section 1: one JSON array, its brackets counted before anything is built.
def parse(body):
    depth = deepest = 0
    quoted = skip = False
    for char in body.decode('utf-8'):
        if skip:
            skip = False
        elif quoted:
            skip, quoted = char == '\\', char != '"'
        elif char == '"':
            quoted = True
        elif char in '[{':
            depth += 1
            deepest = max(deepest, depth)
        elif char in ']}':
            depth -= 1
    need(deepest <= 21, 'depth')

    def number(text):
        value = float(text)
        return int(value) if math.isfinite(value) and value.is_integer() else value

    def constant(text):
        raise Refused(text)

    items = json.loads(body, parse_int=number, parse_float=number, parse_constant=constant)
    need(isinstance(items, list), 'not an array')
    return items


def check_value(value, depth=0):
    if isinstance(value, (list, dict)):
        need(depth < 16, 'value too deep')
    if isinstance(value, str):
        value.encode('utf-8')
    elif isinstance(value, float):
        need(math.isfinite(value), 'not finite')
    elif isinstance(value, list):
        for item in value:
            check_value(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            key.encode('utf-8')
            need(key not in FORBIDDEN, 'forbidden key')
            check_value(item, depth + 1)


def utf16(text):
    return len(text.encode('utf-16-le', 'surrogatepass')) // 2


# Section 2: forms of fields, taken one position after the other.
class Reader:
    def __init__(self, items):
        need(isinstance(items, list), 'not an array')
        self.items = items
        self.at = 0

    def next(self):
        self.at += 1
        return self.items[self.at - 1] if self.at <= len(self.items) else None

    def absent(self, positions=1):
        missing = self.at >= len(self.items) or self.items[self.at] is None
        if missing:
            self.at += positions
        return missing

    def count(self, default=None):
        value = self.next()
        value = default if value is None else value
        need(type(value) is int and 0 <= value <= COUNT_MAX, 'not a count')
        return value

    def number(self):
        value = self.next()
        need(type(value) in (int, float) and math.isfinite(value), 'not a number')
        return value

    def step(self, before):
        value = before + self.number()
        need(type(value) is int and 0 <= value <= COUNT_MAX, 'not a count')
        return value

    def choice(self, names, default=None):
        index = self.count(default)
        need(index < len(names), 'no such choice')
        return names[index]

    def flag(self):
        return self.choice((False, True))

    def text(self, longest=512):
        value = self.next()
        need(isinstance(value, str) and utf16(value) <= longest, 'not such a text')
        return value

    def label(self):
        return self.text(128)

    def hex64(self):
        value = self.text()
        need(HEX64.fullmatch(value), 'not 64 bits')
        return value

    def hex64_or_none(self):
        value = self.text()
        need(value == '' or HEX64.fullmatch(value), 'not 64 bits')
        return value

    def device(self):
        value = self.text(257)
        parts = value.split('/')
        need(len(parts) == 2 and all(NAME.fullmatch(p) and len(p) <= 128 for p in parts), 'device')
        return value

    def property(self):
        value = self.text(128)
        need(PROPERTY.fullmatch(value) and value not in FORBIDDEN, 'property')
        return value

    def version(self, default=None):
        return {'gen': self.count(default), 'n': self.count(default)}

    def value(self):
        need(self.at < len(self.items), 'no value')
        value = self.next()
        check_value(value)
        need(len(compact(value)) <= 8192, 'value too long')
        return value

    def list(self, most, read):
        items = self.next()
        need(isinstance(items, list) and len(items) <= most, 'not such a list')
        return [read(Reader(item)) for item in items]

    def plain(self, most, read):
        inner = Reader(self.next())
        need(len(inner.items) <= most, 'list too long')
        return [read(inner) for _ in range(len(inner.items))]


def compact(value):
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False).encode('utf-8')


def trim(items, defaults):
    """Drops trailing positions that hold their default."""
    items, defaults = list(items), list(defaults)
    while defaults and items[-1] == defaults[-1] and type(items[-1]) is type(defaults[-1]):
        items.pop()
        defaults.pop()
    return items


def optional(message, name, read, absent):
    if not absent:
        message[name] = read()


QUALITIES = ('good', 'uncertain', 'bad')
CLOCKS = 'synced', 'floor', 'unknown'
TYPES = ('int', 'float', 'double', 'string', 'boolean', 'bytes', 'json')
ACCESS = ('ReadOnly', 'ReadWrite')
OUTCOMES = ('ok', 'conflict', 'superseded', 'rejected')
STATES = ('done', 'failed', 'expired', 'unknown', 'never-seen', 'running')
REASONS = ('superseded', 'clone', 'unsupported', 'shutting-down', 'diverged', 'refused')


def read_groups(reader, read_row):
    rows = []

    def group(inner):
        head = {'device': inner.device(), 'incarnation': inner.version()}
        inner.list(ROWS - len(rows), lambda row: rows.append({**head, **read_row(row)}))

    reader.list(ROWS, group)
    return rows


def write_groups(rows, write_row):
    groups = []
    for row in rows:
        life = row['incarnation']
        head = [row['device'], life['gen'], life['n']]
        if not groups or groups[-1][:3] != head:
            groups.append([*head, []])
        groups[-1][3].append(write_row(row))
    return groups


def pair(version):
    return [None, None] if version is None else [version['gen'], version['n']]


def read_history(r):
    history = {'value': r.count()}
    history['forks'] = r.list(32, lambda f: {'boot': f.hex64(), 'before': f.count()})
    return history


def write_history(h):
    return [h['value'], [[f['boot'], f['before']] for f in h['forks']]]


def read_hello(r, m):
    r.at = 3
    m.update(boot=r.hex64(), lineage=r.hex64(), lastEpoch=r.count())
    m.update(state=read_history(Reader(r.next())), samples=read_history(Reader(r.next())))
    m.update(hubLineage=r.hex64_or_none(), maxDesired=r.count())
    m.update(hubBoots=r.plain(16, Reader.hex64))
    m.update(protocol={'min': r.count(), 'max': r.count()})
    m.update(features=r.plain(64, Reader.label), dictionaries=r.plain(64, Reader.label))
    m.update(monotonicMs=r.number(), software=r.text())
    optional(m, 'gen', r.count, r.absent())
    optional(m, 'hubGen', r.count, r.absent())


def write_hello(m):
    tail = trim([m.get('gen'), m.get('hubGen')], [None, None])
    return [
        *(0, None, m['boot'], m['lineage'], m['lastEpoch']),
        *(write_history(m['state']), write_history(m['samples']), m['hubLineage'], m['maxDesired']),
        *(m['hubBoots'], m['protocol']['min'], m['protocol']['max'], m['features']),
        *(m['dictionaries'], m['monotonicMs'], m['software'], *tail),
    ]


def read_welcome(r, m):
    m.update(epoch=r.count())
    r.next()
    m.update(lineage=r.hex64(), gen=r.count(), fork=r.flag(), resync=r.flag())
    m.update(known={'state': r.count(), 'samples': r.count()})
    m.update(hubLineage=r.hex64(), hubGen=r.count(), hubBoot=r.hex64(), adopt=r.flag())
    m.update(protocol=r.count(), features=r.plain(64, Reader.label), messageBytes=r.count())
    m.update(monotonicMs=r.number())
    optional(m, 'earlierHubBoots', lambda: r.plain(32, Reader.hex64), r.absent())
    optional(m, 'wallMs', r.count, r.absent())
    optional(m, 'priorGen', r.count, r.absent())


def write_welcome(m):
    tail = [m.get('earlierHubBoots'), m.get('wallMs'), m.get('priorGen')]
    return [
        *(m['epoch'], None, m['lineage'], m['gen'], int(m['fork']), int(m['resync'])),
        *(m['known']['state'], m['known']['samples'], m['hubLineage'], m['hubGen'], m['hubBoot']),
        *(int(m['adopt']), m['protocol'], m['features'], m['messageBytes'], m['monotonicMs']),
        *trim(tail, [None, None, None]),
    ]


def read_clock(r):
    index = r.count()
    return CLOCKS[index] if index < len(CLOCKS) else 'unknown'


def read_timed(r, m, read):
    """Rows, then the clock of those that do not say their own."""
    m.update(rows=read_groups(r, read))
    if not r.absent():
        common = read_clock(r)
        for row in m['rows']:
            row.setdefault('clock', common)


def write_timed(rows, write):
    common = common_clock(rows)
    tail = [] if common is None else [CLOCKS.index(common)]
    return [write_groups(rows, lambda row: write(row, common)), *tail]


def common_clock(rows):
    return rows[0]['clock'] if rows and all('clock' in row for row in rows) else None


def readings(n, with_label):
    """Rows of STATE and SAMPLES: n and timestamp are steps from the row before."""
    last = {'n': n, 'time': 0}

    def read(r):
        row = {'property': r.property()}
        row['n'] = last['n'] = r.step(last['n'])
        row['value'] = r.value()
        row['timestamp'] = last['time'] = r.step(last['time'])
        if with_label:
            row['desiredVersion'] = r.version(0)
        row['quality'] = r.choice(QUALITIES, 0)
        optional(row, 'reason', r.text, r.absent())
        if with_label:
            optional(row, 'gen', r.count, r.absent())
        optional(row, 'clock', lambda: read_clock(r), r.absent())
        return row

    def write(row, common):
        clock = row.get('clock')
        own = None if clock in (None, common) else CLOCKS.index(clock)
        steps = row['n'] - last['n'], row['timestamp'] - last['time']
        last['n'], last['time'] = row['n'], row['timestamp']
        head = [row['property'], steps[0], row['value'], steps[1]]
        rest = [QUALITIES.index(row['quality']), row.get('reason')]
        if not with_label:
            return head + trim([*rest, own], [0, None, None])
        label = pair(row['desiredVersion'])
        return head + trim([*label, *rest, row.get('gen'), own], [0, 0, 0, None, None, None])

    return read, write


def read_state(r, m):
    m.update(epoch=r.count(), id=r.count())
    read_timed(r, m, readings(0, True)[0])


def write_state(m):
    return [m['epoch'], m['id'], *write_timed(m['rows'], readings(0, True)[1])]


def read_samples(r, m):
    m.update(epoch=r.count())
    r.next()
    m.update({'from': r.count(), 'to': r.count(), 'dropped': r.count()})
    read_timed(r, m, readings(m['from'], False)[0])


def write_samples(m):
    rows = write_timed(m['rows'], readings(m['from'], False)[1])
    return [m['epoch'], None, m['from'], m['to'], m['dropped'], *rows]


def read_desired_row(r):
    row = {'property': r.property(), 'version': r.version(), 'value': r.value()}
    optional(row, 'origin', r.version, r.absent(2))
    optional(row, 'since', r.version, r.absent(2))
    return row


def write_desired_row(row):
    tail = [*pair(row.get('origin')), *pair(row.get('since'))]
    return [row['property'], *pair(row['version']), row['value'], *trim(tail, [None] * 4)]


def read_made_device(r):
    row = {'device': r.device(), 'version': r.version(), 'incarnation': r.version()}
    row['documents'] = None if r.absent() else r.text(65536)
    return row


def write_made_device(row):
    return [row['device'], *pair(row['version']), *pair(row['incarnation']), row['documents']]


def read_desired(r, m):
    m.update(epoch=r.count(), id=r.count(), rows=read_groups(r, read_desired_row))


def read_devices(r, m):
    m.update(epoch=r.count(), id=r.count(), rows=r.list(ROWS, read_made_device))


def read_adopt(r, m):
    read_desired(r, m)
    m.update(devices=r.list(ROWS, read_made_device), last=r.flag())


def write_adopt(m):
    rows = write_groups(m['rows'], write_desired_row)
    devices = [write_made_device(row) for row in m['devices']]
    return [m['epoch'], m['id'], rows, devices, int(m['last'])]


def read_announce(r, m):
    m.update(epoch=r.count(), id=r.count(), rows=r.list(ROWS, read_announced))


def read_announced(r):
    row = {'device': r.device(), 'incarnation': r.version(), 'n': r.count()}
    row['description'] = None if r.absent() else read_description(row['device'], Reader(r.next()))
    return row


def read_description(device, r):
    told = {'id': device, 'model': r.label(), 'protocol': r.label()}
    optional(told, 'description', r.text, r.absent())
    told['properties'] = r.list(1024, read_property)
    names = [p['name'] for p in told['properties']]
    need(len(set(names)) == len(names), 'two properties of one name')
    optional(told, 'methods', lambda: r.list(128, read_method), r.absent())
    return told


def read_property(r):
    told = {'name': r.property(), 'type': r.choice(TYPES), 'access': r.choice(ACCESS)}
    told['reportCycleMs'] = r.count()
    for name, read in (('minimum', r.number), ('maximum', r.number), ('unit', r.text)):
        optional(told, name, read, r.absent())
    optional(told, 'description', r.text, r.absent())
    if not r.absent() and r.flag():
        told['history'] = True
    return told


def read_method(r):
    told = {'name': r.label()}
    optional(told, 'description', r.text, r.absent())
    told['properties'] = r.plain(64, Reader.property)
    return told


def write_announced(row):
    told = row['description']
    return [row['device'], *pair(row['incarnation']), row['n'], told and write_description(told)]


def write_description(told):
    properties = []
    for p in told['properties']:
        head = [p['name'], TYPES.index(p['type']), ACCESS.index(p['access']), p['reportCycleMs']]
        names = ('minimum', 'maximum', 'unit', 'description')
        tail = [*(p.get(name) for name in names), 1 if p.get('history') else None]
        properties.append(head + trim(tail, [None] * 5))
    methods = [[m['name'], m.get('description'), m['properties']] for m in told.get('methods', [])]
    head = [told['model'], told['protocol'], told.get('description'), properties]
    return head + trim([methods if 'methods' in told else None], [None])


def read_local(r, m):
    m.update(epoch=r.count())
    r.next()
    m.update(device=r.device(), incarnation=r.version(), lid=r.version(), base=r.version())
    m.update(chainStart=r.version(), property=r.property(), value=r.value())


def write_local(m):
    versions = [n for name in ('incarnation', 'lid', 'base', 'chainStart') for n in pair(m[name])]
    return [m['epoch'], None, m['device'], *versions, m['property'], m['value']]


def read_local_result(r, m):
    m.update(epoch=r.count())
    r.next()
    m.update(device=r.device(), property=r.property(), lid=r.version(), outcome=r.choice(OUTCOMES))
    optional(m, 'version', r.version, r.absent(2))
    optional(m, 'code', r.text, r.absent())


def write_local_result(m):
    head = [m['epoch'], None, m['device'], m['property'], *pair(m['lid'])]
    tail = [*pair(m.get('version')), m.get('code')]
    return head + [OUTCOMES.index(m['outcome']), *trim(tail, [None] * 3)]


def read_digest(r, m):
    m.update(epoch=r.count())
    r.next()
    m.update(state=r.count(), desired=r.count())

    def device(d):
        head = {'device': d.device(), 'incarnation': d.version()}
        return {**head, 'reported': d.hex64(), 'desired': d.hex64()}

    m.update(devices=r.list(ROWS, device))


def write_digest(m):
    devices = [
        [d['device'], *pair(d['incarnation']), d['reported'], d['desired']] for d in m['devices']
    ]
    return [m['epoch'], None, m['state'], m['desired'], devices]


def read_command(r, m):
    m.update(epoch=r.count())
    r.next()
    m.update(command=r.hex64(), device=r.device(), incarnation=r.version(), method=r.label())
    m.update(args=r.value(), ttlMs=r.count(), issuedMs=r.number())


def write_command(m):
    head = [m['epoch'], None, m['command'], m['device'], *pair(m['incarnation']), m['method']]
    return head + [m['args'], m['ttlMs'], m['issuedMs']]


def read_result(r, m):
    m.update(epoch=r.count())
    r.next()
    m.update(command=r.hex64(), state=r.choice(STATES))
    optional(m, 'value', lambda: Reader(r.next()).value(), r.absent())
    optional(m, 'code', r.text, r.absent())
    optional(m, 'detail', r.text, r.absent())


def write_result(m):
    value = [m['value']] if 'value' in m else None
    tail = trim([value, m.get('code'), m.get('detail')], [None] * 3)
    return [m['epoch'], None, m['command'], STATES.index(m['state']), *tail]


def read_bye(r, m):
    r.at = 3
    reason = r.text()
    m.update(reason=reason if reason in REASONS else 'refused', detail=r.text())


def read_ack(r, m):
    m.update(epoch=r.count())
    r.next()
    m.update(id=r.count())
    m.update(rejects=r.list(ROWS, lambda x: {'row': x.count(), 'code': x.text()}))


def write_ack(m):
    return [m['epoch'], None, m['id'], [[x['row'], x['code']] for x in m['rejects']]]


def one(name, read):
    def take(r, m):
        m.update(epoch=r.count())
        r.next()
        m[name] = read(r)

    return take, lambda m: [m['epoch'], None, m[name]]


def bare(r, m):
    m.update(epoch=r.count())


MESSAGES = {
    1: ('hello', read_hello, write_hello),
    2: ('welcome', read_welcome, write_welcome),
    3: ('ready', bare, lambda m: [m['epoch']]),
    4: ('confirm', bare, lambda m: [m['epoch']]),
    5: ('state', read_state, write_state),
    6: ('ack', read_ack, write_ack),
    7: (
        'desired',
        read_desired,
        lambda m: [m['epoch'], m['id'], write_groups(m['rows'], write_desired_row)],
    ),
    8: ('stored', *one('id', Reader.count)),
    9: ('local', read_local, write_local),
    10: ('local-result', read_local_result, write_local_result),
    11: ('digest', read_digest, write_digest),
    12: ('resend', *one('devices', lambda r: r.plain(ROWS, Reader.device))),
    13: ('bye', read_bye, lambda m: [0, None, m['reason'], m['detail']]),
    14: ('unsupported', *one('id', Reader.count)),
    15: (
        'announce',
        read_announce,
        lambda m: [m['epoch'], m['id'], [write_announced(row) for row in m['rows']]],
    ),
    16: ('samples', read_samples, write_samples),
    17: ('sack', *one('stored', Reader.count)),
    18: (
        'devices',
        read_devices,
        lambda m: [m['epoch'], m['id'], [write_made_device(row) for row in m['rows']]],
    ),
    19: ('command', read_command, write_command),
    20: ('result', read_result, write_result),
    21: ('resack', *one('command', Reader.hex64)),
    22: ('query', *one('command', Reader.hex64)),
    23: ('adopt', read_adopt, write_adopt),
}


def decode(body):
    reader = Reader(parse(body))
    code = reader.count()
    if code not in MESSAGES:
        raise Unknown(code)
    kind, read, _ = MESSAGES[code]
    message = {'kind': kind}
    read(reader, message)
    return message


def encode(message):
    code, write = next((c, w) for c, (kind, _, w) in MESSAGES.items() if kind == message['kind'])
    return compact([code, *write(message)])


# Section 4, DIGEST.
def canonical(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode('utf-16-be', 'surrogatepass'))
        return '{' + ','.join(f'{canonical(k)}:{canonical(value[k])}' for k in keys) + '}'
    if isinstance(value, list):
        return '[' + ','.join(map(canonical, value)) + ']'
    if type(value) in (int, float):
        return ecma_number(float(value))
    return compact(value).decode('utf-8')


def ecma_number(value):
    """ECMA-262, Number::toString: the shortest digits, an exponent only where they are far off."""
    sign, digits, exponent = decimal.Decimal(repr(value)).normalize().as_tuple()
    text, point = ''.join(map(str, digits)), len(digits) + exponent
    if value == 0:
        return '0'
    if len(text) <= point <= 21:
        text += '0' * (point - len(text))
    elif 0 < point <= 21:
        text = f'{text[:point]}.{text[point:]}'
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{text}"
    else:
        head = text if len(text) == 1 else f'{text[0]}.{text[1:]}'
        text = f'{head}e{point - 1:+d}'
    return f'-{text}' if sign else text


def digest(rows):
    rows = sorted(rows, key=lambda row: row['property'].encode('utf-16-be'))
    fields = (
        (r['property'], f"{r['version']['gen']}.{r['version']['n']}", canonical(r['value']))
        for r in rows
    )
    return fnv(''.join(f'{field}\0' for row in fields for field in row).encode('utf-8'))


# README section 4: a counter with forks, and its mark.
class Counter:
    def __init__(self):
        self.value, self.met, self.forks = 0, '', []

    def number(self, boot):
        if boot != self.met and boot not in [b for b, _ in self.forks]:
            if len(self.forks) < 32:
                self.forks.append([boot, self.value])
            else:
                self.forks[-1] = [boot, min(self.forks[-1][1], self.value)]
        self.value += 1

    def mark(self, learnt):
        return next((before for boot, before in self.forks if boot not in learnt), self.value)


def check_numbers(steps):
    counter = Counter()
    for step in steps:
        if 'restore' in step:
            counter.met, counter.value = step['restore']
            counter.forks = []
        if 'use' in step:
            boot, times = step['use']
            for _ in range(times):
                counter.number(boot)
        if 'confirm' in step:
            counter.met, counter.forks = step['confirm'], []
        found = (counter.value, counter.forks, counter.mark(step['learnt']))
        assert found == (step['value'], step['forks'], step['mark']), step['step']
    return len(steps)


def block(text, name):
    return json.loads(re.search(rf'^```json {name}\n(.*?)^```$', text, re.M | re.S)[1])


def is_refused(body):
    try:
        decode(body.encode('utf-8', 'surrogatepass'))
    except (Refused, ValueError):
        return True
    return False


def main(readme, wire):
    dictionary = ''.join(block(wire, 'dictionary')).encode('utf-8')
    assert f'`{fnv(dictionary)}`' in wire, 'id of the dictionary'
    kinds = []
    pattern = r'^```json( packed)?\n([^`]*?)^```\n```hex\n(.*?)^```$'
    for packed, text, dump in re.findall(pattern, wire, re.M | re.S):
        data = bytes.fromhex(''.join(line[:47] for line in dump.splitlines()))
        told = json.loads(text)
        body = unpack(data, dictionary)
        assert decode(body) == told, (told, decode(body))
        assert decode(encode(told)) == told
        if packed:
            assert unpack(pack(body, dictionary), dictionary) == body
        else:
            again = encode(told)
            # LOCAL-RESULT is shown with its trailing nulls; all others in their shortest form.
            assert b'\x01\x00' + again == data or told['kind'] == 'local-result', again
        kinds.append(told['kind'])
    stated = [m for m in re.findall(r'```json\n([^`]*?)```', wire) if '"digest"' in m]
    assert digest(block(wire, 'digest')) == json.loads(stated[0])['devices'][0]['reported']
    refused, taken = wire[wire.index('## 5.') :].split('These are taken')
    bodies = [re.findall(r'^\| `(.*?)` \|', part, re.M) for part in (refused, taken)]
    assert all(is_refused(body) for body in bodies[0]), [b for b in bodies[0] if not is_refused(b)]
    assert not any(is_refused(body) for body in bodies[1])
    print(
        json.dumps(
            {
                'kinds': sorted(set(kinds)),
                'examples': len(kinds),
                'bodies': len(bodies[0]) + len(bodies[1]),
                'steps': check_numbers(block(readme, 'numbering')),
            }
        )
    )


if __name__ == '__main__':
    main(*(open(path, encoding='utf-8').read() for path in sys.argv[1:3]))
