(* At most 2m features fit in m dimensions when there is no bias.

   How to read this file.  Only the statements matter to a reader; the lines between "Proof." and "Qed."
   are instructions by which the machine rebuilds each proof and checks it.
     R : realFieldType     any ordered field: the rationals, the reals, ...
     'M[R]_(m, n)          m x n matrices over R          'I_n       the indices 0, ..., n - 1
     A *m B, A^T, A i j    product, transpose, entry      row i V    the i-th row of V
     (n <= 2 * m)%N        "%N": an inequality between natural numbers
     {set 'I_n}, #|A|      a set of indices, the number of its elements
     \rank V               the rank of V

   The proof is the elimination.  Take one vector u of the family and project the others along it, on the
   orthogonal complement of u.  Inner products can only decrease, so the family stays pairwise obtuse.  A
   vector that becomes zero was a negative multiple of u, and two of those would form a positive inner
   product: at most one vanishes.  So two vectors at most are lost, the rank falls by one at least, and
   induction on the rank finishes.  No square root is taken, so the field need not be the reals. *)

From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* The vectors are the ROWS of V here; the theorem at the end applies this to V = W^T. *)
Section Elimination.
Variables (R : realFieldType) (n m : nat).
Implicit Types (V : 'M[R]_(n, m)) (A : {set 'I_n}).

Definition gram V : 'M[R]_n := V *m V^T.

(* The vectors with index in A are non-zero, and no two of them form an acute angle. *)
Definition obtuse V A : Prop :=
  {in A, forall i, 0 < gram V i i} /\
  {in A &, forall i j, i != j -> gram V i j <= 0}.

(* Every row v becomes v - (v.u / u.u) u, where u is the row of index u. *)
Definition project V u : 'M[R]_(n, m) :=
  V - (gram V u u)^-1 *: (V *m (row u V)^T *m row u V).

(* Elementary facts on Gram matrices. *)
Lemma scalar11 (a b : R) : a%:M = b%:M :> 'M_1 -> a = b.
Proof. by move/matrixP/(_ 0 0); rewrite !mxE !mulr1n. Qed.

Lemma gramC V i j : gram V i j = gram V j i.
Proof. by rewrite /gram -[in LHS](trmxK (V *m V^T)) trmx_mul trmxK mxE. Qed.

Lemma gram_row V i j : row i V *m (row j V)^T = (gram V i j)%:M.
Proof.
by apply/matrixP=> x y; rewrite !ord1 !mxE mulr1n; apply: eq_bigr => k _; rewrite !mxE.
Qed.

Lemma gram_diag V i : gram V i i = \sum_k V i k ^+ 2.
Proof. by rewrite !mxE; apply: eq_bigr => k _; rewrite mxE -expr2. Qed.

Lemma gram_ge0 V i : 0 <= gram V i i.
Proof. by rewrite gram_diag; apply: sumr_ge0 => k _; apply: sqr_ge0. Qed.

Lemma gram_eq0 V i : gram V i i = 0 -> row i V = 0.
Proof.
rewrite gram_diag => /eqP; rewrite psumr_eq0 => [/allP V0|k _]; last exact: sqr_ge0.
apply/rowP=> k; rewrite !mxE; apply/eqP.
by have := V0 k (mem_index_enum k); rewrite sqrf_eq0.
Qed.

Lemma project_orth V u : gram V u u != 0 -> project V u *m (row u V)^T = 0.
Proof.
move=> u0; rewrite mulmxBl -scalemxAl -mulmxA gram_row.
by rewrite mul_mx_scalar scalerA mulVf // scale1r subrr.
Qed.

