using System.Globalization;

namespace Strongroom.Machine.Checking;

/// <content>The same model in TLA+: one action for each <see cref="MapStep"/>.</content>
internal sealed partial class MapModel
{
    /// <inheritdoc/>
    internal override string TlaInvariants => "I7 Copies Translated";

    /// <inheritdoc/>
    internal override string TlaModule => ModuleText.Replace("@KEYIDS@", _keyIds.ToString(CultureInfo.InvariantCulture));

    private const string ModuleText = """
        ---------------------------- MODULE @NAME@ ----------------------------
        (* The kernel's direct maps: a canonical one under KeyID 0, and a copy of it  *)
        (* for each KeyID, made when it is first used and synchronized from then on. *)
        EXTENDS Integers

        Sections == 0..2
        Pages    == 0..5           \* two in each section
        KeyIds   == @KEYIDS@
        Keys     == 0..(KeyIds - 1)
        Size     == 8              \* of one map: a power of two above all pages
        Empty    == <<-1, -1>>

        VARIABLE
          s   \* map:  [Keys -> [Sections -> [kind: {"none", "large", "table"}, present: SUBSET Pages]]]
              \* made: SUBSET Keys: KeyIDs whose copy exists
              \* tlb:  one translation that was used, <<KeyID, page>>, or Empty

        In(n)      == {p \in Pages : p \div 2 = n}
        Nothing    == [kind |-> "none", present |-> {}]
        Whole(n)   == [kind |-> "large", present |-> In(n)]
        Canonical  == s.map[0]
        Present(p) == p \in Canonical[p \div 2].present

        Init ==
          s = [map  |-> [k \in Keys |-> [n \in Sections |-> IF k = 0 /\ n = 0 THEN Whole(n) ELSE Nothing]],
               made |-> {0},
               tlb  |-> Empty]

        \* Section n becomes v in the canonical map and in every copy.
        ChangedOf(x, n, v) == [x EXCEPT !.map = [k \in Keys |-> IF k \in x.made THEN [x.map[k] EXCEPT ![n] = v] ELSE x.map[k]]]
        FlushedOf(x) == [x EXCEPT !.tlb = Empty]

        \* ---- steps -----------------------------------------------------------------
        Plug(n) ==
          /\ n # 0 /\ Canonical[n].kind = "none"
          /\ s' = ChangedOf(s, n, Whole(n))

        Unplug(n) ==
          /\ n # 0 /\ Canonical[n].kind # "none" /\ Canonical[n].present = In(n)
          /\ s' = FlushedOf(ChangedOf(s, n, Nothing))

        Hide(p) ==
          /\ Present(p)
          /\ LET n == p \div 2
             IN  s' = FlushedOf(ChangedOf(s, n, [kind |-> "table", present |-> Canonical[n].present \ {p}]))

        Show(p) ==
          /\ Canonical[p \div 2].kind = "table" /\ ~Present(p)
          /\ LET n == p \div 2
             IN  s' = FlushedOf(ChangedOf(s, n, [kind |-> "table", present |-> Canonical[n].present \cup {p}]))

        Join(n) ==
          /\ Canonical[n] = [kind |-> "table", present |-> In(n)]
          /\ s' = FlushedOf(ChangedOf(s, n, Whole(n)))

        Touch(k, p) ==
          /\ Present(p)
          /\ s' = [s EXCEPT !.map[k] = IF k \in s.made THEN s.map[k] ELSE Canonical, !.made = s.made \cup {k}, !.tlb = <<k, p>>]

        Next ==
          \/ \E n \in Sections : Plug(n) \/ Unplug(n) \/ Join(n)
          \/ \E p \in Pages : Hide(p) \/ Show(p)
          \/ \E k \in Keys, p \in Pages : Touch(k, p)

        Spec == Init /\ [][Next]_s

        \* ---- invariants ----------------------------------------------------------
        ToVirtual(k, p) == k * Size + p
        ToPhysical(v)   == v % Size
        Mapped          == {p \in Pages : Canonical[p \div 2].kind # "none"}
        I7 == \A k \in Keys, p \in Mapped :
                /\ ToPhysical(ToVirtual(k, p)) = p
                /\ \A j \in Keys, q \in Mapped : ToVirtual(k, p) = ToVirtual(j, q) => j = k /\ q = p
        Copies == \A k \in s.made : s.map[k] = Canonical
        Translated == s.tlb # Empty => Present(s.tlb[2])
        =============================================================================

        """;
}
