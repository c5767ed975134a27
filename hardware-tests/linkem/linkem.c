// Emulates a bad link between two network namespaces: a TUN device in each, and this between them.
//
// linkem --a NAME --b NAME [--device lk0] [--up SET] [--down SET] [--both SET]
//        [--at SECONDS:up|down|both:SET]... [--seed N] [--for SECONDS]
// Up is from A to B. SET is key=value,key=value:
//   rate=10m              bit/s of IP packets (k, m, g; 0: unlimited)
//   queue=125k            drop-tail queue, bytes, the packet being sent included
//   delay=50ms            one way (us, ms, s); jitter=5ms: up to so much more; jorder=0: may reorder
//   reorder=0.1/20ms      a share of packets is held for so much longer
//   loss=0.1              independent; after the rate, so a lost packet has used its time
//   ge=p/r/lossGood/lossBad      Gilbert-Elliott per packet: to bad with p, back with r
//   get=450ms/50ms/lossGood/lossBad   the same in time: mean stay in good and in bad
//   dup=0.1, corrupt=0.1  a share comes twice, or with one bit flipped after the IP header
//   mtu=1400              longer packets vanish
//   nat=1000              ports of A's UDP datagrams (IPv4) are so much higher at B, and back
//   blackout=1-3+7-8      seconds from the zero of time in which all is lost
// Says "ready" on stdout. SIGUSR1 makes now the zero of time, SIGUSR2 forgets
// how long packets have waited so far. At the end, one JSON line of counts.
// Needs CAP_NET_ADMIN and CAP_SYS_ADMIN.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "link.h"

#define CHANGES_MAX 256
#define PACKET_MAX 65536
#define READS_AT_ONCE 64
#define SECOND 1000000000ull

typedef struct {
  double seconds;
  bool ways[2], done;
  const char *text;
} Change;

static Link links[2];
static Change changes[CHANGES_MAX];
static int changeCount;
static uint64_t zero;
static volatile sig_atomic_t stopAsked, zeroAsked, settledSaid;

static void onStop(int signal) { (void)signal, stopAsked = 1; }
static void onZero(int signal) { (void)signal, zeroAsked = 1; }
static void onSettled(int signal) { (void)signal, settledSaid = 1; }

static void fail(const char *what) {
  fprintf(stderr, "linkem: %s: %s\n", what, strerror(errno));
  exit(2);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static uint64_t sooner(uint64_t a, uint64_t b) { return b != 0 && b < a ? b : a; }

static int openTun(const char *space, const char *device) {
  char path[256];
  snprintf(path, sizeof path, "/var/run/netns/%s", space);
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), other = open(path, O_RDONLY | O_CLOEXEC);
  if (own < 0 || other < 0 || setns(other, CLONE_NEWNET) != 0) fail(path);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0) fail("/dev/net/tun");
  ioctl(tun, TUNSETOFFLOAD, 0);  // no packet beyond the MTU
  if (setns(own, CLONE_NEWNET) != 0) fail("setns");
  close(own);
  close(other);
  return tun;
}

static void set(const bool ways[2], const char *text) {
  for (int way = 0; way < 2; way++)
    if (ways[way]) linkSet(&links[way].settings, text);
}

static bool readWays(const char *name, size_t length, bool ways[2]) {
  ways[0] = strncmp(name, "up", length) == 0 || strncmp(name, "both", length) == 0;
  ways[1] = strncmp(name, "down", length) == 0 || strncmp(name, "both", length) == 0;
  return length > 0 && (ways[0] || ways[1]);
}

static void addChange(char *text) {
  Change *change = &changes[changeCount];
  char *way = strchr(text, ':'), *settings = way == NULL ? NULL : strchr(way + 1, ':');
  if (changeCount == CHANGES_MAX || settings == NULL ||
      !readWays(way + 1, (size_t)(settings - way - 1), change->ways)) {
    fprintf(stderr, "linkem: cannot read --at %s\n", text);
    exit(2);
  }
  Settings trial = {0};
  linkSet(&trial, settings + 1);
  change->seconds = strtod(text, NULL);
  change->text = settings + 1;
  changeCount++;
}

// Makes the changes that are due; returns when the next one is.
static uint64_t makeChanges(uint64_t time) {
  uint64_t next = UINT64_MAX;
  for (Change *change = changes; change < changes + changeCount; change++) {
    if (change->done) continue;
    uint64_t at = zero + (uint64_t)(change->seconds * (double)SECOND);
    if (at > time) {
      next = sooner(next, at);
      continue;
    }
    for (int way = 0; way < 2; way++) linkServe(&links[way], at, zero);
    set(change->ways, change->text);
    change->done = true;
  }
  return next;
}

static bool readPackets(Link *link) {
  static uint8_t bytes[PACKET_MAX];
  for (int i = 0; i < READS_AT_ONCE; i++) {
    ssize_t length = read(link->fd, bytes, sizeof bytes);
    if (length <= 0) return false;
    linkArrive(link, bytes, (int)length, now(), zero);
  }
  return true;
}

static uint64_t deliver(Link *link, uint64_t time) {
  uint64_t next = linkServe(link, time, zero), dueAt;
  for (Packet *packet; (packet = linkTake(link, time, &dueAt)) != NULL; free(packet)) {
    uint64_t late = now() - packet->due;
    link->counts.lateNsSum += late;
    if (late > link->counts.lateNsMax) link->counts.lateNsMax = late;
    if (write(link->otherFd, packet->bytes, (size_t)packet->length) != packet->length) {
      link->counts.writeErrors++;
      continue;
    }
    link->counts.outPackets++;
    link->counts.outBytes += (uint64_t)packet->length;
  }
  return next == 0 || (dueAt != 0 && dueAt < next) ? dueAt : next;
}

