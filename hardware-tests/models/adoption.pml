/*
 * Adoption by a restored hub (section 4.7), in pieces and cut anywhere: two properties, user writes before, during and after.
 * Nothing desired leaves while adopting; a write made after the restore is never lost; what the gateway had is not driven
 * back; both ends agree. An emptied hub is one restored to its beginning, so absence deletes nothing (H28); devices
 * made at the hub are merged by the same rule. "am" is the mark kept until adoption is done, "hl" the hub's lineage.
 * Harmless, so not caught: clearing the hub's forks early, since the mark is kept.
 * Bounds: 2 properties, 3 or 4 writes (W), 3 hub processes, 3 or 4 sessions (HE), 1 backup.
 *
 * clean: 226875 states
 * clean W=4 HE=4: 1384946 states
 * caught LAST_EARLY: the last piece overtakes another
 * caught FORGET_MARK: the mark is taken anew in each session
 * caught SEND_DURING: I14, desired values leave while adopting
 * caught MARK_NOW: H12, the counter is trusted instead of the mark
 * caught NO_DETECT: H12, a restored hub is not noticed
 * caught HUB_WINS: H13, H28, the hub's value or absence stands
 * caught GW_WINS: H13, a write made after the restore is overwritten
 */
#ifndef NB
#define NB 3
#endif
#ifndef W
#define W 3
#endif
#ifndef HE
#define HE 3
#endif
/* ghost */ byte nval, nb=1, boot=1, lastpre[2], lastw[2], lins=1; bool restored, newlife[2];
/* hub store */ byte hgen=1, hl=1, n, hn[2], hg[2], hv[2], nf, fb[3], fo[3], met, am; bool ad;
/* backup */ byte bk, Bn, Bhn[2], Bhv[2], Bnf, Bfb[3], Bfo[3], Bmet;
/* gateway store */ byte gg[2], gn[2], gv[2], gl, gmax; bool kb[NB+1];
/* session */ byte ses, hc; bool live, ck[2], ca[2], dm[2];
byte i, mark, maxg;
inline number(){ if :: met!=boot && !(nf>0 && fb[nf-1]==boot) -> fb[nf]=boot; fo[nf]=n; nf++ :: else fi; n++ }
inline zap(){ ses=0; live=false; for (i : 0 .. 1) { ck[i]=false; ca[i]=false; dm[i]=false } i=0 }
inline write(q){ nval++; number(); hn[q]=n; hg[q]=hgen; hv[q]=nval; lastw[q]=nval; if :: restored -> newlife[q]=true :: else fi }
inline confirm(){ nf=0; for (i : 0 .. 2) { fb[i]=0; fo[i]=0 } i=0; met=boot }
inline hello(){ hc++; zap(); mark=n; i=nf; do :: i>0 -> i--; if :: !kb[fb[i]] -> mark=fo[i] :: else fi :: i==0 -> break od;
#ifdef MARK_NOW
 mark=n;
#endif
#ifdef FORGET_MARK
 ad=false;
#endif
#ifndef NO_DETECT
 if :: !ad && gl!=0 && (gl!=hl || gmax>mark) -> ad=true; am=mark;
#ifndef SAME_LINEAGE
   lins++; hl=lins
#else
   skip
#endif
 :: else fi;
#endif
 mark=0; i=0; ses=1 }
inline welcome(){ ses=2; gl=hl; for (i : 0 .. 2) { if :: i<nf -> kb[fb[i]]=true :: else fi } i=0; kb[boot]=true }
inline first(){ if :: !live -> live=true;
#ifdef CONFIRM_EARLY
  confirm()
#else
  if :: !ad -> confirm() :: else fi
#endif
  :: else fi }
inline done(){ /* the last piece is merged: a new generation above all, numbers above all */
  hgen=(maxg>hgen -> maxg : hgen)+1; if :: gmax>n -> n=gmax :: else fi;
  for (i : 0 .. 1) { if :: hv[i]!=0 -> number(); hn[i]=n; hg[i]=hgen :: else fi } i=0; ad=false; am=0; confirm() }
