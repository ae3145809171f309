(* The reason that the post gives for 2m is not the reason: being on one m-dimensional subspace does not forbid
   n > 2m sign patterns "one positive entry, in its own place, the others not positive".

   The matrix A_ij = 1 - (i - j)^2 has ones on the diagonal and nothing positive off it, for every n, and
   1 - (i - j)^2 = (1 - i^2) * 1 + 2i * j - 1 * j^2 has rank at most 3.  What forbids it in the autoencoder is
   that encoder and decoder are tied: A is not of the form W^T W.

   R : realDomainType is any ordered commutative ring, the integers among them; k%:R is the natural number k in R;
   s`_k is the k-th element of the list s; \matrix_(i, j) f is the matrix with entries f. *)

From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Parabola.
Variables (R : realDomainType) (n : nat).

(* Column j of the encoder is (1, j, j^2): a point of a parabola. *)
Definition encoder : 'M[R]_(3, n) := \matrix_(k, j) (j%:R ^+ k).
(* Row i of the decoder is (1 - i^2, 2i, -1). *)
Definition decoder : 'M[R]_(n, 3) :=
  \matrix_(i, k) [:: 1 - i%:R ^+ 2; 2%:R * i%:R; -1]`_k.

Theorem parabola_product i j :
  (decoder *m encoder) i j = 1 - (i%:R - j%:R) ^+ 2.
Proof.
rewrite !mxE !big_ord_recr big_ord0 /= !mxE /=.
rewrite add0r expr0 mulr1 expr1 mulN1r sqrrB opprD opprB.
rewrite -mulrA mulr_natl !addrA [1 - _ + _]addrAC; congr (_ - _).
by rewrite addrAC.
Qed.

(* Different integers differ by 1 at least. *)
Lemma gap (i j : 'I_n) : i != j -> 1 <= (i%:R - j%:R) ^+ 2 :> R.
Proof.
wlog ji : i j / (j < i)%N => [sym ij|ij].
  by case: (ltngtP i j) ij => [lt|lt|/val_inj ->]; rewrite ?eqxx // => ij;
    [rewrite -sqrrN opprB|]; apply: sym => //; rewrite eq_sym.
by rewrite -natrB ?(ltnW ji) // -natrX ler1n sqrn_gt0 subn_gt0.
Qed.

(* ReLU of the product is exactly the identity. *)
Theorem parabola_relu i j :
  Num.max 0 ((decoder *m encoder) i j) = (i == j)%:R.
Proof.
rewrite parabola_product; have [->|ij] := eqVneq i j.
  by rewrite subrr expr0n subr0 max_r ?ler01.
by rewrite max_l // subr_le0 gap.
Qed.
End Parabola.

(* For every n there are n vectors (the columns of A) in a subspace of dimension at most 3, each with one positive
   entry, in its own place.  Already n = 7 contradicts "at most 2m" for m = 3. *)
Theorem same_subspace_refuted (R : realFieldType) (n : nat) :
  exists A : 'M[R]_n, [/\ (\rank A <= 3)%N,
      forall i, 0 < A i i
    & forall i j, i != j -> A i j <= 0].
Proof.
exists (decoder R n *m encoder R n); split=> [|i|i j ij].
- exact: leq_trans (mulmx_max_rank _ _) _.
- by rewrite parabola_product subrr expr0n subr0 ltr01.
- by rewrite parabola_product subr_le0 gap.
Qed.

(* So with an untied decoder D every latent dimension m = 3 + k serves every number n of features, exactly;
   integers suffice. *)
Theorem untied_any_n (R : realDomainType) (k n : nat) :
  exists (D : 'M[R]_(n, 3 + k)) (W : 'M[R]_(3 + k, n)),
  forall i j, Num.max 0 ((D *m W) i j) = (i == j)%:R.
Proof.
exists (row_mx (decoder R n) 0), (col_mx (encoder R n) 0) => i j.
by rewrite mul_row_col mul0mx addr0 parabola_relu.
Qed.

Print Assumptions parabola_product.
Print Assumptions same_subspace_refuted.
Print Assumptions untied_any_n.
