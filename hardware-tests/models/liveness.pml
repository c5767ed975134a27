/*
 * Liveness of send, acknowledge and repeat as temporal logic, under weak fairness: once faults stop, the newest value is
 * durable at the hub and acknowledged, for ever. Links hold one message and lose it; the hub loses what is unsynced.
 * Bounds: 3 versions. (The others check the same as "settle": from every state a fault-free round converges.)
 *
 * liveness
 * clean: 1772 states
 * caught ACK_ONLY_NEW: H25, a repetition is not answered
 * caught NO_RESEND: a lost message is not repeated
 */
bool calm; byte gv, ack, sent, up, dn, hv, hd; bool due;
active proctype Gw(){ do
 :: atomic{ !calm && gv<3 -> gv++ }
#ifdef NO_RESEND
 :: atomic{ gv>sent && up==0 -> up=gv; sent=gv }
#else
 :: atomic{ gv>ack && up==0 -> up=gv }
#endif
 :: atomic{ dn!=0 -> if :: dn>ack -> ack=dn :: else fi; dn=0; assert(ack<=hd) }
 od }
active proctype Hub(){ do
#ifdef ACK_ONLY_NEW
 :: atomic{ up!=0 && !due -> if :: up>hv -> hv=up; due=true :: else fi; up=0 }
#else
 :: atomic{ up!=0 && !due -> if :: up>hv -> hv=up :: else fi; up=0; due=true }
#endif
 :: atomic{ due && dn==0 -> hd=hv; dn=hd; due=false }
 od }
active proctype Faults(){ do
 :: atomic{ !calm -> up=0 } :: atomic{ !calm -> dn=0 } :: atomic{ !calm -> hv=hd; due=false }
 :: atomic{ !calm -> calm=true; break }
 od }
active proctype Idle(){ bool x; do :: x=!x od }
ltl conv { (<> calm) -> (<>[] (hd==gv && ack==gv)) }
