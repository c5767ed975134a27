/*
 * A restored gateway with two properties whose messages overtake each other, and takeover from READY (sections 4.1 and
 * 4.10): messages of the session before may be judged until the new one's first message; with LATE, HELLOs of dead
 * processes arrive as well. Rows at or below `known` keep the generation they were numbered in and stay unsent; no
 * row is lost, and none replaces a newer one. "st" is stale, "rg" the row's own generation, "c..." the candidate,
 * "l..." the live session, "m" a mark.
 * With TWICE the same backup may be restored again, and either counter may fork both.
 * Bounds: 2 properties, 3 values, 3 processes, 2 sessions (HE) and a settling one, 1 backup. By hand: LATE HE=3, 5,789,116 states, clean.
 *
 * clean TWICE LATE: 2382589 states
 * caught LOSE_UNSENT: H34, a row at or below `known` counts as sent
 * caught NEW_GEN: H34, such a row is sent under the new generation
 * caught NO_CHECK: H33, READY does not look again at what the session before delivered meanwhile
 * caught LATE CURRENT_IS_NEWEST: H32, a late HELLO makes the living history look like an old one
 * caught TWICE MIN_KNOWN: H35, `known` is bounded by what the presented lineage delivered, not by the mark alone
 * limit TWO HE=1: two different backups restored one after the other (section 5)
 */
#ifndef V
#define V 3
#endif
#ifndef NB
#define NB 3
#endif
#ifndef HE
#define HE 2
#endif
#ifdef TWO
#define NS 2
#else
#define NS 1
#endif
/* ghost */ byte nval, nb=1, boot=1; byte vn[V+1]; bool vq[V+1];
/* gateway store */ byte lin=1, ctr, nf, fb[4], fo[4], met; bool told; byte rn[2], rg[2], rv[2]; bool un[2], st[2];
/* backups */ byte Blin[NS], Bctr[NS], Bnf[NS], Bfb[NS*4], Bfo[NS*4], Bmet[NS]; bool Btold[NS]; byte Brn[NS*2], Brg[NS*2], Brv[NS*2]; bool Bun[NS*2], Bst[NS*2]; byte bk[NS];
byte Bboot;
/* hub store */ byte cur, alloc=1, mx[7], hg[2], hn[2], hv[2]; bool kb[6]; byte hep;
/* hub: live session and candidate */ byte lgen, lup[V+1], cgen, cup[V+1], cmark, hnf, hfb[4], hboot; bool cok, cfork; bool back;
/* gateway's session */ byte ses; bool glive; bool ak[V+1];
byte i, p, mark; bool acc;
inline number(){ if :: met!=boot && !(nf>0 && fb[nf-1]==boot) -> fb[nf]=boot; fo[nf]=ctr; nf++ :: else fi; ctr++ }
inline report(q){ number(); nval++; vn[nval]=ctr; vq[nval]=q; rn[q]=ctr; rv[q]=nval; un[q]=true; st[q]=false; rg[q]=0 }
inline noak(){ for (i : 0 .. V) { ak[i]=false } i=0; glive=false; ses=0 }
inline nocand(){ for (i : 0 .. V) { cup[i]=0 } for (i : 0 .. 3) { hfb[i]=0 } i=0; hnf=0; hboot=0; cok=false; cfork=false; cgen=0; cmark=0 }
inline nolive(){ for (i : 0 .. V) { lup[i]=0 } i=0 }
inline newboot(){ nb++; boot=nb; noak() }
inline hello(sf){ hep++; noak(); nocand(); hnf=nf; for (i : 0 .. 3) { hfb[i]=fb[i] } hboot=boot; cok=true;
  mark=ctr; i=nf; do :: i>0 -> i--; if :: !kb[fb[i]] -> mark=fo[i] :: else fi :: i==0 -> break od;
  cmark=mark;
  if :: cur==0 -> cgen=1
  :: cur!=0 && lin>=cur && mx[lin]<=mark && !sf -> cgen=lin
  :: else -> alloc++; cgen=alloc; cfork=true;
     assert(back);                              /* a history that never went back never forks */
#ifdef MIN_KNOWN
     if :: mx[lin]<cmark -> cmark=mx[lin] :: else fi;
#endif
     mx[cgen]=cmark fi;
#ifdef AT_HELLO
  cur=cgen; nolive();
#endif
  mark=0; i=0; ses=1 }
inline old(q){ if :: rn[q]==0 || st[q] -> skip
  :: else -> if :: rn[q]<=cmark -> st[q]=true;
#ifdef NEW_GEN
     rg[q]=cgen;
#else
     rg[q]=(told -> lin : 0);
#endif
#ifdef LOSE_UNSENT
     un[q]=false
#else
     skip
#endif
   :: else -> un[q]=true fi fi }
inline welcome(){ ses=2; if :: cfork -> old(0); old(1) :: else fi; lin=cgen; told=true }
inline first(){ /* first message of the candidate: READY */
  acc=true;
#ifndef NO_CHECK
  if :: !cfork && mx[cgen]>cmark -> acc=false :: else fi;
#endif
  if :: acc -> for (i : 0 .. 3) { if :: i<hnf -> kb[hfb[i]]=true :: else fi } kb[hboot]=true; cur=cgen; lgen=cgen;
       for (i : 0 .. V) { lup[i]=cup[i] } i=0; if :: hboot==boot && ses==2 -> glive=true :: else fi; nocand()
  :: else -> if :: hboot==boot && ses==2 -> noak() :: else fi; nocand() fi; acc=false }
