/*
 * A hub restored from a backup (section 4.7), the gateway alive: what was written after the restore is never lost,
 * what the gateway already had is not driven back. Several properties, adoption in pieces, devices: adoption.pml.
 * Bounds: 1 property, 4 writes, 4 hub processes, 4 sessions.
 *
 * clean: 1098310 states
 * caught MARK_NOW: H12, the counter is trusted instead of the mark
 * caught NO_DETECT: H12, a restored hub is not noticed
 * caught HUB_WINS: H13, yesterday's setpoint is driven back
 * caught GW_WINS: H13, a write made after the restore is overwritten
 */
#define NB 4
byte nval, nb=1, boot=1, lins=1;
/* hub store */ byte lin=1, n, val, nf, fb[4], fo[4], met; byte oldlin; /* val = ghost time of the user's write */
byte Blin, Bn, Bval, Bnf, Bfb[4], Bfo[4], Bmet; byte bk; bool restored;
/* gateway store */ byte gl, gn, gval; bool kb[6]; byte gep;
/* session */ byte ses; bool wfull, cfm, newlife; byte i, mark, hc, lastpre; byte D, Dn; byte tnf, tfb[4];
inline number(){ if :: met!=boot && !(nf>0 && fb[nf-1]==boot) -> fb[nf]=boot; fo[nf]=n; nf++ :: else fi; n++ }
inline zap(){ ses=0; wfull=false; cfm=false }
inline hello(){ zap(); mark=n; i=nf; do :: i>0 -> i--; if :: !kb[fb[i]] -> mark=fo[i] :: else fi :: i==0 -> break od;
#ifdef MARK_NOW
 mark=n;
#endif
#ifndef NO_DETECT
 if :: gl!=0 && (gl!=lin || gn>mark) ->
    if :: gl!=lin && gl==oldlin && oldlin!=0 -> /* an adoption whose answer was lost: already decided */ lins++; oldlin=0; oldlin=gl; lin=lins; n++
    :: else -> lins++; oldlin=gl; lin=lins;
#ifdef HUB_WINS
    n++
#elif defined(GW_WINS)
    n++; val=gval
#else
    if :: n>mark && val!=0 -> n++ :: else -> n++; val=gval fi
#endif
    fi
 :: else fi;
#endif
 mark=0; i=0; wfull=true; ses=1 }
inline welcome(){ wfull=false; ses=2; for (i : 0 .. 3) { if :: i<nf -> kb[fb[i]]=true :: else fi } i=0; kb[boot]=true }
inline confirm(){ cfm=true; nf=0; for (i : 0 .. 3) { fb[i]=0; fo[i]=0 } i=0; met=boot }
inline des(){ if :: lin>gl || (lin==gl && n>gn) -> gl=lin; gn=n; gval=val :: else fi }
active proctype W(){
 do
 :: d_step{ nval<4 && n<6 && nf<4 -> number(); nval++; val=nval; if :: restored -> newlife=true :: else fi }
 :: d_step{ ses!=1 && hc<4 && lins<5 -> hc++; hello() }
 :: d_step{ wfull -> welcome() }
 :: d_step{ ses==1 -> zap() }
 :: d_step{ ses==2 && !cfm -> confirm() }
 :: d_step{ ses==2 -> des() }
 :: d_step{ bk==0 -> bk=1; Blin=lin; Bn=n; Bval=val; Bnf=nf; Bmet=met; for (i : 0 .. 3) { Bfb[i]=fb[i]; Bfo[i]=fo[i] } i=0 }
 :: d_step{ nb<NB -> nb++; boot=nb; zap() }
 :: d_step{ nb<NB && bk==1 -> bk=2; nb++; boot=nb; zap(); restored=true; lastpre=gval; lin=Blin; n=Bn; val=Bval; nf=Bnf; met=Bmet; for (i : 0 .. 3) { fb[i]=Bfb[i]; fo[i]=Bfo[i] } i=0 }
 :: d_step{ if :: ses!=2 -> hello(); welcome() :: else fi; des();
    assert(gval==val);                                     /* converged */
    assert(!newlife || val==nval);                         /* a write after the restore is never lost */
    assert(newlife || !restored || val>=lastpre) } ; break /* otherwise what the gateway already had is not driven back */
 od }
