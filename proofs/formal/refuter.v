(* A program that answers every alleged counterexample to the bound, and the proof that it always does.

   Given more than 2m vectors with m coordinates each, it returns either a vector that is zero or two vectors with
   positive inner product.  It is the elimination of two_m_bound.v, written as a recursive function on lists of
   numbers; with rational numbers it runs inside the proof assistant (see the example at the end).

   seq T is the type of lists, x :: s a list with first element x, [::] the empty list; [seq f p | p <- s & c p]
   lists f p for the p in s with c p; k.+1 is k + 1; zip pairs two lists up; iota 0 n = [0; 1; ...; n - 1]. *)

From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Positions i, j with positive inner product; the position of a zero vector; or no answer. *)
Inductive answer := Acute of nat & nat | Null of nat | NoAnswer.

Section Refuter.
Variable R : realFieldType.
Implicit Types (u v x : seq R) (s : seq (nat * seq R)).

(* The inner product of two lists, v - c u, and the projection of v on the complement of u. *)
Fixpoint dot u v : R :=
  match u, v with a :: u', b :: v' => a * b + dot u' v' | _, _ => 0 end.

Fixpoint minus c u v : seq R :=
  match u, v with a :: u', b :: v' => (b - c * a) :: minus c u' v' | _, _ => [::] end.

Definition project u v : seq R := minus (dot u v / dot u u) u v.

(* Vectors carry their position in the original list.  The projections of all; those of them that are not zero; the
   positions of those that are; and, before projecting, the positions of those at an acute angle to u. *)
Definition shadows u s := [seq (p.1, project u p.2) | p <- s].
Definition alive s := [seq p <- s | dot p.2 p.2 != 0].
Definition dead s := [seq p.1 | p <- s & dot p.2 p.2 == 0].
Definition acute u s := [seq p.1 | p <- s & 0 < dot u p.2].

(* One round: pivot on the first vector u.  If some vector makes an acute angle with u, answer with that pair.  Else
   project all others; if two of them vanish, answer with those two; else go on with those that did not vanish.
   ("fuel" bounds the number of rounds, so that termination is evident.) *)
Fixpoint eliminate (fuel : nat) s : option (nat * nat) :=
  match fuel, s with
  | k.+1, (i, u) :: rest =>
      match acute u rest, dead (shadows u rest) with
      | j :: _, _ => Some (i, j)
      | _, a :: b :: _ => Some (a, b)
      | _, _ => eliminate k (alive (shadows u rest))
      end
  | _, _ => None
  end.

Definition refute (ws : seq (seq R)) : answer :=
  let s := zip (iota 0 (size ws)) ws in
  match dead s, eliminate (size ws) s with
  | i :: _, _ => Null i
  | _, Some (i, j) => Acute i j
  | _, None => NoAnswer
  end.

(* Elementary facts on the inner product of lists. *)
Lemma dotC u v : dot u v = dot v u.
Proof. by elim: u v => [|a u IH] [|b v] //=; rewrite mulrC IH. Qed.

Lemma dot_ge0 u : 0 <= dot u u.
Proof. by elim: u => //= a u IH; rewrite addr_ge0 // -expr2 sqr_ge0. Qed.

Lemma dot0 u : dot u u = 0 -> u = nseq (size u) 0.
Proof.
elim: u => //= a u IH /eqP; rewrite -expr2 paddr_eq0 ?sqr_ge0 ?dot_ge0 //.
by rewrite sqrf_eq0 => /andP [/eqP -> /eqP /IH <-].
Qed.

Lemma dot_zero k x : dot (nseq k 0) x = 0.
Proof. by elim: k x => [|k IH] [|b x] //=; rewrite mul0r add0r. Qed.

Lemma dot_minus c u v x : size u = size v -> dot (minus c u v) x = dot v x - c * dot u x.
Proof.
elim: u v x => [|a u IH] [|b v] [|d x] //= e; rewrite ?mulr0 ?subrr //.
by case: e => e; rewrite IH // mulrDr opprD addrACA mulrBl mulrA.
Qed.

