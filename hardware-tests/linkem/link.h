// One direction of an emulated link: what becomes of each packet, and when. No I/O.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BLACKOUTS_MAX 64
#define KINDS 7
#define QUEUE_MS_MAX 1023

typedef struct {
  uint64_t state[4];
} Random;

typedef struct {
  double rate;                   // bit/s at IP level, 0: unlimited
  uint64_t queue;                // bytes, the packet being sent included, 0: unlimited
  uint64_t delay, jitter;        // ns
  bool jitterReorders;           // otherwise jitter keeps the order
  double loss, duplicate, corrupt, reorder;  // probabilities
  uint64_t reorderBy;            // ns that a reordered packet is held
  enum { NO_BURSTS, BURSTS_BY_PACKET, BURSTS_BY_TIME } bursts;
  double toBad, toGood;          // Gilbert-Elliott, per packet
  uint64_t meanGood, meanBad;    // Gilbert-Elliott, ns
  double lossInGood, lossInBad;
  int mtu;                       // longer packets vanish, 0: none
  int nat;                       // what a NAT adds to the ports of A's datagrams, 0: none
  int blackouts;
  double blackout[BLACKOUTS_MAX][2];  // seconds from the zero of time
} Settings;

typedef struct Packet {
  struct Packet *next;
  uint64_t due, order, arrived;
  int length;
  uint8_t bytes[];
} Packet;

typedef struct {
  uint64_t inPackets, inBytes, outPackets, outBytes;
  uint64_t queueDrops, lossDrops, burstDrops, blackoutDrops, mtuDrops;
  uint64_t duplicated, corrupted, reordered, writeErrors;
  uint64_t lossRuns, lossRunPackets;  // random losses one after the other
  uint64_t served, queueNsMax;
  double queueNsSum;
  uint64_t queueMs[QUEUE_MS_MAX + 1];  // packets by whole ms that they waited
  uint64_t lateNsSum, lateNsMax;
} Counts;

typedef struct {
  const char *name;
  bool isDown;
  int fd, otherFd;
  Settings settings;
  Random random[KINDS];
  Packet *first, *last;  // the queue
  uint64_t queueBytes, queued, busyUntil;
  Packet **heap;  // on the way, by `due`
  int flying, heapRoom;
  uint64_t lastDue, order, flipAt;
  bool bad, inLossRun;
  Counts counts;
} Link;

// Each kind of decision has its own stream from (seed, direction, kind): the n-th packet of a
// direction meets the same fate whatever the other settings.
void linkSeed(Link *link, uint64_t seed, int direction);

// Changes what "key=value,key=value" names; the head of linkem.c lists the keys. Exits if wrong.
void linkSet(Settings *settings, const char *text);

void linkArrive(Link *link, const uint8_t *bytes, int length, uint64_t now, uint64_t zero);

// Takes off the queue what has left by `now`; returns when the next one will have, 0: none waits.
uint64_t linkServe(Link *link, uint64_t now, uint64_t zero);

// The next packet that is due by `now`, to be freed by the caller; NULL: none, *dueAt tells when.
Packet *linkTake(Link *link, uint64_t now, uint64_t *dueAt);
