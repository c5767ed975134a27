/*
 * Samples across a restored gateway (sections 4.1 and 4.3): the stream's marks and lineages, with drops, gaps, lost
 * WELCOMEs, and the same backup restored again. Each sample that the store holds is applied or counted as dropped,
 * exactly once, although numbers are used twice. "eff" is how far a lineage's samples reached through its forks.
 * Bounds: 3 numbers, 4 samples, a buffer of 2, 3 processes, 2 sessions and a settling one, 1 backup.
 *
 * clean: 1043303 states
 * caught OWN_ONLY: H36, what a fork of the presented lineage delivered does not count
 * caught MARK_NOW: H6, the counter is trusted instead of the mark
 * caught LEARN_AT_HELLO: H7, boots are learnt at HELLO
 * caught CLEAR_AT_WELCOME: H8, forks are cleared at WELCOME
 * caught KNOWN_STORED: H6, the hub's cursor is trusted above the mark
 * caught KNOWN_MARK: the mark is taken for delivered
 * caught KNOWN_ZERO: a fork starts its stream anew
 */
#ifndef N
#define N 3
#endif
#ifndef ID
#define ID 4
#endif
#ifndef NB
#define NB 3
#endif
#ifndef HE
#define HE 2
#endif
/* ghost */ byte nid, nb=1, boot=1;
/* gateway store */ byte lin=1, sq, lo, dr, hist[N+1], nf, fb[3], fo[3], met;
/* backup */ byte bk, Bboot, Blin, Bsq, Blo, Bdr, Bhist[N+1], Bnf, Bfb[3], Bfo[3], Bmet;
/* hub */ byte cur, alloc=1, stx[6], par[6], br[6], eff[6], ap[ID+1], ct[ID+1], hep; bool kb[NB+1];
/* session */ byte ses, cgen, known, hnf, hfb[3]; bool cfork, live, da[N+1], ak[N+1]; bool gp[(N+1)*(N+1)];
byte i, j, mark, f0, t0;
inline number(){ if :: met!=boot && !(nf>0 && fb[nf-1]==boot) -> fb[nf]=boot; fo[nf]=sq; nf++ :: else fi; sq++; nid++; hist[sq]=nid }
inline zap(){ ses=0; live=false; cgen=0; known=0; cfork=false; hnf=0; for (i : 0 .. 2) { hfb[i]=0 } for (i : 0 .. N) { da[i]=false; ak[i]=false } for (i : 0 .. (N+1)*(N+1)-1) { gp[i]=false } i=0 }
inline newboot(){ nb++; boot=nb; zap() }
inline learn(){ for (i : 0 .. 2) { if :: i<hnf -> kb[hfb[i]]=true :: else fi } i=0; kb[boot]=true }
inline hello(sf){ hep++; zap(); hnf=nf; for (i : 0 .. 2) { hfb[i]=fb[i] }
  mark=sq; i=nf;
#ifndef MARK_NOW
  do :: i>0 -> i--; if :: !kb[fb[i]] -> mark=fo[i] :: else fi :: i==0 -> break od;
#endif
  i=0;
  if :: cur==0 -> cgen=1; known=0
  :: cur!=0 && lin==cur && stx[cur]<=mark && !sf -> cgen=cur; known=stx[cur]
  :: else -> cfork=true; known=0; for (i : 1 .. 5) { eff[i]=stx[i] }
#ifndef OWN_ONLY
     i=alloc; do :: i>1 -> j=(eff[i]<br[i] -> eff[i] : br[i]); if :: j>eff[par[i]] -> eff[par[i]]=j :: else fi; i-- :: else -> break od;
#endif
     j=0; i=0; known=(mark<eff[lin] -> mark : eff[lin]);
#ifdef KNOWN_STORED
     known=eff[lin];
#endif
#ifdef KNOWN_MARK
     known=mark;
#endif
     alloc++; cgen=alloc; stx[cgen]=known; par[cgen]=lin; br[cgen]=mark; for (i : 1 .. 5) { eff[i]=0 } i=0;
#ifdef KNOWN_ZERO
     stx[cgen]=0; known=0
#else
     skip
#endif
  fi; cur=cgen; mark=0; ses=1;
#ifdef LEARN_AT_HELLO
  learn()
#else
  skip
#endif
 }
