/*
 * Lineages that the hub does not know (section 4.1, resync): a new card, a hub restored or emptied, and a restored gateway,
 * in any combination. What is not stale reaches the hub; whatever is read anew is never blocked by what is older.
 * Harmless, so not caught: keeping numbers on a resync, or sending stale rows (the hub refuses those it might be blocked by).
 * Bounds: 1 property, 3 values, 3 gateway processes, 3 sessions and a settling one, 1 backup of each end.
 *
 * clean: 954163 states
 * caught SAME_GEN: an unknown lineage joins the present generation
 * caught NO_GUARD: H39, a row of a generation above the session's is taken
 */
#ifndef V
#define V 3
#endif
#define NB 3
#define HE 3
#define NL 6
/* ghost */ byte nval, nb=1, boot=1, lins=1;
/* gateway store */ byte lin=1, gen, ctr, nf, fb[3], fo[3], met, rn, rg, rv; bool un, st;
/* its backup */ byte bk, Blin, Bgen, Bctr, Bnf, Bfb[3], Bfo[3], Bmet, Brn, Brg, Brv; bool Bun, Bst;
/* hub store: gen 0 = lineage unknown */ byte gn[NL+1], mx[NL+1], hg, hn, hv; bool rs[NL+1], kb[NB+1];
/* its backup */ byte hb, Cgn[NL+1], Cmx[NL+1], Chg, Chn, Chv; bool Crs[NL+1], Ckb[NB+1];
/* session */ byte ses, hep, wl, wg, known, prior, hnf, hfb[3]; bool fork, resync, live, up, ak; byte xv, xn, xg; byte i, mark, top;
inline number(){ if :: met!=boot && !(nf>0 && fb[nf-1]==boot) -> fb[nf]=boot; fo[nf]=ctr; nf++ :: else fi; ctr++ }
inline report(){ number(); nval++; rn=ctr; rv=nval; un=true; st=false; rg=0 }
inline zap(){ ses=0; live=false; up=false; ak=false; wl=0; wg=0; known=0; prior=0; fork=false; resync=false; hnf=0; xv=0; xn=0; xg=0; for (i : 0 .. 2) { hfb[i]=0 } i=0 }
inline hello(){ hep++; zap(); hnf=nf; for (i : 0 .. 2) { hfb[i]=fb[i] } mark=ctr; i=nf; do :: i>0 -> i--; if :: !kb[fb[i]] -> mark=fo[i] :: else fi :: i==0 -> break od;
 top=0; for (i : 1 .. NL) { if :: gn[i]>top -> top=gn[i] :: else fi } i=0;
 if :: gn[lin]==0 -> wl=lin;
#ifdef SAME_GEN
   wg=(top>0 -> top : 1);
#else
   wg=top+1;
#endif
   resync=(top>0); gn[wl]=wg; mx[wl]=0; rs[wl]=resync
 :: gn[lin]!=0 && gn[lin]==top && mx[lin]<=mark -> wl=lin; wg=top; known=mx[lin]; resync=rs[lin]
 :: else -> lins++; wl=lins; wg=top+1; fork=true; known=mark; prior=gn[lin]; gn[wl]=wg; mx[wl]=known; rs[wl]=false fi;
 mark=0; top=0; ses=1 }
inline welcome(){ ses=2;
 if :: rn==0 -> skip
 :: rn!=0 && st ->
#ifndef SEND_STALE
   if :: resync -> un=false :: else fi
#else
   skip
#endif
 :: rn!=0 && !st && fork && rn<=known -> st=true; rg=(gen>0 -> gen : prior)
#ifdef KEEP_NUMBERS
 :: else -> if :: rn>known -> un=true :: else fi
#else
 :: rn!=0 && !st && resync -> number(); rn=ctr; un=true
 :: rn!=0 && !st && !resync && !(fork && rn<=known) -> if :: rn>known -> un=true :: else fi
#endif
 fi; lin=wl; gen=wg }
inline first(){ if :: !live -> live=true; rs[wl]=false; for (i : 0 .. 2) { if :: i<hnf -> kb[hfb[i]]=true :: else fi } i=0; kb[boot]=true :: else fi }
inline send(){ up=true; xv=rv; xn=rn; xg=(st -> rg : gen) }
#ifdef NO_GUARD
#define GUARD true
#else
#define GUARD (xg<=wg)
#endif
inline apply(){ first(); if :: (xg>hg || (xg==hg && xn>hn)) && GUARD -> hg=xg; hn=xn; hv=xv :: else fi; if :: xg==wg && xn>mx[wl] -> mx[wl]=xn :: else fi; ak=true }
inline acked(){ if :: un && xv==rv && xn==rn -> un=false :: else fi }
inline push(){ if :: un -> send(); apply(); acked() :: else fi }
active proctype W(){
 do
 :: d_step{ nval<V-1 && nf<3 && ctr<8 -> report() }
 :: d_step{ ses!=1 && hep<HE && lins<NL -> hello() } :: d_step{ ses==1 -> welcome() } :: d_step{ ses==1 -> zap() }
 :: d_step{ live && ses==2 && (met!=boot || nf>0) -> nf=0; for (i : 0 .. 2) { fb[i]=0; fo[i]=0 } i=0; met=boot }
 :: d_step{ ses==2 && un && !up -> send() } :: d_step{ ses==2 && up -> apply() } :: d_step{ ses==2 && ak -> acked(); ak=false; up=false }
 :: d_step{ bk==0 -> bk=1; Blin=lin; Bgen=gen; Bctr=ctr; Bnf=nf; Bmet=met; Brn=rn; Brg=rg; Brv=rv; Bun=un; Bst=st; for (i : 0 .. 2) { Bfb[i]=fb[i]; Bfo[i]=fo[i] } i=0 }
 :: d_step{ nb<NB -> nb++; boot=nb; zap() }
 :: d_step{ nb<NB && bk==1 -> bk=2; nb++; boot=nb; zap(); lin=Blin; gen=Bgen; ctr=Bctr; nf=Bnf; met=Bmet; rn=Brn; rg=Brg; rv=Brv; un=Bun; st=Bst; for (i : 0 .. 2) { fb[i]=Bfb[i]; fo[i]=Bfo[i] } i=0 }
 :: d_step{ nb<NB && lins<NL -> nb++; boot=nb; zap(); lins++; lin=lins; gen=0; ctr=0; nf=0; met=0; rn=0; rg=0; rv=0; un=false; st=false; for (i : 0 .. 2) { fb[i]=0; fo[i]=0 } i=0 }  /* a new card */
 :: d_step{ hb==0 -> hb=1; for (i : 1 .. NL) { Cgn[i]=gn[i]; Cmx[i]=mx[i]; Crs[i]=rs[i] } for (i : 1 .. NB) { Ckb[i]=kb[i] } i=0; Chg=hg; Chn=hn; Chv=hv }
 :: d_step{ hb==1 -> hb=2; zap(); for (i : 1 .. NL) { gn[i]=Cgn[i]; mx[i]=Cmx[i]; rs[i]=Crs[i]; Cgn[i]=0; Cmx[i]=0; Crs[i]=false } for (i : 1 .. NB) { kb[i]=Ckb[i]; Ckb[i]=false } i=0; hg=Chg; hn=Chn; hv=Chv; Chg=0; Chn=0; Chv=0 }   /* the hub restored, perhaps emptied */
 /* settle; then every value is read again */
 :: d_step{ if :: ses!=2 -> hello(); welcome() :: else fi; first(); push(); assert(st || rv==0 || hv==rv); report(); push(); assert(hv==rv) } ; break
 od }
