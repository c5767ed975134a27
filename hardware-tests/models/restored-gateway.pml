/*
 * A gateway restored from a backup (sections 1 and 4.1): numbering, forks and marks with one property. The backup is
 * taken at any time, also before the first contact and while offline; WELCOME may be lost at any time.
 * Several properties and late messages: restored-gateway-properties.pml.
 * Bounds: 4 values, 4 processes, 4 sessions. READY as a message of its own (define READY) trebles the states.
 *
 * clean: 2217201 states
 * caught MARK_NOW: H6, the counter is trusted instead of the mark
 * caught NO_FORK_CHECK: H6, a number above the mark is ignored
 * caught LEARN_AT_HELLO: H7, boots are learnt at HELLO
 * caught CLEAR_AT_WELCOME: H8, forks are cleared at WELCOME
 * caught GEN_FROM_HUB: H9, a store without a lineage passes for the current one
 * caught MARK_OLDEST: H10, boots that the hub learnt count as unknown
 * caught RENUM_ALL: H11, inherited values take new numbers
 * caught REPAIR_STALE: H11, inherited values are repaired
 */
#define V 4
#ifdef GEN_FROM_HUB
#define ADOPT adopted=true;
#else
#define ADOPT
#endif
#define NB 4
byte nval, nb=1, boot=1, ep;                 /* ghost clock of values, processes so far, current process */
/* gateway store */   byte gen=1, ctr, ver, val, nf, fb[4], fo[4], met; bool un, stale, adopted;
/* backup */          byte Bgen=1, Bctr, Bver, Bval, Bnf, Bfb[4], Bfo[4], Bmet; bool Bun, Bstale, Badopted; byte bk;
/* hub store */       byte hgen, mx[7], hval, hep, pg, hnf, hfb[4]; bool cfm; bool kb[6];
/* session */         byte ses, wep, wgen, wmark; bool wfork, wfull; byte up[6]; bool ak[8];
byte i, mark, kills, drops;
inline number(){
 if :: met!=boot && !(nf>0 && fb[nf-1]==boot) -> fb[nf]=boot; fo[nf]=ctr; nf++ :: else fi; ctr++ }
inline report(){ number(); nval++; ver=ctr; val=nval; un=true; stale=false }
inline zap(){ for (i : 0 .. 5) { up[i]=0 } for (i : 0 .. 7) { ak[i]=false } i=0 }
inline zz(){ hnf=0; for (i : 0 .. 3) { hfb[i]=0 } i=0 }
inline newboot(){ zz(); nb++; boot=nb; ses=0; wfull=false; zap() }
inline hello(){ /* at the hub, one transaction; HELLO{gen, forks, ctr} of the present process */
 hep++; zap(); zz(); mark=ctr; cfm=false; hnf=nf; for (i : 0 .. 3) { hfb[i]=fb[i] } i=0;
#if defined(MARK_NOW)
 skip;
#elif defined(MARK_OLDEST)
 if :: nf>0 -> mark=fo[0] :: else fi;
#else
 i=nf; do :: i>0 -> i--; if :: !kb[fb[i]] -> mark=fo[i] :: else fi :: i==0 -> break od;
#endif
 wfork=false; pg=gen;
#ifdef GEN_FROM_HUB  /* a store that has no lineage until the hub gives it one, and is taken for the current one */
 if :: pg==1 && !adopted -> pg=(hgen>0 -> hgen : 1) :: else fi;
#endif
 wmark=0; if :: hgen==0 -> hgen=1; mx[1]=0
 :: hgen!=0 && pg!=hgen -> wfork=true; wmark=(mark<mx[pg] -> mark : mx[pg]); hgen++; mx[hgen]=wmark
 :: hgen!=0 && pg==hgen ->
#ifndef NO_FORK_CHECK
    if :: mx[hgen]>mark -> wfork=true; wmark=mark; hgen++; mx[hgen]=wmark :: else fi
#endif
 fi; mark=0; pg=0; i=0;
#ifdef LEARN_AT_HELLO
 learn();
#endif
 wgen=hgen; wep=hep; wfull=true; ses=1 }
