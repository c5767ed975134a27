/*
 * Desired values (section 4.4): stored, written, read back, in-sync. Reads and writes take time and overlap;
 * values coincide by accident; a device ignores a write; someone turns the knob; the gateway crashes.
 * Bounds: 3 versions with 2 values, 2 crashes, 1 ignored write, 1 knob.
 *
 * clean: 112105 states
 * caught LABEL_AT_END: H20, the label is taken when the read ends
 * caught RECORD_FIRST: H20, the write is recorded before it ended
 * caught INSYNC_VALUE_ONLY: H20, an equal value counts
 * caught INSYNC_LABEL_ONLY: H20, a reached version counts
 * caught NO_GUARD: an older desired value replaces a newer one
 */
#define VAL(v) ((v)%2)
byte hv, gs, ga, am, wr; bool wdone; byte dev, att; /* att: ghost, newest version whose write attempt has ended at the device */
byte rd, rl, rv, rg; byte pl, pv, pg; byte hl, hvv, hg; byte cr, kn, rf;
#ifdef INSYNC_VALUE_ONLY
#define INSYNC (hv>0 && hvv==VAL(hv))
#elif defined(INSYNC_LABEL_ONLY)
#define INSYNC (hv>0 && hl>=hv)
#else
#define INSYNC (hv>0 && hl==hv && hvv==VAL(hv))
#endif
inline deliver(){ hl=pl; hvv=pv; hg=pg; chk() }
inline chk(){ assert(!(INSYNC) || (hg>=hv && hvv==VAL(hv))) }
inline store(m){
#ifdef NO_GUARD
 gs=m
#else
 if :: m>gs -> gs=m :: else fi
#endif
}
inline startw(){ wr=gs;
#ifdef RECORD_FIRST
 ga=gs
#endif
}
inline endw(){ am=wr; ga=wr; wr=0; wdone=false }
#ifdef LABEL_AT_END
#define LAB am
#else
#define LAB rl
#endif
active proctype W(){
 do
 :: d_step{ hv<3 -> hv++ }
 :: d_step{ hv>=1 -> store(1) } :: d_step{ hv>=2 -> store(2) } :: d_step{ hv>=3 -> store(3) }
 :: d_step{ wr==0 && am!=gs -> startw() }
 :: d_step{ wr!=0 && !wdone -> dev=VAL(wr); att=wr; wdone=true }
 :: d_step{ wr!=0 && !wdone && rf<1 -> rf++; att=wr; wdone=true }     /* device ignores it */
 :: d_step{ wdone -> endw() }
 :: d_step{ rd==0 -> rl=am; rd=1 }
 :: d_step{ rd==1 -> rv=dev; rg=att; rd=2 }
 :: d_step{ rd==2 -> pl=LAB; pv=rv; pg=rg; rd=0; rl=0; rv=0; rg=0 }
 :: d_step{ pl!=hl || pv!=hvv || pg!=hg -> deliver() }
 :: d_step{ kn<1 -> kn++; dev=1-dev }                                  /* someone turns the knob */
 :: d_step{ cr<2 -> cr++; am=ga; wr=0; wdone=false; rd=0; rl=0; rv=0; rg=0 }
 :: d_step{ hv>0 -> if :: rd!=0 -> rd=0; rl=0; rv=0; rg=0 :: else fi; if :: wr!=0 && !wdone -> dev=VAL(wr); att=wr; endw() :: wdone -> endw() :: else fi;
    store(hv); if :: am!=gs -> startw(); dev=VAL(wr); att=wr; endw() :: else fi;
    pl=am; pv=dev; pg=att; deliver(); assert(INSYNC || (pl==hv && (kn>0 || rf>0))); assert(kn+rf>0 || dev==VAL(hv)) } ; break
 od }