inline apply(v){ p=vq[v]; i=lup[v]-1;
  if :: i>hg[p] || (i==hg[p] && vn[v]>hn[p]) -> assert(v>=hv[p]); hg[p]=i; hn[p]=vn[v]; hv[p]=v :: else fi;
  if :: i==lgen && vn[v]>mx[lgen] -> mx[lgen]=vn[v] :: else fi;
  if :: glive -> ak[v]=true :: else fi; i=0; p=0 }
inline send(q){ i=(st[q] -> rg[q]+1 : lin+1); if :: glive -> lup[rv[q]]=i :: else -> cup[rv[q]]=i fi; i=0 }
inline ack(q){ un[q]=false; assert(hv[q]>=rv[q]) }
inline settle(q){ if :: un[q] -> send(q); apply(rv[q]); ack(q) :: else fi;
  assert(st[q] || rv[q]==0 || hv[q]==rv[q]); assert(!st[q] || hv[q]>=rv[q]) }
inline backup(b){ bk[b]=1; Bboot=boot; Blin[b]=lin; Bctr[b]=ctr; Btold[b]=told; Bnf[b]=nf; Bmet[b]=met; for (i : 0 .. 3) { Bfb[b*4+i]=fb[i]; Bfo[b*4+i]=fo[i] } for (i : 0 .. 1) { Brn[b*2+i]=rn[i]; Brg[b*2+i]=rg[i]; Brv[b*2+i]=rv[i]; Bun[b*2+i]=un[i]; Bst[b*2+i]=st[i] } i=0 }
inline restore(b){
#ifndef TWICE
 bk[b]=2;
#endif
 back=true; newboot(); lin=Blin[b]; ctr=Bctr[b]; told=Btold[b]; nf=Bnf[b]; met=Bmet[b]; for (i : 0 .. 3) { fb[i]=Bfb[b*4+i]; fo[i]=Bfo[b*4+i] } for (i : 0 .. 1) { rn[i]=Brn[b*2+i]; rg[i]=Brg[b*2+i]; rv[i]=Brv[b*2+i]; un[i]=Bun[b*2+i]; st[i]=Bst[b*2+i] } i=0
#ifndef TWICE
  ; for (i : 0 .. 3) { Bfb[b*4+i]=0; Bfo[b*4+i]=0 } for (i : 0 .. 1) { Brn[b*2+i]=0; Brg[b*2+i]=0; Brv[b*2+i]=0; Bun[b*2+i]=false; Bst[b*2+i]=false } Blin[b]=0; Bctr[b]=0; Bmet[b]=0; Bnf[b]=0; i=0
#endif
 }
active proctype W(){
 do
 :: d_step{ nval<V && nf<4 -> report(0) }
 :: d_step{ nval<V && nf<4 -> report(1) }
 :: d_step{ glive && (met!=boot || nf>0) -> nf=0; for (i : 0 .. 3) { fb[i]=0; fo[i]=0 } i=0; met=boot }
 :: d_step{ ses!=1 && hep<HE && alloc<6 -> hello(false) }
#ifdef TWICE
 :: d_step{ ses!=1 && hep<HE && alloc<6 && back && kb[Bboot] && cur!=0 -> hello(true) }   /* the sample counter forks: both do */
#endif
 :: d_step{ ses==1 && cok -> welcome() }
 :: d_step{ ses==1 -> ses=0 }
#ifdef LATE
 :: d_step{ hep<HE && alloc<6 && ses!=0 -> hep++; alloc++; mx[alloc]=0; if :: !glive -> noak() :: else fi; nocand();
#ifdef CURRENT_IS_NEWEST
   if :: cur!=0 -> cur=alloc :: else fi
#endif
 }
#endif
#ifdef READY
 :: d_step{ cok && ses==2 && !glive -> first() }
#endif
 :: d_step{ ses==2 && un[0] -> send(0) } :: d_step{ ses==2 && un[1] -> send(1) }
 :: d_step{ cup[1] -> first(); if :: lup[1] -> apply(1) :: else fi }
 :: d_step{ cup[2] -> first(); if :: lup[2] -> apply(2) :: else fi }
 :: d_step{ cup[3] -> first(); if :: lup[3] -> apply(3) :: else fi }
 :: d_step{ lup[1] -> apply(1) } :: d_step{ lup[2] -> apply(2) } :: d_step{ lup[3] -> apply(3) }
#if V>3
 :: d_step{ cup[4] -> first(); if :: lup[4] -> apply(4) :: else fi } :: d_step{ lup[4] -> apply(4) }
#endif
#if V>4
 :: d_step{ cup[5] -> first(); if :: lup[5] -> apply(5) :: else fi } :: d_step{ lup[5] -> apply(5) }
#endif
 :: d_step{ un[0] && ak[rv[0]] -> ack(0) } :: d_step{ un[1] && ak[rv[1]] -> ack(1) }
 :: d_step{ bk[0]==0 -> backup(0) }
#ifdef TWO
 :: d_step{ bk[0]!=0 && bk[1]==0 -> backup(1) }
 :: d_step{ nb<NB && bk[1]==1 -> restore(1) }
#endif
 :: d_step{ nb<NB -> newboot() }
 :: d_step{ nb<NB && bk[0]==1 -> restore(0) }
 :: d_step{ if :: !(ses==2 && glive) -> hello(false); welcome(); first(); assert(glive) :: else fi; settle(0); settle(1) } ; break
 od }
