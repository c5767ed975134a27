/*
 * Local writes across a restored gateway (sections 4.1 and 4.5): ids used twice, pending writes of the backup, chains across a
 * fork, readings that use numbers too. An outcome belongs to its write; a conflict is recorded only if a write of the
 * cloud or of the other life came after the base (or the fork took the base away); both ends agree.
 * Bounds: 3 local writes, no write of the cloud (NC), 4 numbers, 2 processes, 2 sessions and a settling one, 1 backup.
 *
 * clean: 1419535 states
 * caught SAME_GEN: H37, chains are compared within a generation only
 * caught LOSE_ON_BASE: H38, the value that a write stands on, sent again, makes it lost
 * caught KEEP_LID: H6, ids above the mark keep their generation
 * caught MOVE_ALL: H17, ids that the hub knows move to the new generation
 * caught GEN0_NEW: H9, an id from before the first WELCOME moves to the new generation
 */
#ifndef NW
#define NW 3
#endif
#ifndef NC
#define NC 0
#endif
#define HV 5
#ifndef NB
#define NB 2
#endif
#ifndef HE
#define HE 2
#endif
/* ghost */ byte nw, nc, nb=1, boot=1, cloudv, oth; bool back, forgot, fresh[NW+1];
/* gateway store */ byte lin=1, ctr, nf, fb[3], fo[3], met, gv, gval, p, pg, pn, pb, cg, cn; bool lose, told;
/* backup */ byte bk, Bnw, Blin, Bctr, Bnf, Bfb[3], Bfo[3], Bmet, Bgv, Bgval, Bp, Bpg, Bpn, Bpb, Bcg, Bcn; bool Blose, Btold;
/* hub */ byte cur, alloc=1, mx[5], hv, hval, hog, hon, hw, lg, ln, lo, lv, lw; bool kb[NB+1]; byte dval[HV+1], dog[HV+1], don[HV+1];
/* session */ byte ses, hep, cgen, known, hnf, hfb[3]; bool cfork, live, loc[NW+1]; byte mg[NW+1], mn[NW+1], mb[NW+1], mcg[NW+1], mcn[NW+1], res[NW+1], rv[NW+1];
byte i, mark;
inline number(){ if :: met!=boot && !(nf>0 && fb[nf-1]==boot) -> fb[nf]=boot; fo[nf]=ctr; nf++ :: else fi; ctr++ }
inline zap(){ ses=0; live=false; cgen=0; known=0; cfork=false; hnf=0; for (i : 0 .. 2) { hfb[i]=0 } for (i : 0 .. NW) { loc[i]=false; mg[i]=0; mn[i]=0; mb[i]=0; mcg[i]=0; mcn[i]=0; res[i]=0; rv[i]=0 } i=0 }
inline lwrite(){ number(); nw++; if :: p!=0 && !lose -> fresh[nw]=fresh[p] :: else -> pb=gv; fresh[nw]=(forgot && gv==0); cg=(told -> lin : 0); cn=ctr fi; p=nw; pg=(told -> lin : 0); pn=ctr; lose=false }
inline cwrite(){ nc++; hv++; hval=10+nc; hog=0; hon=0; cloudv=hv; dval[hv]=hval; dog[hv]=0; don[hv]=0 }
inline hello(){ hep++; zap(); hnf=nf; for (i : 0 .. 2) { hfb[i]=fb[i] } mark=ctr; i=nf; do :: i>0 -> i--; if :: !kb[fb[i]] -> mark=fo[i] :: else fi :: i==0 -> break od; i=0;
 if :: cur==0 -> cgen=1
 :: cur!=0 && lin==cur && mx[cur]<=mark -> cgen=cur; known=mx[cur]
 :: else -> cfork=true; alloc++; cgen=alloc; known=mark; mx[cgen]=mark fi; cur=cgen; mark=0; ses=1 }
#ifdef GEN0_NEW
#define OLD cgen
#else
#define OLD (cfork -> lin : cgen)
#endif
inline welcome(){ ses=2;
 if :: p!=0 ->
#ifndef KEEP_LID
   if :: cfork && pn>known -> pg=cgen :: else -> if :: pg==0 -> pg=OLD :: else fi fi; if :: cfork && cn>known -> cg=cgen :: else -> if :: cg==0 -> cg=OLD :: else fi fi
#else
   if :: pg==0 -> pg=cgen :: else fi; if :: cg==0 -> cg=cgen :: else fi
#endif
 :: else fi;
#ifdef MOVE_ALL
 if :: cfork && p!=0 -> pg=cgen; cg=cgen :: else fi;
#endif
 if :: cfork -> gv=0; gval=0; forgot=true :: else fi; lin=cgen; told=true; known=0; cfork=false }
