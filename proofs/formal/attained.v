(* The bound 2m is attained, and every family that attains it is made of orthogonal antipodal pairs.

   'M[R]_(m, 2 * m) has 2m columns; row_mx A B is the matrix [A, B] and block_mx A B C D the matrix
   [[A, B], [C, D]]; Num.max 0 x is ReLU(x); (i == j)%:R is the (i, j) entry of the identity. *)

From mathcomp Require Import all_ssreflect all_algebra.
From relugeom Require Import two_m_bound.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Attained.
Variables (R : realFieldType) (m : nat).

(* W = [I, -I] satisfies the criterion with n = 2m, and ReLU(W^T W) is exactly the identity. *)
Theorem two_m_attained : exists W : 'M[R]_(m, 2 * m),
  (forall i, 0 < (W^T *m W) i i) /\
  (forall i j, i != j -> (W^T *m W) i j <= 0) /\
  (forall i j, Num.max 0 ((W^T *m W) i j) = (i == j)%:R).
Proof.
have -> : (2 * m = m + m)%N by rewrite mul2n addnn.
pose W : 'M[R]_(m, m + m) := row_mx 1%:M (- 1%:M).
have tN : (- 1%:M : 'M[R]_m)^T = - 1%:M by rewrite linearN /= trmx1.
have G : W^T *m W = block_mx 1%:M (- 1%:M) (- 1%:M) 1%:M.
  rewrite /W tr_row_mx mul_col_row trmx1.
  by rewrite !mul1mx mulmxN mulmx1 tN opprK.
exists W; rewrite G; split; [|split].
- move=> i; case: (split_ordP i) => k ->.
    by rewrite block_mxEul mxE eqxx ltr01.
  by rewrite block_mxEdr mxE eqxx ltr01.
- move=> i j; case: (split_ordP i) => k ->; case: (split_ordP j) => l ->.
  + by rewrite block_mxEul mxE eq_lshift => /negPf ->.
  + by rewrite block_mxEur !mxE oppr_le0 ler0n.
  + by rewrite block_mxEdl !mxE oppr_le0 ler0n.
  + by rewrite block_mxEdr mxE eq_rshift => /negPf ->.
- move=> i j; case: (split_ordP i) => k ->; case: (split_ordP j) => l ->.
  + by rewrite block_mxEul mxE eq_lshift max_r ?ler0n.
  + by rewrite block_mxEur !mxE eq_lrshift max_l // oppr_le0 ler0n.
  + by rewrite block_mxEdl !mxE eq_rlshift max_l // oppr_le0 ler0n.
  + by rewrite block_mxEdr mxE eq_rshift max_r ?ler0n.
Qed.
End Attained.

Section Equality.
Variables (R : realFieldType) (m n : nat).

(* With n = 2m nothing may be wasted: each elimination step must kill a vector beside the pivot, for otherwise
   2m - 1 pairwise obtuse vectors would be left in m - 1 dimensions. *)
Lemma partner (V : 'M[R]_(n, m)) u : n = (2 * m)%N -> obtuse V setT ->
  exists2 j, j != u & gram (project V u) j j = 0.
Proof.
move=> nm ob; have u0 := obtuse_neq0 ob (in_setT u).
have [j /andP [ju /eqP g0]|none] := pickP (fun j => (j != u) && (gram (project V u) j j == 0)).
  by exists j.
suff: (n <= 2 * \rank (project V u) + 1)%N.
  have := leq_trans (project_rank u0) (rank_leq_col V).
  move: (\rank _) => r lt le; exfalso; have le2 : (2 * m <= 2 * r + 1)%N by rewrite -nm.
  by have := leq_trans (leq_mul (leqnn 2) lt) le2; rewrite mulnS addnC leq_add2l.
rewrite -{1}(card_ord n) -cardsT (cardsD1 u) in_setT addnC leq_add2r.
apply: leq_trans (obtuse_bound (alive_obtuse ob (in_setT u))).
apply/subset_leq_card/subsetP=> j; rewrite !inE andbT lt_def gram_ge0 andbT => ju.
by have := none j; rewrite ju /= => ->.
Qed.

(* The equality case.  If n = 2m, then every column i has a partner j: column j is a negative multiple of
   column i, and column i is orthogonal to all the others.  (The partner is unique and partnership is mutual,
   because the inner product of i and j is negative and all others are zero.)  So the columns fall into m
   antipodal pairs, mutually orthogonal; lengths are free. *)
Theorem two_m_equality (W : 'M[R]_(m, n)) :
  n = (2 * m)%N ->
  (forall i, 0 < (W^T *m W) i i) ->
  (forall i j, i != j -> (W^T *m W) i j <= 0) ->
  forall i, exists j,
    [/\ j != i,
        exists2 c, 0 < c & col j W = - c *: col i W
      & forall k, k != i -> k != j -> (W^T *m W) i k = 0].
Proof.
move=> nm pos neg i; have ob : obtuse W^T setT.
  by split=> [k _|k l _ _]; rewrite /gram trmxK; [apply: pos | apply: neg].
have [j ji g0] := partner i nm ob.
have [c c0 e] := killed ob (in_setT i) (in_setT j) ji g0.
exists j; split=> // [|k ki kj].
  by exists c => //; apply: trmx_inj; rewrite tr_col e linearZ /= tr_col.
have := neg j k; rewrite eq_sym kj => /(_ isT).
move: (gram_scale k e); rewrite /gram trmxK => ->.
rewrite mulNr oppr_le0 pmulr_rge0 // => le.
by apply/eqP; rewrite eq_le le neg // eq_sym.
Qed.

(* Conversely, such pairs always satisfy the criterion, so nothing more can be said of the equality case. *)
Theorem antipodal_pairs (W : 'M[R]_(m, n)) :
  (forall i, 0 < (W^T *m W) i i) ->
  (forall i, exists j,
    [/\ j != i,
        exists2 c, 0 < c & col j W = - c *: col i W
      & forall k, k != i -> k != j -> (W^T *m W) i k = 0]) ->
  forall i j, i != j -> (W^T *m W) i j <= 0.
Proof.
move=> pos pairs i k ik; have [j [ji [c c0 e] orth]] := pairs i.
have [kj|kj] := eqVneq k j; last by rewrite orth // eq_sym.
have e' : row k W^T = - c *: row i W^T.
  by apply: trmx_inj; rewrite linearZ /= -!tr_col !trmxK kj.
have := gram_scale i e'; rewrite gramC /gram trmxK => ->.
by rewrite mulNr oppr_le0 mulr_ge0 // ltW.
Qed.
End Equality.

Print Assumptions two_m_attained.
Print Assumptions two_m_equality.
Print Assumptions antipodal_pairs.
