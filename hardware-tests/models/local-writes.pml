/*
 * Writes on the gateway (section 4.5): numbered compare-and-set beside writes of the cloud, chains of several,
 * echoes, lost answers, late copies. An accepted write never hides one of the cloud, a conflict is
 * recorded only if there was one, and both ends and the device end at one value.
 * Bounds: 3 local writes, 2 of the cloud, 1 property.
 *
 * clean: 2197 states
 * caught NO_ID: H17, a repeated write conflicts with itself
 * caught NO_CHAIN: H18, a second write conflicts with the first
 * caught ECHO_APPLIES: H19, the echo of an older own write is applied
 * caught LOCAL_WINS: H19, a lost write stays on the device
 * caught OK_NO_VERSION: H19, an accepted write without its version
 */
#ifdef NO_CHAIN
#define CHAIN(x) (false)
#else
#define CHAIN(x) (x)
#endif
#ifdef ECHO_APPLIES
#define ECHO dev=gval
#else
#define ECHO skip
#endif
#ifdef LOCAL_WINS
#define LOSE skip
#else
#define LOSE lose=true; dev=gval
#endif
byte hv, hval, hk, ll, cloudv, ncl;      /* hub: version, value, chain/k of the current value, last accepted chain/k; ghost */
byte dval[6], dk[6];                     /* DESIRED messages by version */
byte nl, lb[4], lch[4], lr[4]; bool cas[4], rok[4], rcf[4];  /* local writes 1..3 */
byte gv, gval, dev, p; bool lose;                /* gateway: stored desired, device value, pending local write */
/* values: cloud 1..3 -> 11.. ; local i -> 20+i */
inline publish(){ dval[hv]=hval; dk[hv]=hk }
inline lwrite(){ nl++; cas[nl]=true;
#ifdef NO_CHAIN
 lch[nl]=nl; lb[nl]=gv;
#else
 if :: p!=0 && !lose -> lch[nl]=lch[p]; lb[nl]=lb[p] :: else -> lch[nl]=nl; lb[nl]=gv fi;
#endif
 p=nl; lose=false; dev=20+nl }
inline hubcas(i){ /* o = local write that made the current version (hk), 0 = cloud */
 if
#ifndef NO_ID
 :: ll>i -> skip                                          /* superseded: answered so, no record */
 :: ll==i -> skip                                         /* repeat the outcome already sent */
#else
 :: false -> skip
#endif
 :: else -> ll=i; if :: hv==lb[i] || (hk!=0 && CHAIN(hk>=lch[i])) -> assert(cloudv<=lb[i]); hv++; hval=20+i; hk=i; publish(); rok[i]=true; lr[i]=hv
   :: else -> assert(cloudv>lb[i]); rcf[i]=true fi fi }
inline gdes(v){ if :: v>gv -> gv=v; gval=dval[v];
   if :: p!=0 && dk[v]!=0 && dk[v]>=lch[p] -> if :: dk[v]==p -> p=0; lose=false; dev=gval :: else -> ECHO fi
   :: p!=0 && !(dk[v]!=0 && dk[v]>=lch[p]) -> LOSE
   :: else -> dev=gval fi :: else fi }
inline gok(i){ if :: p==i -> p=0; lose=false;
#ifdef OK_NO_VERSION
   skip
#else
   if :: lr[i]>gv -> gv=lr[i]; gval=20+i :: else fi
#endif
   :: else fi }
inline gcf(i){ if :: p==i -> p=0; lose=false; dev=gval :: else fi }
active proctype W(){
 do
 :: d_step{ ncl<2 && hv<5 -> ncl++; hv++; hval=10+ncl; hk=0; cloudv=hv; publish() }
 :: d_step{ nl<3 -> lwrite() }
 :: d_step{ hv>=1 -> gdes(1) } :: d_step{ hv>=2 -> gdes(2) } :: d_step{ hv>=3 -> gdes(3) } :: d_step{ hv>=4 -> gdes(4) } :: d_step{ hv>=5 -> gdes(5) }
 :: d_step{ cas[1] && hv<5 -> hubcas(1) } :: d_step{ cas[2] && hv<5 -> hubcas(2) } :: d_step{ cas[3] && hv<5 -> hubcas(3) }
 :: d_step{ rok[1] -> gok(1) } :: d_step{ rok[2] -> gok(2) } :: d_step{ rok[3] -> gok(3) }
 :: d_step{ rcf[1] -> gcf(1) } :: d_step{ rcf[2] -> gcf(2) } :: d_step{ rcf[3] -> gcf(3) }
 :: d_step{ if :: p!=0 -> hubcas(p); if :: rok[p] -> gok(p) :: else -> gcf(p) fi :: else fi; if :: hv>gv -> gdes(hv) :: else fi;
    assert(p==0 && gv==hv && gval==hval && dev==hval) } ; break
 od }
