#define _GNU_SOURCE
#include "link.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOSS, BURST, STAY, JITTER, DUPLICATE, CORRUPT, REORDER };

static void refuse(const char *what, const char *text) {
  fprintf(stderr, "linkem: cannot read %s: %s\n", what, text);
  exit(2);
}

static void *must(void *memory) {
  if (memory == NULL) refuse("so much", "out of memory");
  return memory;
}

// xoshiro256** of Blackman and Vigna, seeded by splitmix64.
static uint64_t rotate(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

static uint64_t draw(Random *random) {
  uint64_t *s = random->state, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate(s[3], 45);
  return result;
}

static double unit(Random *random) { return (double)(draw(random) >> 11) * 0x1p-53; }

static uint64_t stay(Random *random, uint64_t mean) {
  return (uint64_t)(-log(1 - unit(random)) * (double)mean);
}

void linkSeed(Link *link, uint64_t seed, int direction) {
  for (int kind = 0; kind < KINDS; kind++) {
    uint64_t x = seed * 0x9e3779b97f4a7c15 ^ (uint64_t)(direction + 1) << 32 ^
                 (uint64_t)(kind + 1) * 0xd1342543de82ef95;
    for (int i = 0; i < 4; i++) {
      uint64_t z = x += 0x9e3779b97f4a7c15;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      link->random[kind].state[i] = z ^ (z >> 31);
    }
  }
}

static double readNumber(char **at) {
  char *end;
  double value = strtod(*at, &end);
  if (end == *at || value < 0) refuse("a number", *at);
  *at = end;
  return value;
}

static double readAmount(char **at) {
  double value = readNumber(at);
  const char *units = "kmg", *found = **at == 0 ? NULL : strchr(units, **at);
  if (found == NULL) return value;
  (*at)++;
  return value * pow(1000, (double)(found - units + 1));
}

// "50ms", "200us", "1s"; milliseconds without a unit.
static uint64_t readDuration(char **at) {
  double value = readNumber(at);
  if (strncmp(*at, "us", 2) == 0) *at += 2, value *= 1e3;
  else if (strncmp(*at, "ms", 2) == 0) *at += 2, value *= 1e6;
  else if (**at == 's') *at += 1, value *= 1e9;
  else value *= 1e6;
  return (uint64_t)value;
}

static bool slash(char **at) { return **at == '/' && (*at)++; }

static void readBlackouts(Settings *s, char **at) {
  s->blackouts = 0;
  do {
    if (s->blackouts == BLACKOUTS_MAX) refuse("so many blackouts", *at);
    double from = readNumber(at);
    if (*(*at)++ != '-') refuse("a blackout (want FROM-TO)", *at);
    s->blackout[s->blackouts][0] = from;
    s->blackout[s->blackouts++][1] = readNumber(at);
  } while (**at == '+' && (*at)++);
}

static void setOne(Settings *s, const char *key, char *value) {
  char *at = value;
  if (strcmp(key, "rate") == 0) s->rate = readAmount(&at);
  else if (strcmp(key, "queue") == 0) s->queue = (uint64_t)readAmount(&at);
  else if (strcmp(key, "delay") == 0) s->delay = readDuration(&at);
  else if (strcmp(key, "jitter") == 0) s->jitter = readDuration(&at);
  else if (strcmp(key, "jorder") == 0) s->jitterReorders = readNumber(&at) == 0;
  else if (strcmp(key, "loss") == 0) s->loss = readNumber(&at);
  else if (strcmp(key, "dup") == 0) s->duplicate = readNumber(&at);
  else if (strcmp(key, "corrupt") == 0) s->corrupt = readNumber(&at);
  else if (strcmp(key, "mtu") == 0) s->mtu = (int)readNumber(&at);
  else if (strcmp(key, "nat") == 0) s->nat = (int)readNumber(&at);
  else if (strcmp(key, "blackout") == 0) readBlackouts(s, &at);
  else if (strcmp(key, "reorder") == 0) {
    s->reorder = readNumber(&at);
    if (slash(&at)) s->reorderBy = readDuration(&at);
  } else if (strcmp(key, "ge") == 0) {
    s->toBad = readNumber(&at);
    s->toGood = slash(&at) ? readNumber(&at) : 1;
    s->lossInGood = slash(&at) ? readNumber(&at) : 0;
    s->lossInBad = slash(&at) ? readNumber(&at) : 1;
    s->bursts = s->toBad > 0 ? BURSTS_BY_PACKET : NO_BURSTS;
  } else if (strcmp(key, "get") == 0) {
    s->meanGood = readDuration(&at);
    s->meanBad = slash(&at) ? readDuration(&at) : 0;
    s->lossInGood = slash(&at) ? readNumber(&at) : 0;
    s->lossInBad = slash(&at) ? readNumber(&at) : 1;
    s->bursts = s->meanGood > 0 && s->meanBad > 0 ? BURSTS_BY_TIME : NO_BURSTS;
  } else refuse("the key", key);
  if (*at != 0) refuse(key, value);
}

void linkSet(Settings *settings, const char *text) {
  char *copy = must(strdup(text)), *rest;
  for (char *pair = strtok_r(copy, ",", &rest); pair; pair = strtok_r(NULL, ",", &rest)) {
    char *equals = strchr(pair, '=');
    if (equals == NULL) refuse("key=value", pair);
    *equals = 0;
    setOne(settings, pair, equals + 1);
  }
  free(copy);
}

static bool before(const Packet *a, const Packet *b) {
  return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void push(Link *link, Packet *packet) {
  if (link->flying == link->heapRoom) {
    link->heapRoom = link->heapRoom > 0 ? 2 * link->heapRoom : 1024;
    link->heap = must(realloc(link->heap, (size_t)link->heapRoom * sizeof(Packet *)));
  }
  int i = link->flying++;
  for (; i > 0 && before(packet, link->heap[(i - 1) / 2]); i = (i - 1) / 2)
    link->heap[i] = link->heap[(i - 1) / 2];
  link->heap[i] = packet;
}

Packet *linkTake(Link *link, uint64_t now, uint64_t *dueAt) {
  *dueAt = link->flying > 0 ? link->heap[0]->due : 0;
  if (link->flying == 0 || *dueAt > now) return NULL;
  Packet *first = link->heap[0], *last = link->heap[--link->flying];
  int i = 0;
  for (int child; (child = 2 * i + 1) < link->flying; i = child) {
    if (child + 1 < link->flying && before(link->heap[child + 1], link->heap[child])) child++;
    if (!before(link->heap[child], last)) break;
    link->heap[i] = link->heap[child];
  }
  if (link->flying > 0) link->heap[i] = last;
  return first;
}

static bool lostInBurst(Link *link, uint64_t now) {
  Settings *s = &link->settings;
  if (s->bursts == NO_BURSTS) return false;
  Random *bursts = &link->random[BURST], *stays = &link->random[STAY];
  if (s->bursts == BURSTS_BY_PACKET) {
    if (unit(bursts) < (link->bad ? s->toGood : s->toBad)) link->bad = !link->bad;
  } else {
    if (link->flipAt == 0) link->flipAt = now + stay(stays, s->meanGood);
    while (now >= link->flipAt) {
      link->bad = !link->bad;
      link->flipAt += 1 + stay(stays, link->bad ? s->meanBad : s->meanGood);
    }
  }
  return unit(bursts) < (link->bad ? s->lossInBad : s->lossInGood);
}

static bool blackedOut(const Settings *s, uint64_t now, uint64_t zero) {
  double seconds = (double)(int64_t)(now - zero) / 1e9;
  for (int i = 0; i < s->blackouts; i++)
    if (seconds >= s->blackout[i][0] && seconds < s->blackout[i][1]) return true;
  return false;
}

static void flipBit(Packet *packet, uint64_t random) {
  int header = packet->bytes[0] >> 4 == 4 ? (packet->bytes[0] & 15) * 4 : 40;
  if (packet->length > header)
    packet->bytes[header + (int)((random >> 3) % (uint64_t)(packet->length - header))] ^=
        (uint8_t)(1 << (random & 7));
}

// A NAT between: another port of A, which only B sees. Checksums by RFC 1624, equation 3.
static void translate(const Link *link, Packet *packet) {
  uint8_t *ip = packet->bytes;
  int header = (ip[0] & 15) * 4;
  if (link->settings.nat == 0 || ip[0] >> 4 != 4 || ip[9] != 17 || packet->length < header + 8) return;
  uint8_t *port = ip + header + (link->isDown ? 2 : 0), *sum = ip + header + 6;
  uint32_t old = (uint32_t)(port[0] << 8 | port[1]);
  uint32_t fresh = (old + (uint32_t)(link->isDown ? -link->settings.nat : link->settings.nat)) & 0xffff;
  uint32_t check = (uint32_t)(sum[0] << 8 | sum[1]);
  if (check != 0) {
    check = (~check & 0xffff) + (~old & 0xffff) + fresh;
    check = (check & 0xffff) + (check >> 16);
    check = ~((check & 0xffff) + (check >> 16)) & 0xffff;
    if (check == 0) check = 0xffff;
    sum[0] = (uint8_t)(check >> 8), sum[1] = (uint8_t)check;
  }
  port[0] = (uint8_t)(fresh >> 8), port[1] = (uint8_t)fresh;
}

// The last bit of the packet has left at `now`: loss comes after the rate, it has used its time.
static void leave(Link *link, Packet *packet, uint64_t now, uint64_t zero) {
  Settings *s = &link->settings;
  Counts *counts = &link->counts;
  uint64_t waited = now - packet->arrived;
  counts->served++;
  counts->queueNsSum += (double)waited;
  uint64_t ms = waited / 1000000;
  counts->queueMs[ms > QUEUE_MS_MAX ? QUEUE_MS_MAX : ms]++;
  if (waited > counts->queueNsMax) counts->queueNsMax = waited;
  // All streams are drawn from whatever happens, so that fates stay the same.
  bool burst = lostInBurst(link, now), lost = unit(&link->random[LOSS]) < s->loss;
  uint64_t jitter = (uint64_t)(unit(&link->random[JITTER]) * (double)s->jitter);
  bool late = unit(&link->random[REORDER]) < s->reorder;
  bool twice = unit(&link->random[DUPLICATE]) < s->duplicate;
  bool corrupt = unit(&link->random[CORRUPT]) < s->corrupt;
  bool dark = blackedOut(s, now, zero);
  if (burst) counts->burstDrops++;
  else if (lost) counts->lossDrops++;
  else if (dark) counts->blackoutDrops++;
  if (burst || lost || dark) {
    if (!link->inLossRun) counts->lossRuns++;
    link->inLossRun = true;
    counts->lossRunPackets++;
    free(packet);
    return;
  }
  link->inLossRun = false;
  translate(link, packet);
  uint64_t due = now + s->delay + jitter;
  if (!s->jitterReorders && due < link->lastDue) due = link->lastDue;
  if (late) due += s->reorderBy, counts->reordered++;
  else link->lastDue = due;
  if (corrupt) flipBit(packet, draw(&link->random[CORRUPT])), counts->corrupted++;
  packet->due = due;
  packet->order = link->order++;
  if (twice) {
    size_t size = sizeof *packet + (size_t)packet->length;
    Packet *copy = memcpy(must(malloc(size)), packet, size);
    copy->order = link->order++;
    push(link, copy);
    counts->duplicated++;
  }
  push(link, packet);
}

uint64_t linkServe(Link *link, uint64_t now, uint64_t zero) {
  for (Packet *packet; (packet = link->first) != NULL;) {
    // Ideal time: a late wake-up does not lose capacity.
    uint64_t start = packet->arrived > link->busyUntil ? packet->arrived : link->busyUntil;
    double rate = link->settings.rate;
    uint64_t end = start + (rate > 0 ? (uint64_t)(packet->length * 8e9 / rate) : 0);
    if (end > now) return end;
    link->busyUntil = end;
    link->first = packet->next;
    if (link->first == NULL) link->last = NULL;
    link->queueBytes -= (uint64_t)packet->length;
    link->queued--;
    leave(link, packet, end, zero);
  }
  return 0;
}

void linkArrive(Link *link, const uint8_t *bytes, int length, uint64_t now, uint64_t zero) {
  Settings *s = &link->settings;
  link->counts.inPackets++;
  link->counts.inBytes += (uint64_t)length;
  linkServe(link, now, zero);
  if (s->mtu > 0 && length > s->mtu) {
    link->counts.mtuDrops++;
    return;
  }
  if (s->queue > 0 && link->queued > 0 && link->queueBytes + (uint64_t)length > s->queue) {
    link->counts.queueDrops++;
    return;
  }
  Packet *packet = must(malloc(sizeof *packet + (size_t)length));
  *packet = (Packet){.arrived = now, .length = length};
  memcpy(packet->bytes, bytes, (size_t)length);
  if (link->last != NULL) link->last->next = packet;
  else link->first = packet;
  link->last = packet;
  link->queueBytes += (uint64_t)length;
  link->queued++;
  linkServe(link, now, zero);
}
