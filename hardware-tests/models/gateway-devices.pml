/*
 * Devices of the gateway's own files (section 4.8), across a restored gateway: created, deleted, announced, reported and desired
 * in any order. A value of one life is never shown or written in another, a life's newest value is never replaced by an
 * older one, versions rise over all lives (I3), and both ends agree. "rvd" is the generation in which a life of before
 * the last news was brought back.
 * Bounds: 4 numbers, 3 lives, 2 processes, 2 sessions and a settling one, 1 backup.
 *
 * clean: 675169 states
 * caught NO_INC: H21, rows of another life are taken
 * caught KEEP_TWIN: H21, the twin is kept across lives
 * caught NO_WAIT: rows leave before their device is announced
 * caught STALE_ANNOUNCE: after a fork devices are not announced again
 * caught NO_REVIVED: rows from before a later life show in the life that a backup brings back
 */
#ifndef K
#define K 4
#endif
#define NB 2
#ifndef HE
#define HE 2
#endif
/* ghost */ byte nlife, boot=1, shown[4];
/* gateway store */ byte lin=1, ctr, nf, fb[2], fo[2], met, ig, in, an, aa, life, rn, rv; bool al, un, st, told; byte rg;
/* backup */ byte bk, Blin, Bctr, Bnf, Bfb[2], Bfo[2], Bmet, Big, Bin, Ban, Baa, Blife, Brn, Brv, Brg; bool Bal, Bun, Bst, Btold;
/* hub */ byte cur, alloc=1, mx[4], dg, dn, hig, hin, hlife, rvd, hg, hn, hv, hvl; bool hal, kb[NB+1]; byte tg, tn;
/* session, one message per number */ byte ses, hep, cgen, known, hnf, hfb[2]; bool cfork, live; byte m[K+2], mig[K+2], mi[K+2], ml[K+2], mg[K+2], mv[K+2]; bool ak[K+2];
/* desired */ byte wg, wi, wl; byte gw;
byte i, mark, nval;
inline number(){ if :: met!=boot && !(nf>0 && fb[nf-1]==boot) -> fb[nf]=boot; fo[nf]=ctr; nf++ :: else fi; ctr++ }
inline zap(){ ses=0; live=false; cgen=0; known=0; cfork=false; hnf=0; hfb[0]=0; hfb[1]=0; wg=0; wi=0; wl=0; for (i : 0 .. K+1) { m[i]=0; mig[i]=0; mi[i]=0; ml[i]=0; mg[i]=0; mv[i]=0; ak[i]=false } i=0 }
inline notwin(){ rn=0; rv=0; rg=0; un=false; st=false; gw=0 }
inline create(){ number(); nlife++; life=nlife; al=true; ig=(told -> lin : 0); in=ctr; an=ctr; notwin() }
inline delete(){ number(); al=false; an=ctr; life=0; notwin() }
inline report(){ number(); nval++; rn=ctr; rv=nval; un=true; st=false; rg=0 }
inline hello(){ hep++; zap(); hnf=nf; for (i : 0 .. 1) { hfb[i]=fb[i] } mark=ctr; i=nf; do :: i>0 -> i--; if :: !kb[fb[i]] -> mark=fo[i] :: else fi :: i==0 -> break od; i=0;
 if :: cur==0 -> cgen=1
 :: cur!=0 && lin==cur && mx[cur]<=mark -> cgen=cur; known=mx[cur]
 :: else -> cfork=true; alloc++; cgen=alloc; known=mark; mx[cgen]=mark fi; cur=cgen; mark=0; ses=1 }
inline welcome(){ ses=2;
 if :: in!=0 && (ig==0 || cfork) -> if :: cfork && in<=known -> if :: ig==0 -> ig=lin :: else fi :: else -> ig=cgen fi :: else fi;
 if :: cfork && rn!=0 && !st -> if :: rn<=known -> st=true; rg=lin :: else -> un=true fi :: else fi;
 if :: cfork ->
#ifdef STALE_ANNOUNCE
   if :: an<=known -> aa=an :: else aa=0 fi
#else
   if :: an!=0 -> number(); an=ctr; aa=0 :: else fi
#endif
 :: else fi; lin=cgen; told=true; known=0; cfork=false }