Lemma size_minus c u v : size u = size v -> size (minus c u v) = size v.
Proof. by elim: u v => [|a u IH] [|b v] //= [e]; rewrite IH. Qed.

(* One projection: shadows are orthogonal to u, inner products of vectors that are obtuse to u only decrease, and
   two obtuse vectors with zero shadow have a positive inner product. *)
Section Step.
Variables (m : nat) (u : seq R).
Hypotheses (um : size u = m) (u0 : dot u u != 0).

Lemma shadow v x : size v = m -> dot (project u v) x = dot v x - dot u v / dot u u * dot u x.
Proof. by move=> vm; rewrite dot_minus // um. Qed.

Lemma shadow_pivot v : size v = m -> dot (project u v) u = 0.
Proof. by move=> vm; rewrite shadow // mulfVK // dotC subrr. Qed.

Lemma shadow_le v x : size v = m -> size x = m -> dot u v <= 0 -> dot u x <= 0 ->
  dot (project u v) (project u x) <= dot v x.
Proof.
move=> vm xm v0 x0; rewrite dotC shadow // [dot u (project u v)]dotC shadow_pivot //.
rewrite mulr0 subr0 dotC shadow // ler_subl_addr ler_addl mulrAC.
by rewrite mulr_ge0 ?invr_ge0 ?dot_ge0 // mulr_le0.
Qed.

Lemma shadow_dead v x : size v = m -> dot (project u v) (project u v) = 0 ->
  dot v x = dot u v / dot u u * dot u x.
Proof.
move=> vm /dot0 e; apply/eqP; rewrite -subr_eq0 -shadow // e dot_zero //.
Qed.

Lemma dead_pair v x : size v = m -> size x = m -> dot v v != 0 -> dot x x != 0 ->
  dot u v <= 0 -> dot u x <= 0 ->
  dot (project u v) (project u v) = 0 -> dot (project u x) (project u x) = 0 ->
  0 < dot v x.
Proof.
move=> vm xm v0 x0 uv ux dv dx.
have neg y : size y = m -> dot y y != 0 -> dot u y <= 0 ->
    dot (project u y) (project u y) = 0 -> dot u y < 0.
  move=> ym y0 uy dy; rewrite lt_neqAle uy andbT; apply: contra y0 => /eqP e.
  by rewrite (shadow_dead _ ym dy) e mul0r mul0r.
rewrite (shadow_dead _ vm dv) mulrAC divr_gt0 ?nmulr_rgt0 ?neg //.
by rewrite lt_def u0 dot_ge0.
Qed.
End Step.

(* "proper": positions are distinct, vectors have m coordinates and are not zero.  "positive s i j": the vectors at
   positions i and j, different, have a positive inner product. *)
Section Loop.
Variable m : nat.

Definition proper s := uniq (map fst s) /\
  {in s, forall p, size p.2 = m /\ dot p.2 p.2 != 0}.

Definition positive s i j := exists p q, [/\ p \in s, q \in s,
  (p.1, q.1) = (i, j), i != j & 0 < dot p.2 q.2].

Lemma shadows_fst u s : map fst (shadows u s) = map fst s.
Proof. by rewrite -map_comp; apply: eq_map. Qed.

Section Round.
Variables (i : nat) (u : seq R) (rest : seq (nat * seq R)).
Hypothesis good : proper ((i, u) :: rest).

Lemma pivot_ok : size u = m /\ dot u u != 0.
Proof. by have [_ ok] := good; apply: (ok (i, u)); rewrite mem_head. Qed.

Lemma rest_ok p : p \in rest -> size p.2 = m /\ dot p.2 p.2 != 0.
Proof. by have [_ ok] := good => pr; apply: ok; rewrite inE pr orbT. Qed.

