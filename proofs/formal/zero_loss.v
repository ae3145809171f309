(* When the loss on X = I is zero: the bias is determined by W, and every feature stands out along its own direction.

   Output i answers to input e_j with ReLU((W^T W)_ij + b_i). *)

From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section ZeroLoss.
Variable R : realFieldType.

Definition relu (x : R) := Num.max 0 x.

(* What the model gives back for the inputs e_1, ..., e_n, one a column. *)
Definition output m n (W : 'M[R]_(m, n)) (b : 'cV[R]_n) : 'M[R]_n :=
  \matrix_(i, j) relu ((W^T *m W) i j + b i 0).

(* The loss summed over the examples. *)
Definition total_loss m n (W : 'M[R]_(m, n)) (b : 'cV[R]_n) : R :=
  \sum_i \sum_j (output W b i j - (i == j)%:R) ^+ 2.

Lemma relu_eq1 x : (relu x == 1) = (x == 1).
Proof.
rewrite /relu; case: (ltrP 0 x) => [_|le]; first by [].
have -> : (x == 1) = false by apply/negbTE; rewrite lt_eqF // (le_lt_trans le) ?ltr01.
by rewrite eq_sym oner_eq0.
Qed.

Lemma relu_eq0 x : (relu x == 0) = (x <= 0).
Proof. by rewrite /relu; case: (ltrP 0 x) => [lt|_]; rewrite ?eqxx // gt_eqF. Qed.

(* ReLU(W^T W + b) = I iff b_i = 1 - |w_i|^2 and w_i.(w_i - w_j) >= 1 for all i <> j. *)
Theorem zero_loss_iff m n (W : 'M[R]_(m, n)) (b : 'cV[R]_n) :
  output W b = 1%:M <->
  (forall i, b i 0 = 1 - (W^T *m W) i i) /\
  (forall i j, i != j -> 1 <= (W^T *m W) i i - (W^T *m W) i j).
Proof.
split=> [H|[diagonal apart]].
  have entry i j : relu ((W^T *m W) i j + b i 0) = (i == j)%:R.
    by move/matrixP: H => /(_ i j); rewrite !mxE.
  have bias i : b i 0 = 1 - (W^T *m W) i i.
    have /eqP := entry i i; rewrite eqxx relu_eq1 => /eqP <-.
    by rewrite [X in X - _]addrC addrK.
  split=> // i j ij; have /eqP := entry i j.
  by rewrite (negbTE ij) relu_eq0 bias addrCA -subr_ge0 -oppr_ge0 opprD opprB addrC.
apply/matrixP=> i j; rewrite [LHS]mxE [RHS]mxE; apply/eqP; case: (eqVneq i j) => [<-|ij].
  by rewrite relu_eq1 diagonal addrCA subrr addr0 eqxx.
by rewrite relu_eq0 diagonal addrCA -oppr_ge0 opprD opprB addrC subr_ge0 apart.
Qed.

(* The loss is a sum of squares, so it is 0 exactly then. *)
Theorem zero_total_loss m n (W : 'M[R]_(m, n)) (b : 'cV[R]_n) :
  total_loss W b = 0 <-> output W b = 1%:M.
Proof.
have square i j : 0 <= (output W b i j - (i == j)%:R) ^+ 2 by exact: sqr_ge0.
split=> [H|H]; last first.
  apply: big1 => i _; apply: big1 => j _.
  by move/matrixP: H => /(_ i j); rewrite !mxE => ->; rewrite subrr expr0n.
apply/matrixP=> i j; apply/eqP; rewrite [X in _ == X]mxE -subr_eq0 -sqrf_eq0; apply/eqP.
have row k : true -> 0 <= \sum_j (output W b k j - (k == j)%:R) ^+ 2 by move=> _; apply: sumr_ge0.
have /(_ i isT) := psumr_eq0P row H.
by move/psumr_eq0P => /(_ (fun j _ => square i j) j isT).
Qed.

End ZeroLoss.

Print Assumptions zero_loss_iff.
Print Assumptions zero_total_loss.
