/*
 * Digests and repair of reported values (section 4.9), within a session that reorders and repeats. Without a rotten value
 * nothing is repaired; with one, one repair is enough.
 * Bounds: 2 properties, 5 numbers, 1 rotten value.
 *
 * clean: 5364 states
 * caught NO_STAMP: a digest is judged against newer rows
 * caught UNSENT_TOO: a digest is made while rows are unsent
 * caught SAME_NUMBER: H30, a repair sends the same number
 */
#ifndef N
#define N 5
#endif
/* gateway */ byte ctr, n[2], v[2], top; bool un[2];
/* hub */ byte hn[2], hv[2];
/* network, one session */ bool up[(N+1)*2], ak[N+1]; byte vn[N+1]; bool dg, rs; byte ds, dn[2], dv[2];
/* ghost */ byte nval, flips, repairs; byte i; bool skip_;
inline number(q){ ctr++; n[q]=ctr; vn[ctr]=v[q]; un[q]=true }
inline report(q){ nval++; v[q]=nval; number(q) }
inline apply(k,q){ if :: k>hn[q] -> hn[q]=k; hv[q]=vn[k] :: else fi; ak[k]=true }
inline ack(q){ if :: un[q] && ak[n[q]] -> un[q]=false; if :: n[q]>top -> top=n[q] :: else fi :: else fi }
inline digest(){ dg=true; ds=top; dn[0]=n[0]; dn[1]=n[1]; dv[0]=v[0]; dv[1]=v[1] }
inline judge(){ if
#ifndef NO_STAMP
 :: hn[0]>ds || hn[1]>ds -> skip
#endif
 :: else -> if :: hn[0]!=dn[0] || hn[1]!=dn[1] || hv[0]!=dv[0] || hv[1]!=dv[1] -> rs=true; assert(flips>0) :: else fi fi }
inline again(q){ if :: n[q]!=0 ->
#ifdef SAME_NUMBER
 un[q]=true
#else
 number(q)
#endif
 :: else fi }
inline repair(){ rs=false; repairs++; again(0); again(1) }
inline push(q){ if :: un[q] -> apply(n[q],q); ack(q) :: else fi }
active proctype W(){
 do
 :: d_step{ ctr<N-2 -> report(0) } :: d_step{ ctr<N-2 -> report(1) }
 :: d_step{ un[0] -> up[n[0]*2]=true } :: d_step{ un[1] -> up[n[1]*2+1]=true }
 :: d_step{ up[2] -> apply(1,0) } :: d_step{ up[3] -> apply(1,1) } :: d_step{ up[4] -> apply(2,0) } :: d_step{ up[5] -> apply(2,1) }
 :: d_step{ up[6] -> apply(3,0) } :: d_step{ up[7] -> apply(3,1) } :: d_step{ up[8] -> apply(4,0) } :: d_step{ up[9] -> apply(4,1) }
 :: d_step{ up[10] -> apply(5,0) } :: d_step{ up[11] -> apply(5,1) }
 :: d_step{ un[0] && ak[n[0]] -> ack(0) } :: d_step{ un[1] && ak[n[1]] -> ack(1) }
#ifdef UNSENT_TOO
 :: d_step{ ctr>0 -> digest() }
#else
 :: d_step{ !un[0] && !un[1] && ctr>0 -> digest() }
#endif
 :: d_step{ dg -> judge() }
 :: d_step{ rs && ctr<=N-2 && repairs<1 -> repair() }
 :: d_step{ flips<1 && hn[0]!=0 -> flips++; hv[0]=9 }       /* a stored value rots */
 /* settle: what is in flight is lost; then rounds of send, digest, repair: one repair is enough */
 :: d_step{ dg=false; rs=false; push(0); push(1); digest(); judge();
    if :: rs -> if :: ctr<=N-2 -> repair(); push(0); push(1); digest(); judge(); assert(!rs) :: else fi :: else fi;
    assert(rs || (hv[0]==v[0] && hv[1]==v[1])) } ; break
 od }