Lemma shadow_ok p : p \in shadows u rest -> size p.2 = m /\ dot p.2 u = 0.
Proof.
have [um u0] := pivot_ok; case/mapP=> q /rest_ok [qm _] -> /=.
by rewrite size_minus ?um // (shadow_pivot um).
Qed.

Lemma alive_proper : proper (alive (shadows u rest)).
Proof.
have [uniq_s _] := good; split; last by move=> p; rewrite mem_filter => /andP [p0 /shadow_ok []].
apply: subseq_uniq (map_subseq _ (filter_subseq _ _)) _.
by rewrite shadows_fst; case/andP: uniq_s.
Qed.

Lemma acute_none : acute u rest = [::] -> {in rest, forall p, dot u p.2 <= 0}.
Proof.
move=> none p pr; rewrite leNgt; apply/negP=> up.
by have := map_f fst (_ : p \in [seq p <- rest | 0 < dot u p.2]); rewrite mem_filter up
   -/(acute u rest) none => /(_ pr).
Qed.

Lemma acute_positive j js : acute u rest = j :: js -> positive ((i, u) :: rest) i j.
Proof.
move=> E; have: j \in acute u rest by rewrite E mem_head.
case/mapP=> q; rewrite mem_filter => /andP [uq qr] ->.
exists (i, u), q; split; rewrite ?mem_head ?inE ?qr ?orbT //.
have [/= /andP [ir _] _] := good; apply: contra ir => /eqP /= ->.
exact: map_f.
Qed.

Lemma lift a b : acute u rest = [::] ->
  positive (shadows u rest) a b -> positive ((i, u) :: rest) a b.
Proof.
move=> /acute_none low [p' [q' [/mapP [p pr ->] /mapP [q qr ->] e ne lt]]].
have [um u0] := pivot_ok; have [pm _] := rest_ok pr; have [qm _] := rest_ok qr.
exists p, q; split; rewrite ?inE ?pr ?qr ?orbT //.
by rewrite (lt_le_trans lt) // (shadow_le um) // low.
Qed.

Lemma dead_positive a b ds : acute u rest = [::] ->
  dead (shadows u rest) = a :: b :: ds -> positive ((i, u) :: rest) a b.
Proof.
move=> /acute_none low D; have [um u0] := pivot_ok.
have uD : uniq (dead (shadows u rest)).
  apply: subseq_uniq (map_subseq _ (filter_subseq _ _)) _.
  by rewrite shadows_fst; have [/andP []] := good.
