/*
 * Epochs, takeover and clones (section 4.10). HELLO and READY may be late and repeated, also after their process died; processes
 * restart, on an older store too; a second process with the same identity may appear at any time; the hub crashes or
 * (HUB_RESTORE) goes back; a message is judged, and committed later. A clone alarm means two living processes; a living
 * process loses its session only to a living one; a commit belongs to the newest takeover. From every state a
 * fault-free HELLO is let in, and with a clone alive one alternation raises the alarm.
 * "e..." epoch allocated, "le" live, "ce" the candidate's; "rd" READYs in flight, "h" HELLOs, "gs" stored last epoch.
 * Bounds: 3 sessions (NH) before the settling ones, 2 restarts of the gateway, 1 crash of the hub, 1 clone. By hand: NH=4, 2,799,029; NH=5, 16,571,418 states, clean.
 *
 * clean: 386484 states
 * clean HUB_RESTORE: 3521795 states
 * caught AT_HELLO: H32, takeover at HELLO
 * caught BOOTS_AT_HELLO: H32, boots are retired at HELLO
 * caught ANY_READY: a READY of any epoch takes over
 * caught NO_RECHECK: H22, the epoch is not checked inside the commit
 * caught EPOCH_VOLATILE: H22, the epoch is not durable before WELCOME
 * caught TRUST_PRESENTED: H22, the presented epoch alone counts
 * caught ALARM_ON_OLD_EPOCH: H23, a restart is called a clone
 * caught HUB_RESTORE OWN_EPOCH: H26, the presented epoch does not count
 */
#ifndef NH
#define NH 3
#endif
/* hub */ byte ep, dep, Bep, Ble, Bcur, bk, le, ce, cb, cur, hcr, buf; bool obj; /* obj: the live session's object exists in this hub process */
/* ghost */ byte newest; bool ret[5], Bret[5]; bool alarm, clone;
/* processes: slot 0 and, once cloned, slot 1 */ byte pb[2], pw[2], pe[2], gcr, nb=2, gs[2]; bool wait[2];
/* network */ bool h[5]; byte hp[5]; byte rd[NH+4];
byte i, nh;
inline boots(b){ if :: cur!=b -> if :: ret[b] -> alarm=true :: else fi; if :: cur!=0 -> ret[cur]=true :: else fi; cur=b :: else fi; assert(!alarm || clone) }
inline take(e,b){ le=e; newest=e; obj=true; ce=0; cb=0;
#if !defined(BOOTS_AT_HELLO)
 boots(b)
#else
 skip
#endif
 }
inline hubdown(){ ce=0; cb=0; buf=0; obj=false }
inline lost(x){ pe[x]=0; pw[x]=0; wait[x]=false }
inline hello(b){ nh++;
#ifdef TRUST_PRESENTED
 ep=hp[b]+1;
#elif defined(OWN_EPOCH)
 ep=ep+1;
#else
 ep=(ep>hp[b] -> ep : hp[b])+1;
#endif
#ifndef EPOCH_VOLATILE
 dep=ep;
#endif
 ce=ep; cb=b;
#ifdef BOOTS_AT_HELLO
 boots(b);
#endif
#ifdef ALARM_ON_OLD_EPOCH
 if :: hp[b]<le -> alarm=true; assert(clone) :: else fi;
#endif
#ifdef AT_HELLO
 superseded(b); take(ep,b);
#endif
 }
/* a living process whose session is live loses it only to a living process */
inline superseded(b){ assert(clone || !obj || pe[0]!=le || pb[0]==b) }
inline ready(e){ if
#ifdef ANY_READY
 :: e<=ep -> superseded(rd[e]); take(e,rd[e])
#elif defined(AT_HELLO)
 :: false -> skip
#else
 :: e==ce -> superseded(rd[e]); take(e,rd[e])
#endif
 :: else fi }
inline dial(x){ lost(x); h[pb[x]]=true; hp[pb[x]]=gs[x]; wait[x]=true }
inline welcome(x){ pe[x]=pw[x]; gs[x]=pe[x]; pw[x]=0; wait[x]=false; rd[pe[x]]=pb[x] }
inline round(x){ dial(x); hello(pb[x]); assert(ep>gs[x]); pw[x]=ep; welcome(x); ready(pe[x]); assert(le==pe[x] && cur==pb[x]) }
active proctype W(){ pb[0]=1;
 do
 :: d_step{ !wait[0] && nh<NH -> dial(0) }
 :: d_step{ clone && !wait[1] && nh<NH -> dial(1) }
 :: d_step{ !clone -> clone=true; pb[1]=2; gs[1]=gs[0] }
 /* a HELLO reaches the hub: in time, or after its process gave up or died */
 :: d_step{ nh<NH && h[1] -> hello(1) } :: d_step{ nh<NH && h[2] -> hello(2) } :: d_step{ nh<NH && h[3] -> hello(3) } :: d_step{ nh<NH && h[4] -> hello(4) }
 :: d_step{ nh<NH && wait[0] && pw[0]==0 && h[pb[0]] -> hello(pb[0]); h[pb[0]]=false; if :: ep>gs[0] -> pw[0]=ep :: else fi }
 :: d_step{ nh<NH && wait[1] && pw[1]==0 && h[2] -> hello(2); h[2]=false; if :: ep>gs[1] -> pw[1]=ep :: else fi }
 :: d_step{ pw[0]!=0 -> welcome(0) } :: d_step{ pw[1]!=0 -> welcome(1) }
 :: d_step{ wait[0] -> wait[0]=false; pw[0]=0 } :: d_step{ wait[1] -> wait[1]=false; pw[1]=0 }
 :: d_step{ rd[1] -> ready(1) } :: d_step{ rd[2] -> ready(2) } :: d_step{ rd[3] -> ready(3) } :: d_step{ rd[4] -> ready(4) } :: d_step{ rd[5] -> ready(5) }
 /* restart of slot 0; restart on an older store */
 :: d_step{ gcr<2 -> gcr++; nb++; pb[0]=nb; lost(0) }
 :: d_step{ gcr<2 && gs[0]>0 -> gcr++; nb++; pb[0]=nb; lost(0); gs[0]=gs[0]-1 }
 /* a message of the live session is judged, and committed later */
 :: d_step{ obj && buf==0 -> buf=le }
#ifdef NO_RECHECK
 :: d_step{ buf!=0 -> assert(buf==newest); buf=0 }
#else
 :: d_step{ buf!=0 -> if :: buf==le -> assert(buf==newest) :: else fi; buf=0 }
#endif
 :: d_step{ hcr<1 -> hcr++; ep=dep; hubdown() }
#ifdef HUB_RESTORE
 :: d_step{ bk==0 -> bk=1; Bep=dep; Ble=le; Bcur=cur; for (i : 0 .. 4) { Bret[i]=ret[i] } i=0 }
 :: d_step{ bk==1 -> bk=2; dep=Bep; ep=Bep; le=Ble; cur=Bcur; for (i : 0 .. 4) { ret[i]=Bret[i]; Bret[i]=false } i=0; Bep=0; Ble=0; Bcur=0; for (i : 0 .. NH+3) { rd[i]=0 } i=0; lost(0); lost(1); hubdown() }
#endif
 /* settle */
 :: d_step{ round(0); if :: clone -> round(1); assert(ep==le); round(0); assert(alarm) :: else fi } ; break
 od }