inline first(){ if :: !live -> live=true; for (i : 0 .. 1) { if :: i<hnf -> kb[hfb[i]]=true :: else fi } i=0; kb[boot]=true :: else fi }
inline sendan(){ m[an]=(al -> 1 : 2); mig[an]=ig; mi[an]=in; ml[an]=life; mg[an]=lin }
inline sendrow(){ m[rn]=3; mig[rn]=ig; mi[rn]=in; ml[rn]=life; mg[rn]=(st -> rg : lin); mv[rn]=rv }
inline clear(){ hg=0; hn=0; hv=0; hvl=0; wg=0; wi=0; wl=0 }
#define SAMEINC (hig==mig[k] && hin==mi[k])
#ifdef NO_REVIVED
#define REVIVED false
#else
#define REVIVED (mg[k]<rvd)
#endif
inline take(k){ first(); ak[k]=true; if :: mg[k]==lin && k>mx[cur] -> mx[cur]=k :: else fi;
 if :: m[k]!=3 -> if :: mg[k]>dg || (mg[k]==dg && k>dn) ->
     if :: dg==0 -> rvd=0 :: dg!=0 && SAMEINC && hal -> skip
     :: dg!=0 && !(SAMEINC && hal) && (mig[k]<dg || (mig[k]==dg && mi[k]<=dn) || mig[k]<hg || (mig[k]==hg && mi[k]<=hn)) -> rvd=mg[k] :: else -> rvd=0 fi;
#ifndef KEEP_TWIN
     if :: m[k]==2 || !(hal && SAMEINC) -> clear() :: else fi;
#endif
     hal=(m[k]==1); hig=mig[k]; hin=mi[k]; hlife=ml[k]; assert(hv==0 || hvl==hlife); dg=mg[k]; dn=k :: else fi
 :: else ->
#ifdef NO_INC
   if :: hal ->
#else
   if :: hal && hig==mig[k] && hin==mi[k] ->
#endif
     if :: (mg[k]>hg || (mg[k]==hg && k>hn)) && !REVIVED -> assert(ml[k]==hlife); assert(mv[k]>=shown[hlife]); assert(mg[k]>tg || (mg[k]==tg && k>tn)); tg=mg[k]; tn=k; shown[hlife]=mv[k]; hg=mg[k]; hn=k; hv=mv[k]; hvl=ml[k] :: else fi :: else fi fi }
inline desire(){ wg=hig; wi=hin; wl=hlife }
inline store(){ if :: al && ig==wg && in==wi -> assert(life==wl); gw=wl :: else fi }
inline ackan(){ aa=an }
inline confirm(){ nf=0; for (i : 0 .. 1) { fb[i]=0; fo[i]=0 } i=0; met=boot }
inline backup(){ bk=1; Blin=lin; Bctr=ctr; Bnf=nf; Bmet=met; Big=ig; Bin=in; Ban=an; Baa=aa; Blife=life; Brn=rn; Brv=rv; Brg=rg; Bal=al; Bun=un; Bst=st; Btold=told; for (i : 0 .. 1) { Bfb[i]=fb[i]; Bfo[i]=fo[i] } i=0 }
inline restore(){ bk=2; boot=2; zap(); lin=Blin; ctr=Bctr; nf=Bnf; met=Bmet; ig=Big; in=Bin; an=Ban; aa=Baa; life=Blife; rn=Brn; rv=Brv; rg=Brg; al=Bal; un=Bun; st=Bst; told=Btold; gw=0; for (i : 0 .. 1) { fb[i]=Bfb[i]; fo[i]=Bfo[i] } i=0 }
active proctype W(){
 do
 :: d_step{ ctr<K && nf<2 && !al && nlife<3 -> create() } :: d_step{ ctr<K && nf<2 && al -> delete() } :: d_step{ ctr<K && nf<2 && al -> report() }
 :: d_step{ ses!=1 && hep<HE && ctr<K -> hello() } :: d_step{ ses==1 -> welcome() } :: d_step{ ses==1 -> zap() }
 :: d_step{ live && ses==2 && (met!=boot || nf>0) -> confirm() }
 :: d_step{ ses==2 && an!=0 && aa!=an -> sendan() }
#ifdef NO_WAIT
 :: d_step{ ses==2 && un -> sendrow() }
#else
 :: d_step{ ses==2 && un && aa==an -> sendrow() }
#endif
 :: d_step{ m[1]!=0 -> take(1) } :: d_step{ m[2]!=0 -> take(2) } :: d_step{ m[3]!=0 -> take(3) } :: d_step{ m[4]!=0 -> take(4) } :: d_step{ m[5]!=0 -> take(5) }
 :: d_step{ ses==2 && an!=0 && ak[an] && aa!=an -> ackan() } :: d_step{ ses==2 && un && ak[rn] -> un=false }
 :: d_step{ live && hal && wi==0 -> desire() } :: d_step{ live && ses==2 && wi!=0 -> store() }
 :: d_step{ bk==0 -> backup() } :: d_step{ bk==1 && boot<NB -> restore() }
 :: d_step{ if :: ses!=2 -> hello(); welcome() :: else fi; first(); if :: an!=0 && aa!=an -> sendan(); i=an; mark=an; take(mark); ackan(); mark=0; i=0 :: else fi;
    if :: un -> sendrow(); mark=rn; take(mark); un=false; mark=0 :: else fi;
    assert(an==0 || (al==hal && (!al || hlife==life))); assert(!al || st || rv==0 || hv==rv) } ; break
 od }