(* The elimination step on the Gram matrix: G'_ij = G_ij - G_iu G_uj / G_uu. *)
Lemma project_gram V u i j : gram V u u != 0 ->
  gram (project V u) i j = gram V i j - gram V i u * gram V u j / gram V u u.
Proof.
move=> u0; rewrite {1}/gram {2}/project !linearB /= linearZ /= !trmx_mul trmxK.
rewrite -scalemxAr !mulmxA (project_orth u0) !mul0mx scaler0 subr0.
rewrite /project mulmxBl -scalemxAl -(mulmxA _ _ V^T) -row_mul -/(gram V) [LHS]mxE.
congr (_ + _).
have ->: V *m (row u V)^T = col u (gram V).
  by apply/colP=> k; rewrite !mxE; apply: eq_bigr => l _; rewrite !mxE.
rewrite [LHS]mxE; congr (- _); rewrite [LHS]mxE mulrC; congr (_ / _).
rewrite [LHS]mxE big_ord1 [X in X * _]mxE [X in _ * X]mxE; congr (_ * _).
Qed.

(* The rank falls: the new rows are combinations of the old ones, all orthogonal to row u, which is not. *)
Lemma project_rank V u : gram V u u != 0 -> (\rank (project V u) < \rank V)%N.
Proof.
move=> u0; apply: rank_ltmx; rewrite ltmxE; apply/andP; split.
  by rewrite addmx_sub // eqmx_opp scalemx_sub // mulmx_sub // row_sub.
apply/negP=> VP; have /submxP [D eD] : (row u V <= project V u)%MS := submx_trans (row_sub u V) VP.
move: (u0) => /eqP; apply; apply: scalar11.
by rewrite -gram_row {1}eD -mulmxA (project_orth u0) mulmx0 raddf0.
Qed.

Lemma gram_scale V c i j u : row i V = c *: row u V -> gram V i j = c * gram V u j.
Proof.
move=> e; apply: scalar11.
by rewrite -gram_row e -scalemxAl gram_row scale_scalar_mx.
Qed.

Lemma project_row V u i :
  row i (project V u) = row i V - (gram V i u / gram V u u) *: row u V.
Proof.
rewrite /project linearB linearZ /= !row_mul gram_row mul_scalar_mx scalerA.
by rewrite [_^-1 * _]mulrC.
Qed.

Lemma obtuse_neq0 V A i : obtuse V A -> i \in A -> gram V i i != 0.
Proof. by case=> p _ /p/lt0r_neq0. Qed.

(* A vector that the projection sends to zero was a negative multiple of u. *)
Lemma killed V A u i : obtuse V A -> u \in A -> i \in A -> i != u ->
  gram (project V u) i i = 0 -> exists2 c, 0 < c & row i V = - c *: row u V.
Proof.
move=> [pos neg] uA iA iu /gram_eq0; rewrite project_row => /eqP.
rewrite subr_eq0 => /eqP e.
exists (- (gram V i u / gram V u u)); last by rewrite opprK.
rewrite oppr_gt0 lt_neqAle mulr_le0_ge0 ?neg ?invr_ge0 ?gram_ge0 // andbT.
apply/eqP=> c0; have := pos i iA.
by rewrite (gram_scale _ e) c0 mul0r ltxx.
Qed.

(* The indices that survive the step.  Their vectors are obtuse again ... *)
Definition alive V A u := [set i in A | 0 < gram (project V u) i i].

Lemma alive_obtuse V A u : obtuse V A -> u \in A -> obtuse (project V u) (alive V A u).
Proof.
move=> ob uA; have [pos neg] := ob; split=> [i|i j]; first by rewrite inE => /andP [].
have gone k : k \in alive V A u -> k \in A /\ k != u.
  rewrite inE => /andP [kA]; rewrite project_gram ?(obtuse_neq0 ob) // => g0; split=> //.
  by apply/eqP=> e; move: g0; rewrite e mulfK ?(obtuse_neq0 ob) // subrr ltxx.
move=> /gone [iA iu] /gone [jA ju] ij; rewrite project_gram ?(obtuse_neq0 ob) //.
rewrite subr_le0 (le_trans (neg _ _ iA jA ij)) // mulr_ge0 ?invr_ge0 ?gram_ge0 //.
by rewrite mulr_le0 ?neg // eq_sym.
Qed.

(* ... and there are at most two fewer: u, and one antipode of u. *)
Lemma alive_card V A u : obtuse V A -> u \in A -> (#|A| <= (#|alive V A u|).+2)%N.
Proof.
move=> ob uA; have [pos neg] := ob.
rewrite (cardsD1 u) uA -(cardsID (alive V A u) (A :\ u)) -addn2 addnCA.
rewrite leq_add ?subset_leq_card ?subsetIr // add1n ltnS.
apply/card_le1_eqP=> i j; rewrite !inE => /and3P [iD iu iA] /and3P [jD ju jA].
have dead k : k \in A -> ~~ ((k \in A) && (0 < gram (project V u) k k)) ->
    gram (project V u) k k = 0.
  by move=> -> /=; rewrite lt_def gram_ge0 andbT negbK => /eqP.
apply/eqP; apply/negPn/negP=> ij.
have [c c0 ei] := killed ob uA iA iu (dead i iA iD).
have [d d0 ej] := killed ob uA jA ju (dead j jA jD).
rewrite eq_sym in ij; have := neg i j iA jA ij; rewrite (gram_scale _ ei) (gramC V u) (gram_scale _ ej).
by rewrite mulrA mulrNN leNgt mulr_gt0 ?mulr_gt0 ?pos.
Qed.

(* A pairwise obtuse family of non-zero vectors has at most twice as many members as its rank. *)
Theorem obtuse_bound V A : obtuse V A -> (#|A| <= 2 * \rank V)%N.
Proof.
suff H k : forall V A, (\rank V <= k)%N -> obtuse V A -> (#|A| <= 2 * k)%N by exact: H.
elim: k => [|k IH] {}V {}A rk ob; case: (set_0Vmem A) => [->|[u uA]]; rewrite ?cards0 //.
  by have := leq_trans (project_rank (obtuse_neq0 ob uA)) rk; rewrite ltn0.
have lt := leq_trans (project_rank (obtuse_neq0 ob uA)) rk.
rewrite (leq_trans (alive_card ob uA)) // mulnS !ltnS.
exact: IH lt (alive_obtuse ob uA).
Qed.

End Elimination.

(* The post's question: if W^T W has a positive diagonal and nothing positive off it, then n <= 2m. *)
Theorem two_m_bound (R : realFieldType) (m n : nat) (W : 'M[R]_(m, n)) :
  (forall i, 0 < (W^T *m W) i i) ->
  (forall i j, i != j -> (W^T *m W) i j <= 0) ->
  (n <= 2 * m)%N.
Proof.
move=> pos neg; have ob : obtuse W^T setT.
  by split=> [i _|i j _ _]; rewrite /gram trmxK; [apply: pos | apply: neg].
rewrite -{1}(card_ord n) -cardsT (leq_trans (obtuse_bound ob)) //.
by rewrite leq_mul2l rank_leq_col.
Qed.

(* "Closed under the global context": no axiom was used. *)
Print Assumptions obtuse_bound.
Print Assumptions two_m_bound.