inline piece(q){ first(); if :: ad ->
#ifdef HUB_WINS
   skip
#elif defined(GW_WINS)
   if :: gv[q]!=0 -> number(); hn[q]=n; hv[q]=gv[q] :: else fi
#else
   if :: hn[q]>am || gv[q]==0 || gv[q]==hv[q] -> skip :: else -> number(); hn[q]=n; hv[q]=gv[q] fi
#endif
   ; maxg=(gg[0]>gg[1] -> gg[0] : gg[1]);
   if :: q==1 -> done() :: else fi; maxg=0 :: else fi; ca[q]=true }
inline des(q){ assert(!ad); dm[q]=false; if :: hg[q]>gg[q] || (hg[q]==gg[q] && hn[q]>gn[q]) -> gg[q]=hg[q]; gn[q]=hn[q]; gv[q]=hv[q];
   if :: hn[q]>gmax -> gmax=hn[q] :: else fi :: else fi }
inline settle(q){ if :: hv[q]!=0 -> des(q) :: else fi; assert(gv[q]==hv[q]); assert(!newlife[q] || hv[q]==lastw[q]); assert(newlife[q] || !restored || hv[q]>=lastpre[q]) }
active proctype World(){
 do
 :: d_step{ nval<W && nf<3 && n<9 -> write(0) } :: d_step{ nval<W && nf<3 && n<9 -> write(1) }
 :: d_step{ ses!=1 && hc<HE -> hello() } :: d_step{ ses==1 -> welcome() } :: d_step{ ses==1 -> zap() }
 :: d_step{ ses==2 && !live -> first() }
 /* pieces of ADOPT, property by property; the one marked last when the other is acknowledged */
 :: d_step{ ses==2 && ad && !ck[0] -> ck[0]=true }
#ifdef LAST_EARLY
 :: d_step{ ses==2 && ad && !ck[1] -> ck[1]=true }
#else
 :: d_step{ ses==2 && ad && !ck[1] && ca[0] -> ck[1]=true }
#endif
 :: d_step{ ses==2 && ck[0] -> piece(0) } :: d_step{ ses==2 && ck[1] -> piece(1) }
#ifdef SEND_DURING
 :: d_step{ ses==2 && live && hv[0]!=0 -> ad=ad; des(0) }
#else
 :: d_step{ ses==2 && live && !ad && hv[0]!=0 -> des(0) }
#endif
 :: d_step{ ses==2 && live && !ad && hv[1]!=0 -> des(1) }
 :: d_step{ bk==0 && hgen==1 -> bk=1; Bn=n; Bnf=nf; Bmet=met; for (i : 0 .. 1) { Bhn[i]=hn[i]; Bhv[i]=hv[i] } for (i : 0 .. 2) { Bfb[i]=fb[i]; Bfo[i]=fo[i] } i=0 }
 :: d_step{ nb<NB -> nb++; boot=nb; zap() }
 :: d_step{ nb<NB && bk==1 -> bk=2; nb++; boot=nb; zap(); restored=true; n=Bn; nf=Bnf; met=Bmet; hgen=1; hl=1; ad=false; am=0;
    for (i : 0 .. 1) { lastpre[i]=gv[i]; hn[i]=Bhn[i]; hv[i]=Bhv[i]; hg[i]=(Bhv[i]!=0 -> 1 : 0) } for (i : 0 .. 2) { fb[i]=Bfb[i]; fo[i]=Bfo[i]; Bfb[i]=0; Bfo[i]=0 } i=0; Bn=0; Bhn[0]=0; Bhn[1]=0; Bhv[0]=0; Bhv[1]=0; Bnf=0; Bmet=0 }
 :: d_step{ if :: ses!=2 -> hello(); welcome(); first() :: else fi; first(); if :: ad -> piece(0); piece(1) :: else fi; settle(0); settle(1) } ; break
 od }
