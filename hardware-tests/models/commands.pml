/*
 * Commands (section 4.6): at most one effect, and a final answer that is true. Gateway crashes and is restored
 * from a backup; the hub crashes, or is restored (HUB_RESTORE); the time to live passes at any moment.
 * Bounds: 1 command, 2 restarts of the gateway, 1 of the hub.
 *
 * clean: 8063 states
 * clean HUB_RESTORE: 21404 states
 * caught RESUME_ACCEPTED: H14, an accepted command is run by a later process
 * caught RERUN_WRITING: H14, a begun command is run again
 * caught RESEND_ANY_BOOT: H14, sent to a process that it was not bound to
 * caught NEVER_SEEN_IS_NEW: H14, "never seen" of a restored store is believed
 * caught EXPIRE_SENT: H15, called expired though it was sent
 * caught SEND_BEFORE_PERSIST: H16, sent before SENT is durable
 * caught HUB_RESTORE EXPIRE_OTHER_PROC: H15, expired by a hub process that did not accept it
 * caught HUB_RESTORE ACCEPT_VOLATILE RECORD_AFTER: nothing durable before the effect
 * limit HUB_RESTORE BOTH: both ends restored to before a command: it can run twice (section 5)
 */
#ifdef ACCEPT_VOLATILE
#define ACC skip
#else
#define ACC gd=1
#endif
/* gateway journal of the command: 0 none 1 ACCEPTED 2 WRITING 3 DONE 4 UNKNOWN 5 EXPIRED ; mem and durable */
byte g, gd, B, bk; byte boot=1; bool known; /* known boot at hub of current session (session live) */
byte eff; bool inflight; bool old;            /* old: TTL passed */
/* hub: 0 none 1 NEW 2 SENT 3 DONE 4 UNKNOWN 5 EXPIRED ; sb = boot it was first sent to */
byte h, hd, sb, sbd; byte HB, HBs; byte hbk; byte ses; /* ses = boot with live session, 0 none */
bool cmdmsg, qmsg, rep[6]; /* network, current session: CMD, QUERY, replies: 0 = NEVER SEEN, 3,4,5 results */
byte crashes, hc, i; bool mine, issued;
inline zap(){ cmdmsg=false; qmsg=false; for (i : 0 .. 5) { rep[i]=false } i=0; ses=0 }
inline final(x){
  if :: hd==4 || hd<=2 -> hd=x; h=x :: else fi;
  assert(x!=3 || eff==1); assert(x!=5 || eff==0) }
inline gboot(){ /* what a new process does with what it finds */
#ifdef RESUME_ACCEPTED
  if :: gd==2 -> gd=4 :: else fi;
#elif defined(RERUN_WRITING)
  if :: gd==2 -> gd=1 :: else fi;
#else
  if :: gd==1 || gd==2 -> gd=4 :: else fi;
#endif
  g=gd; inflight=false }
active proctype W(){
 do
 :: d_step{ hd==0 && h==0 && !issued -> issued=true; h=1; hd=1; mine=true }                     /* API: command stored, then 202 */
 :: d_step{ !old -> old=true }                               /* TTL passes */
 :: d_step{ ses==0 -> zap(); ses=boot }                      /* connect (HELLO carries the boot id) */
 :: d_step{ ses!=0 -> zap() }                                /* session lost, all in flight with it */
 /* hub: send */
#ifdef SEND_BEFORE_PERSIST
 :: d_step{ ses!=0 && h==1 && !old -> h=2; sb=ses; cmdmsg=true }
 :: d_step{ h==2 -> hd=2; sbd=sb }
#else
 :: d_step{ ses!=0 && hd==1 && !old -> h=2; hd=2; sb=ses; sbd=ses }   /* fsync SENT(boot) first */
 :: d_step{ ses!=0 && hd==2 && sbd==ses && !cmdmsg -> cmdmsg=true }
#endif
#ifdef RESEND_ANY_BOOT
 :: d_step{ ses!=0 && hd==2 && sbd!=ses -> sb=ses; sbd=ses }
#else
 :: d_step{ ses!=0 && hd==2 && sbd!=ses -> qmsg=true }
#endif
#ifdef EXPIRE_OTHER_PROC
 :: d_step{ hd==1 && old -> final(5) }
#else
 :: d_step{ hd==1 && old -> if :: mine -> final(5) :: else -> final(4) fi }  /* never sent by me: expired is certain only for the process that accepted it */
#endif
#ifdef EXPIRE_SENT
 :: d_step{ hd==2 && old -> final(5) }
#endif
 /* gateway */
 :: d_step{ cmdmsg && ses==boot && g==0 && gd==0 -> g=1; ACC }
 :: d_step{ cmdmsg && ses==boot && gd>=3 -> rep[gd]=true }
 :: d_step{ qmsg && ses==boot && (gd==0 || gd>=3) -> rep[gd]=true }
 :: d_step{ g==1 && old -> g=5; gd=5 }
#ifdef RECORD_AFTER
 :: d_step{ g==1 && !old -> g=2 }
#else
 :: d_step{ g==1 && !old -> g=2; gd=2 }                      /* WRITING synced, then write */
#endif
 :: d_step{ g==2 && !inflight -> eff++; inflight=true; assert(eff<=1) }
 :: d_step{ g==2 && inflight -> g=3; gd=3; inflight=false }
 :: d_step{ ses==boot && gd>=3 -> rep[gd]=true }            /* results are sent until acknowledged */
 /* hub receives */
 :: d_step{ ses!=0 && rep[3] -> final(3) }
 :: d_step{ ses!=0 && rep[4] -> if :: hd<=2 -> final(4) :: else fi }
 :: d_step{ ses!=0 && rep[5] -> final(5) }
#ifdef NEVER_SEEN_IS_NEW
 :: d_step{ ses!=0 && rep[0] && hd==2 -> hd=1; h=1 }
#else
 :: d_step{ ses!=0 && rep[0] && hd==2 -> final(4) }
#endif
 /* faults */
 :: d_step{ crashes<2 -> crashes++; boot++; zap(); gboot() }
 :: d_step{ bk==0 -> bk=1; B=gd }
#if !defined(HUB_RESTORE) || defined(BOTH)
 :: d_step{ bk==1 && crashes<2 -> bk=2; crashes++; boot++; zap(); gd=B; gboot() }
#endif
 :: d_step{ hc<1 -> hc++; mine=false; zap(); h=hd; sb=sbd }
#ifdef HUB_RESTORE
 :: d_step{ hbk==0 -> hbk=1; HB=hd; HBs=sbd }
 :: d_step{ hbk==1 -> hbk=2; mine=false; zap(); hd=HB; sbd=HBs; h=hd; sb=sbd }
#endif
 /* settle: fault-free: a final answer exists and is true */
 :: d_step{ zap(); ses=boot; old=true;
    if :: g==1 -> g=5; gd=5 :: g==2 && !inflight -> eff++; g=3; gd=3 :: g==2 && inflight -> g=3; gd=3 :: else fi; assert(eff<=1);
    if :: hd==1 -> if :: mine -> final(5) :: else -> final(4) fi :: else fi;
    if :: hd==2 && gd>=3 -> final(gd) :: hd==2 && gd==0 -> final(4) :: else fi; if :: hd==4 && gd==3 -> final(3) :: else fi;
    assert(hd==0 || hd>=3) } ; break
 od }