inline learn(){ for (i : 0 .. 3) { if :: i<hnf -> kb[hfb[i]]=true :: else fi } i=0; kb[boot]=true }
inline confirm(){ nf=0; for (i : 0 .. 3) { fb[i]=0; fo[i]=0 } i=0; met=boot }
inline welcome(){ /* gateway persists before it sends anything */
 ep=wep; wfull=false; ses=2;
 if :: wfork -> if :: ver<=wmark ->
#ifdef RENUM_ALL
   if :: ver>0 -> ctr++; ver=ctr; un=true :: else fi
#else
   un=false; stale=(ver>0)
#endif
   :: else -> un=true fi :: else fi;
 gen=wgen; ADOPT
#ifdef CLEAR_AT_WELCOME
 confirm();
#endif
 wfork=false; wmark=0; wgen=0 }
inline apply(v){ /* message (gen,up[v],v) of the current session; the first one of a session commits what its HELLO said */
 if :: !cfm -> cfm=true; learn() :: else fi;
 if :: up[v]>mx[hgen] -> assert(v>=hval); hval=v; mx[hgen]=up[v] :: else fi; ak[up[v]]=true }
inline ack(){ if :: un && ak[ver] -> un=false; assert(hval==val) :: else fi }
inline repair(){ if :: ses==2 && !un && val!=0 && val!=hval
#ifndef REPAIR_STALE
 && !stale
#endif
 -> ctr++; ver=ctr; un=true; drops=1 :: else fi }
inline drain(){ if :: ses!=2 -> hello(); welcome() :: else fi;
 if :: un -> up[val]=ver; apply(val); ack() :: else fi;
 assert(!un); assert(val==hval || stale || val==0); assert(!stale || hval>=val) }
active proctype W(){
 do
 :: d_step{ nval<V && ctr<5 && nf<4 -> report() }
#ifndef CLEAR_AT_WELCOME
 :: d_step{ ses==2 && cfm && met!=boot -> confirm() }
#endif
#ifdef READY
 :: d_step{ ses==2 && !cfm -> cfm=true; learn() }
#endif
 :: d_step{ ses!=1 && hep<4 && hgen<5 -> hello() }              /* connect or reconnect */
 :: d_step{ wfull -> welcome() }
 :: d_step{ ses==1 -> wfull=false; ses=0; wfork=false; wgen=0; wmark=0 }  /* WELCOME lost */
 :: d_step{ ses==2 && un -> up[val]=ver }
 :: d_step{ ses==2 && up[1] -> apply(1) } :: d_step{ ses==2 && up[2] -> apply(2) } :: d_step{ ses==2 && up[3] -> apply(3) } :: d_step{ ses==2 && up[4] -> apply(4) }
 :: d_step{ ses==2 && un && ak[ver] -> ack() }
#ifdef REPAIR_STALE
 :: d_step{ ses==2 && !un && val!=hval && val!=0 && ctr<5 -> repair() }
#endif
 :: d_step{ bk==0 -> bk=1; Bgen=gen; Bctr=ctr; Bver=ver; Bval=val; Bun=un; Bstale=stale; Badopted=adopted; Bnf=nf; Bmet=met; for (i : 0 .. 3) { Bfb[i]=fb[i]; Bfo[i]=fo[i] } i=0 }
 :: d_step{ nb<NB -> newboot() }                                  /* crash and restart */
 :: d_step{ nb<NB && bk==1 -> bk=2; newboot(); gen=Bgen; ctr=Bctr; ver=Bver; val=Bval; un=Bun; stale=Bstale; adopted=Badopted; nf=Bnf; met=Bmet; for (i : 0 .. 3) { fb[i]=Bfb[i]; fo[i]=Bfo[i] } i=0 }
 :: d_step{ drain() } ; break
 od }