inline first(){ if :: !live -> live=true; for (i : 0 .. 2) { if :: i<hnf -> kb[hfb[i]]=true :: else fi } i=0; kb[boot]=true :: else fi }
inline send(){ loc[p]=true; mg[p]=pg; mn[p]=pn; mb[p]=pb; mcg[p]=cg; mcn[p]=cn }
#ifdef SAME_GEN
#define CHAIN(og,on,g,n) (on!=0 && og==g && on>=n)
#else
#define CHAIN(og,on,g,n) (on!=0 && (og>g || (og==g && on>=n)))
#endif
inline cas(w){ first(); if :: mg[w]==lin && mn[w]>mx[cur] -> mx[cur]=mn[w] :: else fi;
 if :: mg[w]<lg || (mg[w]==lg && mn[w]<ln) -> res[w]=3
 :: mg[w]==lg && mn[w]==ln -> assert(lw==w); res[w]=lo; rv[w]=lv
 :: else -> lg=mg[w]; ln=mn[w]; lw=w;
   if :: hv==mb[w] || CHAIN(hog,hon,mcg[w],mcn[w]) -> assert(cloudv<=mb[w] || hog!=0); hv++; hval=20+w; hog=mg[w]; hon=mn[w]; hw=w; dval[hv]=hval; dog[hv]=hog; don[hv]=hon; lo=1; lv=hv
   :: else -> assert(cloudv>mb[w] || oth>mb[w] || fresh[w]); lo=2; lv=0 fi; res[w]=lo; rv[w]=lv fi }
inline answer(w){ if :: p!=0 && pg==mg[w] && pn==mn[w] -> assert(p==w); p=0; pg=0; pn=0; pb=0; cg=0; cn=0; lose=false;
   if :: res[w]==1 && rv[w]>gv -> gv=rv[w]; gval=20+w :: else fi :: else fi }
inline des(v){ if :: v>gv -> gv=v; gval=dval[v];
   if :: p!=0 && CHAIN(dog[v],don[v],cg,cn) -> if :: dog[v]==pg && don[v]==pn -> p=0; pg=0; pn=0; pb=0; cg=0; cn=0; lose=false :: else fi

#ifdef LOSE_ON_BASE
   :: p!=0 && !CHAIN(dog[v],don[v],cg,cn) -> lose=true
#else
   :: p!=0 && v>pb && !CHAIN(dog[v],don[v],cg,cn) -> lose=true
#endif
   :: else fi :: else fi }
inline confirm(){ nf=0; for (i : 0 .. 2) { fb[i]=0; fo[i]=0 } i=0; met=boot }
inline backup(){ bk=1; Bnw=nw; Blin=lin; Bctr=ctr; Bnf=nf; Bmet=met; Bgv=gv; Bgval=gval; Bp=p; Bpg=pg; Bpn=pn; Bpb=pb; Bcg=cg; Bcn=cn; Blose=lose; Btold=told; for (i : 0 .. 2) { Bfb[i]=fb[i]; Bfo[i]=fo[i] } i=0 }
inline restore(){ bk=2; back=true; nb++; boot=nb; zap(); if :: hw>Bnw -> oth=hv :: else fi; lin=Blin; ctr=Bctr; nf=Bnf; met=Bmet; gv=Bgv; gval=Bgval; p=Bp; pg=Bpg; pn=Bpn; pb=Bpb; cg=Bcg; cn=Bcn; lose=Blose; told=Btold; for (i : 0 .. 2) { fb[i]=Bfb[i]; fo[i]=Bfo[i]; Bfb[i]=0; Bfo[i]=0 } i=0;
 Blin=0; Bctr=0; Bnf=0; Bmet=0; Bgv=0; Bgval=0; Bp=0; Bpg=0; Bpn=0; Bpb=0; Bcg=0; Bcn=0; Blose=false; Btold=false }
active proctype W(){
 do
 :: d_step{ nw<NW && nf<3 -> lwrite() }
 :: d_step{ nc<NC && hv<HV -> cwrite() }
 :: d_step{ ses==2 && live && ctr<4 && nf<3 -> number(); if :: ctr>mx[cur] -> mx[cur]=ctr :: else fi }   /* a reading, delivered */
 :: d_step{ ses!=1 && hep<HE && alloc<4 -> hello() } :: d_step{ ses==1 -> welcome() } :: d_step{ ses==1 -> zap() }
 :: d_step{ live && ses==2 && (met!=boot || nf>0) -> confirm() }
 :: d_step{ ses==2 && p!=0 -> send() }
 :: d_step{ ses==2 && loc[1] && hv<HV -> cas(1) } :: d_step{ ses==2 && loc[2] && hv<HV -> cas(2) } :: d_step{ ses==2 && loc[3] && hv<HV -> cas(3) }
 :: d_step{ ses==2 && res[1]!=0 -> answer(1) } :: d_step{ ses==2 && res[2]!=0 -> answer(2) } :: d_step{ ses==2 && res[3]!=0 -> answer(3) }
 :: d_step{ live && hv>=1 -> des(1) } :: d_step{ live && hv>=2 -> des(2) } :: d_step{ live && hv>=3 -> des(3) } :: d_step{ live && hv>=4 -> des(4) } :: d_step{ live && hv>=5 -> des(5) }
 :: d_step{ bk==0 -> backup() }
 :: d_step{ nb<NB -> nb++; boot=nb; zap() } :: d_step{ nb<NB && bk==1 -> restore() }
 :: d_step{ if :: ses!=2 -> hello(); welcome() :: else fi; first(); if :: p!=0 && hv<HV -> send(); i=p; mark=p; cas(mark); answer(mark); mark=0; i=0 :: else fi; if :: hv>gv -> des(hv) :: else fi;
    assert(hv==HV || (p==0 && gv==hv && gval==hval)) } ; break
 od }
