/*
 * Devices made and deleted at the hub under one name (section 4.8): messages of any earlier life arrive at
 * any time. No value of one life is shown in another.
 * Bounds: 4 creations and deletions.
 *
 * clean: 90 states
 * caught NO_TOMB: H21, a late creation revives the deleted
 * caught NO_INC: H21, reports of an earlier life are taken
 * caught KEEP_TWIN: H21, the twin is kept across lives
 */
byte hv, hinc; bool halive; bool kind[6]; bool sent[6]; /* DEV messages by version: create=1/delete=0 */
byte hrep;              /* life (ghost) of the value the hub shows; 0 none */
byte ginc, gt, gval; bool galive; bool rep[36]; byte gdel, cr, i; /* gval: life (ghost) in which the value was measured */
inline gdev(v){
#ifdef NO_TOMB
 if :: v>gt ->
#else
 if :: v>gt ->
#endif
   gt=v; if :: kind[v] -> assert(v>gdel); ginc=v; galive=true;
#ifndef KEEP_TWIN
     gval=0
#else
     skip
#endif
   :: else -> galive=false; ginc=0; gdel=v;
#ifndef KEEP_TWIN
     gval=0;
#endif
#ifdef NO_TOMB
     gt=0
#else
     skip
#endif
   fi :: else fi }
inline hrecv(x,life){
#ifdef NO_INC
 if :: halive -> hrep=life; assert(life==hinc) :: else fi
#else
 if :: halive && x==hinc -> hrep=life; assert(life==hinc) :: else fi
#endif
}
active proctype W(){
 do
 :: d_step{ hv<4 && !halive -> hv++; hinc=hv; halive=true; kind[hv]=true; hrep=0 }
 :: d_step{ hv<4 && halive -> hv++; halive=false; hinc=0; kind[hv]=false; hrep=0 }
 :: d_step{ hv>=1 -> gdev(1) } :: d_step{ hv>=2 -> gdev(2) } :: d_step{ hv>=3 -> gdev(3) } :: d_step{ hv>=4 -> gdev(4) }
 :: d_step{ galive -> gval=ginc }                    /* a value is measured */
 :: d_step{ galive && gval!=0 -> rep[ginc*6+gval]=true }
 :: atomic{ i=0; do :: i<35 -> i++ :: rep[i] -> d_step{ hrecv((i/6),(i%6)); i=0 }; break :: i==35 -> i=0; break od }
 :: d_step{ gdev(hv); if :: galive -> gval=ginc; hrecv(ginc,gval) :: else fi; assert(galive==halive && (!halive || hrep==hinc)) } ; break
 od }