have ab : a != b by move: uD; rewrite D /= inE negb_or => /andP [/andP []].
have: b \in dead (shadows u rest) by rewrite D !inE eqxx orbT.
have: a \in dead (shadows u rest) by rewrite D mem_head.
move=> /mapP [p']; rewrite mem_filter => /andP [/eqP p0 /mapP [p pr ep]] ea.
move=> /mapP [q']; rewrite mem_filter => /andP [/eqP q0 /mapP [q qr eq]] eb.
rewrite {p'}ep {q'}eq /= in p0 q0 ea eb.
have [pm pn] := rest_ok pr; have [qm qn] := rest_ok qr.
exists p, q; split; rewrite ?ea ?eb ?inE ?pr ?qr ?orbT -?ea -?eb //.
by apply: (dead_pair um u0) => //; apply: low.
Qed.
End Round.

(* A pair that is answered is right. *)
Lemma eliminate_sound k s i j : proper s -> eliminate k s = Some (i, j) -> positive s i j.
Proof.
elim: k s => [|k IH] [|[l u] rest] //= good.
case A: (acute u rest) => [|a r]; last by case=> <- <-; apply: acute_positive A.
have again : eliminate k (alive (shadows u rest)) = Some (i, j) -> positive ((l, u) :: rest) i j.
  move=> /(IH _ (alive_proper good)) [p [q [ps qs e ne lt]]]; apply: lift => //.
  by exists p, q; split=> //; [move: ps | move: qs]; rewrite mem_filter => /andP [].
case D: (dead (shadows u rest)) => [|a [|b r]] //.
by case=> <- <-; apply: dead_positive D.
Qed.

Definition orthogonal (us : seq (seq R)) := {in us, forall u, size u = m /\ dot u u != 0} /\
  pairwise (fun u v => dot u v == 0) us.

(* When no pair is answered, the pivots are mutually orthogonal, and at least half as many as the vectors. *)
Lemma eliminate_stops k s : proper s -> (size s <= k)%N -> eliminate k s = None ->
  exists us, [/\ orthogonal us, (size s <= 2 * size us)%N
    & forall x, {in s, forall p, dot p.2 x = 0} -> size x = m -> {in us, forall u, dot u x = 0}].
Proof.
elim: k s => [|k IH] [|[l u] rest] //= good; try by exists [::].
rewrite ltnS => sk.
case A: (acute u rest) => [|a r] // stop.
have [dead1 {}stop] : (size (dead (shadows u rest)) <= 1)%N /\
                     eliminate k (alive (shadows u rest)) = None.
  by case: (dead _) stop => [|a [|b r]].
have sizes : (size (dead (shadows u rest)) + size (alive (shadows u rest)) = size rest)%N.
  by rewrite size_map !size_filter count_predC size_map.
have [|us [[us_ok us_orth] us_size us_perp]] := IH _ (alive_proper good) _ stop.
  by rewrite (leq_trans _ sk) // -sizes leq_addl.
have [um u0] := pivot_ok good.
exists (u :: us); split.
- split=> [v|]; first by rewrite inE => /predU1P [->|/us_ok].
  rewrite /= us_orth andbT; apply/allP=> v vus; rewrite dotC us_perp //.
  by move=> p; rewrite mem_filter => /andP [_ /(shadow_ok good) []].
- by rewrite mulnS ltnS -sizes; apply: leq_add dead1 us_size.
- move=> x s_perp xm v; rewrite inE => /predU1P [->|].
    by rewrite (s_perp (l, u)) ?mem_head.
  apply: us_perp => // p; rewrite mem_filter => /andP [_ /mapP [q qr ->]] /=.
  have [qm _] := rest_ok good qr.
  by rewrite (shadow um) // !(s_perp (l, u), s_perp q) ?inE ?eqxx ?qr ?orbT ?mulr0 ?subrr.
Qed.

Lemma dot_sum u v : size u = m -> size v = m -> dot u v = \sum_(k < m) u`_k * v`_k.
Proof.
elim: m u v => [|k IH] [|a u] [|b v] //= => [_ _|[um] [vm]]; first by rewrite big_ord0.
by rewrite big_ord_recl IH.
Qed.

(* At most m vectors with m coordinates are mutually orthogonal and non-zero. *)
Lemma orthogonal_size (us : seq (seq R)) : orthogonal us -> (size us <= m)%N.
Proof.
move=> [ok orth]; pose w i := nth [::] us i; pose U := \matrix_(i < size us, k < m) (w i)`_k.
have w_ok i : (i < size us)%N -> size (w i) = m /\ dot (w i) (w i) != 0.
  by move=> lt; apply/ok/mem_nth.
have E : U *m U^T = diag_mx (\row_i dot (w i) (w i)).
  apply/matrixP=> i j; rewrite !mxE.
  have [im _] := w_ok i (ltn_ord i); have [jm _] := w_ok j (ltn_ord j).
  have -> : \sum_k U i k * U^T k j = dot (w i) (w j).
    by rewrite dot_sum //; apply: eq_bigr => k _; rewrite !mxE.
  have [->|ij] := eqVneq i j; rewrite ?mulr1n ?mulr0n //.
  have perp a b : (a < b)%N -> (b < size us)%N -> dot (w a) (w b) = 0.
    by move=> lt bs; apply/eqP; move/(pairwiseP [::]): orth; apply; rewrite // inE (ltn_trans lt).
  case: (ltngtP i j) => [lt|lt|/val_inj /eqP]; first exact: perp.
    by rewrite dotC perp.
  by rewrite (negPf ij).
have unit : U *m U^T \in unitmx.
  rewrite unitmxE E det_diag unitfE prodf_seq_neq0; apply/allP=> i _ /=.
  by rewrite mxE; case: (w_ok i (ltn_ord i)).
by rewrite -(mxrank_unit unit) (leq_trans (mxrankM_maxl _ _)) ?rank_leq_col.
Qed.
End Loop.

(* What a correct answer is. *)
Definition correct ws a : Prop :=
  match a with
  | Acute i j => [/\ (i < size ws)%N, (j < size ws)%N, i != j & 0 < dot (nth [::] ws i) (nth [::] ws j)]
  | Null i => (i < size ws)%N /\ nth [::] ws i = nseq (size (nth [::] ws i)) 0
  | NoAnswer => False
  end.

Lemma labelled (ws : seq (seq R)) p : p \in zip (iota 0 (size ws)) ws ->
  (p.1 < size ws)%N /\ p.2 = nth [::] ws p.1.
Proof.
case/(nthP (0%N, [::]))=> i; rewrite size_zip size_iota minnn => lt <-.
by rewrite nth_zip ?size_iota //= nth_iota.
Qed.

Lemma labelled_proper m (ws : seq (seq R)) : {in ws, forall w, size w = m} ->
  dead (zip (iota 0 (size ws)) ws) = [::] -> proper m (zip (iota 0 (size ws)) ws).
Proof.
move=> wm none; split=> [|p ps]; first by rewrite -/unzip1 unzip1_zip ?size_iota ?iota_uniq.
have [lt e] := labelled ps; split; first by rewrite e wm ?mem_nth.
apply/eqP=> p0; suff: p.1 \in dead (zip (iota 0 (size ws)) ws) by rewrite none.
by rewrite map_f // mem_filter p0 eqxx.
Qed.

(* Whatever the number of vectors, an answer is right; ... *)
Lemma refute_sound m ws : {in ws, forall w, size w = m} ->
  refute ws = NoAnswer \/ correct ws (refute ws).
Proof.
move=> wm; rewrite /refute; case D: (dead _) => [|i r].
  case E: (eliminate _ _) => [[i j]|]; [right | by left].
  have [p [q [/labelled [ps ep] /labelled [qs eq] [<- <-] ne lt]]] :=
    eliminate_sound (labelled_proper wm D) E.
  by rewrite /= -ep -eq.
right; have: i \in dead (zip (iota 0 (size ws)) ws) by rewrite D mem_head.
case/mapP=> p; rewrite mem_filter => /andP [/eqP p0 /labelled [lt e]] ->.
by split=> //; rewrite -e; apply: dot0.
Qed.

(* ... and with more than 2m vectors there always is one. *)
Theorem refuter_always_answers m ws :
  {in ws, forall w, size w = m} -> (2 * m < size ws)%N -> correct ws (refute ws).
Proof.
move=> wm many; have [none|//] := refute_sound wm; move: none; rewrite /refute.
case D: (dead _) => [|i r] //; case E: (eliminate _ _) => [[i j]|] // _.
have [|us [orth le _]] := eliminate_stops (labelled_proper wm D) _ E.
  by rewrite size_zip size_iota minnn.
have := leq_trans le (leq_mul (leqnn 2) (orthogonal_size orth)).
by rewrite size_zip size_iota minnn leqNgt many.
Qed.
End Refuter.

(* Five integer vectors in the plane: the third, (0, -1), and the last, (-1, -1), make an acute angle. *)
Example five_in_the_plane :
  refute ([:: [:: 1; 0]; [:: -1; 1]; [:: 0; -1]; [:: -1; 0]; [:: -1; -1]] : seq (seq rat)) = Acute 2 4.
Proof. by vm_compute. Qed.

Print Assumptions refute_sound.
Print Assumptions refuter_always_answers.