static void forgetQueues(void) {
  for (int way = 0; way < 2; way++) {
    Counts *counts = &links[way].counts;
    memset(counts->queueMs, 0, sizeof counts->queueMs);
    counts->served = counts->queueNsMax = 0;
    counts->queueNsSum = 0;
  }
}

static int queueMsAt(const Counts *counts, double share) {
  double below = 0;
  int ms = 0;
  for (; ms < QUEUE_MS_MAX; ms++)
    if ((below += (double)counts->queueMs[ms]) >= share * (double)counts->served) break;
  return ms;
}

static void printCounts(const Link *link) {
  const Counts *c = &link->counts;
#define NUMBER(field) printf("\"" #field "\":%lu,", c->field)
  printf("\"%s\":{", link->name);
  NUMBER(inPackets), NUMBER(inBytes), NUMBER(outPackets), NUMBER(outBytes), NUMBER(queueDrops);
  NUMBER(lossDrops), NUMBER(burstDrops), NUMBER(blackoutDrops), NUMBER(mtuDrops);
  NUMBER(duplicated), NUMBER(corrupted), NUMBER(reordered), NUMBER(writeErrors);
  printf("\"meanLossRun\":%.3f,", c->lossRuns > 0 ? (double)c->lossRunPackets / (double)c->lossRuns : 0);
  printf("\"queueMsMean\":%.3f,", c->served > 0 ? c->queueNsSum / (double)c->served / 1e6 : 0);
  printf("\"queueMsP95\":%d,", queueMsAt(c, 0.95));
  printf("\"queueMsMax\":%.3f,", (double)c->queueNsMax / 1e6);
  printf("\"lateUsMean\":%.1f,", c->outPackets > 0 ? (double)c->lateNsSum / 1e3 / (double)c->outPackets : 0);
  printf("\"lateUsMax\":%.1f}", (double)c->lateNsMax / 1e3);
}

int main(int count, char **arguments) {
  const char *spaces[2] = {NULL, NULL}, *device = "lk0";
  double seconds = 3600;
  uint64_t seed = 1;
  for (int way = 0; way < 2; way++) links[way] = (Link){.name = way == 0 ? "up" : "down", .isDown = way == 1};
  for (int i = 1; i < count; i += 2) {
    const char *option = arguments[i];
    char *value = i + 1 < count ? arguments[i + 1] : NULL;
    bool ways[2];
    if (value == NULL) option = "";
    if (strcmp(option, "--a") == 0) spaces[0] = value;
    else if (strcmp(option, "--b") == 0) spaces[1] = value;
    else if (strcmp(option, "--device") == 0) device = value;
    else if (strcmp(option, "--seed") == 0) seed = strtoull(value, NULL, 10);
    else if (strcmp(option, "--for") == 0) seconds = strtod(value, NULL);
    else if (strcmp(option, "--at") == 0) addChange(value);
    else if (strncmp(option, "--", 2) == 0 && readWays(option + 2, strlen(option + 2), ways))
      set(ways, value);
    else {
      fprintf(stderr, "linkem: unknown or without value: %s\n", arguments[i]);
      return 2;
    }
  }
  if (spaces[0] == NULL || spaces[1] == NULL || !(seconds > 0)) {
    fprintf(stderr, "linkem: needs --a and --b, names of network namespaces\n");
    return 2;
  }
  for (int way = 0; way < 2; way++) {
    linkSeed(&links[way], seed, way);
    links[way].fd = openTun(spaces[way], device);
  }
  for (int way = 0; way < 2; way++) links[way].otherFd = links[1 - way].fd;

  struct sigaction stop = {.sa_handler = onStop}, again = {.sa_handler = onZero},
                   settled = {.sa_handler = onSettled};
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGUSR1, &again, NULL);
  sigaction(SIGUSR2, &settled, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_TIMERSLACK, 1000ul);
  sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 20});

  uint64_t start = zero = now(), end = start + (uint64_t)(seconds * (double)SECOND);
  puts("ready");
  fflush(stdout);
  for (uint64_t time; !stopAsked && (time = now()) < end;) {
    if (zeroAsked) zeroAsked = 0, zero = time;
    if (settledSaid) settledSaid = 0, forgetQueues();
    uint64_t next = sooner(end, makeChanges(time));
    bool more = false;
    for (int way = 0; way < 2; way++) more |= readPackets(&links[way]);
    time = now();
    for (int way = 0; way < 2; way++) next = sooner(next, deliver(&links[way], time));
    time = now();
    if (more || next <= time) continue;
    struct timespec wait = {(time_t)((next - time) / SECOND), (long)((next - time) % SECOND)};
    struct pollfd polls[2] = {{links[0].fd, POLLIN, 0}, {links[1].fd, POLLIN, 0}};
    ppoll(polls, 2, &wait, NULL);
  }
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("{\"seconds\":%.3f,\"cpuSeconds\":%.3f,", (double)(now() - start) / (double)SECOND,
         (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
             (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
  printCounts(&links[0]);
  putchar(',');
  printCounts(&links[1]);
  puts("}");
  return 0;
}
