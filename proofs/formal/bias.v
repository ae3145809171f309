(* What a bias changes: any number of features at m = 2, still only two at m = 1.

   'cV[R]_n is a column vector (the bias), const_mx b the vector with all entries b, col i W the i-th column. *)

From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Bias.
Variable R : realFieldType.

(* Output i answers to input e_j with ReLU((W^T W)_ij + b_i).  The criterion: it is positive when j = i and zero
   when j <> i. *)
Definition criterion m n (W : 'M[R]_(m, n)) (b : 'cV[R]_n) : Prop :=
  (forall i, 0 < (W^T *m W) i i + b i 0) /\
  (forall i j, i != j -> (W^T *m W) i j + b i 0 <= 0).

(* Finitely many numbers below t (and s < t): some u in [s, t) bounds them all. *)
Lemma room (T : finType) (P : pred T) (f : T -> R) (s t : R) :
  s < t -> (forall x, P x -> f x < t) ->
  exists2 u, s <= u < t & forall x, P x -> f x <= u.
Proof.
move=> st ft; suff: exists2 u, s <= u < t & forall x, x \in enum P -> f x <= u.
  by case=> u ub H; exists u => // x Px; apply: H; rewrite mem_enum.
have: forall x, x \in enum P -> f x < t by move=> x; rewrite mem_enum; apply: ft.
elim: (enum P) => [_|x r IH lt]; first by exists s; rewrite ?lexx.
have [y yr|u /andP [su ut] H] := IH; first by apply: lt; rewrite inE yr orbT.
exists (Num.max (f x) u); first by rewrite le_maxr su orbT lt_maxl ut lt ?mem_head.
by move=> y; rewrite inE le_maxr => /predU1P [->|/H ->]; rewrite ?lexx ?orbT.
Qed.

(* Some bias serves W exactly when every diagonal entry of the Gram matrix is the strict maximum of its row. *)
Theorem some_bias_works m n (W : 'M[R]_(m, n)) :
  (exists b, criterion W b) <->
  (forall i j, i != j -> (W^T *m W) i j < (W^T *m W) i i).
Proof.
split=> [[b [pos neg]] i j ij|G].
  by rewrite -(ltr_add2r (b i 0)) (le_lt_trans (neg _ _ ij)).
have each i : exists u, u < (W^T *m W) i i /\ forall j, i != j -> (W^T *m W) i j <= u.
  have below : (W^T *m W) i i - 1 < (W^T *m W) i i by rewrite ltr_subl_addr ltr_addl ltr01.
  by have [u /andP [_ lt] H] := room below (G i); exists u.
have [u H] := fin_all_exists each; exists (\col_i - u i).
split=> [i|i j ij]; rewrite [X in _ + X]mxE; have [lt le] := H i.
  by rewrite subr_gt0.
by rewrite subr_le0 le.
Qed.

(* m = 1: two features at most, whatever the bias.  Two numbers x, y with xy < x^2 and xy < y^2 have opposite
   signs, and three numbers can't pairwise have opposite signs. *)
Theorem bias_line n (W : 'M[R]_(1, n)) b : criterion W b -> (n <= 2)%N.
Proof.
move=> crit; have [only_if _] := some_bias_works W.
have {only_if crit} G := only_if (ex_intro _ b crit).
have entry i j : (W^T *m W) i j = W 0 i * W 0 j by rewrite mxE big_ord1 mxE.
have opposite i j : i != j -> W 0 i * W 0 j < 0.
  move=> ij; have := G i j ij; have := G j i; rewrite eq_sym ij !entry => /(_ isT).
  rewrite -subr_gt0 -mulrBr => pj; rewrite -subr_gt0 -mulrBr => /(mulr_gt0 pj).
  rewrite mulrACA -[X in _ * X]opprK -mulNr opprB mulrN -expr2 oppr_gt0 => lt.
  rewrite mulrC ltNge; apply/negP=> ge.
  by move: lt; rewrite ltNge mulr_ge0 ?sqr_ge0.
rewrite leqNgt; apply/negP=> n2.
pose o k (lt : (k < 3)%N) := Ordinal (leq_trans lt n2).
pose x := W 0 (o 0%N isT); pose y := W 0 (o 1%N isT); pose z := W 0 (o 2%N isT).
have xy : x * y < 0 by exact: opposite.
have yz : y * z < 0 by exact: opposite.
have xz : x * z < 0 by exact: opposite.
have: 0 < x * y * (y * z) by rewrite nmulr_rgt0.
by rewrite [x * y]mulrC mulrACA ltNge mulr_ge0_le0 ?(ltW xz) // -expr2 sqr_ge0.
Qed.

(* Different unit vectors have an inner product below 1, since 0 < |v - w|^2 = 2 - 2 v.w. *)
Lemma distinct_columns m n (W : 'M[R]_(m, n)) i j :
  (W^T *m W) i i = 1 -> (W^T *m W) j j = 1 -> col i W != col j W -> (W^T *m W) i j < 1.
Proof.
move=> ii jj ne.
have: 0 < \sum_k (W k i - W k j) ^+ 2.
  rewrite lt_def sumr_ge0 ?andbT => [|k _]; last exact: sqr_ge0.
  apply: contra ne => /eqP /psumr_eq0P H; apply/eqP/colP=> k; rewrite !mxE.
  by apply/eqP; rewrite -subr_eq0 -sqrf_eq0 H // => l _; apply: sqr_ge0.
have -> : \sum_k (W k i - W k j) ^+ 2 =
          (W^T *m W) i i - (W^T *m W) i j *+ 2 + (W^T *m W) j j.
  rewrite !mxE -sumrMnl -sumrB -big_split /=; apply: eq_bigr => k _.
  by rewrite !mxE sqrrB !expr2.
by rewrite ii jj addrAC -mulr2n -mulrnBl pmulrn_lgt0 // subr_gt0.
Qed.

(* So distinct unit columns, in any dimension, are served by one negative bias common to all outputs. *)
Theorem unit_columns m n (W : 'M[R]_(m, n)) :
  (forall i, (W^T *m W) i i = 1) ->
  (forall i j, i != j -> col i W != col j W) ->
  exists2 b : R, b < 0 & criterion W (const_mx b).
Proof.
move=> unit distinct.
have half : 2%:R^-1 < 1 :> R by rewrite invf_lt1 ?ltr0n ?ltr1n.
have below (p : 'I_n * 'I_n) : p.1 != p.2 -> (W^T *m W) p.1 p.2 < 1.
  by move=> ne; apply: distinct_columns; rewrite ?unit ?distinct.
have [b /andP [hb b1] H] := room half below.
exists (- b); first by rewrite oppr_lt0 (lt_le_trans _ hb) ?invr_gt0 ?ltr0n.
split=> [i|i j ij]; rewrite [X in _ + X]mxE; first by rewrite unit subr_gt0.
by rewrite subr_le0 (H (i, j)).
Qed.

(* Rational points on the unit circle: (2/(1 + k^2) - 1, 2k/(1 + k^2)) for k = 0, 1, 2, ... *)
Definition circle n : 'M[R]_(2, n) :=
  \matrix_(k, i) [:: 2%:R / (1 + i%:R ^+ 2) - 1; 2%:R * i%:R / (1 + i%:R ^+ 2)]`_k.

(* m = 2: any number of features. *)
Theorem bias_any_n n :
  exists W : 'M[R]_(2, n), exists2 b : R, b < 0 & criterion W (const_mx b).
Proof.
have pos (i : 'I_n) : 0 < 1 + i%:R ^+ 2 :> R by rewrite ltr_paddr ?sqr_ge0 ?ltr01.
exists (circle n); apply: unit_columns => [i|i j ij].
  rewrite !mxE !big_ord_recr big_ord0 /= !mxE /= add0r -!expr2.
  have dc := mulfV (lt0r_neq0 (pos i)); move: (_^-1) dc => c dc.
  have e : (2%:R * i%:R * c) ^+ 2 + (2%:R * c) ^+ 2 = 2%:R * c *+ 2.
    rewrite [2%:R * _ * c]mulrAC exprMn -{2}[(_ * c) ^+ 2]mulr1 -mulrDr [_ ^+ 2 + 1]addrC.
    by rewrite expr2 -!mulrA [c * (1 + _)]mulrC dc mulr1 mulr_natr mulrnAr.
  by rewrite sqrrB mulr1 expr1n addrC !addrA e subrr add0r.
apply: contra ij => /eqP /colP /(_ 0); rewrite !mxE /= => /addIr.
move=> /mulfI; rewrite pnatr_eq0 => /(_ isT) /invr_inj /addrI /eqP.
by rewrite eqr_expn2 ?ler0n // eqr_nat.
Qed.
End Bias.

Print Assumptions some_bias_works.
Print Assumptions bias_line.
Print Assumptions unit_columns.
Print Assumptions bias_any_n.
