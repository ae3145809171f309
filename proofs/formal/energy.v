(* The bound by energy, with the room that it leaves: unit features whose inner products are at most s.

   Compare two sums over all pairs.  The squares of the Gram matrix G = W^T W add up to at least n^2/m, since its
   trace is n and its rank at most m; and each square is at most s - (1 - s) G_ij off the diagonal. *)

From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Energy.
Variable R : realFieldType.

(* (x_1 + ... + x_m)^2 <= m (x_1^2 + ... + x_m^2). *)
Lemma mean_square m (x : 'I_m -> R) :
  (\sum_k x k) ^+ 2 <= m%:R * \sum_k x k ^+ 2.
Proof.
case: m x => [|m] x; first by rewrite big_ord0 expr0n mul0r.
set t := \sum_k x k; set q := \sum_k x k ^+ 2.
have [c cE] : exists c : R, c = m.+1%:R by exists m.+1%:R.
have c0 : 0 < c by rewrite cE ltr0n.
rewrite -cE -subr_ge0 -(pmulr_rge0 _ c0).
have <- : \sum_k (c * x k - t) ^+ 2 = c * (c * q - t ^+ 2).
  have each k : (c * x k - t) ^+ 2 = c ^+ 2 * x k ^+ 2 - (c * t *+ 2) * x k + t ^+ 2.
    by rewrite sqrrB exprMn mulrnAl [c * t * _]mulrAC.
  rewrite (eq_bigr _ (fun k _ => each k)) big_split sumrB -!mulr_sumr sumr_const card_ord /=.
  rewrite -/t -/q -[t *+ m.+1]mulr_natl -cE mulrCA mulrnAl -mulrA -expr2 mulrBr mulrA -expr2 mulr2n.
  by rewrite opprD addrA subrK.
by apply: sumr_ge0 => k _; apply: sqr_ge0.
Qed.

(* The trace of G squared is at most m times the sum of all squares of G. *)
Lemma trace_square m n (W : 'M[R]_(m, n)) :
  (\tr (W^T *m W)) ^+ 2 <= m%:R * \sum_i \sum_j (W^T *m W) i j ^+ 2.
Proof.
have squares p q (A : 'M[R]_(p, q)) : \tr (A *m A^T) = \sum_i \sum_j A i j ^+ 2.
  by apply: eq_bigr => i _; rewrite mxE; apply: eq_bigr => j _; rewrite mxE expr2.
pose S := W *m W^T.
have same : \sum_i \sum_j (W^T *m W) i j ^+ 2 = \sum_i \sum_j S i j ^+ 2.
  by rewrite -!squares /S !trmx_mul !trmxK -!mulmxA mxtrace_mulC -!mulmxA.
rewrite same mxtrace_mulC -/S (le_trans (mean_square _)) // ler_wpmul2l ?ler0n //.
apply: ler_sum => k _; rewrite (bigD1 k) //= ler_addl.
by apply: sumr_ge0 => j _; apply: sqr_ge0.
Qed.

(* The entries of a Gram matrix add up to |w_1 + ... + w_n|^2. *)
Lemma total_ge0 m n (W : 'M[R]_(m, n)) : 0 <= \sum_i \sum_j (W^T *m W) i j.
Proof.
have -> : \sum_i \sum_j (W^T *m W) i j = \sum_k (\sum_i W k i) ^+ 2.
  have each i : \sum_j (W^T *m W) i j = \sum_k W k i * \sum_j W k j.
    have entry j : (W^T *m W) i j = \sum_k W k i * W k j.
      by rewrite mxE; apply: eq_bigr => k _; rewrite mxE.
    rewrite (eq_bigr _ (fun j _ => entry j)) exchange_big /=.
    by apply: eq_bigr => k _; rewrite mulr_sumr.
  rewrite (eq_bigr _ (fun i _ => each i)) exchange_big /=.
  by apply: eq_bigr => k _; rewrite -mulr_suml expr2.
by apply: sumr_ge0 => k _; apply: sqr_ge0.
Qed.

(* Unit vectors have an inner product of at least -1, since 0 <= |v + w|^2 = 2 + 2 v.w. *)
Lemma at_least_opposite m n (W : 'M[R]_(m, n)) i j :
  (W^T *m W) i i = 1 -> (W^T *m W) j j = 1 -> -1 <= (W^T *m W) i j.
Proof.
move=> ii jj.
have: 0 <= \sum_k (W k i + W k j) ^+ 2 by apply: sumr_ge0 => k _; apply: sqr_ge0.
have -> : \sum_k (W k i + W k j) ^+ 2 = (W^T *m W) i i + (W^T *m W) i j *+ 2 + (W^T *m W) j j.
  rewrite !mxE -sumrMnl -!big_split /=; apply: eq_bigr => k _.
  by rewrite !mxE sqrrD !expr2.
rewrite ii jj addrAC -mulr2n -mulrnDl pmulrn_lge0 //.
by rewrite -ler_subl_addl sub0r.
Qed.

(* Unit features with inner products of at most s <= 1: n <= m (2 + (n - 2) s).  With s = 0, n <= 2m. *)
Theorem energy_bound m n (W : 'M[R]_(m, n)) (s : R) :
  s <= 1 -> (forall i, (W^T *m W) i i = 1) -> (forall i j, i != j -> (W^T *m W) i j <= s) ->
  n%:R <= m%:R * (2%:R + (n%:R - 2%:R) * s).
Proof.
move=> s1 unit off; pose d := (1 - s) *+ 2.
have d0 : 0 <= d by rewrite mulrn_wge0 // subr_ge0.
have each i j : (W^T *m W) i j ^+ 2 <= s - (1 - s) * (W^T *m W) i j + (i == j)%:R * d.
  case: (eqVneq i j) => [<-|ij].
    by rewrite mul1r unit expr1n mulr1 /d mulr2n [X in _ <= X]addrA subrK addrCA subrr addr0.
  move: (off i j ij) (at_least_opposite (unit i) (unit j)); move: ((W^T *m W) i j) => g gs g1.
  rewrite mul0r addr0 -subr_ge0.
  have -> : s - (1 - s) * g - g ^+ 2 = (g + 1) * (s - g).
    rewrite [RHS]mulrDl mul1r [g * (s - g)]mulrBr -[g * g]expr2 mulrBl mul1r opprB addrAC.
    by rewrite addrACA [RHS]addrACA [s + _]addrC [s * g]mulrC.
  by rewrite mulr_ge0 ?subr_ge0 // -ler_subl_addr sub0r.
have upper : \sum_i \sum_j (W^T *m W) i j ^+ 2 <= n%:R * (n%:R * s + d).
  apply: le_trans (ler_sum _ (fun i _ => ler_sum _ (fun j _ => each i j))) _.
  have row i : \sum_j (s - (1 - s) * (W^T *m W) i j + (i == j)%:R * d)
               = n%:R * s + d - (1 - s) * \sum_j (W^T *m W) i j.
    rewrite big_split sumrB sumr_const card_ord -mulr_sumr /= [X in _ + X](bigD1 i) //= eqxx mul1r.
    rewrite [X in d + X]big1 ?addr0 => [|j ji]; first by rewrite mulr_natl addrAC.
    by rewrite eq_sym (negbTE ji) mul0r.
  rewrite (eq_bigr _ (fun i _ => row i)) sumrB sumr_const card_ord -mulr_sumr.
  rewrite [X in _ <= X]mulr_natl ler_subl_addr ler_addl.
  by rewrite mulr_ge0 ?subr_ge0 ?total_ge0.
have both := le_trans (trace_square W) (ler_wpmul2l (ler0n R m) upper).
have end_form : n%:R * s + d = 2%:R + (n%:R - 2%:R) * s.
  by rewrite /d mulrnBl mulrBl addrCA -[s *+ 2]mulr_natl.
move: both; rewrite end_form /mxtrace (eq_bigr _ (fun i _ => unit i)) sumr_const card_ord mulrCA expr2.
case: n {W unit off each upper} end_form => [|n] end_form.
  by move=> _; rewrite -end_form mul0r add0r mulr_ge0 ?ler0n.
by rewrite ler_pmul2l // ltr0n.
Qed.

(* In particular n <= 2m, for features of any length: they may be rescaled first. *)
Corollary energy_bound_unit m n (W : 'M[R]_(m, n)) :
  (forall i, (W^T *m W) i i = 1) -> (forall i j, i != j -> (W^T *m W) i j <= 0) -> (n <= 2 * m)%N.
Proof.
move=> unit off; have := energy_bound ler01 unit off.
by rewrite mulr0 addr0 -natrM ler_nat mulnC.
Qed.

End Energy.

Print Assumptions energy_bound.
Print Assumptions energy_bound_unit.