inline confirm(){ nf=0; for (i : 0 .. 2) { fb[i]=0; fo[i]=0 } i=0; met=boot }
inline welcome(){ ses=2; lin=cgen; if :: known>lo && cfork -> lo=known; if :: dr<lo -> dr=lo :: else fi :: else fi;
#ifdef CLEAR_AT_WELCOME
  confirm();
#endif
  known=0 }
inline first(){ if :: !live -> live=true; learn() :: else fi }
inline judged(){ ak[stx[cur]]=true }
inline once(n){ assert(ap[hist[n]]+ct[hist[n]]==1) }
inline data(n){ first(); if :: n==stx[cur]+1 -> stx[cur]=n; ap[hist[n]]++; once(n) :: else fi; judged() }
inline gap(f,t){ first(); if :: f<=stx[cur] && stx[cur]<t -> for (j : stx[cur]+1 .. t) { ct[hist[j]]++; once(j) } stx[cur]=t; j=0 :: else fi; judged() }
inline gack(a){ if :: a>lo -> lo=a; if :: dr<lo -> dr=lo :: else fi; for (j : 1 .. lo) { once(j) } j=0 :: else fi }
inline backup(){ bk=1; Bboot=boot; Blin=lin; Bsq=sq; Blo=lo; Bdr=dr; Bnf=nf; Bmet=met; for (i : 0 .. N) { Bhist[i]=hist[i] } for (i : 0 .. 2) { Bfb[i]=fb[i]; Bfo[i]=fo[i] } i=0 }
inline restore(){ bk=2; newboot(); lin=Blin; sq=Bsq; lo=Blo; dr=Bdr; nf=Bnf; met=Bmet; for (i : 0 .. N) { hist[i]=Bhist[i] } for (i : 0 .. 2) { fb[i]=Bfb[i]; fo[i]=Bfo[i] } i=0 }
inline row(n){ if :: n>dr && n>lo && n<=sq -> data(n) :: else fi }
active proctype W(){
 do
 :: d_step{ sq<N && nid<ID && nf<3 && sq-dr<2 -> number() }
 :: d_step{ sq<N && nid<ID && nf<3 && sq-dr==2 -> dr++; number() }
 :: d_step{ ses!=1 && hep<HE -> hello(false) }
 :: d_step{ ses!=1 && hep<HE && cur!=0 && bk==2 && kb[Bboot] -> hello(true) }  /* the state counter forks: both do */
 :: d_step{ ses==1 -> welcome() } :: d_step{ ses==1 -> zap() }
 :: d_step{ live && ses==2 && (met!=boot || nf>0) -> confirm() }
 :: d_step{ ses==2 && dr<1 && lo<1 && sq>=1 -> da[1]=true } :: d_step{ ses==2 && dr<2 && lo<2 && sq>=2 -> da[2]=true }
 :: d_step{ ses==2 && dr<3 && lo<3 && sq>=3 -> da[3]=true }
#if N>3
 :: d_step{ ses==2 && dr<4 && lo<4 && sq>=4 -> da[4]=true } :: d_step{ da[4] -> data(4) } :: d_step{ ak[4] -> gack(4) }
#endif
 :: d_step{ ses==2 && dr>lo -> gp[lo*(N+1)+dr]=true }
 :: d_step{ da[1] -> data(1) } :: d_step{ da[2] -> data(2) } :: d_step{ da[3] -> data(3) }
 :: atomic{ i=0; do :: i<(N+1)*(N+1)-1 -> i++ :: gp[i] -> d_step{ f0=i/(N+1); t0=i%(N+1); i=0; gap(f0,t0); i=0; f0=0; t0=0 }; break :: i==(N+1)*(N+1)-1 -> i=0; break od }
 :: d_step{ ak[1] -> gack(1) } :: d_step{ ak[2] -> gack(2) } :: d_step{ ak[3] -> gack(3) }
 :: d_step{ bk==0 -> backup() }
 :: d_step{ nb<NB -> newboot() } :: d_step{ nb<NB && bk>=1 -> restore() }
 :: d_step{ if :: ses!=2 -> hello(false); welcome() :: else fi; if :: dr>lo -> gap(lo,dr) :: else fi; row(1); row(2); row(3);
#if N>3
    row(4);
#endif

    assert(cur==0 || stx[cur]==sq || (sq==0)); for (j : 1 .. N) { if :: j<=sq -> once(j) :: else fi } j=0 } ; break
 od }
