/*
 * Samples (section 4.3): a contiguous stream with a cumulative acknowledgement, a buffer that drops its
 * oldest and says so, the hub's cursor committed with the rows. At each sync each sample up to the
 * cursor is applied or counted as dropped, once.
 * Bounds: 4 samples, a buffer of 2, 2 crashes of each end, any delay, loss and repetition.
 *
 * clean: 261288 states
 * clean BAD=2: 198468 states
 * caught MAXSEQ: H2, the highest number wins
 * caught NO_GAP: H3, what was dropped is never told
 * caught TWO_SYNCS: H24, rows and cursor in two commits
 * caught BAD=2 BLOCK: H29, a refused sample stops the stream
 * caught NODEDUPE: a repeated sample is applied again
 */
#define N 4
#ifndef BAD
#define BAD 9 /* the sample that the hub refuses: none */
#endif
bool da[5]; bool gp[25]; bool ak[5]; /* messages ever sent: data seq; gap(from,to]; cumulative ack */
byte hi, dhi, lo, dlo;      /* rows lo+1..hi held; lo = all up to here acked ; mem and durable */
byte dr, ddr;               /* rows lo+1..dr dropped by policy (drop oldest) */
byte st, dst; byte ap[5], dap[5]; byte ct[5], dct[5]; /* hub: cursor, applied count, counted-dropped */
byte i, j, i0, i1, gcr, hcr; bool ackdue;
inline hdata(s){
#ifdef MAXSEQ
 if :: s>st -> st=s; ap[s]++ :: else fi;
#elif defined(NODEDUPE)
 if :: s<=st+1 -> ap[s]++; if :: s>st -> st=s :: else fi :: else fi;
#else
 if
#ifdef BLOCK
 :: s==st+1 && s!=BAD -> st=s; ap[s]++
#else
 :: s==st+1 -> st=s; if :: s==BAD -> ct[s]++ :: else -> ap[s]++ fi
#endif
 :: else fi;
#endif
 ackdue=true }
inline hgap(f,t){ if :: f<=st && st<t -> for (i : 1 .. 4) { if :: i>st && i<=t -> ct[i]++ :: else fi } st=t :: else fi; ackdue=true }
inline hsync(){ dst=st; for (i : 0 .. 4) { dap[i]=ap[i]; dct[i]=ct[i] } i=0; if :: ackdue -> ak[dst]=true; ackdue=false :: else fi;
 for (i : 1 .. 4) { assert(dap[i]+dct[i]<=1); assert(i>dst || dap[i]+dct[i]==1) } i=0 }
inline gack(a){ if :: a>lo -> lo=a; if :: dr<lo -> dr=lo :: else fi; for (i : 1 .. 4) { assert(i>lo || dap[i]+dct[i]==1) } i=0 :: else fi }
inline gsync(){ dhi=hi; dlo=lo; ddr=dr }
inline drain(){ gsync(); for (i : 0 .. 4) { da[i]=false; ak[i]=false } i=0;
#ifndef NO_GAP
 if :: dr>lo -> hgap(lo,dr) :: else fi;
#endif
 if :: dr<1 && hi>=1 -> hdata(1) :: else fi; if :: dr<2 && hi>=2 -> hdata(2) :: else fi; if :: dr<3 && hi>=3 -> hdata(3) :: else fi; if :: dr<4 && hi>=4 -> hdata(4) :: else fi;
 hsync(); assert(dst==dhi) }
active proctype World(){
 do
 :: d_step{ hi<N && (hi-dr)<2 -> hi++ }
 :: d_step{ hi<N && (hi-dr)==2 -> dr++; hi++ }       /* full: drop oldest, count */
 :: d_step{ gsync() }
 :: d_step{ 1>dr && 1<=dhi -> da[1]=true } :: d_step{ 2>dr && 2<=dhi -> da[2]=true } :: d_step{ 3>dr && 3<=dhi -> da[3]=true } :: d_step{ 4>dr && 4<=dhi -> da[4]=true }
#ifndef NO_GAP
 :: d_step{ ddr>lo -> gp[lo*5+ddr]=true }
#endif
 :: d_step{ da[1] -> hdata(1) } :: d_step{ da[2] -> hdata(2) } :: d_step{ da[3] -> hdata(3) } :: d_step{ da[4] -> hdata(4) }
 :: atomic{ i=0; do :: i<24 -> i++ :: gp[i] -> d_step{ i0=i/5; i1=i%5; i=0; hgap(i0,i1); i=0; i0=0; i1=0 }; break :: i==24 && !gp[24] -> i=0; break od }
#ifdef TWO_SYNCS
 :: d_step{ for (i : 0 .. 4) { dap[i]=ap[i]; dct[i]=ct[i] } i=0 }   /* rows committed, cursor not yet */
#endif
 :: d_step{ hsync() }
 :: d_step{ ak[1] -> gack(1) } :: d_step{ ak[2] -> gack(2) } :: d_step{ ak[3] -> gack(3) } :: d_step{ ak[4] -> gack(4) }
 :: d_step{ gcr<2 -> gcr++; hi=dhi; lo=dlo; dr=ddr }
 :: d_step{ hcr<2 -> hcr++; st=dst; ackdue=false; for (i : 0 .. 4) { ap[i]=dap[i]; ct[i]=dct[i] } i=0 }
 :: d_step{ drain() }; break
 od }
