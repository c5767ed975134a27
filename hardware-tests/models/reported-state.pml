/*
 * Reported state (docs/sync-protocol.md section 4.2): two properties of one gateway, one hub, journals of
 * both whose unsynced part a crash takes. The network is the set of all messages ever sent: each may be
 * delivered at any time, repeatedly or never. From every state, fault-free rounds must end converged.
 * Bounds: 2 properties, 3 numbers, 4 values, 2 crashes of each end.
 *
 * clean: 310122 states
 * caught CUMULATIVE: H1, acknowledging "all up to" a number
 * caught ACK_ANY: H4, an acknowledgement clears whatever is unsent
 * caught SEND_EARLY: H5, a row leaves before its sync
 * caught WATCH_EARLY: H24, a watcher sees what a crash takes back
 * caught NO_GUARD: a late message replaces a newer value
 * caught ACK_BEFORE_SYNC: I2, acknowledged before the sync
 */
#define N 3
#define V 4
#define IX(p,r,v) ((p)*20+(r)*5+(v))
bool up[40]; bool ak[8]; bool due[8];
byte nval, ctr, dctr; byte ver[2], val[2], dver[2], dval[2]; bool un[2], dun[2];
byte hver[2], hval[2], hdver[2], hdval[2], obs[2]; byte hmax, hdmax; byte i;
byte gcr, hcr;
inline gsync(){ dctr=ctr; dver[0]=ver[0]; dver[1]=ver[1]; dval[0]=val[0]; dval[1]=val[1]; dun[0]=un[0]; dun[1]=un[1] }
inline report(p){ nval++; ctr++; ver[p]=ctr; val[p]=nval; un[p]=true }
inline hrecv(p,r,v){
#ifdef CUMULATIVE
 if :: r>hmax -> hmax=r; hver[p]=r; hval[p]=v :: else fi;
#elif defined(NO_GUARD)
 hver[p]=r; hval[p]=v;
#else
 if :: r>hver[p] -> hver[p]=r; hval[p]=v :: else fi;
#endif
#ifdef ACK_BEFORE_SYNC
 ak[(p)*4+r]=true
#else
 due[(p)*4+r]=true
#endif
}
inline hsync(){ hdver[0]=hver[0]; hdver[1]=hver[1]; hdval[0]=hval[0]; hdval[1]=hval[1]; hdmax=hmax;
 for (i : 0 .. 7) { if :: due[i] -> ak[i]=true; due[i]=false :: else fi } i=0 }
inline chk(p){ assert(hdver[p]>=ver[p]); assert(hdver[p]!=ver[p] || hdval[p]==val[p]) }
inline clr(p){ un[p]=false; chk(p) }
inline grecv(p,r){
#ifdef CUMULATIVE
 if :: un[0] && ver[0]<=r -> clr(0) :: else fi; if :: un[1] && ver[1]<=r -> clr(1) :: else fi
#elif defined(ACK_ANY)
 if :: un[p] -> clr(p) :: else fi
#else
 if :: un[p] && ver[p]==r -> clr(p) :: else fi
#endif
}
#ifdef SEND_EARLY
#define SENDOK(p) (un[p])
#else
#define SENDOK(p) (un[p] && dver[p]==ver[p])
#endif
#ifdef WATCH_EARLY
#define SEEN(p) hver[p]
#else
#define SEEN(p) hdver[p]
#endif
inline drain(){ /* faults stop: the deterministic fault-free rounds */
  gsync(); for (i : 0 .. 39) { up[i]=false } ; for (i : 0 .. 7) { ak[i]=false; due[i]=false }; i=0;
  if :: un[0] -> hrecv(0,ver[0],val[0]) :: else fi; if :: un[1] -> hrecv(1,ver[1],val[1]) :: else fi;
  hsync(); if :: un[0] -> grecv(0,ver[0]) :: else fi; if :: un[1] -> grecv(1,ver[1]) :: else fi;
  assert(hdval[0]==dval[0] && hdval[1]==dval[1] && !un[0] && !un[1]) }
active proctype World(){
 do
 :: d_step{ nval<V && ctr<N -> report(0) }
 :: d_step{ nval<V && ctr<N -> report(1) }
 :: d_step{ gsync() }
 :: d_step{ SENDOK(0) -> up[IX(0,ver[0],val[0])]=true }
 :: d_step{ SENDOK(1) -> up[IX(1,ver[1],val[1])]=true }
 :: atomic{ i=0; do :: i<39 -> i++ :: up[i] -> d_step{ if :: i<20 -> hrecv(0,(i/5),(i%5)) :: else -> hrecv(1,((i-20)/5),(i%5)) fi; i=0 }; break :: i==39 && !up[39] -> i=0; break od }
 :: d_step{ hsync() }
 :: atomic{ i=0; do :: i<7 -> i++ :: ak[i] -> d_step{ if :: i<4 -> grecv(0,i) :: else -> grecv(1,(i-4)) fi; i=0 }; break :: i==7 && !ak[7] -> i=0; break od }
 :: d_step{ gcr<2 -> gcr++; ctr=dctr; ver[0]=dver[0]; ver[1]=dver[1]; val[0]=dval[0]; val[1]=dval[1]; un[0]=dun[0]; un[1]=dun[1] }
 :: d_step{ hcr<2 -> hcr++; hver[0]=hdver[0]; hver[1]=hdver[1]; hval[0]=hdval[0]; hval[1]=hdval[1]; hmax=hdmax; for (i : 0 .. 7) { due[i]=false } i=0 }
 :: d_step{ SEEN(0)!=obs[0] -> assert(SEEN(0)>obs[0]); obs[0]=SEEN(0) }
 :: d_step{ SEEN(1)!=obs[1] -> assert(SEEN(1)>obs[1]); obs[1]=SEEN(1) }
 :: d_step{ drain() } ; break
 od }
